"""Small real media files, made on the spot."""

from __future__ import annotations

import math
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw

from viralai_sdk.interfaces.records import Artifact


def picture(path: Path, size: tuple[int, int] = (1024, 768), hue: int = 20, *, noise: float = 6.0) -> Path:
    """A landscape of gradients with a sun: a picture that JPEG likes, with a little grain."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(float)
    sky = np.stack([40 + hue + 160 * y / height, 90 + 60 * y / height, 200 - 100 * y / height], axis=2)
    hills = y > height * (0.68 + 0.07 * np.sin(x / width * 9 + hue) + 0.03 * np.sin(x / width * 31))
    sky[hills] = np.array([30, 70 + hue, 60]) * (1.4 - y[hills] / height)[:, None]
    sky += np.random.default_rng(7).normal(0, noise, sky.shape)
    image = Image.fromarray(sky.clip(0, 255).astype("uint8"))
    radius, middle = height // 9, (int(width * 0.7), int(height * 0.35))
    box = [middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius]
    ImageDraw.Draw(image).ellipse(box, fill=(255, 226, 150))
    image.save(path)
    return path


def film(path: Path, size: tuple[int, int] = (320, 180), frames: int = 24, fps: int = 12) -> Path:
    """A ball that crosses the picture, as H.264 in MP4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(frames):
            image = Image.new("RGB", size, (28, 44, 70))
            at, radius = 20 + (size[0] - 40) * number // frames, size[1] // 6
            box = [at - radius, size[1] // 2 - radius, at + radius, size[1] // 2 + radius]
            ImageDraw.Draw(image).ellipse(box, fill=(240, 150, 60))
            container.mux(stream.encode(av.VideoFrame.from_image(image)))
        container.mux(stream.encode())
    return path


def recording(path: Path, seconds: float = 1.0, rate: int = 16_000) -> Path:
    """A tone as 16-bit mono WAV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = (math.sin(2 * math.pi * 220 * n / rate) * 9000 for n in range(int(seconds * rate)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.fromiter(samples, float).astype("<i2").tobytes())
    return path


def artifact(path: Path, media_type: str) -> Artifact:
    """The record of a file; its checksum is not asked for here."""
    return Artifact(path=path, media_type=media_type, size=path.stat().st_size, sha256="0" * 64)
