"""Which of two arms is preferred, in a state and in words that say no more than the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from viralai_sdk.compare.ballot import Judgement
from viralai_sdk.compare.statistics.paired import sign_flip_p_value
from viralai_sdk.compare.statistics.power import MOST_VOTES, fewest_to_decide, votes_to_decide
from viralai_sdk.compare.statistics.sequential import SequentialTest, revision_penalty, sequential_shares
from viralai_sdk.compare.statistics.units import Unit, total, units
from viralai_sdk.compare.statistics.winrate import check_share
from viralai_sdk.compare.statistics.wording import count, odds, p_words, percent

State = Literal["decided", "leaning", "undecided", "not enough variety"]

LEANING = 4
"""Times alpha: a voting without any preference ever leans with at most this multiple of the error that a decision may have."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the votes say about two arms, right at any moment.

    Attributes:
        state: "decided": may stop, wrong in at most alpha of votings that have no winner, however often they were looked at.
            "leaning": the same with 4 × alpha. "not enough variety": too few prompts for any outcome to decide.
        winner: the preferred arm, None unless decided.
        leader: the arm ahead when decided or leaning.
        words: the verdict for people.
        wins, losses, ties, both_bad: votes from the first arm's side.
        n: all votes but abstentions.
        p_value: sign test with every prompt counted once, *as if read this one time*; the decision does not rest on it.
        e_value: the evidence the decision rests on: 1/alpha decides.
        share: preference for the first arm among decisive votes, every prompt counted once; 0.5 before any.
        low, high: interval of it that may be peeked at.
        votes_left: about how many more votes until it is decided; prompts with as many votes each as so far, when `clustered`. 0 when
            decided; None when it cannot be told (only ties so far, or more than 20,000).
        prompts: number of units (prompts, or votes without a prompt) that have a preference.
        clustered: some prompt has several votes.
        raters: how many people or judges voted: the verdict is about what they prefer.
        abstentions: votes without an opinion; counted nowhere else.
    """

    state: State
    winner: str | None
    leader: str | None
    words: str
    wins: int
    losses: int
    ties: int
    both_bad: int
    n: int
    p_value: float
    e_value: float
    share: float
    low: float
    high: float
    votes_left: int | None
    prompts: int
    clustered: bool
    raters: int
    abstentions: int


def verdict(
    judgements: Iterable[Judgement], first: str, second: str, *, alpha: float = 0.05, target: float = 0.6
) -> Verdict:
    """Judge two arms by all judgements about them; others are ignored. May be called after every vote.

    Method: `sequential_shares` decides (betting e-process, Ville's inequality), every prompt counting once with the share of its decisive
    votes; ties, both-bad votes and abstentions are left out and reported. `target` is the smallest preference worth knowing: what is left
    to vote is the median for the larger of it and the preference seen so far (with one vote added on each side).

    Raises:
        InvalidRequestError: the arms are the same, or alpha or target lie outside 0 to 1.
    """
    check_share(alpha, "alpha")
    check_share(target, "target")
    given = [one for one in judgements if one.involves(first, second)]
    found = units(given, first, second)
    votes, counted = total(found), [unit for unit in found if unit.decisive]
    each = votes.decisive / len(counted) if counted else 1.0
    test = sequential_shares([unit.share for unit in counted], alpha, votes_per_unit=each)
    strict = alpha / revision_penalty(each)
    state = _state(test, votes, strict)
    leader = None
    if state in ("decided", "leaning"):
        leader = first if test.share > 0.5 else second
    clustered = any(unit.votes > 1 for unit in found)
    left, assumed = _left(test, [unit for unit in found if unit.votes], max(target, 1 - target), strict, clustered)
    partial = Verdict(
        state=state,
        winner=leader if state == "decided" else None,
        leader=leader,
        words="",
        wins=votes.wins,
        losses=votes.losses,
        ties=votes.ties,
        both_bad=votes.both_bad,
        n=votes.votes,
        p_value=sign_flip_p_value([unit.net for unit in counted]),
        e_value=test.e_value,
        share=test.share,
        low=test.low,
        high=test.high,
        votes_left=0 if state == "decided" else left,
        prompts=len(counted),
        clustered=clustered,
        raters=len({one.rater for one in given if one.choice != "abstain"}),
        abstentions=votes.abstentions,
    )
    return replace(partial, words=_words(partial, first, alpha, assumed, fewest_to_decide(strict)))


def _state(test: SequentialTest, votes: Unit, strict: float) -> State:
    if test.decided:
        return "decided"
    if test.n < fewest_to_decide(strict) <= votes.decisive:
        return "not enough variety"
    # Without a vote the evidence is 1, which would lean if alpha were above a quarter; at one half it is never more.
    return "leaning" if test.e_value * min(1.0, LEANING * test.alpha) >= 1 and test.share != 0.5 else "undecided"


def _left(
    test: SequentialTest, found: Sequence[Unit], target: float, strict: float, clustered: bool
) -> tuple[int | None, float]:
    """Votes (or prompts) still to come in the median, and the preference assumed for it."""
    seen = (test.share * test.n + 1) / (test.n + 2)
    assumed = max(target, seen, 1 - seen)
    nets = [unit.net for unit in found if unit.decisive]
    if assumed >= 1 or (found and not nets):
        return None, assumed
    # Prompts with several votes scatter less than coins: each is worth as many coins as its variance is smaller.
    scatter = max(sum(net * net for net in nets) / len(nets), 2 * assumed - 1) if nets else 1.0
    coins = round(test.n / scatter)
    ahead = round(max(test.share, 1 - test.share) * coins)
    further = votes_to_decide(ahead, coins - ahead, assumed, alpha=strict)
    if further is None:
        return None, assumed
    left = max(1.0, further * scatter)
    if found:
        # Ties and both-bad votes decide nothing; they will go on coming as they came.
        everything = total(found)
        left *= len(found) / len(nets) if clustered else everything.votes / everything.decisive
    return (round(left) if left <= MOST_VOTES else None), assumed


def _words(found: Verdict, first: str, alpha: float, assumed: float, fewest: int) -> str:
    if not found.n:
        needed = f"more than {MOST_VOTES:,}" if found.votes_left is None else f"about {found.votes_left}"
        return f"no votes yet: {needed} votes would show a {odds(assumed)} preference"
    score = f"{found.wins}–{found.losses}"
    if found.leader is not None and found.leader != first:
        score = f"{found.losses}–{found.wins}"
    where = f" on {count(found.prompts, 'prompt')}" if found.clustered else ""
    if found.state == "decided":
        return _decided(found, first, alpha, score, where)
    if not found.wins + found.losses:
        return f"no winner yet: {_aside(found)} and no preference in {count(found.n, 'vote')}"
    aside = f" with {_aside(found)}" if found.ties or found.both_bad else ""
    if found.state == "not enough variety":
        more = fewest - found.prompts
        return (
            f"not enough variety: {score}{where}{aside}; votes on one prompt count once together, "
            f"so compare on at least {count(more, 'more prompt')}"
        )
    start = "no winner yet" if found.leader is None else f"leaning to {found.leader}"
    once = " if read only this once" if found.p_value <= alpha else ""
    return f"{start}: {score}{where}{aside}, {p_words(found.p_value)}{once}; {_more(found, assumed)}"


def _decided(found: Verdict, first: str, alpha: float, score: str, where: str) -> str:
    share, low, high = found.share, found.low, found.high
    if found.winner != first:
        share, low, high = 1 - share, 1 - high, 1 - low
    once = ", each prompt counted once" if found.clustered else ""
    return (
        f"{found.winner} is preferred: {score} of {count(found.n, 'vote')}{where} "
        f"({percent(share)} %{once}, {percent(1 - alpha)} % interval that may be peeked at {percent(low)}–{percent(high)} %)"
    )


def _more(found: Verdict, assumed: float) -> str:
    if found.votes_left is None:
        return f"more than {MOST_VOTES:,} more votes if the preference is {odds(assumed)}"
    unit = "prompt" if found.clustered else "vote"
    return f"about {count(_rounded(found.votes_left), f'more {unit}')} if the preference is {odds(assumed)}"


def _aside(found: Verdict) -> str:
    parts = [count(found.ties, "tie")] if found.ties else []
    parts += [f"{found.both_bad} both bad"] if found.both_bad else []
    return " and ".join(parts)


def _rounded(number: int) -> int:
    """As precise as a median of something so uncertain deserves: two digits."""
    step = 1
    while number // step >= 100:
        step *= 10
    return round(number / step) * step


def counted_units(judgements: Sequence[Judgement], first: str, second: str) -> list[float]:
    """The shares that `verdict` counts, one per prompt with a decisive vote: for plots of what stands behind it."""
    return [unit.share for unit in units(judgements, first, second) if unit.decisive]
