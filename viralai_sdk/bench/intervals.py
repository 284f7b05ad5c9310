"""How sure a figure is: the SDK's bootstrap for latencies and costs, Wilson for shares; and when there is too little to say anything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from viralai_sdk.compare.statistics import Estimate, bootstrap_interval, newcombe_difference, ratio_interval
from viralai_sdk.compare.statistics import wilson as score_interval

CONFIDENCE = 0.95
RESAMPLES = 2000

STATISTICS: Mapping[str, float | str] = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "mean": "mean"}
"""Name → what the bootstrap calls it."""
ENOUGH: Mapping[str, int] = {"p50": 6, "p95": 20, "p99": 100, "mean": 6}
"""Fewer values bound nothing: below 1/(1−q) of them a quantile is nearly the largest one, and no resampling sees beyond that."""


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


def bootstrap(values: Sequence[float], statistic: str, *, confidence: float = CONFIDENCE, seed: int = 0) -> Interval:
    """A statistic (a name in STATISTICS) of values, with its bootstrap interval."""
    if not values:
        return NOTHING
    found = bootstrap_interval(values, _asked(statistic), confidence=confidence, resamples=RESAMPLES, seed=seed)
    return _interval(found, len(values), statistic)


def ratio(
    new: Sequence[float], old: Sequence[float], statistic: str, *, confidence: float = CONFIDENCE, seed: int = 0
) -> Interval:
    """A statistic of the new values over that of the old ones, both resampled. `n` is the smaller count.

    Values of 0, such as the cost of calls that are free, have no ratio: it is unknown.
    """
    n = min(len(new), len(old))
    if not n or min(*new, *old) <= 0:
        return Interval(None, None, None, n)
    found = ratio_interval(new, old, _asked(statistic), confidence=confidence, resamples=RESAMPLES, seed=seed)
    return _interval(found, n, statistic)


def wilson(hits: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """A share with its Wilson score interval."""
    return Interval(hits / n, *score_interval(hits / n, n, confidence), n) if n else NOTHING


def share_difference(new: tuple[int, int], old: tuple[int, int], confidence: float = CONFIDENCE) -> Interval:
    """Difference of two shares (hits, n) with Newcombe's interval, which holds for small counts and for none."""
    n = min(new[1], old[1])
    if not n:
        return Interval(None, None, None, n)
    first, second = (
        Estimate(hits / count, *score_interval(hits / count, count, confidence), count, "Wilson")
        for hits, count in (new, old)
    )
    found = newcombe_difference(first, second)
    return Interval(found.value, found.low, found.high, n)


def _asked(statistic: str) -> Any:
    return STATISTICS[statistic]


def _interval(found: Estimate, n: int, statistic: str) -> Interval:
    if n < ENOUGH[statistic] or not math.isfinite(found.low) or not math.isfinite(found.high):
        return Interval(found.value, None, None, n)
    return Interval(found.value, found.low, found.high, n)
