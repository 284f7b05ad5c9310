"""A session: one folder of results that belong together, and the few facts known of it."""

from __future__ import annotations

import datetime
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viralai_sdk.interfaces.errors import ConfigurationError, StorageError
from viralai_sdk.store.files import shorten, storage_error, write_atomic
from viralai_sdk.store.names import check_folder_name, new_session_id

METADATA = Path("metadata", "session_metadata.json")


@dataclass(slots=True, frozen=True)
class FolderSize:
    """What lies in one folder of a session, its subfolders included."""

    files: int
    bytes: int


class Session:
    """`<root>/<session_id>/`. Making one touches nothing on disk; the folder appears with the first write.

    Attributes:
        root: folder of all sessions.
        session_id: given, or `session_YYYYMMDD_HHMMSS_<4 hex>`.
        dir: the session's own folder.
    """

    def __init__(self, root: Path, session_id: str | None = None) -> None:
        """Raises ConfigurationError for an id that is no plain folder name."""
        self.root = checked_root(root)
        self.session_id = new_session_id() if session_id is None else check_folder_name(session_id, "the session id")
        self.dir = self.root / self.session_id
        self._metadata: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"Session({self.session_id!r})"

    def folder(self, name: str) -> Path:
        """A folder of the session, such as "images"; made now, because who asks is about to write.

        Raises:
            ConfigurationError: no plain folder name.
            StorageError: it cannot be made.
        """
        path = self.dir / check_folder_name(name, "the folder")
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error("create", path, error) from error
        return path

    @property
    def metadata(self) -> dict[str, Any]:
        """Facts of the session, read from disk on first use; change them and call `save_metadata`.

        Raises:
            StorageError: the file is broken; it names the file and is never overwritten.
        """
        if self._metadata is None:
            self._metadata = self._load() or {
                "session_id": self.session_id,
                "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "status": "active",
                "session_dir": f"{self.root.name}/{self.session_id}",
            }
        return self._metadata

    def save_metadata(self) -> None:
        """Write `metadata/session_metadata.json`, whole or not at all.

        Raises:
            StorageError: it cannot be written, or what lies there is broken and must not be overwritten.
        """
        facts = self.metadata
        self._load()
        try:
            text = json.dumps(facts, indent=2, ensure_ascii=False, default=_plain)
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"the session's metadata cannot be written as JSON: {error}.") from error
        write_atomic(self.dir / METADATA, text.encode("utf-8", "replace") + b"\n")

    def summary(self) -> dict[str, Any]:
        """`{"session_id", "session_dir", "files", "bytes", "folders": {name: {"files", "bytes"}}}`, counted on disk."""
        folders: dict[str, dict[str, int]] = {}
        if self.dir.is_dir():
            for entry in sorted(os.scandir(self.dir), key=lambda each: each.name):
                if entry.is_dir(follow_symlinks=False):
                    size = measure_folder(Path(entry.path))
                    folders[entry.name] = {"files": size.files, "bytes": size.bytes}
        whole = measure_folder(self.dir)
        return {
            "session_id": self.session_id,
            "session_dir": str(self.dir),
            "files": whole.files,
            "bytes": whole.bytes,
            "folders": folders,
        }

    def _load(self) -> dict[str, Any] | None:
        path = self.dir / METADATA
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error("read", path, error) from error
        try:
            facts = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _broken(path, str(error)) from error
        if not isinstance(facts, dict):
            raise _broken(path, "it holds no JSON object")
        return facts


def list_sessions(root: Path) -> list[Session]:
    """All sessions below a folder, oldest first by name; other folders there are none of ours and are left out."""
    base = checked_root(root)
    if not base.is_dir():
        return []
    found = []
    for entry in sorted(os.scandir(base), key=lambda each: each.name):
        if entry.is_dir() and (entry.name.startswith("session_") or Path(entry.path, METADATA).exists()):
            try:
                found.append(Session(base, entry.name))
            except ConfigurationError:
                continue  # a folder that this SDK cannot have made
    return found


def measure_folder(folder: Path) -> FolderSize:
    """Files and bytes below a folder; 0 when there is none."""
    files = size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            files += 1
            try:
                size += Path(place, name).lstat().st_size
            except FileNotFoundError:
                files -= 1  # removed meanwhile
    return FolderSize(files, size)


def checked_root(root: Path | str) -> Path:
    """The folder of all sessions as a path.

    Raises:
        ConfigurationError: it is empty or holds a zero character.
    """
    text = os.fspath(root)
    if not text.strip() or "\0" in text:
        raise ConfigurationError(f"the output folder {text!r} is not usable.", hint="Give the path of a folder.")
    return Path(text).expanduser()


def _broken(path: Path, why: str) -> StorageError:
    return StorageError(
        f"the session's metadata {shorten(str(path))!r} is broken ({why}). It was left untouched.",
        hint="Repair the file, or move it aside and a new one is written.",
    )


def _plain(value: object) -> str:
    return str(value)
