"""What of a file can be shown: its address beside the notebook, a bounded thumbnail, a video's first picture."""

from __future__ import annotations

import base64
import io
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from viralai_sdk.interfaces.display.markup import Html, el, human_size, label

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)

THUMBNAIL_SIDE = 640
"""Longest side of an inline picture in pixels."""
THUMBNAIL_BYTES = 150_000
"""Most bytes an inline picture may have, before base64."""
EMBEDDED_AUDIO_BYTES = 300_000
"""Audio that a notebook server cannot reach is embedded up to this size."""


@dataclass(frozen=True)
class Thumbnail:
    """A small encoded picture. `full` is the size of the picture it was made from, in pixels."""

    data: bytes
    media_type: str
    width: int
    height: int
    full: tuple[int, int]

    @property
    def base64(self) -> str:
        """The encoded bytes as text, as a notebook file stores them."""
        return base64.b64encode(self.data).decode("ascii")

    @property
    def url(self) -> Html:
        """A `data:` address with the picture in it."""
        return Html(f"data:{self.media_type};base64,{self.base64}")


def relative_url(path: str | Path) -> str | None:
    """Address of a file as seen from the notebook, or None when a notebook server would not serve it.

    The kernel's working folder is the notebook's. Servers refuse what lies outside their root and hidden files, so only plain
    paths below the working folder get an address.
    """
    for absolute in (os.path.abspath, os.path.realpath):  # a file reached through a link may still lie in the tree
        try:
            inside = Path(absolute(path)).relative_to(absolute(os.curdir))
        except ValueError:
            continue
        if inside.parts and not any(part.startswith(".") for part in inside.parts):
            return quote(inside.as_posix(), safe="/", errors="replace")
    return None


def file_line(path: str | Path, *facts: str | None) -> Html:
    """The file's name, a link where one works, and what is known of it."""
    url = relative_url(path)
    text = el("bdi", label(Path(path).name if url else path))
    shown = el("a", text, href=url, target="_blank", rel="noopener") if url else el("code", text)
    try:
        size = human_size(Path(path).stat().st_size)
    except (OSError, ValueError):  # a name with a NUL or a lone surrogate is no file's name
        return el("div", shown, " · ", el("strong", "the file is missing"))
    return el("div", shown, "".join(f" · {fact}" for fact in (*facts, size) if fact))


def data_url(path: str | Path, media_type: str, limit: int) -> Html | None:
    """The whole file as a `data:` address, None when it is missing or larger than `limit` bytes."""
    try:
        if Path(path).stat().st_size > limit:
            return None
        return Html(f"data:{media_type};base64,{base64.b64encode(Path(path).read_bytes()).decode('ascii')}")
    except (OSError, ValueError):
        return None


def thumbnail(source: str | Path | bytes, side: int = THUMBNAIL_SIDE, limit: int = THUMBNAIL_BYTES) -> Thumbnail | None:
    """A picture of at most `side` pixels and `limit` bytes; None (and a debug log line) when the source cannot be decoded."""
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as opened:
            full = opened.size
            opened.draft(None, (side * 2, side * 2))
            upright = ImageOps.exif_transpose(opened)
            if upright.width * full[1] < upright.height * full[0] and upright.size != full:
                full = (full[1], full[0])
            upright.thumbnail((side, side))
            return _encode(upright, limit, full)
    except Exception as error:  # decoders meet any bytes with any error; the caller then says that there is no preview
        log.debug("no thumbnail: %s: %s", type(error).__name__, error)
        return None


def _encode(picture: Image, limit: int, full: tuple[int, int]) -> Thumbnail:
    """PNG where it is smaller (drawings) or needed (transparency), else JPEG; quality, then size, give way to the limit."""
    alpha = picture.has_transparency_data
    plain = picture.convert("RGBA" if alpha else "RGB")
    flat = plain.getcolors(maxcolors=2048) is not None
    while True:
        found = [_png(plain)] if alpha or flat else []
        if not alpha:
            found += _first_fit((_jpeg(plain, quality) for quality in (86, 74, 60)), limit)
        fitting = _first_fit(sorted(found, key=lambda item: len(item[0])), limit)
        if fitting:
            return Thumbnail(*fitting[0], plain.width, plain.height, full)
        plain = plain.resize((max(plain.width * 3 // 4, 1), max(plain.height * 3 // 4, 1)))


def _first_fit(encoded: Iterable[tuple[bytes, str]], limit: int) -> list[tuple[bytes, str]]:
    return next(([item] for item in encoded if len(item[0]) <= limit), [])


def _png(picture: Image) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue(), "image/png"


def _jpeg(picture: Image, quality: int) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue(), "image/jpeg"


def contact_sheet(paths: list[str]) -> Thumbnail | None:
    """Several pictures on one sheet, for viewers that show no HTML; None when none can be decoded."""
    from PIL import Image

    columns = 2 if len(paths) <= 4 else 3 if len(paths) <= 9 else 4
    side = THUMBNAIL_SIDE // columns
    small = [thumb for path in paths if (thumb := thumbnail(path, side - 8))]
    if not small:
        return None
    sheet = Image.new("RGB", (side * columns, side * -(-len(small) // columns)), "white")
    for number, thumb in enumerate(small):
        with Image.open(io.BytesIO(thumb.data)) as picture:
            place = (number % columns * side + 4, number // columns * side + 4)
            sheet.paste(picture, place, picture if picture.mode == "RGBA" else None)
    return _encode(sheet, THUMBNAIL_BYTES, sheet.size)


def poster(path: str | Path, side: int = 480, limit: int = 60_000) -> Thumbnail | None:
    """First picture of a video; None when PyAV is not installed or the file cannot be read."""
    try:
        import av
    except ImportError:
        return None
    try:
        with av.open(str(path)) as container:
            frame: Any = next(container.decode(video=0))
            full = (frame.width, frame.height)
            picture = frame.to_image()
            picture.thumbnail((side, side))
            return _encode(picture, limit, full)
    except Exception as error:  # as for pictures; the player is shown without a poster
        log.debug("no poster: %s: %s", type(error).__name__, error)
        return None
