"""Media that go into a request: a file, bytes, a picture object or an earlier result, read only when needed."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.records import Artifact

MAX_INPUT_BYTES = 64 * 1024 * 1024
"""Largest media file taken as input; every vendor's own limit is below this."""

EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/avif": ".avif",
    "image/svg+xml": ".svg",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
    "audio/aac": ".aac",
    "audio/mp4": ".m4a",
    "audio/webm": ".weba",
    "application/json": ".json",
    "text/plain": ".txt",
}
"""File ending for each media type the SDK stores. A name from the wire never chooses it."""


def sniff(head: bytes) -> str | None:
    """Media type told by the first bytes of a file (64 are enough), or None when they tell nothing."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _isobmff(head[8:12])
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "video/webm"
    if head.startswith(b"OggS"):
        return "audio/ogg"
    if head.startswith(b"fLaC"):
        return "audio/flac"
    if head.startswith(b"ID3"):
        return "audio/mpeg"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "audio/mpeg"
    if head.lstrip()[:4] == b"<svg" or (head.startswith(b"<?xml") and b"<svg" in head):
        return "image/svg+xml"
    return None


def _isobmff(brand: bytes) -> str:
    if brand in (b"avif", b"avis"):
        return "image/avif"
    if brand in (b"M4A ", b"M4B "):
        return "audio/mp4"
    return "video/quicktime" if brand == b"qt  " else "video/mp4"


class MediaInput:
    """One input file. `data` reads it, `media_type` is told by its bytes, never by its name.

    Attributes:
        path: where it lies, None when it was given as bytes.
    """

    __slots__ = ("_data", "_type", "path")

    def __init__(self, data: bytes | None = None, *, path: Path | None = None) -> None:
        self._data = data
        self._type: str | None = None
        self.path = path

    @property
    def data(self) -> bytes:
        """The bytes of the file.

        Raises:
            InvalidRequestError: the file has gone since the request was made.
        """
        if self._data is None:
            assert self.path is not None
            try:
                self._data = self.path.read_bytes()
            except OSError as error:
                raise InvalidRequestError(f"cannot read {self.path.name!r}: {error.strerror}.") from error
        return self._data

    @property
    def media_type(self) -> str:
        """MIME type such as "image/png"; "application/octet-stream" when the bytes tell nothing."""
        if self._type is None:
            self._type = sniff(self._head()) or "application/octet-stream"
        return self._type

    def _head(self) -> bytes:
        if self._data is not None or self.path is None:
            return self.data[:64]
        try:
            with self.path.open("rb") as file:
                return file.read(64)
        except OSError as error:
            raise InvalidRequestError(f"cannot read {self.path.name!r}: {error.strerror}.") from error

    @property
    def filename(self) -> str:
        """A neutral name for a multipart part: the local path stays private."""
        return "input" + EXTENSIONS.get(self.media_type, ".bin")

    def __repr__(self) -> str:
        what = self.path.name if self.path else f"{len(self.data)} bytes"
        return f"MediaInput({what}, {self.media_type})"

    @classmethod
    def take(cls, value: Any, *, field: str, kind: str | None = "image") -> MediaInput:
        """Accept what people have at hand: a path, bytes, a PIL picture, an Artifact or a response with a picture.

        Args:
            kind: image, video or audio; None takes any file.

        Raises:
            InvalidRequestError: says what was given and what to give instead.
        """
        taken = cls._from(value, field)
        if kind is not None and not taken.media_type.startswith(f"{kind}/"):
            raise InvalidRequestError(
                f"{field}: these bytes are not {'an' if kind[0] in 'aeiou' else 'a'} {kind} ({taken.media_type}).",
                hint=f"Give a path or the content of a PNG, JPEG or WebP file as {field}."
                if kind == "image"
                else f"Give a {kind} file.",
            )
        return taken

    @classmethod
    def take_all(cls, value: Any, *, field: str) -> list[MediaInput]:
        """Accept one input or a list of them. Raises as `take`."""
        several = isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview))
        items = value if several else [value]
        return [cls.take(item, field=field) for item in items if item is not None]

    @classmethod
    def _from(cls, value: Any, field: str) -> MediaInput:
        if isinstance(value, MediaInput):
            return value
        if isinstance(value, (bytes, bytearray, memoryview)):
            return cls._from_bytes(bytes(value), field)
        if isinstance(value, Artifact):
            return cls._from_path(value.path, field)
        first = getattr(value, "first_image", None)
        if first is not None:
            return cls._from_path(Path(first), field)
        if isinstance(value, (str, os.PathLike)):
            return cls._from_path(Path(value), field, text=value if isinstance(value, str) else None)
        if hasattr(value, "save") and hasattr(value, "mode"):
            return cls(_as_png(value, field))
        raise InvalidRequestError(
            f"{field}: cannot use a {type(value).__name__} as media.",
            hint="Give a path, bytes, a PIL image, an artifact or an earlier response.",
        )

    @classmethod
    def _from_bytes(cls, data: bytes, field: str) -> MediaInput:
        if not data:
            raise InvalidRequestError(f"{field}: empty bytes.", hint="Read the file first: Path(...).read_bytes().")
        if len(data) < 4096 and sniff(data) is None and _looks_like_path(data):
            raise InvalidRequestError(
                f"{field}: bytes were given that look like a file name, not like its content.",
                hint="Pass Path(name), or Path(name).read_bytes().",
            )
        return cls(_limited(data, field))

    @classmethod
    def _from_path(cls, path: Path, field: str, text: str | None = None) -> MediaInput:
        if text is not None and text[:8].partition(":")[0].lower() in ("http", "https", "data"):
            raise InvalidRequestError(
                f"{field}: a URL was given.", hint="Download it first and pass the file or its bytes."
            )
        try:
            size = path.stat().st_size
            regular = path.is_file()
        except (OSError, ValueError) as error:
            shown = str(path) if len(str(path)) <= 120 else str(path)[:117] + "…"
            raise InvalidRequestError(
                f"{field}: there is no file {shown!r}.", hint="Pass the path of an existing file, or bytes."
            ) from error
        if not regular or size == 0:
            raise InvalidRequestError(f"{field}: {path.name!r} is {'empty' if regular else 'not a file'}.")
        if size > MAX_INPUT_BYTES:
            raise InvalidRequestError(f"{field}: {path.name!r} has {size} bytes; the limit is {MAX_INPUT_BYTES}.")
        return cls(path=path)


def _as_png(picture: Any, field: str) -> bytes:
    """A PIL picture as PNG; modes that PNG does not have (CMYK, YCbCr, floats) become RGB."""
    buffer = io.BytesIO()
    try:
        plain = picture if picture.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else picture.convert("RGB")
        plain.save(buffer, "PNG")
    except (OSError, ValueError) as error:
        raise InvalidRequestError(f"{field}: this picture cannot be used ({error}).") from error
    return buffer.getvalue()


def _looks_like_path(data: bytes) -> bool:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return "\n" not in text and text.isprintable() and ("/" in text or "\\" in text or "." in text[-6:])


def _limited(data: bytes, field: str) -> bytes:
    if len(data) > MAX_INPUT_BYTES:
        raise InvalidRequestError(f"{field}: {len(data)} bytes given; the limit is {MAX_INPUT_BYTES}.")
    return data
