"""Cost against speed or quality, with those arms marked that no other one beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from viralai_sdk.bench.marks import Plot, axes, legend, marks
from viralai_sdk.bench.plots import arms_of
from viralai_sdk.bench.results import SavedRun
from viralai_sdk.interfaces.display.table import Table


def cost(run: SavedRun, quality: str | None = None) -> Plot:
    """Mean cost of a call against its median seconds, or against a quality metric.

    Args:
        quality: name of a metric in the rows, of which more is better; None takes the latency.
    """
    up = f"{quality} (mean)" if quality else "p50 seconds"
    figure, field = axes("Cost and " + (quality or "latency"), "USD a call", up)
    looks = marks(arms_of(run))
    rows = [_row(arm, quality) for arm in run.summary["arms"]]
    known = [row for row in rows if row["USD a call"] is not None and row["value"] is not None]
    sign = -1.0 if quality else 1.0
    best = front([(row["USD a call"], sign * row["value"]) for row in known])
    for place, row in enumerate(known):
        row["on the front"] = place in best
        look = looks[row["arm"]]
        face = look.colour if place in best else "none"
        field.scatter(
            row["USD a call"],
            row["value"],
            s=90,
            marker=look.marker,
            edgecolor=look.colour,
            facecolor=face,
            label=row["arm"],
        )
    edge = sorted((known[place]["USD a call"], known[place]["value"]) for place in best)
    if len(edge) > 1:
        field.plot(*zip(*edge, strict=True), color="#555555", linewidth=1, linestyle=(0, (4, 3)), label="Pareto front")
    field.set_xlim(left=0)
    if not quality:
        field.set_ylim(bottom=0)
    legend(field)
    caption = (
        "Filled marks: no other arm is better in one and not worse in the other. Arms of unknown price are not drawn"
    )
    shown = [
        {("p50" if name == "value" and not quality else name): value for name, value in row.items()} for row in rows
    ]
    words = f"Cost of a call against {quality or 'median seconds'} for {', '.join(row['arm'] for row in known) or 'nothing'}."
    return Plot(figure, Table(shown, caption=caption), words)


def _row(arm: Any, quality: str | None) -> dict[str, Any]:
    if quality:
        value = (arm["metrics"].get(quality) or {}).get("mean")
    else:
        value = arm["headline"]["latency"]["p50"]["value"] if arm["headline"] else None
    return {
        "arm": arm["arm"],
        "USD a call": arm["cost"]["mean_usd"],
        "value": value,
        "price unknown": arm["cost"]["unknown"],
        "on the front": None,
    }


def front(points: Sequence[tuple[float, float]]) -> set[int]:
    """Places of the points that no other one beats: less is better in both."""
    return {
        place
        for place, (x, y) in enumerate(points)
        if not any(a <= x and b <= y and (a < x or b < y) for a, b in points)
    }
