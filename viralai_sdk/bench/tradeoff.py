"""Cost against speed or quality, with those arms marked that no other one beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from viralai_sdk.bench.marks import Plot, axes, legend, marks
from viralai_sdk.bench.plots import arms_of
from viralai_sdk.bench.results import SavedRun
from viralai_sdk.compare.metrics import METRICS
from viralai_sdk.compare.statistics import pareto_front
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import suggest

CALLS = 1000
PRICE = f"USD for {CALLS:,} calls"
"""A text costs a fraction of a cent: a thousand of them make a figure one can read."""


def cost(run: SavedRun, quality: str | None = None) -> Plot:
    """Mean cost of a call against its median seconds, or against a quality metric.

    Args:
        quality: name of a metric that was measured, see `viralai_sdk.compare.metrics.METRICS`; None takes the latency.

    Raises:
        InvalidRequestError: there is no such metric.
    """
    if quality is not None and quality not in METRICS:
        raise InvalidRequestError(f"there is no metric {quality!r}.", hint=suggest(quality, METRICS))
    up = f"{quality} (mean)" if quality else "p50 seconds"
    figure, field = axes("Cost and " + (quality or "latency"), PRICE, up)
    looks = marks(arms_of(run))
    rows = [_row(arm, quality) for arm in run.summary["arms"]]
    known = [row for row in rows if row[PRICE] is not None and row["value"] is not None]
    points = {row["arm"]: {"cost": row[PRICE], "value": row["value"]} for row in known}
    more = quality is not None and METRICS[quality].higher_is_better is not False
    best = pareto_front(points, ["cost"] if more else ["cost", "value"], ["value"] if more else [])
    for row in known:
        row["on the front"] = row["arm"] in best
        look = looks[row["arm"]]
        face = look.colour if row["on the front"] else "none"
        at = (row[PRICE], row["value"])
        field.scatter(*at, s=90, marker=look.marker, edgecolor=look.colour, facecolor=face, label=row["arm"])
    edge = sorted((points[arm]["cost"], points[arm]["value"]) for arm in best)
    if len(edge) > 1:
        across, upwards = zip(*edge, strict=True)
        field.plot(across, upwards, color="#555555", linewidth=1, linestyle=(0, (4, 3)), label="Pareto front")
    _room(field, [row[PRICE] for row in known], [row["value"] for row in known])
    legend(field)
    caption = (
        "Filled marks: no other arm is better in one and not worse in the other. Arms of unknown price are not drawn"
    )
    shown = [
        {(quality or "p50 seconds") if name == "value" else name: value for name, value in row.items()} for row in rows
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
        PRICE: None if arm["cost"]["mean_usd"] is None else CALLS * arm["cost"]["mean_usd"],
        "value": value,
        "price unknown": arm["cost"]["unknown"],
        "on the front": None,
    }


def _room(field: Any, across: Sequence[float], upwards: Sequence[float]) -> None:
    """Both axes from 0, with room around the marks."""
    for limit, values in ((field.set_xlim, across), (field.set_ylim, upwards)):
        top = max(values, default=0.0) or 1.0
        limit(-0.03 * top, 1.12 * top)
