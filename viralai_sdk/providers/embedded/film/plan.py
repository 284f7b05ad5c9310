"""What goes into a film and what comes out: plain data, checked once at the door."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ENGINE = "embedded/procedural-video@1"

MIN_SIDE, MAX_SIDE = 16, 4096
MIN_DURATION, MAX_DURATION = 0.5, 120.0
MIN_FPS, MAX_FPS = 1.0, 60.0
MAX_NARRATION = 600.0
"""Seconds of narration that may stretch a film beyond its planned duration."""

ProgressFn = Callable[[float, str, "Image.Image | None"], None]
"""``(fraction 0..1, stage, preview of at most 256 px or None)``. May raise to cancel the film; the exception comes
out of `shoot`."""

Painter = Callable[[str, int, int, int], Image.Image]
"""``(scene prompt, width, height, seed) -> RGB still``. Always called from the thread that called `shoot`."""


class FilmPlanError(ValueError):
    """A field of a plan cannot be filmed. `field` names it; the message says what would be accepted."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class NoVideoEncoderError(RuntimeError):
    """Neither PyAV nor a Pillow with AVIF support is installed, so no video can be written on this machine."""


@dataclass(frozen=True, slots=True)
class TimedWord:
    """One spoken word with its start and end, in seconds from the beginning of the narration."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Narration:
    """Speech for the sound track: int16 mono `samples` at `sample_rate` Hz, and the words with their times."""

    samples: NDArray[np.int16]
    sample_rate: int
    words: tuple[TimedWord, ...] = ()

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.dtype != np.int16:
            shape = f"{self.samples.dtype} of shape {self.samples.shape}"
            raise FilmPlanError("narration.samples", f"expected int16 mono, one dimension; got {shape}")
        if not 4_000 <= self.sample_rate <= 192_000:
            raise FilmPlanError("narration.sample_rate", f"expected 4,000 to 192,000 Hz, got {self.sample_rate}")
        if self.duration > MAX_NARRATION:
            raise FilmPlanError("narration", f"{self.duration:.0f} s is longer than {MAX_NARRATION:.0f} s; split it")

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True, slots=True)
class FilmPlan:
    """Everything `shoot` needs besides a painter.

    `width` and `height` in pixels (16 to 4096; odd sizes are rounded down), `fps` 1 to 60, `duration` 0.5 to 120
    seconds. `first_frame` starts the film (image-to-video). `captions` burns the narration's words in; `music` lays a
    soft generated pad under it. `comment` is written into the file's metadata.

    Raises FilmPlanError when a value is outside these limits.
    """

    prompt: str
    width: int = 1280
    height: int = 720
    fps: float = 24.0
    duration: float = 5.0
    seed: int = 0
    narration: Narration | None = None
    captions: bool = True
    comment: str = ""
    first_frame: Image.Image | None = None
    music: bool = False

    def __post_init__(self) -> None:
        if not self.prompt.strip() and self.first_frame is None:
            raise FilmPlanError("prompt", "is empty; describe at least one scene or give a first_frame")
        for name, side in (("width", self.width), ("height", self.height)):
            if not MIN_SIDE <= side <= MAX_SIDE:
                raise FilmPlanError(name, f"expected {MIN_SIDE} to {MAX_SIDE} pixels, got {side}")
        for name, value, low, high in (
            ("fps", self.fps, MIN_FPS, MAX_FPS),
            ("duration", self.duration, MIN_DURATION, MAX_DURATION),
        ):
            if not (math.isfinite(value) and low <= value <= high):
                raise FilmPlanError(name, f"expected {low:g} to {high:g}, got {value}")
        if self.first_frame is not None and min(self.first_frame.size) < 1:
            raise FilmPlanError("first_frame", "has no pixels")


@dataclass(frozen=True, slots=True)
class Film:
    """A finished film on disk. `captions` is WebVTT text, `notes` say in plain words what was adjusted or left out."""

    path: Path
    width: int
    height: int
    fps: float
    duration: float
    frames: int
    video_codec: str
    audio_codec: str | None
    captions: str | None
    scenes: tuple[str, ...]
    engine: str = ENGINE
    notes: tuple[str, ...] = ()


def frame_rate(fps: float) -> Fraction:
    """`fps` as the exact rate a container stores: 23.976, 29.97 and 59.94 mean the NTSC rates over 1001."""
    for nominal in (24, 30, 48, 60):
        ntsc = Fraction(nominal * 1000, 1001)
        if abs(fps - ntsc) < 0.0015:
            return ntsc
    return Fraction(fps).limit_denominator(1000)


def even(side: int) -> int:
    """The largest even number not above `side`; 4:2:0 video stores one colour sample for two by two pixels."""
    return side - side % 2
