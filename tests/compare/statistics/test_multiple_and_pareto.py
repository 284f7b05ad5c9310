"""Holm against statsmodels; Pareto fronts by their definition."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from viralai_sdk.compare.statistics import dominated_by, holm, pareto_front
from viralai_sdk.interfaces.errors import InvalidRequestError


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
@settings(deadline=None, max_examples=20)
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist())


def test_holm_of_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    for bad in (-0.1, 1.1, math.nan):
        with pytest.raises(InvalidRequestError):
            holm([bad])


POINTS = {
    "cheap": {"cost": 1.0, "taste": 0.4},
    "good": {"cost": 5.0, "taste": 0.8},
    "poor": {"cost": 5.0, "taste": 0.5},
    "twin": {"cost": 5.0, "taste": 0.8},
    "unknown": {"cost": None, "taste": 0.9},
}


def test_the_front_is_what_nothing_beats() -> None:
    assert pareto_front(POINTS, minimise=["cost"], maximise=["taste"]) == ["cheap", "good", "twin"]
    assert dominated_by(POINTS, ["cost"], ["taste"])["poor"] == ["good", "twin"]
    assert "unknown" not in dominated_by(POINTS, ["cost"], ["taste"])
    assert pareto_front(POINTS, maximise=["taste"]) == ["unknown"]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=15))
@settings(deadline=None)
def test_everything_off_the_front_is_beaten_by_something_on_it(pairs: list[tuple[int, int]]) -> None:
    points = {str(place): {"x": float(x), "y": float(y)} for place, (x, y) in enumerate(pairs)}
    front = pareto_front(points, minimise=["x"], maximise=["y"])
    beaten = dominated_by(points, ["x"], ["y"])
    assert bool(front) == bool(points)
    assert all(name in front or set(beaten[name]) & set(front) for name in points)
    mirrored = {name: {"x": -point["y"], "y": -point["x"]} for name, point in points.items()}
    assert pareto_front(mirrored, minimise=["x"], maximise=["y"]) == front


def test_a_front_needs_figures() -> None:
    for minimise in ([], ["cost", "cost"]):
        with pytest.raises(InvalidRequestError, match="figures"):
            pareto_front(POINTS, minimise)
