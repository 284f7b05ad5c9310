"""Paired tests clustered by prompt, against scipy and by simulation."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.compare.statistics.votes import ballot, mirrored, vote
from viralai_sdk.compare.ballot import Judgement
from viralai_sdk.compare.statistics import clustered_win_rate, paired_p_value, sign_flip_p_value, win_rate
from viralai_sdk.interfaces.errors import InvalidRequestError


@pytest.mark.parametrize("size", [3, 8, 12])
def test_all_sign_patterns_give_scipys_permutation_test(size: int) -> None:
    differences = np.random.default_rng(size).normal(0.6, 1, size=size)
    expected = stats.permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=np.inf).pvalue
    assert sign_flip_p_value(differences.tolist()) == pytest.approx(expected)


def test_darwins_maize_has_fishers_p_value() -> None:
    """Fisher 1935, section 21: 15 pairs, 1,726 of 32,768 arrangements at least as extreme: p = 0.0527."""
    maize = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    assert sign_flip_p_value(maize) == pytest.approx(1726 / 32_768, abs=0.007)
    assert sign_flip_p_value(maize[:14]) == pytest.approx(
        stats.permutation_test((np.array(maize[:14]),), np.sum, permutation_type="samples", n_resamples=np.inf).pvalue
    )


def test_one_vote_per_prompt_is_the_exact_sign_test() -> None:
    votes = ballot(15, 5, 3, prompt=str)
    assert paired_p_value(votes, "a", "b") == pytest.approx(stats.binomtest(15, 20).pvalue)


def test_five_votes_on_each_of_four_prompts_are_four_observations() -> None:
    votes = [vote("a", prompt=f"p{number % 4}") for number in range(20)]
    assert paired_p_value(votes, "a", "b") == pytest.approx(2 / 2**4)


@given(st.lists(st.floats(-100, 100), max_size=30), st.integers(0, 5))
@settings(deadline=None, max_examples=60)
def test_order_and_sign_change_nothing(differences: list[float], seed: int) -> None:
    found = sign_flip_p_value(differences)
    shuffled = list(differences)
    random.Random(seed).shuffle(shuffled)
    assert 0 < found <= 1
    assert sign_flip_p_value(shuffled) == found
    assert sign_flip_p_value([-one for one in differences]) == found


def test_no_difference_is_no_evidence() -> None:
    assert sign_flip_p_value([]) == sign_flip_p_value([0, 0]) == 1
    with pytest.raises(InvalidRequestError, match="finite"):
        sign_flip_p_value([float("nan")])


def _crowd(random_: np.random.Generator, prompts: int, raters: int) -> list[Judgement]:
    taste = random_.choice([0.15, 0.85], size=prompts)
    return [
        vote("a" if random_.random() < likes else "b", prompt=f"p{place}")
        for place, likes in enumerate(taste)
        for _ in range(raters)
    ]


def test_raters_who_agree_make_no_false_findings() -> None:
    random_ = np.random.default_rng(4)
    votings = [_crowd(random_, 30, 5) for _ in range(150)]
    clustered = sum(paired_p_value(votes, "a", "b") <= 0.05 for votes in votings) / 150
    naive = (
        sum(stats.binomtest(sum(one.winner == "a" for one in votes), len(votes)).pvalue <= 0.05 for votes in votings)
        / 150
    )
    assert clustered <= 0.09 < 0.15 < naive


def test_the_clustered_interval_covers_where_the_plain_one_does_not() -> None:
    random_ = np.random.default_rng(6)
    votings = [_crowd(random_, 40, 5) for _ in range(150)]
    found = [clustered_win_rate(votes, "a", "b", resamples=500) for votes in votings]
    plain = [
        win_rate(sum(one.winner == "a" for one in votes), sum(one.winner == "b" for one in votes)) for votes in votings
    ]
    assert sum(one.low <= 0.5 <= one.high for one in found) / 150 >= 0.9
    assert sum(one.low <= 0.5 <= one.high for one in plain) / 150 <= 0.85


def test_single_votes_have_the_plain_interval_and_one_prompt_has_none() -> None:
    assert clustered_win_rate(ballot(15, 5, 3, prompt=str), "a", "b") == win_rate(15, 5, 3)
    assert clustered_win_rate([], "a", "b") == win_rate(0, 0)
    one = clustered_win_rate(ballot(15, 5, prompt=lambda number: "p"), "a", "b")
    assert (one.value, one.low, one.high) == (0.75, 0, 1)


def test_the_clustered_interval_mirrors() -> None:
    votes = _crowd(np.random.default_rng(1), 12, 3)
    found, mirror = clustered_win_rate(votes, "a", "b"), clustered_win_rate(mirrored(votes), "a", "b")
    assert found.value == pytest.approx(1 - mirror.value)
    assert found.low == pytest.approx(1 - mirror.high, abs=0.03)
