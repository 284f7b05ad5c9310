"""Samples to files: WAV with the standard library, the rest with PyAV when it is installed."""

from __future__ import annotations

import io
import struct
import wave
from importlib.util import find_spec
from typing import Any

import numpy as np

from viralai_sdk.providers.embedded.voice.model import Spoken, VoiceError

# Format → (container, codec, sample format, sample rate or None for the speech's own, bit rate or None).
_ENCODED: dict[str, tuple[str, str, str, int | None, int | None]] = {
    "mp3": ("mp3", "libmp3lame", "s16p", None, 64_000),
    "opus": ("ogg", "libopus", "s16", 48_000, 40_000),
    "flac": ("flac", "flac", "s16", None, None),
    "aac": ("mp4", "aac", "fltp", None, 64_000),
}


def available_formats() -> tuple[str, ...]:
    """What `encode` can write here: "wav" always, the others when PyAV is installed."""
    return ("wav", *_ENCODED) if _has_av() else ("wav",)


def _has_av() -> bool:
    try:
        return find_spec("av") is not None
    except ValueError:  # a module without a spec, as a test or a frozen program may leave it
        return False


def encode(spoken: Spoken, output_format: str, *, comment: str) -> bytes:
    """The speech as a file of the format, with `comment` in the file's own metadata (WAV: LIST INFO ICMT).

    "opus" is Ogg, "aac" is MP4 (m4a). Raises VoiceError("format") for a format that is unknown or needs PyAV.
    """
    wanted = output_format.strip().lower().lstrip(".")
    if wanted == "wav":
        return _wav(spoken, comment)
    if wanted not in _ENCODED:
        raise VoiceError("format", f"Unknown audio format {output_format!r}. Known: {', '.join(('wav', *_ENCODED))}.")
    if not _has_av():
        raise VoiceError("format", f'{wanted!r} needs PyAV: pip install "viralai-sdk[video]", or ask for "wav".')
    return _with_av(spoken, wanted, comment)


def _wav(spoken: Spoken, comment: str) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(spoken.sample_rate)
        writer.writeframes(spoken.samples.astype("<i2").tobytes())
    text = comment.replace("\0", " ").encode("utf-8", "replace") + b"\0"
    text += b"\0" * (len(text) % 2)
    info = b"INFOICMT" + struct.pack("<I", len(text)) + text
    data = buffer.getvalue() + b"LIST" + struct.pack("<I", len(info)) + info
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


def _with_av(spoken: Spoken, output_format: str, comment: str) -> bytes:
    import av

    container_name, codec, sample_format, rate, bit_rate = _ENCODED[output_format]
    rate = rate or spoken.sample_rate
    buffer = io.BytesIO()
    try:
        with av.open(buffer, "w", format=container_name) as container:
            tag: dict[str, Any] = container.metadata
            tag["comment"] = comment.replace("\0", " ").encode("utf-8", "replace").decode()
            stream: Any = container.add_stream(codec, rate=rate, layout="mono", format=sample_format)
            if bit_rate is not None:
                stream.bit_rate = bit_rate
            frame = av.AudioFrame.from_ndarray(np.atleast_2d(spoken.samples), format="s16", layout="mono")
            frame.sample_rate = spoken.sample_rate
            resampler = av.AudioResampler(format=sample_format, layout="mono", rate=rate, frame_size=stream.frame_size)
            for resampled in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(stream.encode(resampled))
            container.mux(stream.encode(None))
    except (av.FFmpegError, ValueError) as error:
        raise VoiceError("format", f'PyAV could not write {output_format!r}: {error}. Ask for "wav".') from error
    return buffer.getvalue()
