"""Win rates against statsmodels, and what must hold for all counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from viralai_sdk.compare.statistics import newcombe_difference, vote_shares, win_rate
from viralai_sdk.interfaces.errors import InvalidRequestError

counts = st.integers(0, 5_000)


@pytest.mark.parametrize(("wins", "losses"), [(0, 5), (5, 0), (16, 4), (34, 12), (500, 501), (1, 1), (81, 263 - 81)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_without_ties_it_is_the_wilson_interval_of_statsmodels(wins: int, losses: int, confidence: float) -> None:
    low, high = proportion_confint(wins, wins + losses, alpha=1 - confidence, method="wilson")
    found = win_rate(wins, losses, confidence=confidence)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)


def test_the_published_example_of_newcombe_1998() -> None:
    """81 of 263: 0.2553 to 0.3662 by the score method (Newcombe 1998, table I)."""
    found = win_rate(81, 182)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)


def test_facts_16_of_20_is_58_to_92_percent() -> None:
    found = win_rate(16, 4)
    assert (round(found.low, 2), round(found.high, 2)) == (0.58, 0.92)


def test_the_difference_is_newcombes() -> None:
    low, high = confint_proportions_2indep(56, 70, 48, 80, method="newcomb", compare="diff")
    found = newcombe_difference(win_rate(56, 14), win_rate(48, 32))
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    assert found.value == pytest.approx(0.2)
    # Table II of Newcombe 1998, method 10: 0.0524 to 0.3339.
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)


def test_ties_count_half_and_narrow_the_interval() -> None:
    tied, plain = win_rate(30, 20, 50), win_rate(55, 45)
    assert tied.value == plain.value == 0.55
    assert tied.high - tied.low < plain.high - plain.low


def test_ties_alone_do_not_make_certain() -> None:
    found = win_rate(0, 0, 20)
    assert found.low < 0.45 < 0.55 < found.high


def test_without_votes_everything_is_possible() -> None:
    found = win_rate(0, 0)
    assert (found.value, found.low, found.high, found.n) == (0.5, 0, 1, 0)


def test_shares_of_ties_and_both_bad_are_of_all_votes() -> None:
    found = vote_shares(6, 2, ties=2, both_bad=10)
    assert found.tie.value == 0.1
    assert found.both_bad.value == 0.5
    assert found.win.value == 0.7
    assert vote_shares(0, 0).tie.n == 0


@given(wins=counts, losses=counts, ties=counts, confidence=st.floats(0.01, 0.999))
@settings(deadline=None)
def test_intervals_are_sound_and_mirror_for_all_counts(wins: int, losses: int, ties: int, confidence: float) -> None:
    found, mirror = win_rate(wins, losses, ties, confidence), win_rate(losses, wins, ties, confidence)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low == pytest.approx(1 - mirror.high, abs=1e-9)
    assert found.value == pytest.approx(1 - mirror.value)


@given(wins=st.integers(0, 200), losses=st.integers(0, 200), ties=st.integers(0, 50))
@settings(deadline=None)
def test_one_more_win_never_lowers_the_rate(wins: int, losses: int, ties: int) -> None:
    before, after = win_rate(wins, losses, ties), win_rate(wins + 1, losses, ties)
    if before.n:
        assert after.value >= before.value
    assert after.low >= before.low - 1e-12


@pytest.mark.parametrize(("win", "tie"), [(0.5, 0.0), (0.45, 0.25), (0.2, 0.6)])
def test_it_covers_the_truth_as_often_as_it_says(win: float, tie: float) -> None:
    truth = win + tie / 2
    drawn = np.random.default_rng(5).multinomial(150, [win, 1 - win - tie, tie], size=2_000).tolist()
    inside = sum(found.low <= truth <= found.high for found in (win_rate(*row) for row in drawn))
    assert 0.93 <= inside / 2_000 <= 0.97


@pytest.mark.parametrize("bad", [-1, math.nan, math.inf])
def test_impossible_counts_are_refused(bad: float) -> None:
    with pytest.raises(InvalidRequestError, match="wins"):
        win_rate(bad, 1)


@pytest.mark.parametrize("bad", [0, 1, -0.5, 95])
def test_impossible_confidence_is_refused(bad: float) -> None:
    with pytest.raises(InvalidRequestError, match="confidence"):
        win_rate(1, 1, confidence=bad)
