"""Measures pictures: proves that the file is whole and readable at a fraction of the cost of decoding it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from xml.parsers import expat

from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.store.isobmff import Reader
from viralai_sdk.store.measured import Measured, check_size, malformed, truncated

DECODED_WHOLE = 2 * 1024 * 1024
"""A JPEG file up to this size is also decoded, at an eighth of its size. Of larger ones only the segments and the end marker are looked at,
which finds what is cut off: 0xFF 0xD9 cannot occur in coded pixels. Decoding finds little more, and a progressive one costs as much as at
full size."""
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples a pixel by PNG colour type."""


def measure_image(data: bytes, media_type: str) -> Measured:
    """Size of a whole, readable picture.

    Raises:
        MalformedResponseError: it is cut off, damaged or absurdly large.
    """
    width, height = _READERS[media_type](data)
    return Measured(media_type, width=width, height=height)


def png_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, int]]:
    """(type, content, offset of the chunk) of every chunk up to IEND, checksums proven."""
    view = memoryview(data)
    at, end = 8, len(data)
    while True:
        if at + 12 > end:
            raise truncated("PNG picture")
        length = int.from_bytes(view[at : at + 4], "big")
        stop = at + 12 + length
        if stop > end:
            raise truncated("PNG picture")
        if zlib.crc32(view[at + 4 : stop - 4]) != int.from_bytes(view[stop - 4 : stop], "big"):
            raise malformed("the PNG picture is damaged: a checksum is wrong.")
        kind = bytes(view[at + 4 : at + 8])
        yield kind, view[at + 8 : stop - 4], at
        if kind == b"IEND":
            return
        at = stop


def _png(data: bytes) -> tuple[int, int]:
    width = height = 0
    pixels: memoryview | None = None
    depth = colour = 0
    for number, (kind, content, _) in enumerate(png_chunks(data)):
        if number == 0:
            if kind != b"IHDR" or len(content) != 13:
                raise malformed("the PNG picture does not begin with its header.")
            width, height, depth, colour = struct.unpack(">IIBB", content[:10])
            check_size(width, height, "PNG picture")
            if colour not in _CHANNELS or depth not in (1, 2, 4, 8, 16):
                raise malformed("the PNG picture has a pixel format that does not exist.")
        elif kind == b"IDAT" and pixels is None and len(content):
            pixels = content
    if pixels is None:
        raise malformed("the PNG picture has no pixels in it.")
    try:
        # The checksums prove the bytes; a taste of the stream proves that they are pixels.
        zlib.decompressobj().decompress(pixels[:4096], 4096)
    except zlib.error as error:
        raise malformed("the PNG picture's pixels cannot be unpacked.") from error
    return width, height


def _jpeg(data: bytes) -> tuple[int, int]:
    size, scan = _jpeg_head(data)
    if data.rfind(b"\xff\xd9", scan) < 0:
        raise truncated("JPEG picture")
    if len(data) <= DECODED_WHOLE:
        _guarded(lambda: _decode_small(data), "JPEG picture")
    return size


def _decode_small(data: bytes) -> None:
    from PIL.JpegImagePlugin import JpegImageFile

    with JpegImageFile(io.BytesIO(data)) as picture:
        # An eighth of the size needs no full inverse transform but still reads every coded block.
        picture.draft(picture.mode, (max(1, picture.width // 8), max(1, picture.height // 8)))
        picture.load()


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start of content, end) of every segment before the pixels; the last one is the start of scan (0xDA)."""
    at, end = 2, len(data)
    while True:
        while at < end and data[at] == 0xFF and at + 1 < end and data[at + 1] == 0xFF:
            at += 1
        if at + 4 > end:
            raise truncated("JPEG picture")
        marker = data[at + 1]
        if data[at] != 0xFF or marker in (0x00, 0xD8, 0xD9):
            raise malformed("the JPEG picture is damaged: its segments do not line up.")
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:
            at += 2
            continue
        stop = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if stop < at + 4:
            raise malformed("the JPEG picture is damaged: a segment has no length.")
        if stop > end:
            raise truncated("JPEG picture")
        yield marker, at + 4, stop
        if marker == 0xDA:
            return
        at = stop


def _jpeg_head(data: bytes) -> tuple[tuple[int, int], int]:
    """((width, height), where the pixels start)."""
    size: tuple[int, int] | None = None
    scan = 0
    for marker, start, stop in jpeg_segments(data):
        scan = stop
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and stop - start >= 6 and size is None:
            height, width = struct.unpack_from(">HH", data, start + 1)
            check_size(width, height, "JPEG picture")
            size = (width, height)
    if size is None:
        raise malformed("the JPEG picture has no frame header.")
    return size, scan


def _gif(data: bytes) -> tuple[int, int]:
    """Walk all blocks to the trailer; the canvas is the size."""
    if len(data) < 13:
        raise truncated("GIF picture")
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    check_size(width, height, "GIF picture")
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    frames = 0
    try:
        while data[at] != 0x3B:
            if data[at] == 0x21:
                at += 2
            elif data[at] == 0x2C:
                frames += 1
                local = data[at + 9]
                at += 10 + (3 << (local & 7) + 1 if local & 0x80 else 0) + 1
            else:
                raise malformed("the GIF picture is damaged: an unknown block is in it.")
            while data[at]:
                at += data[at] + 1
            at += 1
    except IndexError as error:
        raise truncated("GIF picture") from error
    if not frames:
        raise malformed("the GIF picture has no frame in it.")
    return width, height


def _webp(data: bytes) -> tuple[int, int]:
    if len(data) < 20 or int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise truncated("WebP picture")
    end = int.from_bytes(data[4:8], "little") + 8
    size: tuple[int, int] | None = None
    pixels = False
    at = 12
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > end:
            raise truncated("WebP picture")
        found = _webp_chunk(kind, data[at + 8 : at + 8 + min(length, 16)])
        size = size or found
        pixels = pixels or kind in (b"VP8 ", b"VP8L", b"ANMF")
        at += 8 + length + (length & 1)
    if size is None or not pixels:
        raise malformed("the WebP picture has no pixels in it.")
    check_size(*size, "WebP picture")
    return size


def _webp_chunk(kind: bytes, head: bytes) -> tuple[int, int] | None:
    try:
        if kind == b"VP8X":
            return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
        if kind == b"VP8L":
            (bits,) = struct.unpack_from("<I", head, 1)
            if head[0] != 0x2F:
                raise malformed("the WebP picture is damaged: its lossless stream has no signature.")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        if kind == b"VP8 ":
            width, height = struct.unpack_from("<HH", head, 6)
            if head[3:6] != b"\x9d\x01\x2a":
                raise malformed("the WebP picture is damaged: its frame has no start code.")
            return width & 0x3FFF, height & 0x3FFF
    except (struct.error, IndexError) as error:
        raise truncated("WebP picture") from error
    return None


def _avif(data: bytes) -> tuple[int, int]:
    """Boxes must be whole and hold a picture size; libavif, where Pillow has it, reads the rest of the structure."""
    reader = Reader(io.BytesIO(data), len(data))
    size = (0, 0)
    media = False
    for box in reader.boxes(0, len(data)):
        media = media or (box.kind == b"mdat" and box.end > box.start)
        if box.kind == b"meta":
            for inner in reader.inside(box, {b"iprp", b"ipco"}, skip=4):
                if inner.kind == b"ispe" and inner.end - inner.start >= 12:
                    width, height = struct.unpack_from(">II", data, inner.start + 4)
                    size = max(size, (width, height), key=lambda pair: pair[0] * pair[1])
    if not media:
        raise malformed("the AVIF picture has no pixels in it.")
    check_size(*size, "AVIF picture")
    from PIL import AvifImagePlugin

    if not AvifImagePlugin.SUPPORTED:
        return size
    picture: Any = _guarded(lambda: AvifImagePlugin.AvifImageFile(io.BytesIO(data)), "AVIF picture")
    return int(picture.width), int(picture.height)


def _svg(data: bytes) -> tuple[int | None, int | None]:
    """Well-formed, with <svg> outermost, and without entity tricks."""
    attributes: dict[str, str] = {}
    parser = expat.ParserCreate()

    def start(name: str, found: dict[str, str]) -> None:
        if not attributes:
            if name.rpartition(":")[2] != "svg":
                raise malformed(f"the picture is XML, but <{name[:40]}> is not a drawing.")
            attributes.update(found)
            attributes[""] = name

    def entity(*_: object) -> None:
        raise malformed("the SVG picture defines entities, which is not accepted.")

    parser.StartElementHandler = start
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError) as error:
        if isinstance(error, AIError):
            raise
        raise malformed(f"the SVG picture is not well-formed ({error}).") from error
    box = attributes.get("viewBox", "").replace(",", " ").split()
    width = _pixels(attributes.get("width")) or (_pixels(box[2]) if len(box) == 4 else None)
    height = _pixels(attributes.get("height")) or (_pixels(box[3]) if len(box) == 4 else None)
    return width, height


def _pixels(text: str | None) -> int | None:
    try:
        number = float((text or "").strip().removesuffix("px"))
    except ValueError:
        return None
    return round(number) if 0.5 <= number <= 1e6 else None


def _guarded(decode: Callable[[], Any], what: str) -> Any:
    """Decoders of foreign bytes fail in many ways; each means the same to us."""
    try:
        return decode()
    except Exception as error:
        reason = str(error)[:120] or error.__class__.__name__
        raise malformed(f"the {what} cannot be decoded ({reason}).") from error


_READERS: dict[str, Callable[[bytes], tuple[int | None, int | None]]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/gif": _gif,
    "image/webp": _webp,
    "image/avif": _avif,
    "image/svg+xml": _svg,
}
