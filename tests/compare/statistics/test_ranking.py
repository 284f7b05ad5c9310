"""Bradley–Terry against evalica; what cannot be ranked is said, never invented."""

from __future__ import annotations

import random

import evalica
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compare.statistics.votes import ballot, mirrored, vote
from viralai_sdk.compare.ballot import Judgement
from viralai_sdk.compare.statistics import bradley_terry
from viralai_sdk.compare.statistics.ranking import POINTS
from viralai_sdk.compare.statistics.strengths import determined, fit
from viralai_sdk.interfaces.errors import InvalidRequestError

ARMS = ["a", "b", "c", "d", "e"]
WINNERS = {"left": evalica.Winner.X, "right": evalica.Winner.Y, "tie": evalica.Winner.Draw}


def votes_of(seed: int, number: int, prompts: int = 40, arms: list[str] = ARMS, spread: float = 0.5) -> list[Judgement]:
    random_ = np.random.default_rng(seed)
    strengths = spread * np.arange(len(arms))[::-1]
    votes = []
    for place in range(number):
        one, other = random_.choice(len(arms), size=2, replace=False).tolist()
        chance = 1 / (1 + np.exp(strengths[other] - strengths[one]))
        choice = "tie" if random_.random() < 0.15 else "left" if random_.random() < chance else "right"
        votes.append(Judgement(arms[one], arms[other], choice, prompt=f"p{place % prompts}"))  # type: ignore[arg-type]
    return votes


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_scores_are_evalicas_with_ties_as_half_a_win(seed: int) -> None:
    votes = votes_of(seed, 400)
    reference = evalica.bradley_terry(
        [one.left for one in votes],
        [one.right for one in votes],
        [WINNERS[one.choice] for one in votes],
        tie_weight=0.5,
        tolerance=1e-13,
        limit=100_000,
    )
    logs = np.log(reference.scores)
    expected = 1000 + POINTS * (logs - logs.mean())
    found = bradley_terry(votes, ARMS, resamples=50)
    assert {row.arm: row.score for row in found.rows} == pytest.approx(expected.to_dict(), abs=1e-6)


def test_two_arms_say_what_their_win_rate_says() -> None:
    found = bradley_terry(ballot(60, 30, 10, prompt=str), ["a", "b"])
    first, second = found.rows
    assert first.score is not None
    assert second.score is not None
    assert 1 / (1 + 10 ** ((second.score - first.score) / 400)) == pytest.approx(0.65)
    assert first.score + second.score == pytest.approx(2000)


def test_rows_count_everything_and_are_best_first() -> None:
    votes = [*votes_of(5, 600), vote("both_bad"), vote("abstain"), Judgement("a", "unknown", "left")]
    found = bradley_terry(votes, ARMS)
    assert found.problem is None
    assert [row.rank for row in found.rows] == [1, 2, 3, 4, 5]
    for row in found.rows:
        assert row.votes == row.wins + row.losses + row.ties + row.both_bad
        assert row.low is not None
        assert row.score is not None
        assert row.high is not None
        assert row.low < row.score < row.high
        assert row.rank_low is not None
        assert row.rank is not None
        assert row.rank_high is not None
        assert 1 <= row.rank_low <= row.rank <= row.rank_high <= 5
    assert sum(row.wins for row in found.rows) == sum(row.losses for row in found.rows)
    first = next(row for row in found.rows if row.arm == "a")
    assert (first.both_bad, first.abstentions) == (1, 1)


def test_the_order_of_votes_changes_nothing_and_the_seed_little() -> None:
    votes = votes_of(6, 300)
    shuffled = list(votes)
    random.Random(1).shuffle(shuffled)
    found = bradley_terry(votes, ARMS)
    assert bradley_terry(shuffled, ARMS) == found
    other = bradley_terry(votes, ARMS, seed=9)
    assert [row.score for row in other.rows] == [row.score for row in found.rows]
    assert [row.low for row in other.rows] == pytest.approx([row.low for row in found.rows], abs=15)


def test_exchanging_two_arms_mirrors_the_scores() -> None:
    votes = votes_of(7, 300)
    found = {row.arm: row.score for row in bradley_terry(votes, ARMS).rows}
    mirror = {row.arm: row.score for row in bradley_terry(mirrored(votes), ARMS).rows}
    assert (mirror["a"], mirror["b"], mirror["c"]) == pytest.approx((found["b"], found["a"], found["c"]))


def test_votes_on_one_prompt_widen_the_interval() -> None:
    """The same votes, told to come from 10 prompts where raters agree, and as votes of their own."""
    together = [vote("a" if number % 10 < 6 else "b", prompt=f"p{number % 10}") for number in range(100)]
    apart = [Judgement(one.left, one.right, one.choice) for one in together]
    wide, narrow = bradley_terry(together, ["a", "b"]).rows[0], bradley_terry(apart, ["a", "b"]).rows[0]
    assert wide.low is not None
    assert narrow.low is not None
    assert wide.score is not None
    assert wide.score == pytest.approx(narrow.score)
    assert wide.low < narrow.low - 20


def test_an_arm_that_wins_every_vote_has_no_score() -> None:
    votes = [
        *ballot(12, prompt=str),
        *(vote("b", pair="bc", prompt=str(number)) for number in range(5)),
        vote("c", pair="bc"),
    ]
    found = bradley_terry(votes, ["a", "b", "c"])
    assert found.problem is not None
    assert found.problem.startswith("not enough variety: 'a' never lost to the others")
    assert found.rows[0].arm == "a"
    assert all(row.score is None and row.rank is None and row.low is None for row in found.rows)


@pytest.mark.parametrize(
    ("votes", "arms", "says"),
    [
        ([], ["a", "b"], "no preference or tie is known yet for 'a' and 'b'; vote on pairs with them"),
        (ballot(3, 2), ["a", "b", "c"], "known yet for 'c'; vote on pairs with it"),
        (ballot(3, 2), ["a"], "one arm"),
        (
            [*ballot(3, 2), vote("tie", pair="cd")],
            ["a", "b", "c", "d"],
            "2 groups of arms were never compared with each other ('a' and 'b' | 'c' and 'd')",
        ),
        (ballot(0, 0, 0, 9), ["a", "b"], "no preference or tie"),
        ([], list("abcdefg"), "2 more"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(votes: list[Judgement], arms: list[str], says: str) -> None:
    found = bradley_terry(votes, arms)
    assert found.problem is not None
    assert found.problem.startswith("not enough variety: ")
    assert says in found.problem
    assert len(found.rows) == len(arms)


def test_few_prompts_give_scores_and_no_intervals() -> None:
    found = bradley_terry(ballot(30, 20, prompt=lambda number: f"p{number % 3}"), ["a", "b"])
    assert found.problem is not None
    assert "3 prompts give scores but no intervals" in found.problem
    assert found.rows[0].score is not None
    assert found.rows[0].low is None


def test_collapsed_resamples_are_counted_and_too_many_are_told() -> None:
    few = bradley_terry(ballot(12, 1), ["a", "b"])
    assert few.problem is not None
    assert few.dropped_resamples == pytest.approx((12 / 13) ** 13, abs=0.08)
    assert few.rows[0].low is None
    some = bradley_terry(ballot(17, 3), ["a", "b"])
    assert some.problem is None
    assert 0 < some.dropped_resamples < 0.1


def test_ties_alone_rank_all_alike() -> None:
    found = bradley_terry(
        [vote("tie", prompt=str(number), pair=pair) for number in range(9) for pair in ("ab", "bc")], ["a", "b", "c"]
    )
    assert found.problem is None
    assert [row.rank for row in found.rows] == [1, 1, 1]
    assert [row.score for row in found.rows] == pytest.approx([1000] * 3)
    assert all((row.rank_low, row.rank_high) == (1, 3) for row in found.rows)


def test_hundreds_of_resamples_of_many_arms_converge() -> None:
    names = [f"arm {number}" for number in range(40)]
    found = bradley_terry(votes_of(8, 8_000, arms=names, spread=0.1), names, resamples=100)
    assert found.problem is None
    assert found.dropped_resamples == 0


@given(st.integers(0, 10_000), st.integers(2, 7), st.integers(1, 40))
@settings(deadline=None, max_examples=60)
def test_where_strengths_exist_wins_expected_are_wins_seen(seed: int, size: int, votes: int) -> None:
    random_ = np.random.default_rng(seed)
    wins = random_.multinomial(votes, np.full(size * size, 1 / size**2)).reshape(1, size, size).astype(float)
    wins[0, np.arange(size), np.arange(size)] = 0
    if determined(wins)[0]:
        strengths, converged = fit(wins)
        assert converged.all()
        games = wins[0] + wins[0].T
        expected = (games / (1 + np.exp(strengths[0][None, :] - strengths[0][:, None]))).sum(axis=1)
        assert expected == pytest.approx(wins[0].sum(axis=1), abs=1e-6)


rows = st.lists(
    st.tuples(
        st.sampled_from(["ab", "bc", "ac"]),
        st.sampled_from(["left", "right", "tie", "both_bad", "abstain"]),
        st.sampled_from(["", "p", "q", "r"]),
    ),
    max_size=40,
)


@given(rows)
@settings(deadline=None, max_examples=60)
def test_any_votes_give_a_ranking_or_a_reason(given_rows: list[tuple[str, str, str]]) -> None:
    votes = [Judgement(pair[0], pair[1], choice, prompt=prompt) for pair, choice, prompt in given_rows]  # type: ignore[arg-type]
    found = bradley_terry(votes, ["a", "b", "c"], resamples=30)
    assert len(found.rows) == 3
    for row in found.rows:
        assert (row.low is None) == (found.problem is not None)
        assert all(value is None or np.isfinite(value) for value in (row.score, row.low, row.high))


def test_impossible_rankings_are_refused() -> None:
    for arms, resamples in (([], 500), (["a", "a"], 500), (["a", "b"], 1)):
        with pytest.raises(InvalidRequestError):
            bradley_terry([], arms, resamples=resamples)
