"""Keeps results: measured, stamped with their provenance, named, and written whole; rescued when the folder fails."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from viralai_sdk.interfaces.errors import AIError, EmptyResultError, StorageError
from viralai_sdk.interfaces.media import EXTENSIONS, sniff
from viralai_sdk.interfaces.records import Artifact
from viralai_sdk.interfaces.steps import Blob
from viralai_sdk.store.files import adopt, storage_error, sweep, temporary_name, write_atomic
from viralai_sdk.store.measure import measure
from viralai_sdk.store.measured import Measured
from viralai_sdk.store.names import check_folder_name, slug
from viralai_sdk.store.provenance import APPENDABLE, append_stamp, read_stamp, stamp
from viralai_sdk.store.sessions import checked_root

FOLDERS = {"image": "images", "video": "video_clips", "audio": "audio"}
IN_MEMORY = 64 * 1024 * 1024
"""A file on disk up to this size is stamped in memory where the stamp cannot be appended; a larger one stays without."""
HASHED_ASIDE = 1024 * 1024
"""From this size on the checksum is taken while the disk is written."""
_PROBE = b"\0" * 4096
_TURNS = tuple(threading.Lock() for _ in range(64))
"""One for each place, so that two threads do not write the same file; some places share one."""


@dataclass(slots=True, frozen=True)
class Kept:
    """One stored result. `rescued`: it lies outside the session, because the session's folder could not be written."""

    artifact: Artifact
    measured: Measured
    rescued: bool = False


class ArtifactStore:
    """The results of one session, below `<root>/<session_id>/`. Blocking: call it from a thread in a coroutine. Safe from several."""

    def __init__(self, root: Path, session_id: str) -> None:
        """Raises ConfigurationError for a root or session id that names no plain folder."""
        self.root = checked_root(root)
        self.session_id = check_folder_name(session_id, "the session id")
        self.dir = self.root / self.session_id
        self._proven = False

    def writable(self) -> None:
        """Prove that results can be written, before anything is paid for; remembered after the first success.

        Raises:
            StorageError: the session's folder cannot be made or written, or its disk is full.
        """
        if self._proven:
            return
        probe = temporary_name(self.dir)
        try:
            self.dir.mkdir(parents=True, exist_ok=True)
            try:
                with probe.open("xb") as file:
                    file.write(_PROBE)
            finally:
                probe.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error("write to", self.dir, error) from error
        for name in FOLDERS.values():
            sweep(self.dir / name)
        self._proven = True

    def keep(
        self, blob: Blob, *, kind: Literal["image", "video", "audio"], stem: str, record: Mapping[str, str]
    ) -> Kept:
        """Verify a produced file, write its provenance into it and store it under a name made of `stem` and its content.

        The same content twice is one file, with the provenance of the first. A temporary file (`blob.path`) is moved, not copied.

        Args:
            record: where it came from; see `provenance.make_record`.

        Raises:
            EmptyResultError, MalformedResponseError: it is not what was paid for.
            StorageError: it could be written nowhere; a temporary file then still lies at `rescued`.
        """
        if blob.path is None and not blob.data:
            raise EmptyResultError(f"the {kind} has no bytes in it.")
        item = _item(blob, kind)
        name = f"{slug(blob.name or stem)}_{item.sha256[:10]}{EXTENSIONS[item.measured.media_type]}"
        failure: StorageError | None = None
        for number, folder in enumerate([self.dir / FOLDERS[kind], *rescue_folders(self.session_id)]):
            try:
                return Kept(item.store(folder / name, record), item.measured, rescued=number > 0)
            except StorageError as error:
                failure = failure or error
        assert failure is not None
        raise failure


def _item(blob: Blob, kind: str) -> _Item:
    if blob.data is not None or blob.path is None:
        return _BytesItem(blob.data or b"", kind)
    try:
        with blob.path.open("rb") as file:
            appendable = sniff(file.read(64)) in APPENDABLE
            if not appendable and file.seek(0, io.SEEK_END) <= IN_MEMORY:
                file.seek(0)
                return _BytesItem(file.read(), kind, blob.path)
    except OSError as error:
        raise storage_error("read", blob.path, error) from error
    return _FileItem(blob.path, kind)


class _Item:
    """One verified file on its way to its place. `sha256` is that of the content as delivered, before the stamp."""

    kind: str
    measured: Measured
    sha256: str
    origin: Path | None
    """The temporary file it came in, which is gone once the content is stored."""

    def _write(self, target: Path, record: Mapping[str, str]) -> tuple[int, str]:
        """Size and SHA-256 of the file as stored."""
        raise NotImplementedError

    def store(self, target: Path, record: Mapping[str, str]) -> Artifact:
        with _TURNS[
            hash(target) % len(_TURNS)
        ]:  # the same content twice at once: what the first was told of the file stays true
            found = _same(target, self.sha256, self.kind)
            size, sha256 = found or self._write(target, {**record, "content_sha256": self.sha256})
        if self.origin is not None:
            with contextlib.suppress(OSError):  # the content is safe: a leftover is only untidy
                self.origin.unlink(missing_ok=True)
        facts = self.measured
        return Artifact(
            path=target,
            media_type=facts.media_type,
            size=size,
            sha256=sha256,
            width=facts.width,
            height=facts.height,
            duration=facts.duration,
            fps=facts.fps,
        )


class _BytesItem(_Item):
    """Content in memory."""

    def __init__(self, data: bytes, kind: str, origin: Path | None = None) -> None:
        self._data = data
        self.kind = kind
        self.origin = origin
        self.measured = measure(data, kind)
        self.sha256 = hashlib.sha256(data).hexdigest()

    def _write(self, target: Path, record: Mapping[str, str]) -> tuple[int, str]:
        data = stamp(self._data, self.measured.media_type, record)
        if data is self._data:
            write_atomic(target, data)
            return len(data), self.sha256
        if len(data) < HASHED_ASIDE:
            write_atomic(target, data)
            return len(data), hashlib.sha256(data).hexdigest()
        with ThreadPoolExecutor(1) as aside:
            digest = aside.submit(lambda: hashlib.sha256(data).hexdigest())
            write_atomic(target, data)
        return len(data), digest.result()


class _FileItem(_Item):
    """Content that stays on disk: stamped at its end where the format allows it, then moved."""

    def __init__(self, path: Path, kind: str) -> None:
        self.kind = kind
        self.origin = path
        self.measured = measure(path, kind)
        self.sha256 = _hash(path)
        self._stamped: bool | None = None

    def _write(self, target: Path, record: Mapping[str, str]) -> tuple[int, str]:
        assert self.origin is not None
        if self._stamped is None:
            try:
                self._stamped = append_stamp(self.origin, self.measured.media_type, record)
            except OSError:
                self._stamped = False  # better kept without its record than not kept
        adopt(self.origin, target)
        return target.stat().st_size, _hash(target) if self._stamped else self.sha256


def _same(target: Path, sha256: str, kind: str) -> tuple[int, str] | None:
    """(size, SHA-256) of the file at `target` if it holds this content, stamped or not, and still whole."""
    if not target.exists():
        return None
    stored = _hash(target)
    if stored != sha256:
        if (read_stamp(target) or {}).get("content_sha256") != sha256:
            return None
        try:
            measure(target, kind)
        except AIError:
            return None
    return target.stat().st_size, stored


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise storage_error("read", path, error) from error


def rescue_folders(session_id: str) -> list[Path]:
    """Where a paid result goes when its own folder fails: the user's cache, then the system's temporary folder."""
    return [
        cache_folder() / "viralai" / "rescued" / session_id,
        Path(tempfile.gettempdir()) / "viralai-rescued" / session_id,
    ]


def cache_folder() -> Path:
    """The user's cache folder by the platform's convention."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
