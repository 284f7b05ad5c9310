"""From rows to figures: percentiles, throughput, failures, cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from viralai_sdk.bench.intervals import NOTHING, STATISTICS, Interval, bootstrap, wilson
from viralai_sdk.bench.rows import Row
from viralai_sdk.bench.schedule import OPEN_LEVEL


@dataclass(frozen=True)
class Group:
    """The calls of one arm at one level that count.

    Attributes:
        rows: warm calls that ended by themselves, failures included.
        cold: those that met a cold connection.
    """

    arm: str
    concurrency: int
    rows: tuple[Row, ...]
    cold: tuple[Row, ...]

    @property
    def good(self) -> list[Row]:
        """The calls that gave a result."""
        return [row for row in self.rows if row.ok]

    @property
    def seconds(self) -> list[float]:
        """Latencies of the calls that gave a result: a fast refusal is no fast answer."""
        return [row.seconds for row in self.rows if row.ok]

    @property
    def failed(self) -> int:
        """Calls that failed, cold ones included: a failure is one whatever the connection."""
        return sum(not row.ok for row in (*self.rows, *self.cold))

    @property
    def ended(self) -> int:
        """Calls that ended by themselves, cold ones included."""
        return len(self.rows) + len(self.cold)

    def values(self, metric: str) -> list[float]:
        """What a metric is computed from: "latency", "service", "first" or "cost"."""
        if metric == "cost":
            return [row.cost_usd for row in self.good if row.cost_usd is not None]
        if metric == "first":
            return [row.first for row in self.good if row.first is not None]
        return [row.service_seconds if metric == "service" else row.seconds for row in self.good]


def groups(rows: Sequence[Row]) -> list[Group]:
    """Rows of the closed and the open loop by arm and level, in order of first appearance."""
    found: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        if row.phase != "warm_up" and row.outcome != "cancelled":
            found.setdefault((row.arm, row.concurrency), []).append(row)
    return [
        Group(arm, level, tuple(row for row in mine if not row.cold), tuple(row for row in mine if row.cold))
        for (arm, level), mine in found.items()
    ]


def headline(rows: Sequence[Row]) -> dict[str, Group]:
    """Arm → the group its first figures are from: the lowest level of the closed loop, else the open one."""
    found: dict[str, Group] = {}
    for group in sorted(groups(rows), key=lambda group: group.concurrency or 1 << 30):
        found.setdefault(group.arm, group)
    return found


def summarise(rows: Sequence[Row], *, seed: int = 0) -> list[dict[str, Any]]:
    """One summary for each arm, in order of first appearance."""
    arms = list(dict.fromkeys(row.arm for row in rows))
    by_level = groups(rows)
    first = headline(rows)
    return [_arm(arm, [row for row in rows if row.arm == arm], first.get(arm), by_level, seed) for arm in arms]


def _arm(arm: str, rows: Sequence[Row], first: Group | None, by_level: Sequence[Group], seed: int) -> dict[str, Any]:
    ended = [row for row in rows if row.outcome != "cancelled"]
    models = list(dict.fromkeys(row.model for row in rows if row.model))
    return {
        "arm": arm,
        "providers": list(dict.fromkeys(row.provider for row in rows)),
        "models": models,
        "calls": len(ended),
        "succeeded": sum(row.ok for row in ended),
        "failed": sum(not row.ok for row in ended),
        "cancelled": len(rows) - len(ended),
        "failures": _failures(ended),
        "cold": _cold(ended),
        "headline": _level(first, seed) if first is not None else None,
        "levels": [_level(group, seed) for group in by_level if group.arm == arm],
        "cost": _cost(ended),
        "retries": sum(row.retries or 0 for row in ended),
        "metrics": _metrics(ended),
    }


def _level(group: Group, seed: int) -> dict[str, Any]:
    told: dict[str, Any] = {"concurrency": group.concurrency, "open_loop": group.concurrency == OPEN_LEVEL}
    told |= {"calls": group.ended, "failed": group.failed, "cold": len(group.cold)}
    told["failure_rate"] = wilson(group.failed, group.ended).to_dict()
    for name, metric in (("latency", "latency"), ("service", "service"), ("first", "first")):
        values = group.values(metric)
        if metric == "first" and not values:
            continue
        told[name] = {one: bootstrap(values, one, seed=seed).to_dict() for one in STATISTICS}
    told["cost_per_call"] = bootstrap(group.values("cost"), "mean", seed=seed).to_dict()
    busy = busy_seconds(group)
    rate = throughput(group, seed=seed)
    told["throughput"] = rate.to_dict()
    told["busy_seconds"] = busy
    told["in_flight"] = sum(row.service_seconds for row in (*group.rows, *group.cold)) / busy if busy else None
    return told


def busy_seconds(group: Group) -> float:
    """Seconds in which at least one call of the group was under way: while others had their turn nothing was asked of this arm."""
    spans = sorted((row.started, row.ended) for row in (*group.rows, *group.cold))
    total, until = 0.0, float("-inf")
    for start, end in spans:
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def throughput(group: Group, *, confidence: float = 0.95, seed: int = 0) -> Interval:
    """Results a second while the arm had its turn.

    The interval carries over that of the mean time a call takes (Little's law: with so many places, throughput is places over time).
    """
    busy = busy_seconds(group)
    good = sum(row.ok for row in (*group.rows, *group.cold))
    if not busy:
        return NOTHING
    value = good / busy
    mean = bootstrap([row.service_seconds for row in group.rows], "mean", confidence=confidence, seed=seed)
    if mean.value is None or mean.low is None or mean.high is None or not mean.low:
        return Interval(value, None, None, good)
    return Interval(value, value * mean.value / mean.high, value * mean.value / mean.low, good)


def _failures(rows: Sequence[Row]) -> dict[str, Any]:
    failed = [row for row in rows if not row.ok]
    classes = Counter(row.error or "unknown" for row in failed)
    told = {name: {"calls": count, **wilson(count, len(rows)).to_dict()} for name, count in classes.most_common()}
    return {"rate": wilson(len(failed), len(rows)).to_dict(), "by_class": told}


def _cold(rows: Sequence[Row]) -> dict[str, Any]:
    cold = [row for row in rows if row.cold]
    return {"calls": len(cold), "seconds": [row.seconds for row in cold if row.ok]}


def _cost(rows: Sequence[Row]) -> dict[str, Any]:
    """Warm-up is paid for as well, so the total counts it; a price that is not known is counted, never taken as 0."""
    good = [row for row in rows if row.ok]
    known = [row.cost_usd for row in good if row.cost_usd is not None]
    return {
        "total_usd": sum(known),
        "mean_usd": sum(known) / len(known) if known else None,
        "unknown": len(good) - len(known),
        "perhaps_charged": sum(row.billed in ("yes", "maybe") for row in rows if not row.ok),
        "sources": dict(Counter(row.cost_source or "unknown" for row in good)),
    }


def _metrics(rows: Sequence[Row]) -> dict[str, Any]:
    """Mean of every measured number, share of every yes or no."""
    values = sorted(
        (name, float(value))
        for row in rows
        if row.ok
        for name, value in row.metrics.items()
        if isinstance(value, (int, float))
    )
    found = {}
    for name, pairs in groupby(values, lambda pair: pair[0]):
        numbers = [value for _, value in pairs]
        found[name] = {"mean": sum(numbers) / len(numbers), "n": len(numbers)}
    return found
