"""Measurements of a sound's level: loudness, peak, clipping, silence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from viralai_sdk.compare.cells import Value
from viralai_sdk.compare.decode.sounds import Sound, loudness

FULL = 0.9998
"""A sample from here on is at full scale; 16 bits reach 0.99997."""
_RUN = 3
_QUIET = 10 ** (-40 / 10)
"""Power below that of the loudest tenth of a second at which a moment counts as silence."""


def describe(sound: Sound) -> dict[str, Value]:
    """All measurements of a sound's level."""
    value, state = loudness(sound)
    top = float(np.abs(sound.samples).max(initial=0.0))
    return {
        "loudness": value,
        "loudness_state": state,
        "peak": float(20 * np.log10(top)) if top > 0 else None,
        "clipping": 100 * clipped(sound.samples),
        "silence_share": silence_share(sound),
    }


def clipped(samples: NDArray[np.float32]) -> float:
    """Share of samples in runs of three or more at full scale, over all channels."""
    count = 0
    for column in samples.T:
        full = np.concatenate(([0], (np.abs(column) >= FULL).astype(np.int8), [0]))
        steps = np.flatnonzero(np.diff(full))
        runs = steps[1::2] - steps[::2]
        count += int(runs[runs >= _RUN].sum())
    return count / max(1, samples.size)


def silence_share(sound: Sound) -> float:
    """Share of moments of 20 ms that are 40 dB or more below the loudest tenth of a second; 1 for silence."""
    size = max(1, round(0.02 * sound.rate))
    whole = len(sound.samples) // size * size
    if not whole:
        return float(not np.any(sound.samples))
    power = (sound.mono()[:whole].astype(np.float64) ** 2).reshape(-1, size).mean(axis=1)
    loudest = float(np.convolve(power, np.ones(5) / 5, "same").max())
    return float((power <= max(loudest * _QUIET, 1e-10)).mean())
