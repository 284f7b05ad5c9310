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


STATISTICS: Mapping[str, Statistic] = {
    "p50": _quantile(0.5),
    "p95": _quantile(0.95),
    "p99": _quantile(0.99),
    "mean": _mean,
}
ENOUGH: Mapping[str, int] = {"p50": 6, "p95": 20, "p99": 100, "mean": 6}
"""Fewer values say nothing about the statistic's spread: below 1/(1−q) values a quantile is the largest one."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and between which bounds it lies; the bounds are None when there are too few values for any."""

    value: float | None
    low: float | None
    high: float | None
    n: int

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Both bounds, None when there are none."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


NOTHING = Interval(None, None, None, 0)


def bootstrap(
    values: Sequence[float],
    statistic: str,
    *,
    confidence: float = CONFIDENCE,
    seed: int = 0,
    resamples: int = RESAMPLES,
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
    return Interval(*_wilson(hits, n, confidence), n) if n else NOTHING


def _wilson(hits: int, n: int, confidence: float) -> tuple[float, float, float]:
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # What rounding leaves must not keep the bound off its own value.
    return share, min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share)


def share_difference(new: tuple[int, int], old: tuple[int, int], confidence: float = CONFIDENCE) -> Interval:
    """Difference of two shares (hits, n) with Newcombe's interval, which holds for small counts and for none."""
    n = min(new[1], old[1])
    if not n:
        return Interval(None, None, None, n)
    now, now_low, now_high = _wilson(*new, confidence)
    then, then_low, then_high = _wilson(*old, confidence)
    value = now - then
    low = value - math.hypot(now - now_low, then_high - then)
    return Interval(value, low, value + math.hypot(now_high - now, then - then_low), n)


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
