"""Agreement against Krippendorff's published tables, evalica and statsmodels; sides against scipy."""

from __future__ import annotations

import random

import evalica
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.inter_rater import cohens_kappa

from tests.compare.statistics.votes import ballot, vote
from viralai_sdk.compare.ballot import Judgement
from viralai_sdk.compare.statistics import alpha_of, judge_agreement, krippendorff_alpha, position_bias
from viralai_sdk.interfaces.errors import InvalidRequestError

# Krippendorff 2011, "Computing Krippendorff's alpha-reliability", sections A, B and C; "." is a missing answer.
BINARY = ("0100000000", "1110010010")
NOMINAL = ("aabbdcccedda", "babbbccceddd")


def items(*observers: str) -> list[list[str | None]]:
    return [[None if answer == "." else answer for answer in unit] for unit in zip(*observers, strict=True)]


def four_observers() -> list[list[str | None]]:
    """The table of section C: observers A to D, units 1 to 12."""
    return items("123321412...", "1233224125.3", ".3332342251.", "12332441251.")


def test_alpha_of_the_published_tables() -> None:
    assert alpha_of(items(*BINARY)) == pytest.approx(0.095, abs=5e-4)
    assert alpha_of(items(*NOMINAL)) == pytest.approx(0.692, abs=5e-4)
    assert alpha_of(four_observers()) == pytest.approx(0.743, abs=5e-4)


@pytest.mark.parametrize("seed", range(4))
def test_alpha_is_evalicas_with_answers_missing(seed: int) -> None:
    random_ = np.random.default_rng(seed)
    table = random_.integers(0, 3, size=(4, 25)).astype(float)
    table[random_.random(table.shape) < 0.3] = np.nan
    expected = evalica.alpha(pd.DataFrame(table), distance="nominal").alpha
    given = [[None if np.isnan(answer) else answer for answer in unit] for unit in table.T]
    assert alpha_of(given) == pytest.approx(expected)


def test_alpha_is_unknown_where_nothing_can_disagree() -> None:
    assert alpha_of([]) is None
    assert alpha_of([["x", None], [None, "y"]]) is None
    assert alpha_of([["x", "x"], ["x", "x"]]) is None
    assert alpha_of([["x", "x"], ["y", "y"]]) == 1


def judged(seed: int, agree: float, prompts: int = 40) -> list[Judgement]:
    """Three raters who follow a common taste with probability `agree`, sides at random."""
    random_ = random.Random(seed)
    votes = []
    for prompt in range(prompts):
        taste = random_.choice("ab")
        for rater in "xyz":
            winner = taste if random_.random() < agree else random_.choice("ab")
            votes.append(vote(winner, random_.random() < 0.5, f"p{prompt}", rater))
    return votes


def test_raters_are_compared_by_arm_and_not_by_side() -> None:
    votes = judged(1, 0.7)
    found = krippendorff_alpha(votes)
    table = pd.DataFrame([[one.winner for one in votes if one.rater == rater] for rater in "xyz"])
    assert found.value == pytest.approx(evalica.alpha(table, distance="nominal").alpha)
    assert (found.items, found.raters) == (40, 3)
    assert found.low is not None
    assert found.high is not None
    assert found.value is not None
    assert found.low < found.value < found.high
    assert "Krippendorff's α = " in found.words
    assert krippendorff_alpha(judged(1, 1.0)).value == 1


def test_more_agreement_is_a_higher_alpha() -> None:
    values = [krippendorff_alpha(judged(2, agree, 200)).value for agree in (0.0, 0.4, 0.8)]
    assert values[0] is not None
    assert values == sorted(values, key=lambda value: value or 0)
    assert abs(values[0]) < 0.12


def test_the_order_of_votes_changes_nothing() -> None:
    votes = judged(3, 0.5)
    shuffled = list(votes)
    random.Random(0).shuffle(shuffled)
    assert krippendorff_alpha(shuffled) == krippendorff_alpha(votes)


def test_abstentions_are_missing_and_second_answers_belong_to_the_second_time() -> None:
    assert krippendorff_alpha([vote("a", rater="x"), vote("abstain", rater="y")]).items == 0
    twice = [
        vote("a", prompt="p", rater="x"),
        vote("b", prompt="p", rater="x"),
        vote("a", prompt="p", rater="y"),
        vote("b", prompt="p", rater="y"),
    ]
    found = krippendorff_alpha(twice)
    assert (found.items, found.value, found.percent, found.low) == (2, 1, 1, None)


def test_one_rater_agrees_with_nobody() -> None:
    found = krippendorff_alpha(ballot(5, 3, prompt=str))
    assert (found.value, found.items) == (None, 0)
    assert found.words == "Krippendorff's α cannot be told: no pair was judged by several raters"
    same = krippendorff_alpha([vote("a", prompt=str(n), rater=rater) for n in range(8) for rater in "xy"])
    assert (same.value, same.percent) == (None, 1)
    assert same.words == "Krippendorff's α cannot be told: all answers on 8 items are the same"


def with_judge(table: list[list[int]]) -> list[Judgement]:
    votes = []
    number = 0
    for person, row in zip("ab", table, strict=True):
        for machine, times in zip("ab", row, strict=True):
            for _ in range(times):
                number += 1
                votes.append(vote(person, number % 2 == 0, f"p{number}", "ann"))
                shown = vote(machine, number % 3 == 0, f"p{number}", "judge")
                votes.append(Judgement(shown.left, shown.right, shown.choice, shown.prompt, shown.rater, "judge"))
    return votes


def test_judges_are_compared_with_people_by_cohens_kappa() -> None:
    table = [[20, 5], [10, 15]]
    expected = cohens_kappa(np.array(table))
    found = judge_agreement(with_judge(table))
    assert found.value == pytest.approx(expected.kappa)
    assert found.percent == 0.7
    assert found.low == pytest.approx(expected.kappa_low, abs=0.06)
    assert found.high == pytest.approx(expected.kappa_upp, abs=0.06)
    assert found.words.startswith("judges agree with people on 35 of 50 items (70 %); κ = 0.40, interval ")


def test_a_judge_without_people_or_a_preference_is_not_rated() -> None:
    for votes in ([], ballot(3, 2), with_judge([[1, 0], [0, 0]])[:1]):
        assert judge_agreement(votes).percent is None
    split = [
        vote("a", prompt="p", rater="x"),
        vote("b", prompt="p", rater="y"),
        Judgement("a", "b", "left", "p", "j", "judge"),
    ]
    assert judge_agreement(split).items == 0
    always = judge_agreement(with_judge([[8, 0], [0, 0]]))
    assert (always.value, always.percent) == (None, 1)
    assert always.words == "judges agree with people on 8 of 8 items (100 %)"


def test_a_favoured_side_is_found_with_scipys_p_value() -> None:
    votes = [vote("a" if number % 2 == 0 else "b", number % 2 == 1, str(number)) for number in range(30)]
    votes += [vote("b" if number % 2 == 0 else "a", number % 2 == 1, str(number)) for number in range(10)]
    found = position_bias(votes)
    assert (found.left, found.right, found.balanced, found.found) == (30, 10, True, True)
    assert found.p_value == pytest.approx(stats.binomtest(30, 40).pvalue)
    assert found.words.startswith(
        "the left side is preferred: left 30, right 10, p = 0.002 (left wins 75 %, 95 % interval "
    )


def test_a_better_arm_with_balanced_sides_is_no_bias() -> None:
    found = position_bias(ballot(40, 0))
    assert (found.left, found.right, found.found) == (20, 20, False)
    assert found.words.startswith("no preference for a side seen: left 20, right 20, p = 1.00")


def test_a_better_arm_always_on_the_left_cannot_be_told_from_a_side() -> None:
    found = position_bias([vote("a", prompt=str(number)) for number in range(20)])
    assert (found.balanced, found.found) == (False, False)
    assert found.words.startswith("sides were not balanced")


def test_no_votes_show_no_bias() -> None:
    found = position_bias(ballot(0, 0, 5))
    assert (found.p_value, found.found) == (1, False)
    assert found.words == "no preferences yet, so nothing is known about the sides"


def test_impossible_confidence_is_refused() -> None:
    for check in (krippendorff_alpha, judge_agreement):
        with pytest.raises(InvalidRequestError, match="confidence"):
            check([], confidence=95)
