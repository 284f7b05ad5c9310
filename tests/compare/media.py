"""Media with known answers, and the responses that carry them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from viralai_sdk.compare.decode.sounds import encode_wav
from viralai_sdk.interfaces.image import ImageGenerationResponse
from viralai_sdk.interfaces.speech import SpeechSynthesisResponse
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.interfaces.video import VideoGenerationResponse

Samples = NDArray[np.float32]


def response_of(*results: Path | str | None, **details: Any) -> Any:
    """The response of a service with these results: pictures, a film or sound by the file's name, or a text; None is a film to come."""
    first = results[0]
    common: dict[str, Any] = {"provider_used": "openai", "model_used": "m-1", "session_id": "s-1", **details}
    if isinstance(first, str):
        return TextGenerationResponse(text=first, **common)
    if first is None or first.suffix in (".mp4", ".webm", ".mov"):
        return VideoGenerationResponse(video_path=str(first) if first else None, **common)
    if first.suffix in (".wav", ".mp3", ".ogg", ".flac"):
        return SpeechSynthesisResponse(audio_path=str(first), duration=0.0, **common)
    return ImageGenerationResponse(image_paths=[str(path) for path in results], **common)


def tone(hertz: float, seconds: float, *, amplitude: float = 0.5, rate: int = 48_000) -> Samples:
    """A sine."""
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def write_wav(path: Path, samples: Samples, *, rate: int = 48_000) -> Path:
    """Samples as 16-bit WAV; one column is one channel."""
    path.write_bytes(encode_wav(samples.reshape(len(samples), -1), rate))
    return path


def write_film(
    path: Path,
    *,
    seconds: float = 2.0,
    fps: int = 12,
    size: tuple[int, int] = (160, 96),
    frames: Sequence[NDArray[np.uint8]] | None = None,
    sound: Samples | None = None,
    codec: str = "libx264",
) -> Path:
    """A film of these pictures (noise that changes when there are none) with this mono sound at 48 kHz."""
    if frames is None:
        chance = np.random.default_rng(3)
        base = chance.integers(0, 255, (size[1] // 8, size[0] // 8, 3), np.uint8)
        frames = [np.roll(base.repeat(8, 0).repeat(8, 1), 4 * number, axis=1) for number in range(round(seconds * fps))]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        audio: Any = container.add_stream("aac", rate=48_000, layout="mono") if sound is not None else None
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode(None))
        if sound is not None:
            for at in range(0, len(sound), 1024):
                piece = av.AudioFrame.from_ndarray(sound[at : at + 1024].reshape(1, -1), format="fltp", layout="mono")
                piece.sample_rate, piece.pts = 48_000, at
                container.mux(audio.encode(piece))
            container.mux(audio.encode(None))
    return path
