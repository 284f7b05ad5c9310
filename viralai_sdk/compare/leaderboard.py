"""The leaderboard of an experiment: taste with its uncertainty, and beside it what a preference costs: money, time and failures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from viralai_sdk.compare.ballot import Judgement
from viralai_sdk.compare.statistics import (
    Agreement,
    Bias,
    Estimate,
    Verdict,
    bradley_terry,
    judge_agreement,
    krippendorff_alpha,
    pareto_front,
    position_bias,
    verdict,
    win_rate,
)
from viralai_sdk.compare.votes import CellKey
from viralai_sdk.interfaces.display.markup import Html, el, label, lines, name
from viralai_sdk.interfaces.display.table import Table, plain_table, table_html
from viralai_sdk.interfaces.money import dollars

RIVALS = 4
"""The leader is judged against so many of those behind it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One arm's line.

    Attributes:
        score, low, high, rank, rank_low, rank_high: as in `statistics.Rating`; None where the votes do not say.
        win_rate: share of its pairs that it won, a tie counting half, with Wilson interval; None without a vote.
        votes: all but abstentions.
        made: cells that were asked for; `failures` of them have no result.
        latency_median, latency_p95: seconds from sending to the verified result, of the cells that have one.
        cost_usd: mean known price of a cell, None when none is known; `cost_unknown` cells have no known price.
        pareto: no other arm is both preferred to it and cheaper; None when its price or preference is unknown.
    """

    arm: str
    score: float | None
    low: float | None
    high: float | None
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    win_rate: Estimate | None
    wins: int
    losses: int
    ties: int
    both_bad: int
    abstentions: int
    votes: int
    made: int
    failures: int
    latency_median: float | None
    latency_p95: float | None
    cost_usd: float | None
    cost_unknown: int
    pareto: bool | None = None

    def row(self) -> dict[str, Any]:
        """As a table row for people."""
        rate = self.win_rate
        cost = "unknown" if self.cost_usd is None else dollars(self.cost_usd)
        return {
            "rank": _range(self.rank, self.rank_low, self.rank_high),
            "arm": self.arm,
            "score": None if self.score is None else round(self.score),
            "interval": None if self.low is None or self.high is None else f"{self.low:.0f}–{self.high:.0f}",
            "win rate": None
            if rate is None
            else f"{100 * rate.value:.0f} % ({100 * rate.low:.0f}–{100 * rate.high:.0f})",
            "votes": self.votes,
            "ties": self.ties,
            "both bad": self.both_bad,
            "failures": f"{self.failures} of {self.made}",
            "median s": None if self.latency_median is None else round(self.latency_median, 2),
            "p95 s": None if self.latency_p95 is None else round(self.latency_p95, 2),
            "mean cost": f"{cost} + {self.cost_unknown} unknown"
            if self.cost_unknown and self.cost_usd is not None
            else cost,
            "cheapest for its taste": {True: "yes", False: "no", None: None}[self.pareto],
        }

    def to_dict(self) -> dict[str, Any]:
        """All figures as JSON data."""
        data = {field: getattr(self, field) for field in self.__slots__}
        rate = self.win_rate
        data["win_rate"] = (
            None if rate is None else {"value": rate.value, "low": rate.low, "high": rate.high, "n": rate.n}
        )
        return data


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """All arms, best first, with what may be said about them.

    Attributes:
        standings: best first.
        problem: why scores or their intervals are missing, None when they are there.
        verdicts: the leader against those behind it, by the two names; right however often they are looked at, and for all pairs
            together: each is judged at `alpha` divided by the number of pairs.
        bias: whether one side of the screen is preferred.
        agreement: of raters with each other.
        judges: of judges with people, None when no judge voted.
        kinds: whose votes are counted.
        dropped_resamples: share of resamples without scores; they are left out of the intervals.
        each_alpha: error of each verdict, so that all pairs together stay below `alpha`.
        rater: whose votes alone are counted, None for everybody's.
    """

    standings: list[Standing]
    problem: str | None
    verdicts: dict[tuple[str, str], Verdict]
    bias: Bias
    agreement: Agreement
    judges: Agreement | None
    kinds: tuple[str, ...]
    dropped_resamples: float = 0.0
    each_alpha: float = 0.05
    rater: str | None = None

    def rows(self) -> list[dict[str, Any]]:
        """The lines for people."""
        return [one.row() for one in self.standings]

    def to_dict(self) -> dict[str, Any]:
        """All figures as JSON data."""
        told = [
            {"first": first, "second": second, "words": one.words, "state": one.state}
            for (first, second), one in self.verdicts.items()
        ]
        return {"standings": [one.to_dict() for one in self.standings], "problem": self.problem, "verdicts": told}

    def to_pandas(self) -> Any:
        """All figures as a `pandas.DataFrame`, one arm a row; the win rate's interval in columns of its own.

        Raises:
            ImportError: pandas is not installed.
        """
        flat = []
        for one in self.standings:
            data = one.to_dict()
            rate = data.pop("win_rate") or {"value": None, "low": None, "high": None}
            flat.append({**data, "win_rate": rate["value"], "win_rate_low": rate["low"], "win_rate_high": rate["high"]})
        return Table(flat).to_pandas()

    def words(self) -> list[str]:
        """What may be said, in sentences."""
        told = [f"{first} against {second}: {one.words}" for (first, second), one in self.verdicts.items()]
        if self.problem is not None:
            told.append(self.problem)
        if self.dropped_resamples:
            told.append(
                f"{100 * self.dropped_resamples:.1f} % of resamples had no scores and are left out of the intervals"
            )
        told.append(f"sides: {self.bias.words}")
        told.append(f"raters: {self.agreement.words}")
        if self.judges is not None:
            told.append(f"judges: {self.judges.words}")
        return told

    @property
    def caption(self) -> str:
        """One line above the table: whose votes are counted."""
        who: dict[tuple[str, ...], str] = {
            ("human",): "votes of people",
            ("judge",): "votes of judges, not of people",
        }
        counted = who.get(self.kinds, "votes of people and judges, mixed")
        return f"Leaderboard: {counted}" + ("" if self.rater is None else f", of {label(self.rater, 60)} alone")

    def __repr__(self) -> str:
        rows = self.rows()
        table = plain_table(rows, list(rows[0]) if rows else [], self.caption)
        return "\n".join([table, *self.words()])

    def html(self) -> Html:
        """Table and sentences."""
        return el(
            "div", table_html(self.rows(), caption=self.caption), lines([name(told, 600) for told in self.words()])
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/plain": repr(self), "text/html": str(self.html())}


def leaderboard(
    arms: Sequence[str],
    cells: Mapping[CellKey, Mapping[str, Any]],
    judgements: Iterable[Judgement],
    *,
    kinds: Sequence[str] = ("human",),
    alpha: float = 0.05,
    rater: str | None = None,
) -> Leaderboard:
    """Count cells (as JSON data) and judgements of all kinds; only those of `kinds`, and of `rater` when one is named, decide."""
    given = [one for one in judgements if rater is None or one.rater == rater or one.kind not in kinds]
    counted = [one for one in given if one.kind in kinds]
    ranking = bradley_terry(counted, arms)
    by_arm: dict[str, list[Mapping[str, Any]]] = {arm: [] for arm in arms}
    for (arm, _, _), data in cells.items():
        by_arm[arm].append(data)
    standings = [_standing(rating, by_arm[rating.arm]) for rating in ranking.rows]
    standings = _with_front(standings)
    names = [one.arm for one in standings]
    each = alpha / max(1, math.comb(len(names), 2))
    verdicts = {(names[0], rival): verdict(counted, names[0], rival, alpha=each) for rival in names[1 : 1 + RIVALS]}
    return Leaderboard(
        standings,
        ranking.problem,
        verdicts,
        position_bias(counted),
        krippendorff_alpha(counted),
        judge_agreement(given) if any(one.kind == "judge" for one in given) else None,
        tuple(kinds),
        ranking.dropped_resamples,
        each,
        rater,
    )


def _standing(rating: Any, cells: Sequence[Mapping[str, Any]]) -> Standing:
    done = [data["response"] for data in cells if data["response"] is not None]
    seconds = np.array([one["generation_time"] for one in done])
    costs = [one["cost_usd"] for one in done if one.get("cost_usd") is not None]
    played = rating.wins + rating.losses + rating.ties
    return Standing(
        **{field: getattr(rating, field) for field in type(rating).__slots__},
        win_rate=win_rate(rating.wins, rating.losses, rating.ties) if played else None,
        made=len(cells),
        failures=len(cells) - len(done),
        latency_median=float(np.median(seconds)) if done else None,
        latency_p95=float(np.percentile(seconds, 95)) if done else None,
        cost_usd=sum(costs) / len(costs) if costs else None,
        cost_unknown=len(done) - len(costs),
    )


def _with_front(standings: list[Standing]) -> list[Standing]:
    """Mark the arms that no other beats in taste and price at once. A mean over some unknown prices is no price."""
    points = {one.arm: {"cost": None if one.cost_unknown else one.cost_usd, "taste": taste(one)} for one in standings}
    known = {arm for arm, point in points.items() if None not in point.values()}
    front = set(pareto_front(points, minimise=["cost"], maximise=["taste"]))
    return [replace(one, pareto=one.arm in front if one.arm in known else None) for one in standings]


def taste(one: Standing) -> float | None:
    """How much an arm is preferred: its score, its win rate where scores cannot be known."""
    if one.score is not None:
        return one.score
    return None if one.win_rate is None else one.win_rate.value


def _range(rank: int | None, low: int | None, high: int | None) -> str | None:
    if rank is None:
        return None
    return f"{rank} ({low}–{high})" if low is not None and high is not None and low != high else str(rank)
