"""A painter and a voice that are quick, exact and need no other engine."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from viralai_sdk.providers.embedded.film import FilmPlan, Narration, TimedWord

RATE = 22_050
SENTENCE = "A red fox wakes up. Snow falls!"


def paint(prompt: str, width: int, height: int, seed: int) -> Image.Image:
    """A bright, structured picture that differs with the prompt and the seed."""
    digest = hashlib.sha256(f"{prompt}/{seed}".encode()).digest()
    random = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:8], "big")))
    cells = random.integers(70, 255, (9, 16, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC)


def speak(text: str = SENTENCE, *, seconds_per_word: float = 0.2, level: float = 0.25) -> Narration:
    """Each word a short tone burst, with its exact times."""
    words, samples, moment = [], [], 0.05
    samples.append(np.zeros(round(moment * RATE)))
    for token in text.split():
        length = round(seconds_per_word * RATE)
        time = np.arange(length) / RATE
        tone = np.sin(2 * np.pi * 220 * time) + 0.5 * np.sin(2 * np.pi * 1100 * time)
        samples.append(np.hanning(length) * tone * level)
        words.append(TimedWord(token, moment, moment + length / RATE))
        moment += length / RATE
    joined = np.concatenate(samples)
    return Narration((joined * 32767).astype(np.int16), RATE, tuple(words))


def small_plan(**changes: Any) -> FilmPlan:
    """A plan that films in well under a second."""
    fields: dict[str, Any] = {
        "prompt": "a fox in the snow",
        "width": 320,
        "height": 180,
        "fps": 12.0,
        "duration": 1.0,
        "seed": 3,
    }
    return FilmPlan(**{**fields, **changes})


def decoded(path: Path) -> list[NDArray[np.uint8]]:
    """Every frame of the first video stream as RGB."""
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]


def decoded_sound(path: Path) -> NDArray[np.float32]:
    """All sound as (channels, samples) in -1..1."""
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def difference(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean absolute difference of two frames, 0 to 255."""
    return float(np.abs(a.astype(np.int16) - b.astype(np.int16)).mean())
