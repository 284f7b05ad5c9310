"""Taste against cost against time: which arms no other arm beats in everything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from viralai_sdk.interfaces.errors import InvalidRequestError

Point = Mapping[str, float | None]


def pareto_front(points: Mapping[str, Point], minimise: Sequence[str] = (), maximise: Sequence[str] = ()) -> list[str]:
    """Names of the points that no other point beats, in the order given.

    One point beats another when it is at least as good in every figure and better in one; alike points stay together. A point with a
    missing (None or NaN) figure is neither on the front nor beats another: an unknown cost is not a low one.
    Method: Pareto dominance, all pairs.

    Raises:
        InvalidRequestError: no figure is named, or one is named twice.
    """
    beaten = dominated_by(points, minimise, maximise)
    return [name for name in points if name in beaten and not beaten[name]]


def dominated_by(
    points: Mapping[str, Point], minimise: Sequence[str] = (), maximise: Sequence[str] = ()
) -> dict[str, list[str]]:
    """For every point whose figures are all known, the points that beat it; none for those on the front.

    Raises:
        InvalidRequestError: no figure is named, or one is named twice.
    """
    names = [*minimise, *maximise]
    if not names or len(set(names)) < len(names):
        raise InvalidRequestError(
            "a Pareto front needs figures, each named once.",
            hint='Such as minimise=["cost_usd"], maximise=["win_rate"].',
        )
    known: dict[str, tuple[float, ...]] = {}
    for name, point in points.items():
        figures = [(point.get(key), 1) for key in minimise] + [(point.get(key), -1) for key in maximise]
        values = [sign * float(value) for value, sign in figures if value is not None]
        if len(values) == len(names) and not any(math.isnan(value) for value in values):
            known[name] = tuple(values)
    return {
        name: [other for other, theirs in known.items() if theirs != own and _at_least(theirs, own)]
        for name, own in known.items()
    }


def _at_least(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(left <= right for left, right in zip(one, other, strict=True))
