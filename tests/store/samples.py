"""Small real media files, made by the encoders themselves."""

from __future__ import annotations

import io
import wave
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np
from PIL import Image


@cache
def image(kind: str, width: int = 48, height: int = 32, progressive: bool = False) -> bytes:
    """A picture with some structure in it; `kind` is Pillow's format name."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // width, y * 255 // height, (x * y) % 256], axis=-1).astype("uint8")
    buffer = io.BytesIO()
    extra: dict[str, Any] = {"progressive": True} if progressive else {}
    Image.fromarray(pixels).save(buffer, kind, **extra)
    return buffer.getvalue()


@cache
def film(
    container: str = "mp4",
    codec: str = "libx264",
    seconds: float = 1.0,
    options: tuple[tuple[str, str], ...] = (),
    sound: bool = False,
    picture: bool = True,
    seekable: bool = True,
) -> bytes:
    """A film of 64×48 pixels at 10 frames a second, with or without a tone."""
    buffer: io.BytesIO = io.BytesIO() if seekable else _Pipe()
    with av.open(buffer, "w", format=container, options=dict(options)) as out:
        streams = []
        if picture:
            video: Any = out.add_stream(codec, rate=10)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            streams.append(video)
        if sound:
            voice: Any = out.add_stream("aac" if container != "webm" else "libopus", rate=48000)
            voice.layout = "mono"
        if picture:
            for number in range(int(10 * seconds)):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 20 % 256, "uint8"), format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, 10)
                out.mux(video.encode(frame))
            out.mux(video.encode(None))
        if sound:
            _tone(out, voice, seconds)
    return buffer.getvalue()


@cache
def sound(container: str, codec: str, seconds: float = 1.0, rate: int = 48000, seekable: bool = True) -> bytes:
    """A tone of 440 Hz in one channel."""
    buffer: io.BytesIO = io.BytesIO() if seekable else _Pipe()
    with av.open(buffer, "w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=rate)
        stream.layout = "mono"
        _tone(out, stream, seconds)
    return buffer.getvalue()


@cache
def wav(seconds: float = 0.5, rate: int = 8000, channels: int = 1) -> bytes:
    """16-bit PCM."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(_samples(seconds, rate).repeat(channels).tobytes())
    return buffer.getvalue()


def _samples(seconds: float, rate: int) -> Any:
    return (np.sin(np.arange(int(seconds * rate)) * 440 * 2 * np.pi / rate) * 12000).astype("<i2")


def _tone(out: Any, stream: Any, seconds: float) -> None:
    frame = av.AudioFrame.from_ndarray(_samples(seconds, stream.rate)[None, :], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = stream.rate, 0, Fraction(1, stream.rate)
    resampler = av.AudioResampler(
        stream.format.name, "mono", stream.rate, frame_size=stream.codec_context.frame_size or 1024
    )
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        out.mux(stream.encode(piece))
    out.mux(stream.encode(None))


class _Pipe(io.BytesIO):
    """A target that cannot go back, as when a server streams what it encodes."""

    def seekable(self) -> bool:
        return False
