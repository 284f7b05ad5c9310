"""What the speech engines take and give: the result types and the one error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

ProgressFn = Callable[[float, str], None]
"""Called with (fraction done 0..1, what is happening). It may raise to cancel: the engines never catch that."""

VoiceErrorKind = Literal[
    "unknown_language", "unknown_voice", "engine_missing", "engine_failed", "format", "ssml", "empty"
]


class VoiceError(Exception):
    """Speech could not be made. `kind` is for programs, the message says what was wrong and what to do."""

    def __init__(self, kind: VoiceErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind: VoiceErrorKind = kind

    def __reduce__(self) -> tuple[type[VoiceError], tuple[VoiceErrorKind, str]]:
        return type(self), (self.kind, str(self))


@dataclass(frozen=True, slots=True)
class Word:
    """One visible word with its punctuation, and when it sounds (seconds from the start of the samples)."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class VoiceInfo:
    """A voice that `speak(voice=id)` accepts. `gender` is what the engine declares: "male", "female" or None."""

    id: str
    name: str
    language: str
    gender: str | None
    engine: str


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """Speech as samples: int16, mono, shape (n,). `notes` says what was adjusted or could not be honoured."""

    samples: NDArray[np.int16]
    sample_rate: int
    words: tuple[Word, ...]
    engine: str
    voice: str
    language: str
    notes: tuple[str, ...] = ()

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True, slots=True)
class Delivery:
    """How to say it, already inside what the engines can do: speed factor, pitch in semitones, volume factor."""

    speed: float
    pitch: float
    volume: float
    seed: int
