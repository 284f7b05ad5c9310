"""What a finished job left: files by node, and which of them are the result."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import urlencode

Kind = Literal["image", "video", "audio", "other"]

KINDS: Mapping[str, Kind] = {
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".webp", ".avif", ".bmp", ".tif", ".tiff", ".gif", ".svg"), "image"),
    **dict.fromkeys((".mp4", ".webm", ".mov", ".mkv", ".avi", ".m4v"), "video"),
    **dict.fromkeys((".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac"), "audio"),
}
"""A server reports films under `images`: only the file's ending tells what it is."""
ANIMATED = (".webp", ".png", ".gif", ".avif")


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One file on the server, as it is asked for again."""

    node: str
    filename: str
    subfolder: str
    type: str
    animated: bool = False

    @property
    def kind(self) -> Kind:
        """What it is, by its ending."""
        return KINDS.get(PurePosixPath(self.filename).suffix.lower(), "other")

    @property
    def path(self) -> str:
        """Path and query below the base URL."""
        query = {"filename": self.filename, "subfolder": self.subfolder, "type": self.type}
        return f"/view?{urlencode(query)}"


def files_of(outputs: Mapping[str, Any]) -> list[OutputFile]:
    """All files of a job, in the order of its nodes. Keys nobody knows are passed over."""
    return list(_files(outputs))


def _files(outputs: Mapping[str, Any]) -> Iterator[OutputFile]:
    for node, output in outputs.items():
        if not isinstance(output, Mapping):
            continue
        flags = output.get("animated")
        animated = isinstance(flags, list) and any(flag is True for flag in flags)
        seen: set[tuple[str, str, str]] = set()
        for rows in output.values():
            for row in rows if isinstance(rows, list) else ():
                if not isinstance(row, Mapping) or not isinstance(row.get("filename"), str):
                    continue
                key = (row["filename"], str(row.get("subfolder") or ""), str(row.get("type") or "output"))
                if key not in seen:
                    seen.add(key)
                    yield OutputFile(str(node), *key, animated=animated)


def texts_of(outputs: Mapping[str, Any]) -> dict[str, list[str]]:
    """Texts by node."""
    found = {}
    for node, output in outputs.items():
        rows = output.get("text") if isinstance(output, Mapping) else None
        if isinstance(rows, list) and (words := [row for row in rows if isinstance(row, str)]):
            found[str(node)] = words
    return found


def choose(files: Collection[OutputFile], kind: Kind, wanted: Collection[str] = ()) -> list[OutputFile]:
    """The files that are the result: of the wanted nodes when some are named, of the right kind, stored ones before temporary ones."""
    mine = [file for file in files if not wanted or file.node in wanted]
    right = [file for file in mine if file.kind == kind]
    if kind == "video":
        films = [file for file in mine if file.animated and file.filename.lower().endswith(ANIMATED)]
        right = right or films or [file for file in mine if file.filename.lower().endswith(".gif")]
    stored = [file for file in right if file.type == "output"]
    return stored or right
