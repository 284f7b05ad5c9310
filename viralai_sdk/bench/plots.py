"""The plots of a run. Each comes with the table behind it, says what it leaves out, and needs no colour to be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from viralai_sdk.bench.marks import Plot, axes, empty, legend, marks
from viralai_sdk.bench.results import SavedRun
from viralai_sdk.bench.rows import Row
from viralai_sdk.bench.summary import Group, headline
from viralai_sdk.interfaces.display.table import Table


def latency(run: SavedRun, *, first: bool = False) -> Plot:
    """Share of calls that were over after so many seconds, with p50, p95 and p99.

    Args:
        first: of the first piece of a streamed result instead of its end.
    """
    what = "the first piece" if first else "the result"
    figure, field = axes(f"Time to {what}", "seconds", "share of calls")
    looks = marks(arms_of(run))
    rows = []
    found = headline(run.rows)
    for arm, group in found.items():
        values = np.sort(group.values("first" if first else "latency"))
        if not values.size:
            continue
        look = looks[arm]
        name = f"{arm} (n={values.size})"
        # The same interpolation as the percentiles', so that their marks lie on the line.
        shares = np.linspace(0, 1, values.size)
        field.plot(values, shares, color=look.colour, linestyle=look.line, label=name)
        points = np.quantile(values, [0.5, 0.95, 0.99])
        field.plot(points, [0.5, 0.95, 0.99], look.marker, color=look.colour, markersize=7, markeredgecolor="white")
        rows.append({"arm": arm, "calls": values.size, "cold": len(group.cold)} | _spread(values, points))
    field.set_ylim(0, 1.03)
    field.set_xlim(left=0)
    for share, name in ((0.5, "p50"), (0.95, "p95")):
        field.axhline(share, color="#888888", linewidth=0.7)
        field.annotate(name, (1.0, share), xycoords=("axes fraction", "data"), fontsize=8, va="bottom", ha="right")
    legend(field)
    level = _level_words(found)
    caption = f"Seconds to {what}{level}; failed, cold and warm-up calls are left out"
    return Plot(figure, Table(rows, caption=caption), f"Share of calls over the seconds to {what}, for {_names(rows)}.")


def _spread(values: Any, points: Any) -> dict[str, float]:
    told = {"fastest": float(values[0]), "mean": float(values.mean())}
    told |= {name: float(point) for name, point in zip(("p50", "p95", "p99"), points, strict=True)}
    return told | {"slowest": float(values[-1])}


def throughput(run: SavedRun) -> Plot:
    """Results a second against the level of concurrency, with intervals."""
    figure, field = axes("Throughput", "calls kept in flight", "results a second")
    looks = marks(arms_of(run))
    rows = []
    for arm in run.summary["arms"]:
        levels = [
            level for level in arm["levels"] if not level["open_loop"] and level["throughput"]["value"] is not None
        ]
        if not levels:
            continue
        levels.sort(key=lambda level: level["concurrency"])
        look = looks[arm["arm"]]
        across = [level["concurrency"] for level in levels]
        up = [level["throughput"]["value"] for level in levels]
        field.plot(across, up, color=look.colour, marker=look.marker, linestyle=look.line, label=arm["arm"])
        for level in levels:
            told = level["throughput"]
            if told["low"] is not None:
                field.vlines(level["concurrency"], told["low"], told["high"], color=look.colour, linewidth=1.5)
            rows.append(_throughput_row(arm["arm"], level))
    field.set_ylim(bottom=0)
    seen = sorted({row["concurrency"] for row in rows})
    if len(seen) > 1 and seen[-1] / seen[0] > 8:
        field.set_xscale("log", base=2)
    field.set_xticks(seen, [str(level) for level in seen])
    field.minorticks_off()
    legend(field)
    caption = "Throughput by concurrency; “in flight” is what was really reached"
    return Plot(figure, Table(rows, caption=caption), f"Results a second against concurrency, for {_names(rows)}.")


def _throughput_row(arm: str, level: Mapping[str, Any]) -> dict[str, Any]:
    told = level["throughput"]
    return {
        "arm": arm,
        "concurrency": level["concurrency"],
        "per second": told["value"],
        "from": told["low"],
        "to": told["high"],
        "in flight": level["in_flight"],
        "p50": level["latency"]["p50"]["value"],
        "p95": level["latency"]["p95"]["value"],
        "failed": level["failed"],
    }


def failures(run: SavedRun) -> Plot:
    """Share of calls that failed, by class of error."""
    figure, field = axes("Failures", "share of all calls, with its 95 % interval", "")
    rows: list[dict[str, Any]] = []
    looks = marks(arms_of(run))
    for arm in run.summary["arms"]:
        for name, told in arm["failures"]["by_class"].items():
            rows.append(
                {
                    "arm": arm["arm"],
                    "error": name,
                    "calls": told["calls"],
                    "of": told["n"],
                    "share": told["value"],
                    "from": told["low"],
                    "to": told["high"],
                }
            )
    for place, row in enumerate(rows):
        look = looks[row["arm"]]
        field.hlines(place, row["from"], row["to"], color=look.colour, linewidth=2)
        field.plot(row["share"], place, look.marker, color=look.colour, markersize=8)
    if rows:
        field.set_yticks(range(len(rows)), [f"{row['arm']}: {row['error']}" for row in rows])
        field.set_ylim(len(rows) - 0.5, -0.5)
        field.set_xlim(left=0)
    else:
        empty(field, "no call failed")
    words = f"Share of failed calls by class, for {_names(rows)}." if rows else "No call failed."
    return Plot(figure, Table(rows, caption="Failures by class, warm-up included"), words)


def timeline(run: SavedRun) -> Plot:
    """Every call over the run's time: what changed while it went on."""
    figure, field = axes("Timeline", "seconds since the run began", "seconds a call took")
    looks = marks(arms_of(run))
    rows = []
    found = headline(run.rows)
    for arm, look in looks.items():
        mine = [row for row in run.rows if row.arm == arm]
        for outcome, filled in (("ok", True), ("failed", False), ("cancelled", False)):
            some = [row for row in mine if row.outcome == outcome]
            if some:
                name = arm if outcome == "ok" else f"{arm}, {outcome}"
                face = look.colour if filled else "none"
                across, up = [row.started for row in some], [row.seconds for row in some]
                field.scatter(across, up, s=22, marker=look.marker, edgecolor=look.colour, facecolor=face, label=name)
        rows.append(_timeline_row(arm, mine, found.get(arm)))
    field.set_ylim(bottom=0)
    legend(field)
    caption = f"Calls over time; the halves of the calls{_level_words(found)} should look alike"
    return Plot(figure, Table(rows, caption=caption), f"Seconds of every call over the run's time, for {_names(rows)}.")


def _timeline_row(arm: str, rows: Sequence[Row], group: Group | None) -> dict[str, Any]:
    """The first half of the calls at the first level against the second: a drift is seen in numbers too."""
    counted = sorted(group.good if group is not None else [], key=lambda row: row.started)
    half = len(counted) // 2
    return {
        "arm": arm,
        "calls": len(rows),
        "from": min((row.started for row in rows), default=None),
        "to": max((row.ended for row in rows), default=None),
        "p50, first half": _median(counted[:half]),
        "p50, second half": _median(counted[half:]),
    }


def _median(rows: Sequence[Row]) -> float | None:
    return float(np.median([row.seconds for row in rows])) if rows else None


def arms_of(run: SavedRun) -> list[str]:
    """Names of a run's arms in their order."""
    return [arm["arm"] for arm in run.summary["arms"]]


def _names(rows: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(dict.fromkeys(str(row["arm"]) for row in rows)) or "nothing"


def _level_words(found: Mapping[str, Group]) -> str:
    levels = {group.concurrency for group in found.values()}
    if len(levels) != 1:
        return ""
    level = levels.pop()
    return f" at concurrency {level}" if level else " in the open loop"
