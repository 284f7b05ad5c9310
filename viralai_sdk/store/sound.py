"""Measures sound files: proves that there is sound in them, and how long it lasts."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from viralai_sdk.interfaces.errors import EmptyResultError
from viralai_sdk.store.lossless import check_flac, check_ogg
from viralai_sdk.store.measured import Measured, malformed, truncated

STREAMED = 0x7FFF0000
"""A size from here on in a WAV header means "unknown": the writer could not go back and fill it in."""

_ADTS_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


@dataclass(slots=True, frozen=True)
class WavShape:
    """What a WAV file's header tells, sizes in bytes as they really are."""

    channels: int
    sample_rate: int
    bytes_per_second: int
    data_start: int
    data_size: int
    header_size_wrong: bool


def read_wav(file: BinaryIO, size: int) -> WavShape:
    """Walk a RIFF file's chunks; sizes that a streaming writer left open are taken from the file.

    Raises:
        MalformedResponseError: it is cut off or is no WAV file.
    """
    file.seek(0)
    head = file.read(12)
    if len(head) < 12:
        raise truncated("WAV file")
    riff = int.from_bytes(head[4:8], "little")
    streamed = riff >= STREAMED or riff == 0
    form: tuple[int, ...] | None = None
    at = 12
    while at + 8 <= size:
        file.seek(at)
        kind, length = struct.unpack("<4sI", file.read(8))
        at += 8
        if kind == b"data":
            if form is None:
                raise malformed("the WAV file has sound before its format.")
            rest = size - at
            open_ended = length >= STREAMED or (streamed and length == 0)
            if length > rest and not open_ended:
                raise truncated("WAV file")
            return _shape(form, at, rest if open_ended else length, open_ended or streamed)
        if at + length > size:
            raise truncated("WAV file")
        if kind == b"fmt ":
            if length < 16:
                raise malformed("the WAV file's format chunk is too short.")
            form = struct.unpack("<HHIIHH", file.read(16))
        at += length + (length & 1)
    if at > size or form is None:
        raise truncated("WAV file")
    raise malformed("the WAV file has no sound in it (no 'data' chunk).")


def _shape(form: tuple[int, ...], start: int, size: int, wrong: bool) -> WavShape:
    code, channels, rate, per_second, block, bits = form
    if not (0 < channels <= 64 and 0 < rate <= 1_000_000):
        raise malformed(f"the WAV file claims {channels} channels at {rate} Hz.")
    if code in (1, 3, 0xFFFE) and bits:
        per_second = rate * channels * ((bits + 7) // 8)
    if not per_second or not block:
        raise malformed("the WAV file's format does not say how long a second is.")
    return WavShape(channels, rate, per_second, start, size, wrong)


def measure_wav(file: BinaryIO, size: int) -> Measured:
    """Length of a WAV file."""
    shape = read_wav(file, size)
    if not shape.data_size:
        raise EmptyResultError("the WAV file has no samples in it: zero seconds of sound.")
    return Measured(
        "audio/wav",
        duration=shape.data_size / shape.bytes_per_second,
        sample_rate=shape.sample_rate,
        channels=shape.channels,
        has_audio=True,
        has_video=False,
    )


def measure_adts(file: BinaryIO, size: int) -> Measured:
    """Walk the frames of a raw AAC stream."""
    at = frames = rate = channels = 0
    while at + 7 <= size:
        file.seek(at)
        head = file.read(7)
        if head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
            break
        length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        index = head[2] >> 2 & 15
        if length < 7 or index >= len(_ADTS_RATES):
            raise malformed("the AAC file is damaged: a frame has no length or rate.")
        if at + length > size:
            raise truncated("AAC file")
        rate = _ADTS_RATES[index]
        channels = (head[2] & 1) << 2 | head[3] >> 6
        frames += (head[6] & 3) + 1
        at += length
    if not frames:
        raise malformed("the AAC file has no frame of sound in it.")
    if at != size and size - at > 512:
        raise malformed("the AAC file is damaged: its frames do not line up.")
    return Measured(
        "audio/aac",
        duration=frames * 1024 / rate,
        sample_rate=rate,
        channels=channels or None,
        has_audio=True,
        has_video=False,
    )


def measure_tagged(file: BinaryIO, size: int, media_type: str) -> Measured:
    """MP3, Ogg and FLAC through tinytag, after a look at what it does not check."""
    from tinytag import TinyTag

    if media_type == "audio/ogg":
        check_ogg(file, size)
    file.seek(0)
    try:
        tag = TinyTag.get(file_obj=file, tags=False)
    except Exception as error:  # a parser of foreign bytes fails in many ways; each means the same to us
        raise malformed(
            f"the {media_type} file cannot be read ({str(error)[:120] or error.__class__.__name__})."
        ) from error
    rate, duration = tag.samplerate, tag.duration
    if not rate or rate < 0:
        raise malformed(f"the file begins like {media_type} but no sound was found in it.")
    if duration is not None and not 0 <= duration < 1e8:
        raise malformed(f"the {media_type} file claims to last {duration:.0f} s.")
    if media_type == "audio/flac":
        duration = check_flac(file, size) / rate
    if not duration:
        raise EmptyResultError(f"the {media_type} file lasts zero seconds.")
    return Measured(
        media_type,
        duration=float(duration),
        sample_rate=int(rate),
        channels=int(tag.channels) if tag.channels else None,
        has_audio=True,
        has_video=False,
    )
