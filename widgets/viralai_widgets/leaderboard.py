"""`Leaderboard`: an experiment's arms, best first, with how sure that is and what it costs."""

from __future__ import annotations

import asyncio
from itertools import zip_longest
from typing import Any, ClassVar, Protocol

import traitlets

from viralai_sdk.interfaces.display import label
from viralai_widgets.board import Board, Tone, column, row, section
from viralai_widgets.owner import Owner
from viralai_widgets.usage import dollars

_COLUMNS = (
    column("rank", "Rank", "text", "Places the arm may hold, as far as the votes say"),
    column("arm", "Arm"),
    column("score", "Rating with its interval", "interval", "Bradley–Terry score; the bar is where it may lie"),
    column("wins", "Win rate", "text", "Share of its pairs that it won, a tie counting half, with its interval"),
    column("votes", "Votes", "number"),
    column("both_bad", "Both bad", "number"),
    column("failures", "Failures", "number", "Results that could not be made, of those asked for"),
    column("latency", "Seconds", "number", "Median, and the slowest in twenty"),
    column("cost", "Mean cost", "number"),
    column("pareto", "Cheapest for its taste", "text", "No other arm is both preferred and cheaper"),
)


class Experiment(Protocol):
    """What the panel needs of `viralai_sdk.compare.Experiment`."""

    name: str

    def leaderboard(self, *, rater: str | None = None) -> Any:
        """The arms with their ratings: `viralai_sdk.compare.leaderboard.Leaderboard`."""

    def votes(self) -> list[Any]:
        """Live votes."""

    def cell_data(self) -> dict[Any, Any]:
        """Finished cells."""


class Leaderboard(Board):
    """Ratings with intervals, rank ranges, failures, latency and cost, and the verdicts in words. Works anew when votes or results come.

    >>> Leaderboard(experiment)
    >>> Leaderboard(experiment, rater="ann")

    Attributes:
        rater: whose votes alone are counted; "" counts those of all people. The page has a list to choose from.
        raters: people who have voted.

    Args:
        experiment: an `Experiment`.
        rater: see above; None is all raters as well.
        every: seconds between two looks of the live board.
    """

    assets: ClassVar[tuple[str, ...]] = ("board", "leaderboard-panel")

    rater = traitlets.Unicode("").tag(sync=True)
    raters = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)

    def __init__(
        self, experiment: Experiment, *, rater: str | None = None, owner: Owner | None = None, **state: Any
    ) -> None:
        self.experiment = experiment
        self._seen: tuple[Any, ...] | None = None
        self._made = False
        title = state.pop("title", f"Leaderboard: {label(experiment.name, 80)}")
        super().__init__(owner=owner, title=title, rater=rater or "", **state)
        self._made = True

    @traitlets.observe("rater")
    def _other_rater(self, _change: Any) -> None:
        if self._made:
            self.refresh()

    async def look(self) -> list[dict[str, Any]]:
        """The table, worked out only when there is something new to count."""
        raters, sections = await asyncio.to_thread(self._look)
        self.set_trait("raters", raters)
        return sections

    def _look(self) -> tuple[list[str], list[dict[str, Any]]]:
        rater = self.rater
        everybody = [vote for vote in self.experiment.votes() if vote.rater_kind == "human"]
        votes = [vote for vote in everybody if rater in ("", vote.rater)]
        cells = self.experiment.cell_data()
        made = sum(data["response"] is not None for data in cells.values())
        raters = sorted({vote.rater for vote in everybody})
        seen = (rater, len(votes), votes[-1].id if votes else "", len(cells), made)
        if seen == self._seen:
            return raters, list(self.sections)
        found = _sections(self.experiment.leaderboard(rater=rater or None), len(votes), rater)
        self._seen = seen
        return raters, found


def _sections(board: Any, votes: int, rater: str = "") -> list[dict[str, Any]]:
    scale = _scale(board.standings)
    rows = [row(one.arm, _cells(one, scale)) for one in board.standings]
    tones: list[Tone] = [_TONES.get(one.state, "idle") for one in board.verdicts.values()]
    told = board.words()
    words: list[tuple[str, Tone]] = list(zip_longest(told, tones, fillvalue="idle"))
    title = f"{votes:,} {'vote' if votes == 1 else 'votes'}" + (f" of {label(rater, 60)}" if rater else "")
    return [section("arms", title, _COLUMNS, rows, words=words, empty="No arms.")]


_TONES: dict[str, Tone] = {"decided": "good", "leaning": "warn", "not enough variety": "warn"}


def _scale(standings: list[Any]) -> tuple[float, float]:
    """Both ends of the line on which all ratings are drawn."""
    ends = [end for one in standings for end in (one.score, one.low, one.high) if end is not None]
    return (min(ends), max(ends)) if ends else (0.0, 1.0)


def _cells(one: Any, scale: tuple[float, float]) -> dict[str, Any]:
    rate = one.win_rate
    return {
        "rank": _rank(one),
        "arm": one.arm,
        "score": None if one.score is None else _score(one, scale),
        "wins": None if rate is None else f"{100 * rate.value:.0f} % ({100 * rate.low:.0f}–{100 * rate.high:.0f})",
        "votes": f"{one.votes:,}",
        "both_bad": f"{one.both_bad:,}",
        "failures": f"{one.failures:,} of {one.made:,}",
        "latency": "" if one.latency_median is None else f"{one.latency_median:.1f} · {one.latency_p95:.1f}",
        "cost": _cost(one),
        "pareto": {True: "yes", False: "no"}.get(one.pareto),
    }


def _rank(one: Any) -> str:
    if one.rank is None:
        return "–"
    known = one.rank_low is not None and one.rank_low != one.rank_high
    return f"{one.rank_low}–{one.rank_high}" if known else str(one.rank)


def _score(one: Any, scale: tuple[float, float]) -> dict[str, Any]:
    known = one.low is not None and one.high is not None
    text = f"{one.score:.0f}" + (f" ({one.low:.0f} to {one.high:.0f})" if known else "")
    return {"value": one.score, "low": one.low, "high": one.high, "min": scale[0], "max": scale[1], "text": text}


def _cost(one: Any) -> str:
    if one.cost_usd is None:
        return "unknown"
    known = dollars(one.cost_usd) if one.cost_usd else "free"
    return known + (f" + {one.cost_unknown} unknown" if one.cost_unknown else "")
