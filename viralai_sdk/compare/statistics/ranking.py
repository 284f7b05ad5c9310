"""A leaderboard of any number of arms with intervals, from votes on pairs of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from viralai_sdk.compare.ballot import Judgement
from viralai_sdk.compare.statistics.bootstrap import expanded_levels
from viralai_sdk.compare.statistics.strengths import determined, fit, reaches
from viralai_sdk.compare.statistics.tally import ABSTENTIONS, BOTH_BAD, LOSSES, TIES, WINS, Tally, tally
from viralai_sdk.compare.statistics.winrate import check_share
from viralai_sdk.interfaces.errors import InvalidRequestError

Array = npt.NDArray[np.float64]

POINTS = 400 / math.log(10)
"""Points per natural log unit: 400 points are odds of 10 to 1, as in chess."""
MIDDLE = 1000.0
FEWEST_UNITS = 6
"""Prompts below which resampling them says nothing about other prompts."""
MOST_DROPPED = 0.2


@dataclass(frozen=True, slots=True)
class Rating:
    """One arm's line of the leaderboard.

    Attributes:
        arm: its name.
        score: Bradley–Terry strength in points around 1000, the mean of all arms; 100 points more are preferred in 64 % of pairs, 400 in
            91 %. None where the votes do not determine it.
        low, high: interval of the score; None where it cannot be known.
        rank: 1 is best; equal scores share a rank. None without a score.
        rank_low, rank_high: best and worst rank that the votes allow; None without an interval.
        wins, losses, ties, both_bad, abstentions: judgements in which the arm took part.
        votes: all of them but abstentions.
    """

    arm: str
    score: float | None
    low: float | None
    high: float | None
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    wins: int
    losses: int
    ties: int
    both_bad: int
    abstentions: int
    votes: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """A leaderboard.

    Attributes:
        rows: best first; without scores by win rate.
        problem: None, or "not enough variety: …" with what to do. Where it is set, scores or intervals are missing.
        dropped_resamples: share of resamples in which the strengths were not determined, and which are left out of the intervals.
        prompts: number of units (prompts, or votes without a prompt) resampled.
    """

    rows: list[Rating]
    problem: str | None
    dropped_resamples: float
    prompts: int


@dataclass(frozen=True, slots=True)
class _Intervals:
    low: Array
    high: Array
    rank_low: npt.NDArray[np.int64]
    rank_high: npt.NDArray[np.int64]


def bradley_terry(
    judgements: Iterable[Judgement],
    arms: Sequence[str],
    *,
    resamples: int = 500,
    seed: int = 0,
    confidence: float = 0.95,
) -> Ranking:
    """Strengths of all arms with intervals, and ranks with intervals. Right when read once; two arms are told apart earlier by `verdict`.

    Method: Bradley, Terry 1952 by maximum likelihood; intervals from a bootstrap of whole prompts (votes on one prompt belong
    together), as percentiles expanded for few prompts (Hesterberg 2015), because the BCa of strengths breaks on resamples without a
    maximum. Rank intervals: studentised simultaneous intervals of an arm's differences to all others (Mogstad, Romano, Shaikh, Wilhelm
    2024, "Inference for ranks"). A tie is half a win for each, so that two arms' strengths say the same as their `win_rate`; Davidson's
    1970 extra parameter would assume that all pairs are equally prone to ties. Both-bad votes and abstentions are counted in the rows only.
    Whether strengths exist is checked first (Ford 1957). Reference: evalica.bradley_terry(tie_weight=0.5).

    Raises:
        InvalidRequestError: no arm, an arm named twice, no resamples, or a confidence outside 0 to 1.
    """
    check_share(confidence, "confidence")
    if not arms or resamples < 2:
        raise InvalidRequestError("a ranking needs arms and at least 2 resamples.")
    votes = tally(judgements, arms)
    wins = votes.wins()
    problem = _missing_variety(wins, arms)
    if problem is not None:
        return Ranking(_rows(arms, votes, None, None), problem, 0.0, votes.units)
    strengths, _ = fit(wins[None])
    if votes.units < FEWEST_UNITS:
        problem = (
            f"not enough variety: votes on {votes.units} prompt{'s' * (votes.units > 1)} give scores but no intervals; "
            f"vote on at least {FEWEST_UNITS} prompts."
        )
        return Ranking(_rows(arms, votes, strengths[0], None), problem, 0.0, votes.units)
    drawn = votes.resampled(resamples, seed)
    usable = determined(drawn)
    fitted, converged = fit(drawn[usable], strengths[0])
    fitted = fitted[converged]
    dropped = (resamples - len(fitted)) / resamples
    if dropped > MOST_DROPPED:
        problem = (
            f"not enough variety: {100 * dropped:.0f} % of resamples of these votes leave an arm without a win or a loss, so that "
            "the scores have no intervals yet; vote on more pairs, first of the arms at the top and at the bottom."
        )
        return Ranking(_rows(arms, votes, strengths[0], None), problem, dropped, votes.units)
    found = _intervals(strengths[0], fitted, votes.units, confidence)
    return Ranking(_rows(arms, votes, strengths[0], found), None, dropped, votes.units)


def _intervals(strengths: Array, fitted: Array, units: int, confidence: float) -> _Intervals:
    levels = expanded_levels(confidence, units)
    low, high = np.quantile(fitted, levels, axis=0)
    # How much wider than a normal interval Student's t is for this many prompts.
    stretch = NormalDist().inv_cdf(levels[1]) / NormalDist().inv_cdf(0.5 + confidence / 2)
    size = strengths.size
    better, worse = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    for arm in range(size):
        ahead = np.delete(strengths - strengths[arm], arm)
        moved = np.delete(fitted - fitted[:, [arm]], arm, axis=1) - ahead
        if not ahead.size:
            break
        spread = np.maximum(moved.std(axis=0), 1e-12)
        critical = stretch * float(np.quantile((np.abs(moved) / spread).max(axis=1), confidence))
        better[arm] = int((ahead > critical * spread).sum())
        worse[arm] = int((ahead < -critical * spread).sum())
    return _Intervals(np.minimum(low, strengths), np.maximum(high, strengths), 1 + better, size - worse)


def _rows(arms: Sequence[str], votes: Tally, strengths: Array | None, found: _Intervals | None) -> list[Rating]:
    ranks = None if strengths is None else 1 + (strengths[None, :] > strengths[:, None] + 1e-9).sum(axis=1)
    rows = []
    for place, name in enumerate(arms):
        counts = votes.counts[place]
        wins, losses, ties, both_bad, abstentions = (
            int(counts[kind]) for kind in (WINS, LOSSES, TIES, BOTH_BAD, ABSTENTIONS)
        )
        rows.append(
            Rating(
                arm=name,
                score=None if strengths is None else _points(strengths[place]),
                low=None if found is None else _points(found.low[place]),
                high=None if found is None else _points(found.high[place]),
                rank=None if ranks is None else int(ranks[place]),
                rank_low=None if found is None else int(found.rank_low[place]),
                rank_high=None if found is None else int(found.rank_high[place]),
                wins=wins,
                losses=losses,
                ties=ties,
                both_bad=both_bad,
                abstentions=abstentions,
                votes=wins + losses + ties + both_bad,
            )
        )
    return sorted(rows, key=_best_first)


def _best_first(row: Rating) -> tuple[float, float]:
    rate = (row.wins + row.ties / 2) / max(1, row.wins + row.losses + row.ties)
    return (-row.score if row.score is not None else 0.0), -rate


def _points(strength: float) -> float:
    return MIDDLE + POINTS * float(strength)


def _missing_variety(wins: Array, arms: Sequence[str]) -> str | None:
    """Why there are no strengths, and what to do; None when they exist."""
    if len(arms) == 1:
        return "not enough variety: there is one arm; compare at least two."
    played = (wins + wins.T).sum(axis=1) > 0
    if not played.all():
        unknown = [name for name, has in zip(arms, played, strict=True) if not has]
        them = "them" if len(unknown) > 1 else "it"
        return (
            f"not enough variety: no preference or tie is known yet for {_names(unknown)}; vote on pairs with {them}."
        )
    linked = reaches(wins + wins.T)
    if not linked.all():
        groups = [
            _names([name for name, inside in zip(arms, row, strict=True) if inside])
            for row in np.unique(linked, axis=0)[::-1]
        ]
        return (
            f"not enough variety: {len(groups)} groups of arms were never compared with each other "
            f"({' | '.join(groups)}); vote on pairs across them."
        )
    reached = reaches(wins)
    if reached.all():
        return None
    # The arms nobody outside ever beat, and those that never beat anybody outside.
    top = [arms[place] for place in range(len(arms)) if not (reached[:, place] & ~reached[place]).any()]
    bottom = [arms[place] for place in range(len(arms)) if not (reached[place] & ~reached[:, place]).any()]
    return (
        f"not enough variety: {_names(top)} never lost to the others and {_names(bottom)} never won against the others, "
        "so that nobody can tell by how much; vote on more prompts with close rivals."
    )


def _names(names: Sequence[str]) -> str:
    shown = [f"'{name}'" for name in names[:5]]
    if len(names) > 5:
        shown.append(f"{len(names) - 5} more")
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]
