"""The figures that two runs are compared by: how each is read out of a group of calls, and which way is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from viralai_sdk.bench.intervals import CONFIDENCE, Interval, bootstrap, ratio, share_difference, wilson
from viralai_sdk.bench.summary import Group, busy_seconds, throughput
from viralai_sdk.interfaces.money import dollars

Unit = Literal["s", "$", "%", "/s"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure.

    Attributes:
        source: what of a call it is made from; see `Group.values`.
        statistic: how calls become one figure; "rate" and "throughput" are made from all calls together.
        less_is_better: False for throughput.
    """

    name: str
    source: str
    statistic: str
    unit: Unit
    less_is_better: bool = True

    def of(self, group: Group, confidence: float = CONFIDENCE, seed: int = 0) -> Interval:
        """The figure of one run's group."""
        if self.statistic == "rate":
            return wilson(group.failed, group.ended, confidence)
        if self.statistic == "throughput":
            return throughput(group, confidence=confidence, seed=seed)
        return bootstrap(group.values(self.source), self.statistic, confidence=confidence, seed=seed)

    def change(self, new: Group, old: Group, confidence: float = CONFIDENCE, seed: int = 0) -> Interval:
        """New over old; for shares the difference new − old, since a share of nothing has no ratio."""
        if self.statistic == "rate":
            return share_difference((new.failed, new.ended), (old.failed, old.ended), confidence)
        if self.statistic == "throughput":
            return _throughput_ratio(new, old, confidence, seed)
        return ratio(new.values(self.source), old.values(self.source), self.statistic, confidence=confidence, seed=seed)

    @property
    def neutral(self) -> float:
        """The change that is none."""
        return 0.0 if self.statistic == "rate" else 1.0


def _throughput_ratio(new: Group, old: Group, confidence: float, seed: int) -> Interval:
    """By the mean times of a call, turned round; see `throughput`."""
    first, second = throughput(new), throughput(old)
    n = min(first.n, second.n)
    if not first.value or not second.value:
        return Interval(None, None, None, n)
    value = first.value / second.value
    times = ratio(_times(new), _times(old), "mean", confidence=confidence, seed=seed)
    if times.value is None or not times.low or not times.high:
        return Interval(value, None, None, n)
    return Interval(value, value * times.value / times.high, value * times.value / times.low, n)


def _times(group: Group) -> Sequence[float]:
    return [row.service_seconds for row in group.rows] if busy_seconds(group) else []


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("p50", "latency", "p50", "s"),
        Measure("p95", "latency", "p95", "s"),
        Measure("p99", "latency", "p99", "s"),
        Measure("mean", "latency", "mean", "s"),
        Measure("first_p50", "first", "p50", "s"),
        Measure("first_p95", "first", "p95", "s"),
        Measure("failure_rate", "", "rate", "%"),
        Measure("throughput", "", "throughput", "/s", less_is_better=False),
        Measure("cost", "cost", "mean", "$"),
    )
}
COMPARED = ("p50", "p95", "first_p50", "failure_rate", "throughput", "cost")
"""What a comparison looks at when nobody says otherwise: fewer figures, narrower intervals."""


def shown(value: float | None, unit: Unit) -> str:
    """A figure with its unit."""
    if value is None:
        return "unknown"
    if unit == "%":
        return f"{100 * value:.1f} %"
    if unit == "$":
        return dollars(value)
    return f"{value:.3f} s" if unit == "s" else f"{value:.2f}/s"
