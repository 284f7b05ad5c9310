"""Can the votes be trusted? Does the side decide, do raters agree, does a judge agree with people?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viralai_sdk.compare.ballot import Judgement
from viralai_sdk.compare.statistics.bootstrap import expanded_levels
from viralai_sdk.compare.statistics.multiple import holm
from viralai_sdk.compare.statistics.power import binomial_p_value
from viralai_sdk.compare.statistics.winrate import Estimate, check_share, win_rate
from viralai_sdk.compare.statistics.wording import count, p_words, percent

Array = npt.NDArray[np.float64]

SIDES_ALPHA = 0.05
UNITS_FOR_INTERVAL = 6


@dataclass(frozen=True, slots=True)
class Bias:
    """Does the place on the screen decide?

    Attributes:
        left, right: votes for what was shown there.
        share: share of the left side with its Wilson interval.
        p_value: exact, against "both sides win equally often".
        balanced: every pair was shown both ways round about equally often; otherwise the better arm may simply have stood on one side.
        found: sides were balanced and p_value <= 0.05.
        words: for people.
    """

    left: int
    right: int
    share: Estimate
    p_value: float
    balanced: bool
    found: bool
    words: str


def position_bias(judgements: Iterable[Judgement]) -> Bias:
    """Test whether the left or the right place wins more often than the other, over all pairs and raters.

    Method: exact two-sided binomial test of left wins against right wins. With sides drawn by chance, independently for every vote, it
    is valid however prompts, raters and arms depend on each other: whoever is preferred stands left in half of the votes. `balanced` fails
    when some pair with 8 or more votes was shown one way round so often that chance explains it in at most 5 % (binomial test per pair,
    Holm over pairs). Ties, both-bad votes and abstentions are left out.
    """
    given = [one for one in judgements if one.winner is not None]
    left = sum(one.choice == "left" for one in given)
    right = len(given) - left
    shown = Counter((one.left, one.right) for one in given)
    pairs = {tuple(sorted(pair)) for pair in shown}
    tests = [
        binomial_p_value(shown[(one, other)], shown[(other, one)])
        for one, other in sorted(pairs)
        if shown[(one, other)] + shown[(other, one)] >= 8
    ]
    balanced = all(value > SIDES_ALPHA for value in holm(tests))
    p_value = binomial_p_value(left, right)
    found = balanced and p_value <= SIDES_ALPHA
    share = win_rate(left, right)
    return Bias(left, right, share, p_value, balanced, found, _bias_words(left, right, share, p_value, balanced, found))


def _bias_words(left: int, right: int, share: Estimate, p_value: float, balanced: bool, found: bool) -> str:
    if not left + right:
        return "no preferences yet, so nothing is known about the sides"
    numbers = f"left {left}, right {right}, {p_words(p_value)}"
    if not balanced:
        return f"sides were not balanced, so a preference for a side cannot be told from one for an arm: {numbers}"
    interval = f"left wins {percent(share.value)} %, 95 % interval {percent(share.low)}–{percent(share.high)} %"
    if found:
        return f"the {'left' if left > right else 'right'} side is preferred: {numbers} ({interval})"
    return f"no preference for a side seen: {numbers} ({interval})"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far answers agree.

    Attributes:
        value: 1 is full agreement, 0 what chance gives, below 0 systematic disagreement; None when it cannot be told.
        low, high: interval; None when there are too few items for one.
        percent: share of agreeing pairs of answers, 0 to 1, chance not taken off; None when there is no pair.
        items: things judged at least twice.
        raters: who answered on them.
        method: what `value` is.
        words: for people.
    """

    value: float | None
    low: float | None
    high: float | None
    percent: float | None
    items: int
    raters: int
    method: str
    words: str


def krippendorff_alpha(
    judgements: Iterable[Judgement], *, confidence: float = 0.95, resamples: int = 1000, seed: int = 0
) -> Agreement:
    """Agreement of raters who judged the same pair on the same prompt. Answers are: this arm, that arm, tie, both bad.

    Side does not matter, abstentions are missing answers, and raters may have judged different parts. A rater's second answer on the same
    pair and prompt belongs to another repeat and is compared with the others' second answers.
    Method: Krippendorff 2011, "Computing Krippendorff's alpha-reliability", nominal; interval by a bootstrap of prompts. None when nobody
    judged the same thing, or when all answers are the same (there is no variation to agree on). Reference: evalica.alpha.

    Raises:
        InvalidRequestError: a confidence outside 0 to 1.
    """
    check_share(confidence, "confidence")
    given = list(judgements)
    items = {key: answers for key, answers in _answers(given).items() if len(answers) > 1}
    raters = len({rater for answers in items.values() for rater in answers})
    groups: dict[Hashable, list[list[str]]] = defaultdict(list)
    for key, answers in items.items():
        groups[key[0] or key].append([answers[rater] for rater in sorted(answers)])
    # Sorted, so that the interval does not depend on the order of the votes.
    tables = [_coincidences(groups[group]) for group in sorted(groups, key=repr)]
    value, percent = _alpha(np.sum(tables, axis=0)) if tables else (None, None)
    low = high = None
    if value is not None and len(tables) >= UNITS_FOR_INTERVAL:
        low, high = _alpha_interval(np.asarray(tables), value, confidence, resamples, seed)
    words = _agreement_words("Krippendorff's α", value, low, high, len(items), raters)
    return Agreement(value, low, high, percent, len(items), raters, "Krippendorff's alpha, nominal", words)


def alpha_of(items: Sequence[Sequence[Hashable | None]]) -> float | None:
    """Krippendorff's nominal alpha of any answers: one sequence per item, None where a rater did not answer; None when undefined.

    Method: Krippendorff 2011, by coincidences.
    """
    codes: dict[Hashable, int] = {}
    rows = [[codes.setdefault(one, len(codes)) for one in item if one is not None] for item in items]
    table = np.zeros((len(codes), len(codes)))
    for row in rows:
        table += _pairs(row, len(codes))
    return _alpha(table)[0] if codes else None


def judge_agreement(
    judgements: Iterable[Judgement], *, confidence: float = 0.95, resamples: int = 1000, seed: int = 0
) -> Agreement:
    """How often judges prefer what people prefer, on pairs and prompts that both have judged with a preference.

    People's answer is the arm that most of them prefer, judges' likewise; items where either side has no such arm are left out.
    `percent` is the share of items on which they agree. Method of `value`: Cohen's kappa 1960 between people and judges; an item's two
    answers are "the arm that comes first in the alphabet" or "the other", so both chances are near one half. Interval by a bootstrap of
    prompts. Reference: statsmodels.stats.inter_rater.cohens_kappa.

    Raises:
        InvalidRequestError: a confidence outside 0 to 1.
    """
    check_share(confidence, "confidence")
    given = list(judgements)
    people, judges = (_majorities([one for one in given if one.kind == kind]) for kind in ("human", "judge"))
    both = sorted(set(people) & set(judges))
    raters = len({one.rater for one in given if one.kind == "judge"})
    groups: dict[Hashable, Array] = defaultdict(lambda: np.zeros((2, 2)))
    for key in both:
        _, one, _ = key
        groups[key[0] or key][int(people[key] != one), int(judges[key] != one)] += 1
    tables = np.asarray([groups[group] for group in sorted(groups, key=repr)]).reshape(-1, 2, 2)
    value = _kappa(tables.sum(axis=0)) if both else None
    percent = float(tables.sum(axis=0).trace()) / len(both) if both else None
    low = high = None
    if value is not None and len(tables) >= UNITS_FOR_INTERVAL:
        drawn = _resampled(tables, resamples, seed)
        found = [one for one in (_kappa(table) for table in drawn) if one is not None]
        low, high = _ends(found, value, len(tables), confidence)
    words = "no pair was judged with a preference by people and by a judge"
    if percent is not None:
        words = f"judges agree with people on {round(percent * len(both))} of {len(both)} items ({100 * percent:.0f} %)"
        words += f"; {_agreement_words('κ', value, low, high, len(both), raters)}" if value is not None else ""
    return Agreement(value, low, high, percent, len(both), raters, "Cohen's kappa", words)


_Item = tuple[str, str, str]


def _item(one: Judgement) -> _Item:
    first, second = sorted((one.left, one.right))
    return one.prompt, first, second


def _answers(judgements: Iterable[Judgement]) -> dict[tuple[str, str, str, int], dict[str, str]]:
    """Each rater's answer by prompt, pair and how many times the rater had seen it before."""
    times: Counter[tuple[_Item, str, str]] = Counter()
    found: dict[tuple[str, str, str, int], dict[str, str]] = defaultdict(dict)
    for one in judgements:
        if one.choice == "abstain":
            continue
        item, rater = _item(one), f"{one.kind}:{one.rater}"
        seen = times[(item, one.kind, one.rater)]
        times[(item, one.kind, one.rater)] += 1
        found[(*item, seen)][rater] = one.choice if one.winner is None else f"arm:{one.winner == item[1]}"
    return found


def _majorities(judgements: Iterable[Judgement]) -> dict[_Item, str]:
    votes: dict[_Item, Counter[str]] = defaultdict(Counter)
    for one in judgements:
        if one.winner is not None:
            votes[_item(one)][one.winner] += 1
    found = {}
    for item, counts in votes.items():
        first, second = counts[item[1]], counts[item[2]]
        if first != second:
            found[item] = item[1] if first > second else item[2]
    return found


ANSWERS = ("arm:True", "arm:False", "tie", "both_bad")


def _coincidences(items: Iterable[Sequence[str]]) -> Array:
    table = np.zeros((len(ANSWERS), len(ANSWERS)))
    for item in items:
        table += _pairs([ANSWERS.index(answer) for answer in item], len(ANSWERS))
    return table


def _pairs(answers: Sequence[int], kinds: int) -> Array:
    """Ordered pairs of answers of different raters on one item, each answer weighing 1 in all."""
    if len(answers) < 2:
        return np.zeros((kinds, kinds))
    counts = np.bincount(np.asarray(answers), minlength=kinds).astype(np.float64)
    return (np.outer(counts, counts) - np.diag(counts)) / (len(answers) - 1)


def _alpha(table: Array) -> tuple[float | None, float | None]:
    """Alpha and the share of agreeing pairs of a table of coincidences."""
    total = float(table.sum())
    if total == 0:
        return None, None
    sums = table.sum(axis=1)
    same = float(table.trace())
    expected = float(total * total - (sums * sums).sum())
    if expected <= 0:
        return None, same / total
    return 1 - (total - 1) * (total - same) / expected, same / total


def _alpha_interval(
    tables: Array, value: float, confidence: float, resamples: int, seed: int
) -> tuple[float | None, float | None]:
    drawn = _resampled(tables, resamples, seed)
    found = [alpha for alpha, _ in (_alpha(table) for table in drawn) if alpha is not None]
    return _ends(found, value, len(tables), confidence)


def _ends(found: Sequence[float], value: float, units: int, confidence: float) -> tuple[float | None, float | None]:
    """Interval out of resampled values; none when most resamples had no value."""
    if len(found) < 100:
        return None, None
    low, high = np.quantile(found, expanded_levels(confidence, units))
    return min(float(low), value), max(float(high), value)


def _kappa(table: Array) -> float | None:
    total = float(table.sum())
    observed = float(table.trace()) / total
    expected = float((table.sum(axis=0) * table.sum(axis=1)).sum()) / total**2
    return None if expected >= 1 else (observed - expected) / (1 - expected)


def _resampled(tables: Array, resamples: int, seed: int) -> Array:
    units = len(tables)
    picks = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), size=resamples)
    found: Array = np.tensordot(picks.astype(np.float64), tables, axes=(1, 0))
    return found


def _agreement_words(
    name: str, value: float | None, low: float | None, high: float | None, items: int, raters: int
) -> str:
    if value is None:
        reason = (
            f"all answers on {count(items, 'item')} are the same" if items else "no pair was judged by several raters"
        )
        return f"{name} cannot be told: {reason}"
    interval = f", interval {low:.2f} to {high:.2f}" if low is not None and high is not None else ""
    return f"{name} = {value:.2f}{interval} ({count(items, 'item')}, {count(raters, 'rater')})"
