"""Level and edges: the same finishing for every engine, so nothing clips and nothing begins with a long silence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from viralai_sdk.providers.embedded.voice.model import Word

PEAK = 0.97 * 32767
LEAD, TAIL = 0.05, 0.20
# 0.3 % of full scale: below the level of any speech sound here.
_SILENCE = 100.0


def finish(
    samples: NDArray[np.float64], words: Sequence[Word], sample_rate: int, volume: float
) -> tuple[NDArray[np.int16], tuple[Word, ...], tuple[str, ...]]:
    """Trim silent edges, apply the volume, keep the peak below full scale. Returns samples, moved words and notes."""
    loud = np.flatnonzero(np.abs(samples) > _SILENCE)
    first, last = (int(loud[0]), int(loud[-1])) if loud.size else (0, len(samples))
    begin = max(0, first - round(LEAD * sample_rate))
    end = min(len(samples), last + round(TAIL * sample_rate))
    kept = samples[begin:end]
    notes: tuple[str, ...] = ()
    peak = float(np.abs(kept).max(initial=0.0))
    gain = volume
    if peak * gain > PEAK:
        gain = PEAK / peak
        if volume > 1.0:
            notes = (f"volume {volume:g} lowered to {gain:.2f}: louder would clip",)
    if volume == 0.0:
        notes = ("volume 0: the speech is silent, as asked",)
    offset, length = begin / sample_rate, len(kept) / sample_rate
    moved = tuple(
        Word(word.text, min(max(word.start - offset, 0.0), length), min(max(word.end - offset, 0.0), length))
        for word in words
    )
    return np.round(kept * gain).astype(np.int16), moved, notes
