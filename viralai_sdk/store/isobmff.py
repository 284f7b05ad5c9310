"""Reads what is needed of MP4, MOV and M4A files (ISO/IEC 14496-12), box by box and without taking the file into memory."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from viralai_sdk.store.measured import malformed, truncated

MAX_BOXES = 200_000
"""A file with more boxes than this is made to keep a reader busy."""
_PIECE = 1 << 16
_UNKNOWN = {0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF}
_VISUAL, _SOUND = b"vide", b"soun"


@dataclass(slots=True, frozen=True)
class Box:
    """One box: its four-letter type, where its content starts and where it ends (byte offsets in the file)."""

    kind: bytes
    start: int
    end: int
    open_ended: bool = False
    """Its size says "to the end of the file"."""


@dataclass(slots=True)
class Track:
    """One track. `handler` is b"vide", b"soun" or another four-letter word; times count in `timescale` units a second."""

    track_id: int = 0
    handler: bytes = b""
    width: int = 0
    height: int = 0
    timescale: int = 0
    duration: int = 0
    samples: int = 0
    sampled: int = 0
    """Sum of the samples' own durations: the head's duration may count an edit's offset as well."""
    sample_rate: int = 0
    channels: int = 0

    @property
    def seconds(self) -> float:
        """Length of the track, 0 when it is not told."""
        return self.duration / self.timescale if self.timescale else 0.0

    @property
    def rate(self) -> float | None:
        """Mean samples a second, None when it is not told."""
        length = self.sampled or self.duration
        return self.samples * self.timescale / length if self.timescale and length else None


@dataclass(slots=True)
class Movie:
    """What the boxes tell of a file."""

    brand: bytes = b""
    seconds: float = 0.0
    tracks: list[Track] = field(default_factory=list)

    def first(self, handler: bytes) -> Track | None:
        """The first track of a kind that holds anything, else the first of that kind."""
        of_kind = [track for track in self.tracks if track.handler == handler]
        return next((track for track in of_kind if track.samples), of_kind[0] if of_kind else None)

    @property
    def video(self) -> Track | None:
        """The picture track."""
        return self.first(_VISUAL)

    @property
    def audio(self) -> Track | None:
        """The sound track."""
        return self.first(_SOUND)


class Reader:
    """Walks the boxes of one open file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.size = size
        self._budget = MAX_BOXES
        self._defaults: dict[int, int] = {}

    def boxes(self, start: int, end: int) -> Iterator[Box]:
        """The boxes between two offsets.

        Raises:
            MalformedResponseError: a box does not fit, or there are absurdly many.
        """
        while start < end:
            self._budget -= 1
            if self._budget < 0:
                raise malformed(f"the file has more than {MAX_BOXES} boxes.")
            box = self._box(start, end)
            if box is None:
                return
            yield box
            start = box.end

    def _box(self, start: int, end: int) -> Box | None:
        head = self._read(start, min(16, end - start))
        if not head.strip(b"\0"):
            return None  # padding
        if len(head) < 8:
            raise truncated("file")
        size, kind = struct.unpack_from(">I4s", head)
        content = start + 8
        if size == 1:
            if len(head) < 16:
                raise truncated("file")
            size = struct.unpack_from(">Q", head, 8)[0]
            content = start + 16
        open_ended = size == 0
        stop = end if open_ended else start + size
        if stop < content:
            raise malformed(f"the box {kind!r} claims {size} bytes, less than its own head.")
        if stop > end:
            if end == self.size:
                raise truncated("file")
            raise malformed(f"the box {kind!r} reaches beyond the one around it.")
        return Box(kind, content, stop, open_ended)

    def _read(self, start: int, count: int) -> bytes:
        self._file.seek(start)
        data = self._file.read(count)
        if len(data) < count:
            raise truncated("file")
        return data

    def _full(self, box: Box, most: int) -> bytes:
        return self._read(box.start, min(most, box.end - box.start))

    def movie(self) -> Movie:
        """Read the whole file's description.

        Raises:
            MalformedResponseError: it is cut off, has no description or no media.
        """
        movie = Movie()
        described = media = False
        for box in self.boxes(0, self.size):
            if box.kind == b"ftyp":
                movie.brand = self._full(box, 4)
            elif box.kind == b"moov" and not described:
                described = True
                self._moov(box, movie)
            elif box.kind == b"moof":
                self._moof(box, movie)
            elif box.kind == b"mdat":
                media = media or box.end > box.start
        if not described:
            raise malformed("the file has no description of its content (no 'moov' box): it was not finished.")
        if not media:
            raise malformed("the file has a description but no media in it (no 'mdat' box).")
        if not movie.seconds:
            movie.seconds = max((track.seconds for track in movie.tracks), default=0.0)
        return movie

    def _moov(self, moov: Box, movie: Movie) -> None:
        for box in self.boxes(moov.start, moov.end):
            if box.kind == b"mvhd":
                timescale, duration = _times(self._full(box, 32))
                movie.seconds = duration / timescale if timescale else 0.0
            elif box.kind == b"trak":
                movie.tracks.append(self._trak(box))
            elif box.kind == b"mvex":
                self._mvex(box)

    def _mvex(self, mvex: Box) -> None:
        for box in self.boxes(mvex.start, mvex.end):
            if box.kind == b"trex":
                _, track_id, _, duration = _unpack(">IIII", self._full(box, 16))
                self._defaults[track_id] = duration

    def _trak(self, trak: Box) -> Track:
        track = Track()
        for box in self.inside(trak, {b"mdia", b"minf", b"stbl"}):
            if box.kind == b"tkhd":
                _tkhd(self._full(box, 96), track)
            elif box.kind == b"mdhd":
                track.timescale, track.duration = _times(self._full(box, 32))
            elif box.kind == b"hdlr" and not track.handler:
                track.handler = self._full(box, 12)[8:12]
            elif box.kind == b"stsd":
                _stsd(self._full(box, 52), track)
            elif box.kind == b"stts":
                self._stts(box, track)
        return track

    def inside(self, box: Box, containers: set[bytes], skip: int = 0, depth: int = 0) -> Iterator[Box]:
        """The boxes in a box and in those named `containers` below it; `skip` bytes of its own come first."""
        for child in self.boxes(box.start + skip, box.end):
            if child.kind in containers and depth < 4:
                yield from self.inside(child, containers, 0, depth + 1)
            else:
                yield child

    def _stts(self, box: Box, track: Track) -> None:
        """Sum the table of (sample count, sample duration)."""
        count = _unpack(">II", self._full(box, 8))[1]
        position, end = box.start + 8, min(box.end, box.start + 8 + 8 * count)
        samples = total = 0
        while position + 8 <= end:
            piece = self._read(position, min(_PIECE, (end - position) // 8 * 8))
            for number, duration in struct.iter_unpack(">II", piece):
                samples += number
                total += number * duration
            position += len(piece)
        track.samples, track.sampled = samples, total
        track.duration = track.duration or total

    def _moof(self, moof: Box, movie: Movie) -> None:
        for traf in self.boxes(moof.start, moof.end):
            if traf.kind == b"traf":
                self._traf(traf, movie)

    def _traf(self, traf: Box, movie: Movie) -> None:
        track: Track | None = None
        default = 0
        for box in self.boxes(traf.start, traf.end):
            if box.kind == b"tfhd":
                track_id, default = self._tfhd(box)
                track = next((each for each in movie.tracks if each.track_id == track_id), None)
            elif box.kind == b"trun" and track is not None:
                self._trun(box, track, default)

    def _tfhd(self, box: Box) -> tuple[int, int]:
        data = self._full(box, 28)
        flags, track_id = _unpack(">II", data)
        position = 8 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0)
        if flags & 0x8 and len(data) >= position + 4:
            return track_id, int.from_bytes(data[position : position + 4], "big")
        return track_id, self._defaults.get(track_id, 0)

    def _trun(self, box: Box, track: Track, default: int) -> None:
        flags, count = _unpack(">II", self._full(box, 8))
        position = box.start + 8 + (4 if flags & 0x1 else 0) + (4 if flags & 0x4 else 0)
        each = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
        if each and count * each > box.end - position:
            raise malformed("a fragment's table of samples is longer than its box.")
        track.samples += count
        if not flags & 0x100:
            track.duration += count * default
            track.sampled += count * default
            return
        step = _PIECE // each * each
        end = position + count * each
        while position < end:
            piece = self._read(position, min(step, end - position))
            length = sum(int.from_bytes(piece[at : at + 4], "big") for at in range(0, len(piece), each))
            track.duration += length
            track.sampled += length
            position += len(piece)


def _unpack(form: str, data: bytes) -> tuple[int, ...]:
    try:
        return struct.unpack_from(form, data)
    except struct.error as error:
        raise malformed("a box is shorter than its kind demands.") from error


def _times(data: bytes) -> tuple[int, int]:
    """(timescale, duration) of an mvhd or mdhd box; a duration that says "unknown" is 0."""
    timescale, duration = _unpack(">20xIQ", data) if data[:1] == b"\x01" else _unpack(">12xII", data)
    return timescale, 0 if duration in _UNKNOWN else duration


def _tkhd(data: bytes, track: Track) -> None:
    shift = 12 if data[:1] == b"\x01" else 0
    track.track_id = _unpack(f">{20 if shift else 12}xI", data)[0]
    a, b = _unpack(f">{40 + shift}xii", data)
    width, height = _unpack(f">{76 + shift}xII", data)
    track.width, track.height = width >> 16, height >> 16
    if not a and b:  # turned by a quarter
        track.width, track.height = track.height, track.width


def _stsd(data: bytes, track: Track) -> None:
    """First sample description: size of a picture track, channels and rate of a sound track."""
    if len(data) < 8 + 36:
        return
    entry = data[8:]
    if track.handler == _VISUAL and not (track.width and track.height):
        track.width, track.height = _unpack(">32xHH", entry)
    elif track.handler == _SOUND:
        track.channels = _unpack(">24xH", entry)[0]
        track.sample_rate = _unpack(">32xI", entry)[0] >> 16
