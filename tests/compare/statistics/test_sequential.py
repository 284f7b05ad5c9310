"""The test that may be peeked at, against ville, and what must hold whatever the votes are."""

from __future__ import annotations

import functools
import random

import numpy as np
import pytest
import ville
from hypothesis import given, settings
from hypothesis import strategies as st

from viralai_sdk.compare.statistics import fewest_to_decide, revision_penalty, sequential, sequential_shares
from viralai_sdk.interfaces.errors import InvalidRequestError

counts = st.integers(0, 3_000)


@pytest.mark.parametrize(("wins", "losses"), [(16, 4), (34, 12), (0, 9), (9, 0), (50, 50), (7, 300)])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_it_is_the_beta_binomial_e_process_of_ville(wins: int, losses: int, alpha: float) -> None:
    votes = [1] * wins + [0] * losses
    found = sequential(wins, losses, alpha)
    reference = ville.BernoulliTest(0.5, alpha=alpha).fit(votes)
    assert found.e_value == pytest.approx(reference.e_values_[-1], rel=1e-9)
    low, high = ville.BernoulliCS(alpha=alpha, intersect=False).fit(votes).interval()
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-8)


def test_facts_16_of_20_is_not_yet_decided() -> None:
    found = sequential(16, 4)
    assert (round(found.low, 2), round(found.high, 2)) == (0.47, 0.97)
    assert not found.decided


def test_eight_votes_in_a_row_decide_and_seven_do_not() -> None:
    assert fewest_to_decide() == 8
    assert sequential(8, 0).decided
    assert not sequential(7, 0).decided


def test_before_the_first_vote_everything_is_possible() -> None:
    for found in (sequential(0, 0), sequential_shares([])):
        assert (found.e_value, found.p_value, found.low, found.high, found.share, found.n) == (1, 1, 0, 1, 0.5, 0)


@given(wins=counts, losses=counts, alpha=st.floats(0.001, 0.5))
@settings(deadline=None)
def test_swapping_the_arms_mirrors_everything(wins: int, losses: int, alpha: float) -> None:
    found, mirror = sequential(wins, losses, alpha), sequential(losses, wins, alpha)
    assert found.e_value == pytest.approx(mirror.e_value)
    assert found.low == pytest.approx(1 - mirror.high, abs=1e-9)
    assert 0 <= found.low <= found.share <= found.high <= 1
    assert 0 <= found.p_value <= 1


@given(wins=counts, losses=counts)
@settings(deadline=None)
def test_decision_and_interval_say_the_same(wins: int, losses: int) -> None:
    found = sequential(wins, losses)
    if abs(found.e_value * found.alpha - 1) > 1e-6:
        assert found.decided == (found.low > 0.5 or found.high < 0.5)


@given(n=st.integers(1, 500), data=st.data())
@settings(deadline=None)
def test_a_clearer_majority_is_more_evidence(n: int, data: st.DataObject) -> None:
    wins = data.draw(st.integers((n + 1) // 2, n))
    if wins < n:
        assert sequential(wins + 1, n - wins - 1).e_value > sequential(wins, n - wins).e_value


shares = st.lists(st.sampled_from([0.0, 0.2, 1 / 3, 0.5, 2 / 3, 0.75, 1.0]), max_size=60)


@given(given_shares=shares, seed=st.integers(0, 9))
@settings(deadline=None, max_examples=60)
def test_shares_mirror_and_their_order_does_not_matter(given_shares: list[float], seed: int) -> None:
    found = sequential_shares(given_shares)
    shuffled = list(given_shares)
    random.Random(seed).shuffle(shuffled)
    again, mirror = sequential_shares(shuffled), sequential_shares([1 - one for one in given_shares])
    assert again.e_value == pytest.approx(found.e_value)
    assert mirror.e_value == pytest.approx(found.e_value)
    assert mirror.low == pytest.approx(1 - found.high, abs=1e-6)
    assert 0 <= found.low <= found.share <= found.high <= 1


def test_shares_of_nought_and_one_are_votes() -> None:
    assert sequential_shares([1] * 34 + [0] * 12) == sequential(34, 12)


def test_the_quadrature_of_shares_meets_the_closed_form() -> None:
    """A share a hair off 1 takes the general road and must arrive at the same place."""
    near, exact = sequential_shares([1 - 1e-12] + [1] * 33 + [0] * 12), sequential(34, 12)
    assert near.e_value == pytest.approx(exact.e_value, rel=1e-9)
    assert (near.low, near.high) == pytest.approx((exact.low, exact.high), abs=1e-8)


def test_prompts_that_agree_mildly_are_told_from_coins() -> None:
    """Twenty prompts of 3 to 1 are far more than a 15 to 5 of coins: their scatter is small."""
    assert sequential_shares([0.75] * 20).decided
    assert not sequential(15, 5).decided


def test_watching_votes_come_in_on_the_same_prompts_costs_evidence() -> None:
    assert revision_penalty(1) == revision_penalty(0.3) == 1
    free, watched = sequential_shares([0.8] * 20), sequential_shares([0.8] * 20, votes_per_unit=5)
    assert watched.e_value == pytest.approx(free.e_value / revision_penalty(5))
    assert watched.low < free.low


def test_without_a_preference_at_most_five_percent_are_ever_decided() -> None:
    reading = functools.cache(sequential)
    wins = np.random.default_rng(3).integers(0, 2, size=(250, 150)).cumsum(axis=1).tolist()
    wrong = sum(any(reading(won, n - won).decided for n, won in enumerate(path, 1)) for path in wins)
    assert wrong <= 0.05 * 250


def test_shares_outside_nought_to_one_are_refused() -> None:
    for bad in ([1.5], [float("nan")], [-0.1]):
        with pytest.raises(InvalidRequestError, match="shares"):
            sequential_shares(bad)
    with pytest.raises(InvalidRequestError, match="alpha"):
        sequential(1, 1, alpha=2)
