"""Real pictures and recordings for simulated answers. Small and quick; an engine with more to show can take its place."""

from __future__ import annotations

import hashlib
import io
import math
import wave
from array import array
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageDraw

RATE = 24_000
"""Samples a second of every recording, mono, 16 bit."""
CODECS = {"mp3": ("mp3", "mp3"), "opus": ("ogg", "libopus"), "aac": ("adts", "aac"), "flac": ("flac", "flac")}
"""Audio format → PyAV container and codec."""


class MediaMaker(Protocol):
    """Makes the media of simulated answers. The same arguments give the same bytes."""

    def picture(self, prompt: str, width: int, height: int) -> Image.Image:
        """A picture of exactly this size."""

    def samples(self, text: str, *, voice: str, speed: float) -> bytes:
        """Speech, or what stands for it: mono samples at `RATE`, signed 16 bit, little endian."""


class SmallMedia:
    """Gradients and tones whose colour and pitch come from the words."""

    def picture(self, prompt: str, width: int, height: int) -> Image.Image:
        """A diagonal blend of two colours with the prompt's first words on it."""
        digest = hashlib.sha256(prompt.encode("utf-8", "replace")).digest()
        corners = Image.new("RGB", (2, 2))
        corners.putdata([tuple(digest[start : start + 3]) for start in (0, 3, 6, 9)])
        image = corners.resize((width, height), Image.Resampling.BILINEAR)
        label = prompt[:40].encode("ascii", "replace").decode("ascii")
        ImageDraw.Draw(image).text((width // 20, height // 2), label, fill=(255, 255, 255))
        return image

    def samples(self, text: str, *, voice: str, speed: float) -> bytes:
        """One short tone a word."""
        base = 140 + hashlib.sha256(voice.encode()).digest()[0]
        sound = array("h")
        for word in text.split()[:400]:
            pitch = base * 2 ** (sum(word.encode("utf-8", "replace")) % 12 / 12)
            length = int(RATE * (0.08 + 0.02 * min(len(word), 10)) / speed)
            swing = 2 * math.pi * pitch / RATE
            sound.extend(int(9000 * math.sin(swing * i) * math.sin(math.pi * i / length)) for i in range(length))
            sound.extend([0] * int(RATE * 0.04 / speed))
        return sound.tobytes()


class EngineMedia:
    """The embedded engines: painted scenes and real speech. Prettier and some hundred times slower than `SmallMedia`.

    Raises:
        ImportError: on construction; the engines are not installed.
    """

    def __init__(self) -> None:
        from viralai_sdk.providers.embedded.drawing import draw
        from viralai_sdk.providers.embedded.voice import speak

        self._draw = draw
        self._speak = speak

    def picture(self, prompt: str, width: int, height: int) -> Image.Image:
        """A painted scene."""
        return self._draw(prompt, width, height, draft=True).image

    def samples(self, text: str, *, voice: str, speed: float) -> bytes:
        """The text, spoken; the engine's own speed range is narrower than some vendors'."""
        spoken = self._speak(text, speed=min(max(speed, 0.5), 2.5))
        length = round(spoken.duration * RATE)
        places = np.linspace(0, len(spoken.samples) - 1, length)
        return np.interp(places, np.arange(len(spoken.samples)), spoken.samples).astype("<i2").tobytes()


def encode_picture(image: Image.Image, kind: str) -> bytes:
    """A picture as png, webp, jpeg or gif."""
    buffer = io.BytesIO()
    (image.convert("RGB") if kind == "jpeg" else image).save(buffer, kind.upper())
    return buffer.getvalue()


def encode_audio(samples: bytes, kind: str) -> bytes:
    """Samples as wav, pcm, mp3, opus, aac or flac.

    Raises:
        ImportError: the compressed formats need PyAV (extra `video`).
    """
    if kind == "pcm":
        return samples
    buffer = io.BytesIO()
    if kind == "wav":
        with wave.open(buffer, "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(samples)
        return buffer.getvalue()
    import av

    container, codec = CODECS[kind]
    with av.open(buffer, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=RATE, layout="mono")
        frame = _frame(av, samples)
        resampler = av.AudioResampler(stream.format, "mono", stream.rate, frame_size=stream.codec_context.frame_size)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def _frame(av: Any, samples: bytes) -> Any:
    frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples) // 2)
    frame.planes[0].update(samples.ljust(frame.planes[0].buffer_size, b"\0"))
    frame.sample_rate = RATE
    return frame
