"""States and words follow the numbers, and many raters on few prompts make no winners."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compare.statistics.votes import ballot, mirrored, vote
from viralai_sdk.compare.ballot import Judgement
from viralai_sdk.compare.statistics import counted_units, sequential, verdict
from viralai_sdk.interfaces.errors import InvalidRequestError


def words(*counts: int) -> str:
    return verdict(ballot(*counts), "a", "b").words


def test_twelve_to_eight_has_no_winner() -> None:
    found = verdict(ballot(12, 8), "a", "b")
    assert (found.state, found.winner, found.leader) == ("undecided", None, None)
    assert found.p_value == pytest.approx(0.5034, abs=1e-4)
    assert found.words == "no winner yet: 12–8, p = 0.50; about 200 more votes if the preference is 60/40"
    assert found.votes_left == 199


def test_a_clear_majority_is_decided() -> None:
    found = verdict(ballot(34, 12, 4), "a", "b")
    test = sequential(34, 12)
    assert (found.state, found.winner, found.votes_left, found.n) == ("decided", "a", 0, 50)
    assert (found.low, found.high, found.e_value) == (test.low, test.high, test.e_value)
    assert found.words == "a is preferred: 34–12 of 50 votes (74 %, 95 % interval that may be peeked at 52–90 %)"


def test_the_winner_is_named_from_its_own_side() -> None:
    assert (
        words(12, 34, 2, 1) == "b is preferred: 34–12 of 49 votes (74 %, 95 % interval that may be peeked at 52–90 %)"
    )
    assert verdict(ballot(12, 34), "a", "b").high < 0.5


def test_a_plain_p_value_below_alpha_is_called_what_it_is() -> None:
    assert (
        words(15, 5)
        == "no winner yet: 15–5, p = 0.041 if read only this once; about 14 more votes if the preference is 73/27"
    )


def test_leaning_names_the_leader_and_no_winner() -> None:
    found = verdict(ballot(4, 16, 1), "a", "b")
    assert (found.state, found.winner, found.leader) == ("leaning", None, "b")
    assert found.words.startswith("leaning to b: 16–4 with 1 tie, p = 0.012 if read only this once; about ")


def test_no_votes_and_no_preferences() -> None:
    empty = verdict([], "a", "b")
    assert (empty.state, empty.n, empty.votes_left) == ("undecided", 0, 210)
    assert empty.words == "no votes yet: about 210 votes would show a 60/40 preference"
    tied = verdict(ballot(0, 0, 10, 2), "a", "b")
    assert (tied.state, tied.p_value, tied.votes_left) == ("undecided", 1, None)
    assert tied.words == "no winner yet: 10 ties and 2 both bad and no preference in 12 votes"
    assert words(0, 0, 0, 1) == "no winner yet: 1 both bad and no preference in 1 vote"


def test_abstentions_are_counted_apart() -> None:
    found = verdict([*ballot(3, 1), Judgement("a", "b", "abstain", rater="flipped")], "a", "b")
    assert (found.n, found.abstentions, found.raters) == (4, 1, 1)


def test_ties_make_the_way_longer() -> None:
    plain, tied = verdict(ballot(12, 8), "a", "b").votes_left, verdict(ballot(12, 8, 20), "a", "b").votes_left
    assert plain is not None
    assert tied == 2 * plain


def test_other_arms_do_not_count() -> None:
    others = [vote("c", pair="ac", prompt=str(number)) for number in range(30)]
    assert verdict([*ballot(3, 1), *others], "a", "b") == verdict(ballot(3, 1), "a", "b")


def test_twenty_people_on_one_prompt_know_one_prompt() -> None:
    found = verdict(ballot(20, prompt=lambda number: "p1"), "a", "b")
    assert (found.state, found.winner, found.prompts) == ("not enough variety", None, 1)
    assert found.words.startswith(
        "not enough variety: 20–0 on 1 prompt; votes on one prompt count once together, so compare on at least "
    )


def test_many_raters_on_many_prompts_can_decide() -> None:
    found = verdict(ballot(90, 40, 10, prompt=lambda number: f"p{number % 30}"), "a", "b")
    assert (found.state, found.prompts, found.clustered) == ("decided", 30, True)
    assert "on 30 prompts" in found.words
    assert "each prompt counted once" in found.words
    even = verdict(ballot(70, 70, 10, prompt=lambda number: f"p{number % 30}"), "a", "b")
    assert even.state == "undecided"
    assert "more prompts" in even.words


def test_prompts_judged_by_many_need_fewer_prompts() -> None:
    """Twenty prompts of 3 to 2 scatter far less than twenty single votes of 12 to 8."""
    many = verdict(
        [vote("a" if rater < 3 else "b", prompt=f"p{place}") for place in range(20) for rater in range(5)], "a", "b"
    )
    single = verdict(ballot(12, 8), "a", "b")
    assert many.votes_left is not None
    assert single.votes_left is not None
    assert many.votes_left < single.votes_left / 1.5
    tied = verdict(
        [vote("tie", prompt=f"p{place}") for place in range(40) for _ in range(2)]
        + ballot(12, 8, prompt=lambda n: f"q{n}"),
        "a",
        "b",
    )
    assert tied.votes_left is not None
    assert tied.votes_left > 2.5 * single.votes_left


def test_the_units_counted_are_the_prompts_with_a_preference() -> None:
    votes = [vote("a", prompt="p"), vote("b", prompt="p"), vote("tie", prompt="q"), vote("a", prompt="r"), vote("b")]
    assert counted_units(votes, "a", "b") == [0.5, 1.0, 0.0]


def test_raters_who_agree_by_prompt_make_no_false_winners() -> None:
    """24 prompts, half of them clearly for either arm, 5 raters each: read after every rater's round."""
    random_ = np.random.default_rng(17)
    wrong = 0
    for _ in range(150):
        taste, votes, called = random_.choice([0.1, 0.9], size=24), [], False
        for rater in range(5):
            votes += [
                vote("a" if random_.random() < likes else "b", prompt=f"p{place}", rater=f"r{rater}")
                for place, likes in enumerate(taste)
            ]
            called |= verdict(votes, "a", "b").state == "decided"
        wrong += called
    assert wrong <= 0.05 * 150


votings = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "tie", "both_bad", "abstain"]),
        st.booleans(),
        st.sampled_from(["", "p", "q", "r", "s"]),
    ),
    max_size=60,
).map(lambda rows: [vote(*row) for row in rows])


@given(votes=votings, seed=st.integers(0, 9))
@settings(deadline=None, max_examples=80)
def test_order_and_names_change_nothing(votes: list[Judgement], seed: int) -> None:
    found = verdict(votes, "a", "b")
    shuffled = list(votes)
    random.Random(seed).shuffle(shuffled)
    again, mirror = verdict(shuffled, "a", "b"), verdict(mirrored(votes), "a", "b")
    assert again.words == found.words
    assert (mirror.wins, mirror.losses, mirror.state, mirror.votes_left) == (
        found.losses,
        found.wins,
        found.state,
        found.votes_left,
    )
    assert mirror.p_value == pytest.approx(found.p_value)
    assert mirror.low == pytest.approx(1 - found.high, abs=1e-6)
    assert 0 <= found.low <= found.share <= found.high <= 1
    assert 0 <= found.p_value <= 1
    assert (found.winner is not None) == (found.state == "decided")
    assert "nan" not in found.words


@given(
    wins=st.integers(0, 3000),
    losses=st.integers(0, 3000),
    ties=st.integers(0, 5),
    alpha=st.sampled_from([0.001, 0.05, 0.3, 0.6]),
)
@settings(deadline=None, max_examples=40)
def test_no_voting_is_too_large_or_too_uneven(wins: int, losses: int, ties: int, alpha: float) -> None:
    found = verdict(ballot(wins, losses, ties), "a", "b", alpha=alpha)
    assert found.words
    assert found.votes_left is None or found.votes_left >= 0


def test_certainty_is_never_rounded_up() -> None:
    assert "(99.9 %" in words(6000, 1)
    assert "(100 %" in words(60, 0)


def test_an_arm_is_not_compared_with_itself() -> None:
    with pytest.raises(InvalidRequestError, match="itself"):
        verdict([], "a", "a")
    with pytest.raises(InvalidRequestError, match="target"):
        verdict([], "a", "b", target=1)


def test_a_target_of_one_half_asks_for_more_votes_than_anyone_gives() -> None:
    assert (
        verdict([], "a", "b", target=0.5).words == "no votes yet: more than 20,000 votes would show a 50/50 preference"
    )
