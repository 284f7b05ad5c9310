"""Measures WebM files: PyAV reads the streams where it is installed, else only the structure is proven."""

from __future__ import annotations

import importlib
from typing import Any, BinaryIO

from viralai_sdk.interfaces.errors import AIError, EmptyResultError
from viralai_sdk.store.measured import Measured, check_size, malformed, truncated

_SEGMENT = 0x18538067
_UNKNOWN_SIZE = tuple((1 << 7 * width) - 1 for width in range(9))


def check_structure(file: BinaryIO, size: int) -> None:
    """The EBML head must be followed by a segment that fits into the file; a live recording leaves its size open.

    Raises:
        MalformedResponseError: cut off, or no WebM.
    """
    at = 0
    for expected in (0x1A45DFA3, _SEGMENT):
        kind, at = _number(file, at, keep_marker=True)
        length, at = _number(file, at)
        if kind != expected:
            raise malformed("the WebM file is damaged: its parts do not line up.")
        if length is None:
            return
        if at + length > size:
            raise truncated("WebM file")
        if expected != _SEGMENT:
            at += length


def _number(file: BinaryIO, at: int, *, keep_marker: bool = False) -> tuple[int | None, int]:
    """A variable-length number and the offset behind it; None for "unknown size"."""
    file.seek(at)
    data = file.read(8)
    if not data:
        raise truncated("WebM file")
    width = 9 - data[0].bit_length()
    if width > 8:
        raise malformed("the WebM file is damaged: a number in it has no end.")
    if len(data) < width:
        raise truncated("WebM file")
    value = int.from_bytes(data[:width], "big")
    if keep_marker:
        return value, at + width
    value &= (1 << 7 * width) - 1
    return (None if value == _UNKNOWN_SIZE[width] else value), at + width


def measure_webm(file: BinaryIO, size: int, media_type: str) -> Measured:
    """Facts of a WebM file; without PyAV its length and size stay unknown."""
    check_structure(file, size)
    try:
        av = importlib.import_module("av")
    except ImportError:
        return Measured(media_type)
    file.seek(0)
    try:
        with av.open(file, format="matroska") as container:
            return _streams(container, media_type)
    except AIError:
        raise
    except Exception as error:  # FFmpeg's readers fail in many ways on foreign bytes; each means the same to us
        raise malformed(f"the WebM file cannot be read ({str(error)[:120] or error.__class__.__name__}).") from error


def _streams(container: Any, media_type: str) -> Measured:
    video = next(iter(container.streams.video), None)
    audio = next(iter(container.streams.audio), None)
    if video is None and audio is None:
        raise malformed("the WebM file has neither picture nor sound.")
    duration = container.duration / 1_000_000 if container.duration else _walk(container)
    if duration <= 0:
        raise EmptyResultError("the WebM file lasts zero seconds.")
    if video is not None:
        check_size(video.width, video.height, "WebM film")
    return Measured(
        media_type,
        width=video.width if video else None,
        height=video.height if video else None,
        duration=duration,
        fps=float(video.average_rate) if video and video.average_rate else None,
        sample_rate=audio.rate if audio else None,
        channels=audio.channels if audio else None,
        has_audio=audio is not None,
        has_video=video is not None,
    )


def _walk(container: Any) -> float:
    """Length of a live recording, whose head does not tell it: the end of the last packet."""
    end = 0.0
    for packet in container.demux():
        if packet.pts is not None:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return end
