"""MP4 files without a word about their origin, box by box: nothing is moved, so no offset has to be corrected."""

from __future__ import annotations

import io
import re

from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.store.isobmff import Box, Reader

_TOLD = {b"udta", b"meta", b"uuid", b"free", b"skip", b"wide", b"pdin"}
"""Boxes of words, tags and padding."""
_WORDS = {b"text", b"sbtl", b"subt", b"clcp", b"tmcd", b"meta"}
"""Handlers of tracks that hold words or tags."""
_PICTURES = {b"avc1", b"avc3", b"hev1", b"hvc1", b"av01", b"vp09", b"vp08", b"mp4v"}
_DATED = {b"mvhd", b"tkhd", b"mdhd"}
X264 = bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef")
"""Id under which x264 writes its version and all its settings into the picture stream (an SEI message of type 5)."""

_FFMPEG = re.compile(rb"Lav[cf]\d+\.\d+\.\d+")


def scrub_mp4(data: bytes) -> bytes:
    """The same film with tags, dates, handler and encoder names overwritten. Pictures and sound decode to the same.

    What an encoder other than x264 and FFmpeg's AAC may have written into its stream stays: only writing anew takes that out.

    Raises:
        ConfigurationError: it has a track of words (captions), whose samples only PyAV can leave out.
        MalformedResponseError: its boxes do not line up.
    """
    made = bytearray(data)
    reader = Reader(io.BytesIO(data), len(data))
    for box in reader.boxes(0, len(data)):
        if box.kind in _TOLD:
            _blank(made, box)
        elif box.kind == b"moov":
            _movie(made, reader, box)
    _forget_encoders(made)
    return bytes(made)


def _blank(made: bytearray, box: Box) -> None:
    """The box becomes free space of zeros."""
    kind = box.start - (
        4 if made[box.start - 4 : box.start] == box.kind else 12
    )  # a 64-bit size stands behind the kind
    made[kind : kind + 4] = b"free"
    made[box.start : box.end] = bytes(box.end - box.start)


def _movie(made: bytearray, reader: Reader, moov: Box) -> None:
    for box in reader.boxes(moov.start, moov.end):
        if box.kind in _TOLD:
            _blank(made, box)
        elif box.kind == b"mvhd":
            _undate(made, box)
        elif box.kind == b"trak":
            _track(made, reader, box)


def _track(made: bytearray, reader: Reader, trak: Box) -> None:
    for box in reader.inside(trak, {b"mdia", b"minf", b"stbl"}):
        if box.kind in _TOLD:
            _blank(made, box)
        elif box.kind in _DATED:
            _undate(made, box)
        elif box.kind == b"hdlr":
            if bytes(made[box.start + 8 : box.start + 12]) in _WORDS:
                raise ConfigurationError(
                    "hiding where a film with captions comes from needs PyAV.",
                    hint='Install it: pip install "viralai-sdk[video]"',
                )
            _zero(made, box, 24, box.end - box.start)
        elif box.kind == b"stsd":
            _compressor(made, reader, box)


def _compressor(made: bytearray, reader: Reader, stsd: Box) -> None:
    """The encoder's name in a picture track's description: 32 bytes, 42 behind the entry's head."""
    for entry in reader.boxes(stsd.start + 8, stsd.end):
        if entry.kind in _PICTURES:
            _zero(made, entry, 42, 32)


def _undate(made: bytearray, box: Box) -> None:
    """Times of creation and change: two numbers of 32 or, in version 1, of 64 bits."""
    _zero(made, box, 4, 16 if made[box.start : box.start + 1] == b"\x01" else 8)


def _zero(made: bytearray, box: Box, offset: int, count: int) -> None:
    """Overwrite a piece of a box, as far as the box reaches."""
    start, stop = box.start + offset, min(box.start + offset + count, box.end)
    if start < stop:
        made[start:stop] = bytes(stop - start)


def _forget_encoders(made: bytearray) -> None:
    """Overwrite x264's account of its settings and the name that FFmpeg's AAC encoder fills its first frame with. Decoders skip both."""
    for name in _FFMPEG.finditer(bytes(made)):
        made[name.start() : name.end()] = b" " * len(name[0])
    at = made.find(X264)
    while at >= 0:
        start = at - 1
        while start > 0 and made[start - 1] == 0xFF:
            start -= 1
        length = sum(made[start:at])  # each 0xFF adds 255, the last byte the rest
        if start > 0 and made[start - 1] == 5 and 16 <= length <= len(made) - at:
            made[at : at + length] = b" " * length
        at = made.find(X264, at + 16)
