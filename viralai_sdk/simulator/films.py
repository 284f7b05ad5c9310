"""Small real films for simulated answers."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from viralai_sdk.simulator.media import RATE

SIDES = {"360p": 360, "720p": 720, "1080p": 1080, "4k": 2160}
"""Named resolutions → short side in pixels."""


def size_of(ratio: str, resolution: str) -> tuple[int, int]:
    """Width and height of a film."""
    wide, high = map(int, ratio.split(":"))
    short = SIDES[resolution]
    long = round(short * max(wide, high) / min(wide, high) / 2) * 2
    return (long, short) if wide >= high else (short, long)


def film(still: Image.Image, seconds: float, *, fps: int = 24, sound: bytes | None = None) -> bytes:
    """An MP4 file: the picture with a bar that fills as time passes, and sound if there is any.

    Args:
        sound: mono samples, 16 bit; looped or cut to the film's length.

    Raises:
        ImportError: films need PyAV (extra `video`).
    """
    import av

    buffer = io.BytesIO()
    base = np.asarray(still.convert("RGB")).copy()
    frames = max(1, round(seconds * fps))
    bar = max(4, base.shape[0] // 40)
    with av.open(buffer, "w", format="mp4") as output:
        video: Any = output.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "30"})
        video.width, video.height, video.pix_fmt = still.width, still.height, "yuv420p"
        audio: Any = output.add_stream("aac", rate=RATE, layout="mono") if sound is not None else None
        for number in range(frames):
            base[-bar:, : round(still.width * (number + 1) / frames)] = 255
            output.mux(video.encode(av.VideoFrame.from_ndarray(base, format="rgb24")))
        output.mux(video.encode(None))
        if audio is not None and sound is not None:
            _add_sound(av, output, audio, sound, seconds)
    return buffer.getvalue()


def _add_sound(av: Any, output: Any, audio: Any, sound: bytes, seconds: float) -> None:
    wanted = round(seconds * RATE) * 2
    looped = (sound * (wanted // max(1, len(sound)) + 1))[:wanted]
    frame = av.AudioFrame.from_ndarray(np.frombuffer(looped, "<i2").reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = RATE
    resampler = av.AudioResampler(audio.format, "mono", RATE, frame_size=audio.codec_context.frame_size)
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        output.mux(audio.encode(piece))
    output.mux(audio.encode(None))
