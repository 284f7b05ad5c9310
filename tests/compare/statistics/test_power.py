"""The planner against published numbers, scipy and simulation."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from viralai_sdk.compare.statistics import (
    binomial_p_value,
    plan,
    power_of,
    sequential,
    sequential_power,
    votes_needed,
    votes_to_decide,
)
from viralai_sdk.interfaces.errors import InvalidRequestError


@pytest.mark.parametrize(
    ("preference", "votes"), [(0.55, 786), (0.6, 199), (0.65, 90), (0.7, 49), (0.75, 30), (0.8, 20), (0.9, 12)]
)
def test_votes_needed_are_those_of_the_table(preference: float, votes: int) -> None:
    assert votes_needed(preference) == votes
    assert votes_needed(1 - preference) == votes


@given(wins=st.integers(0, 400), losses=st.integers(0, 400))
@settings(deadline=None)
def test_the_p_value_is_scipys_binomial_test(wins: int, losses: int) -> None:
    expected = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert binomial_p_value(wins, losses) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("n", "preference", "alpha"), [(20, 0.8, 0.05), (199, 0.6, 0.05), (50, 0.3, 0.01), (3, 0.9, 0.05)]
)
def test_power_is_the_sum_over_all_rejected_outcomes(n: int, preference: float, alpha: float) -> None:
    rejected = [wins for wins in range(n + 1) if stats.binomtest(wins, n).pvalue <= alpha]
    assert power_of(n, preference, alpha) == pytest.approx(
        float(stats.binom.pmf(rejected, n, preference).sum()), abs=1e-10
    )


def test_without_a_preference_power_stays_below_alpha() -> None:
    assert max(power_of(n, 0.5) for n in range(300)) <= 0.05


@given(n=st.integers(0, 300), one=st.floats(0.5, 0.99), other=st.floats(0.5, 0.99))
@settings(deadline=None)
def test_a_stronger_preference_is_found_more_often(n: int, one: float, other: float) -> None:
    weak, strong = sorted((one, other))
    assert power_of(n, weak) <= power_of(n, strong) + 1e-12
    assert power_of(n, weak) == pytest.approx(power_of(n, 1 - weak))


def test_medians_of_the_sequential_plan_are_near_those_measured() -> None:
    for preference, median in ((0.6, 212), (0.65, 83), (0.7, 47), (0.75, 30), (0.8, 19)):
        found = plan(preference).median
        assert found is not None
        assert abs(found - median) <= 0.07 * median


def test_the_exact_stopping_time_is_that_of_simulated_votings() -> None:
    wins = (np.random.default_rng(8).random((1_000, 200)) < 0.75).cumsum(axis=1).tolist()
    reading = functools.cache(sequential)
    stops = [next((n for n, won in enumerate(path, 1) if reading(won, n - won).decided), 201) for path in wins]
    planned = plan(0.75)
    assert planned.median is not None
    assert planned.enough is not None
    for votes, wanted in ((planned.median, 0.5), (planned.enough, 0.8)):
        told = sequential_power(votes, 0.75)
        assert sequential_power(votes - 1, 0.75) < wanted <= told
        assert sum(stop <= votes for stop in stops) / 1_000 == pytest.approx(told, abs=0.04)


def test_without_a_preference_the_chance_ever_to_decide_stays_below_alpha() -> None:
    assert 0.02 < sequential_power(1_000, 0.5) <= 0.05
    assert sequential_power(0, 0.9) == sequential_power(7, 0.9) == 0
    assert sequential_power(8, 0.9) == pytest.approx(0.9**8 + 0.1**8)


def test_the_plan_says_it_in_words() -> None:
    assert plan(0.6).words.startswith("you need about 199 votes to see a 60/40 preference")
    assert plan(0.4).words.startswith("you need about 199 votes to see a 60/40 preference")


def test_votes_to_decide_start_where_the_votes_are() -> None:
    assert votes_to_decide(34, 12, 0.6) == 0
    assert votes_to_decide(0, 8, 0.9) == 0
    assert votes_to_decide(7, 0, 0.99) == 1
    behind, ahead = votes_to_decide(10, 20, 0.7), votes_to_decide(20, 10, 0.7)
    assert behind is not None
    assert ahead is not None
    assert behind > ahead
    assert votes_to_decide(0, 0, 0.55, most=50) is None


def test_a_preference_of_one_half_cannot_be_planned_for() -> None:
    for bad in (0.5, 0.5001, 0, 1, -1):
        with pytest.raises(InvalidRequestError):
            votes_needed(bad)


@pytest.mark.parametrize("preference", [0.51, 0.999])
def test_extreme_preferences_have_plans(preference: float) -> None:
    needed = votes_needed(preference)
    assert power_of(needed, preference) >= 0.8
    assert power_of(needed - 1, preference) < 0.8
