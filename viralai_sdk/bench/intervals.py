"""How sure a figure is: percentile bootstrap for latencies and costs, Wilson for shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
RESAMPLES = 2000
_CELLS = 4_000_000
"""Drawn values in memory at once."""

Floats: TypeAlias = NDArray[np.float64]
Statistic: TypeAlias = Callable[[Floats], Floats]
"""Reduces the last axis."""


def _quantile(share: float) -> Statistic:
    def of(values: Floats) -> Floats:
        return np.asarray(np.quantile(values, share, axis=-1))

    return of


def _mean(values: Floats) -> Floats:
    return np.asarray(values.mean(axis=-1))


STATISTICS: Mapping[str, Statistic] = {"p50": _quantile(0.5), "p95": _quantile(0.95), "p99": _quantile(0.99), "mean": _mean}
ENOUGH: Mapping[str, int] = {"p50": 6, "p95": 20, "p99": 100, "mean": 6}
"""Fewer values say nothing about the statistic's spread: below 1/(1−q) values a quantile is the largest one."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and between which bounds it lies; the bounds are None when there are too few values for any."""

    value: float | None
    low: float | None
    high: float | None
    n: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


NOTHING = Interval(None, None, None, 0)


def bootstrap(
    values: Sequence[float], statistic: str, *, confidence: float = CONFIDENCE, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """A statistic of values, with its percentile bootstrap interval.

    Args:
        statistic: a name in STATISTICS.
    """
    data = np.asarray(values, dtype=float)
    if not data.size:
        return NOTHING
    of = STATISTICS[statistic]
    value = float(of(data))
    if data.size < ENOUGH[statistic]:
        return Interval(value, None, None, data.size)
    drawn = _drawn(data, of, resamples, np.random.default_rng(seed))
    low, high = np.quantile(drawn, _tails(confidence))
    return Interval(value, float(low), float(high), data.size)


def ratio(
    new: Sequence[float],
    old: Sequence[float],
    statistic: str,
    *,
    confidence: float = CONFIDENCE,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """A statistic of the new values over that of the old ones, both resampled. `n` is the smaller count."""
    first, second = np.asarray(new, dtype=float), np.asarray(old, dtype=float)
    n = min(first.size, second.size)
    of = STATISTICS[statistic]
    if not n or not float(of(second)):
        return Interval(None, None, None, n)
    value = float(of(first)) / float(of(second))
    if n < ENOUGH[statistic]:
        return Interval(value, None, None, n)
    chance = np.random.default_rng(seed)
    below = _drawn(second, of, resamples, chance)
    above = _drawn(first, of, resamples, chance)
    kept = below > 0
    if not kept.all():
        return Interval(value, None, None, n)
    low, high = np.quantile(above / below, _tails(confidence))
    return Interval(value, float(low), float(high), n)


def wilson(hits: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """A share with its Wilson score interval."""
    if not n:
        return NOTHING
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(share, max(middle - half, 0.0), min(middle + half, 1.0), n)


def share_difference(new: tuple[int, int], old: tuple[int, int], confidence: float = CONFIDENCE) -> Interval:
    """Difference of two shares (hits, n) with Newcombe's interval, which holds for small counts and for none."""
    if not new[1] or not old[1]:
        return Interval(None, None, None, min(new[1], old[1]))
    first, second = wilson(*new, confidence), wilson(*old, confidence)
    assert first.value is not None and first.low is not None and first.high is not None
    assert second.value is not None and second.low is not None and second.high is not None
    value = first.value - second.value
    low = value - math.hypot(first.value - first.low, second.high - second.value)
    high = value + math.hypot(first.high - first.value, second.value - second.low)
    return Interval(value, low, high, min(new[1], old[1]))


def _drawn(data: Floats, of: Statistic, resamples: int, chance: np.random.Generator) -> Floats:
    if data.size > 1 and float(data.min()) == float(data.max()):
        return np.full(resamples, float(of(data)))
    rows = max(1, _CELLS // data.size)
    parts = []
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        parts.append(of(data[chance.integers(0, data.size, size=(count, data.size))]))
    return np.concatenate(parts)


def _tails(confidence: float) -> tuple[float, float]:
    return (1 - confidence) / 2, (1 + confidence) / 2
