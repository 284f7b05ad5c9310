"""ISO base media files (MP4, AVIF): a small box reader and writer, and the rewrite of an AVIF image sequence as an
MP4 film.

Box layouts are those of ISO/IEC 14496-12; the `av01` sample entry follows the AV1 ISOBMFF binding. An AVIF sequence
already holds a movie with an ordinary track. Players refuse it because of its brands, its still-picture `meta` box,
its `pict` handler and its endless repetition; those are what the rewrite changes. Compressed samples are copied
untouched.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"udta"}
_TO_MOVIE_DATA = {b"stco": (4, "I"), b"co64": (8, "Q")}


class MalformedBoxError(ValueError):
    """The bytes are not a well-formed ISO base media file, or lack a box that the rewrite needs."""


@dataclass(slots=True)
class Box:
    """One box. `payload` holds the bytes of a leaf and is empty for a container, whose boxes are in `children`."""

    kind: bytes
    payload: bytes = b""
    children: list[Box] = field(default_factory=list)

    def find(self, *path: bytes) -> Box:
        """The first box at `path` below this one. Raises MalformedBoxError when there is none."""
        box = self
        for kind in path:
            box = next((child for child in box.children if child.kind == kind), Box(b""))
            if not box.kind:
                raise MalformedBoxError(f"no {kind.decode('latin-1')!r} box in {self.kind.decode('latin-1')!r}")
        return box

    def walk(self) -> Iterator[Box]:
        """This box and all below it, outer before inner."""
        yield self
        for child in self.children:
            yield from child.walk()

    def to_bytes(self) -> bytes:
        """The box with its header; the 64-bit size is used when 32 bits are too few."""
        body = b"".join(child.to_bytes() for child in self.children) if self.children else self.payload
        if len(body) + 8 < 1 << 32:
            return struct.pack(">I4s", len(body) + 8, self.kind) + body
        return struct.pack(">I4sQ", 1, self.kind, len(body) + 16) + body


def parse_boxes(data: bytes, start: int = 0, end: int | None = None) -> list[Box]:
    """The boxes between two offsets of `data`, containers opened. Raises MalformedBoxError when sizes do not add up."""
    return [box for box, _ in _located(data, start, len(data) if end is None else end)]


def _located(data: bytes, start: int, end: int) -> Iterator[tuple[Box, int]]:
    """Boxes with the offset of their payload."""
    position = start
    while position < end:
        if end - position < 8:
            raise MalformedBoxError(f"{end - position} stray bytes at offset {position}")
        size, kind = struct.unpack_from(">I4s", data, position)
        header = 8
        if size == 1:
            if end - position < 16:
                raise MalformedBoxError(f"truncated 64-bit size at offset {position}")
            header, size = 16, struct.unpack_from(">Q", data, position + 8)[0]
        elif size == 0:
            size = end - position
        if size < header or position + size > end:
            raise MalformedBoxError(
                f"box {kind!r} at offset {position} claims {size} bytes, {end - position} are there"
            )
        body = position + header
        if kind in _CONTAINERS:
            yield Box(kind, children=parse_boxes(data, body, position + size)), body
        else:
            yield Box(kind, data[body : position + size]), body
        position += size


def avif_sequence_to_mp4(data: bytes, *, comment: str = "") -> bytes:
    """An AVIF image sequence as a progressive MP4 with one AV1 video track, `comment` in its metadata, `moov` before
    the samples.

    Raises MalformedBoxError when `data` holds no image sequence (a single AVIF picture has none).
    """
    located = list(_located(data, 0, len(data)))
    movie = next((box for box, _ in located if box.kind == b"moov"), None)
    samples = [(box, offset) for box, offset in located if box.kind == b"mdat"]
    if movie is None or not samples:
        raise MalformedBoxError("no image sequence: the file has no movie ('moov') or no samples ('mdat')")
    track = movie.find(b"trak")
    _as_video_track(movie, track)
    if comment:
        movie.children.append(_comment_box(comment))
    brands = Box(b"ftyp", b"isom" + struct.pack(">I", 512) + b"isom" + b"iso6" + b"av01" + b"mp41")
    head = len(brands.to_bytes()) + len(movie.to_bytes())
    moved: list[tuple[int, int, int]] = []
    for box, offset in samples:
        size = len(box.to_bytes())
        moved.append((offset, offset + len(box.payload), head + size - len(box.payload) - offset))
        head += size
    _shift_chunks(movie, moved)
    return b"".join([brands.to_bytes(), movie.to_bytes(), *(box.to_bytes() for box, _ in samples)])


def offer_text_tracks(path: Path) -> None:
    """Mark the text tracks of the MP4 at `path` as available but not switched on.

    FFmpeg's muxer switches the first one on, and a player would then show captions twice when they are in the picture
    too.
    """

    def switch_off(movie: Box) -> None:
        for track in (box for box in movie.children if box.kind == b"trak"):
            header = track.find(b"tkhd")
            if track.find(b"mdia", b"hdlr").payload[8:12] in (b"sbtl", b"text"):
                header.payload = header.payload[:3] + bytes([header.payload[3] & ~1]) + header.payload[4:]

    _edit_movie(path, switch_off)


def _edit_movie(path: Path, edit: Callable[[Box], None]) -> None:
    """Change the `moov` box of a file in place, without reading its samples. The edit must keep the box's size."""
    with path.open("rb+") as file:
        while header := file.read(16):
            size, kind = struct.unpack_from(">I4s", header.ljust(16, b"\0"))
            long = size == 1
            length = struct.unpack_from(">Q", header.ljust(16, b"\0"), 8)[0] if long else size
            begin = file.tell() - len(header)
            if length < 8:
                break
            if kind != b"moov":
                file.seek(begin + length)
                continue
            body = begin + (16 if long else 8)
            file.seek(body)
            movie = Box(kind, children=parse_boxes(file.read(begin + length - body)))
            edit(movie)
            changed = b"".join(child.to_bytes() for child in movie.children)
            if len(changed) != begin + length - body:
                raise MalformedBoxError("the edited movie box has another size")
            file.seek(body)
            file.write(changed)
            return
    raise MalformedBoxError("the file has no movie ('moov')")


def _as_video_track(movie: Box, track: Box) -> None:
    """Make the picture track an ordinary video track: `vide` handler, finite duration, played once."""
    if len([box for box in movie.children if box.kind == b"trak"]) != 1:
        raise MalformedBoxError("expected one track")
    handler = track.find(b"mdia", b"hdlr")
    if handler.payload[8:12] not in (b"pict", b"vide"):
        raise MalformedBoxError(f"expected a picture track, found handler {handler.payload[8:12]!r}")
    handler.payload = bytes(8) + b"vide" + bytes(12) + b"VideoHandler\0"
    ticks, scale = _media_time(track.find(b"mdia", b"mdhd"))
    _, movie_scale = _media_time(movie.find(b"mvhd"))
    length = ticks * movie_scale // scale
    _set_duration(movie.find(b"mvhd"), length, at_version_0=16, at_version_1=24)
    _set_duration(track.find(b"tkhd"), length, at_version_0=20, at_version_1=28)
    for header in (movie.find(b"mvhd"), track.find(b"tkhd"), track.find(b"mdia", b"mdhd")):
        _clear_dates(header)
    # The edit list only said "repeat for ever"; a track without one plays from its beginning to its end, once.
    track.children = [box for box in track.children if box.kind not in (b"edts", b"meta")]


def _media_time(header: Box) -> tuple[int, int]:
    """(duration, ticks a second) of an `mvhd` or `mdhd`."""
    try:
        if header.payload[0] == 1:
            scale, ticks = struct.unpack_from(">IQ", header.payload, 20)
        else:
            scale, ticks = struct.unpack_from(">II", header.payload, 12)
    except (struct.error, IndexError) as error:
        raise MalformedBoxError(f"box {header.kind!r} is too short") from error
    if scale == 0:
        raise MalformedBoxError(f"box {header.kind!r} has a time scale of 0")
    return ticks, scale


def _set_duration(header: Box, ticks: int, *, at_version_0: int, at_version_1: int) -> None:
    version = header.payload[0]
    offset, form = (at_version_1, ">Q") if version == 1 else (at_version_0, ">I")
    changed = bytearray(header.payload)
    if len(changed) < offset + struct.calcsize(form):
        raise MalformedBoxError(f"box {header.kind!r} is too short")
    struct.pack_into(form, changed, offset, ticks)
    header.payload = bytes(changed)


def _clear_dates(header: Box) -> None:
    """No creation and modification time, so that the same film is the same bytes."""
    width = 16 if header.payload[0] == 1 else 8
    header.payload = header.payload[:4] + bytes(width) + header.payload[4 + width :]


def _shift_chunks(movie: Box, moved: list[tuple[int, int, int]]) -> None:
    """Point every chunk offset at the sample data's new place. `moved` lists (old start, old end, shift) of each
    `mdat`."""
    for box in movie.walk():
        if box.kind not in _TO_MOVIE_DATA:
            continue
        width, form = _TO_MOVIE_DATA[box.kind]
        (count,) = struct.unpack_from(">I", box.payload, 4)
        if len(box.payload) != 8 + count * width:
            raise MalformedBoxError(f"box {box.kind!r} lists {count} chunks in {len(box.payload)} bytes")
        offsets = struct.unpack_from(f">{count}{form}", box.payload, 8)
        box.payload = box.payload[:8] + struct.pack(f">{count}{form}", *(_moved(at, moved) for at in offsets))


def _moved(offset: int, moved: list[tuple[int, int, int]]) -> int:
    for start, end, shift in moved:
        if start <= offset < end:
            return offset + shift
    raise MalformedBoxError(f"a chunk at offset {offset} lies outside the sample data")


def _comment_box(comment: str) -> Box:
    """User data with an iTunes-style `©cmt` item, the form that FFmpeg and media libraries read as "comment"."""
    value = Box(b"data", struct.pack(">II", 1, 0) + comment.encode())
    item = Box(b"\xa9cmt", value.to_bytes())
    handler = Box(b"hdlr", bytes(8) + b"mdir" + b"appl" + bytes(9))
    items = Box(b"ilst", item.to_bytes())
    meta = Box(b"meta", bytes(4) + handler.to_bytes() + items.to_bytes())
    return Box(b"udta", children=[meta])
