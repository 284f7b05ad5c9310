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
_DATED = {b"mvhd", b"tkhd", b"mdhd"}
X264 = bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef")
"""Id under which x264 writes its version and all its settings into the picture stream (an SEI message of type 5)."""

_FFMPEG = re.compile(rb"Lav[cf]\d+\.\d+\.\d+")


def scrub_mp4(data: bytes) -> bytes:
    """The same film with tags, dates, handler and encoder names overwritten. Pictures and sound stay byte for byte.

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
            made[box.start + 24 : box.end] = bytes(max(0, box.end - box.start - 24))
        elif box.kind == b"stsd":
            _compressor(made, reader, box)


def _compressor(made: bytearray, reader: Reader, stsd: Box) -> None:
    """The encoder's name in a picture track's description: 32 bytes, 42 behind the entry's head."""
    for entry in reader.boxes(stsd.start + 8, stsd.end):
        if entry.kind in (b"avc1", b"avc3", b"hev1", b"hvc1", b"av01", b"vp09", b"vp08", b"mp4v"):
            made[entry.start + 42 : entry.start + 74] = bytes(32)


def _undate(made: bytearray, box: Box) -> None:
    width = 16 if made[box.start] == 1 else 8
    made[box.start + 4 : box.start + 4 + width] = bytes(width)


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
        if made[start - 1] == 5 and 16 <= length <= len(made) - at:
            made[at : at + length] = b" " * length
        at = made.find(X264, at + 16)
