"""Level and edges: the same finishing for every engine, so nothing clips and nothing begins with a long silence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from viralai_sdk.providers.embedded.voice.model import Word

PEAK = 0.97 * 32767
LEAD, TAIL = 0.05, 0.20
# 0.3 % of full scale: below the level of any speech sound here.
_SILENCE = 100.0
_BLOCK = 1 << 20


def finish(
    samples: NDArray[np.int16] | NDArray[np.float32],
    scale: float,
    words: Sequence[Word],
    sample_rate: int,
    volume: float,
    tick: Callable[[], None],
) -> tuple[NDArray[np.int16], tuple[Word, ...], tuple[str, ...]]:
    """Trim silent edges, apply the volume, keep the peak below full scale. Returns samples, moved words and notes.

    `scale` brings the samples to the 16-bit range. Works in blocks, with `tick` called at each (it may raise):
    an hour of speech must neither need gigabytes nor be impossible to cancel.
    """
    first, last, peak = _edges(samples, scale, tick)
    begin = max(0, first - round(LEAD * sample_rate))
    end = min(len(samples), last + round(TAIL * sample_rate))
    notes: tuple[str, ...] = ()
    gain = volume
    if peak * gain > PEAK:
        gain = PEAK / peak
        if volume > 1.0:
            notes = (f"volume {volume:g} lowered to {gain:.2f}: louder would clip",)
    if volume == 0.0:
        notes = ("volume 0: the speech is silent, as asked",)
    finished = np.empty(end - begin, dtype=np.int16)
    for at in range(0, len(finished), _BLOCK):
        tick()
        block = samples[begin + at : min(begin + at + _BLOCK, end)]
        finished[at : at + len(block)] = np.round(block * (gain * scale))
    offset, length = begin / sample_rate, len(finished) / sample_rate
    moved = tuple(
        Word(word.text, min(max(word.start - offset, 0.0), length), min(max(word.end - offset, 0.0), length))
        for word in words
    )
    return finished, moved, notes


def _edges(
    samples: NDArray[np.int16] | NDArray[np.float32], scale: float, tick: Callable[[], None]
) -> tuple[int, int, float]:
    """First and last audible sample (the whole when none is) and the peak in the 16-bit range."""
    first, last, peak = None, 0, 0.0
    for at in range(0, len(samples), _BLOCK):
        tick()
        level = np.abs(samples[at : at + _BLOCK] * scale)
        peak = max(peak, float(level.max()))
        loud = np.flatnonzero(level > _SILENCE)
        if loud.size:
            first = at + int(loud[0]) if first is None else first
            last = at + int(loud[-1])
    return (0, len(samples), peak) if first is None else (first, last, peak)
