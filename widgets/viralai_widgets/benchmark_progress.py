"""What is known of a benchmark while it runs, as data for the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from viralai_sdk.bench.measures import shown
from viralai_sdk.bench.planning import BenchmarkPlan
from viralai_sdk.bench.rows import Row
from viralai_sdk.bench.verdicts import level_word
from viralai_sdk.interfaces.display import label
from viralai_sdk.interfaces.money import dollars
from viralai_sdk.store.redact import redact

FAILURES_SHOWN = 8


def progress(plan: BenchmarkPlan, rows: Sequence[Row]) -> dict[str, Any]:
    """Done of total, rate, failures, cost, and one line for each arm.

    Percentiles are those of the level that is being measured, without cold and warm-up calls; they have no intervals yet.
    """
    total, done = len(plan.slots), len(rows)
    failed = sum(row.outcome == "failed" for row in rows)
    seconds = max((row.ended for row in rows), default=0.0)
    rate = done / seconds if seconds else None
    words = [f"{done} of {total} calls"]
    if rate:
        words.append(f"{rate:.1f} a second")
    words.append(f"{failed} failed")
    words.append(_money(rows))
    if rate and done < total:
        words.append(f"about {_duration((total - done) / rate)} left")
    planned = Counter(slot.arm.name for slot in plan.slots)
    return {
        "done": done,
        "total": total,
        "failed": failed,
        "rate": rate,
        "words": " · ".join(word for word in words if word),
        "arms": [_arm(arm.name, planned[arm.name], [row for row in rows if row.arm == arm.name]) for arm in plan.arms],
        "failures": _failures(rows),
    }


def _arm(name: str, planned: int, rows: Sequence[Row]) -> dict[str, Any]:
    counted = [row for row in rows if row.phase != "warm_up" and row.outcome != "cancelled"]
    level = counted[-1].concurrency if counted else None
    good = [row.seconds for row in counted if row.ok and not row.cold and row.concurrency == level]
    p50, p95 = (float(value) for value in np.quantile(good, [0.5, 0.95])) if good else (None, None)
    return {
        "arm": label(name, 120),
        "done": len(rows),
        "total": planned,
        "failed": sum(row.outcome == "failed" for row in rows),
        "level": "" if level is None else level_word(level),
        "p50": shown(p50, "s") if good else "",
        "p95": shown(p95, "s") if good else "",
    }


def _failures(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """By arm and class, the most frequent first, each with its latest words."""
    failed = [row for row in rows if row.outcome == "failed"]
    counted = Counter((row.arm, row.error or "unknown") for row in failed)
    latest = {(row.arm, row.error or "unknown"): row.message or "" for row in failed}
    return [
        {"arm": label(arm, 120), "error": error, "calls": calls, "message": message_of(latest[arm, error])}
        for (arm, error), calls in counted.most_common(FAILURES_SHOWN)
    ]


def message_of(message: object) -> str:
    """A provider's words, bounded and without secrets."""
    return label(redact(str(message)), 300)


def _money(rows: Sequence[Row]) -> str:
    good = [row for row in rows if row.ok]
    unknown = sum(row.cost_usd is None for row in good)
    known = sum(row.cost_usd or 0.0 for row in good)
    if not good:
        return ""
    if unknown == len(good):
        return "cost unknown"
    return dollars(known) + (f" and {unknown} of unknown price" if unknown else "")


def _duration(seconds: float) -> str:
    return f"{max(seconds, 1):.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
