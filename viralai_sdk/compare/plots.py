"""Plots of an experiment. Each has the table of its figures behind it, so that it can be read without seeing it.

Colours are Okabe's and Ito's, which people with any colour vision tell apart; meaning is also carried by shape and words.
"""

from __future__ import annotations

import base64
import importlib
import io
import math
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from viralai_sdk.compare.ballot import Judgement, of_pair
from viralai_sdk.compare.leaderboard import Leaderboard, taste
from viralai_sdk.compare.statistics import verdict
from viralai_sdk.interfaces.display.markup import Html, el, label
from viralai_sdk.interfaces.display.table import Table, table_html
from viralai_sdk.interfaces.errors import ConfigurationError

PlotKind = Literal["ratings", "wins", "cost", "progress"]

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILLION, PURPLE = (
    *("#000000", "#E69F00", "#56B4E9", "#009E73"),
    *("#F0E442", "#0072B2", "#D55E00", "#CC79A7"),
)
GREY = "#767676"
DPI = 110
NAMED_CELLS = 14
"""A matrix of more arms than this has no figures in its cells; they are in its table."""
MOST_STEPS = 80
"""Points of a course over time."""


@dataclass(frozen=True)
class Plot:
    """A picture and the figures it was made of.

    Attributes:
        title: what is shown.
        summary: the same in a sentence, for who does not see it.
        table: its figures.
        figure: the `matplotlib` figure, to change or save.
    """

    title: str
    summary: str
    table: Table
    figure: Any

    def png(self) -> bytes:
        """The picture."""
        buffer = io.BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing")  # a box for a rare sign is no reason to stop
            self.figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
        return buffer.getvalue()

    def html(self) -> Html:
        """Picture and table, in one piece and without any address."""
        picture = Html(f"data:image/png;base64,{base64.b64encode(self.png()).decode()}")
        figures = el("details", el("summary", "The figures"), table_html(list(self.table), self.table.columns))
        shown = el("img", src=picture, alt=f"{self.title}. {self.summary}", style="max-width:100%")
        return el("figure", el("figcaption", self.title), shown, figures, style="margin:0")

    def __repr__(self) -> str:
        return f"{self.title}: {self.summary}\n{self.table!r}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        png = base64.b64encode(self.png()).decode()
        return {"text/plain": repr(self), "text/html": str(self.html()), "image/png": png}


def ratings(board: Leaderboard) -> Plot:
    """Scores with intervals, best on top; win rates where there are no scores."""
    scored = all(one.score is not None for one in board.standings)
    rows: list[dict[str, Any]] = []
    for one in board.standings:
        rate = one.win_rate
        if scored:
            rows.append({"arm": one.arm, "score": one.score, "low": one.low, "high": one.high})
        elif rate is not None:
            rows.append({"arm": one.arm, "win rate": rate.value, "low": rate.low, "high": rate.high})
    what = "score" if scored else "win rate"
    figure, axes = _figure(7.0, 1.2 + 0.34 * max(len(rows), 2))
    places = list(range(len(rows)))[::-1]
    for place, row in zip(places, rows, strict=True):
        value = row[what]
        if row["low"] is not None:
            axes.plot([row["low"], row["high"]], [place, place], color=BLUE, linewidth=2, solid_capstyle="butt")
        axes.plot([value], [place], "o", color=BLACK, markersize=6)
    axes.set_yticks(places, [_text(row["arm"]) for row in rows])
    axes.set_xlabel("Bradley–Terry score, 95 % interval" if scored else "share of pairs won, 95 % interval")
    axes.axvline(1000.0 if scored else 0.5, color=GREY, linestyle=":", linewidth=1)
    axes.grid(axis="x", color="#dddddd")
    best = f"{label(rows[0]['arm'], 60)} is ahead" if rows else "there are no votes yet"
    return Plot("How much each arm is preferred", f"{best}; {len(rows)} arms.", Table(rows), figure)


def wins(board: Leaderboard, judgements: Sequence[Judgement]) -> Plot:
    """How often the arm of a row won against the arm of a column, of the decisive votes."""
    names = [one.arm for one in board.standings]
    won = Counter((one.winner, one.loser) for one in judgements if one.winner is not None)
    rows, shares = [], []
    for first in names:
        line = []
        for second in names:
            total = won[first, second] + won[second, first]
            line.append(won[first, second] / total if total and first != second else math.nan)
            if total and first != second:
                rows.append({"arm": first, "against": second, "won": won[first, second], "of": total})
        shares.append(line)
    side = min(12.0, 2.4 + 0.55 * len(names))
    figure, axes = _figure(side + 1.2, side)
    image = axes.imshow(shares, cmap="PuOr", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), [_text(arm, 18) for arm in names], rotation=45, ha="right")
    axes.set_yticks(range(len(names)), [_text(arm, 18) for arm in names])
    axes.set_xlabel("lost")
    axes.set_ylabel("won")
    if len(names) <= NAMED_CELLS:
        for row, line in enumerate(shares):
            for column, share in enumerate(line):
                if not math.isnan(share):
                    dark = abs(share - 0.5) > 0.3
                    shown = f"{100 * share:.0f}"
                    axes.text(column, row, shown, ha="center", va="center", color="white" if dark else "black")
    figure.colorbar(image, ax=axes, label="share of decisive votes", shrink=0.8)
    return Plot("Who wins against whom", f"{len(rows)} pairs of arms seen from both sides.", Table(rows), figure)


def cost(board: Leaderboard) -> Plot:
    """Taste against price; the line joins the arms that no other beats in both."""
    rows: list[dict[str, Any]] = [
        {"arm": one.arm, "mean cost": one.cost_usd, "taste": taste(one), "front": one.pareto}
        for one in board.standings
        if one.pareto is not None
    ]
    left_out = [one.arm for one in board.standings if one.pareto is None]
    figure, axes = _figure(7.0, 4.4)
    prices = [row["mean cost"] for row in rows if row["mean cost"]]
    if prices and len(prices) == len(rows) and max(prices) > 20 * min(prices):
        axes.set_xscale("log")
    front = sorted((row for row in rows if row["front"]), key=lambda row: row["mean cost"])
    axes.plot(
        [row["mean cost"] for row in front], [row["taste"] for row in front], color=GREEN, linewidth=1.5, zorder=1
    )
    for row in rows:
        on = row["front"]
        axes.scatter(
            row["mean cost"], row["taste"], color=GREEN if on else ORANGE, marker="o" if on else "s", s=44, zorder=2
        )
        axes.annotate(
            _text(row["arm"], 22), (row["mean cost"], row["taste"]), (5, 4), textcoords="offset points", fontsize=8
        )
    axes.set_xlabel("mean cost of one result, USD")
    axes.set_ylabel("score" if any((row["taste"] or 0) > 1 for row in rows) else "win rate")
    axes.grid(color="#dddddd")
    axes.margins(x=0.15, y=0.15)
    told = f"{len(front)} of {len(rows)} arms are not beaten in taste and price at once"
    if left_out:
        told += f"; {len(left_out)} left out, their price or their votes are unknown"
    return Plot("Taste against price", f"{told}.", Table(rows), figure)


def progress(judgements: Sequence[Judgement], first: str, second: str, alpha: float = 0.05) -> Plot:
    """The interval of the preference between two arms as votes came in; it may be looked at after every vote."""
    given = of_pair(judgements, first, second)
    every = max(1, math.ceil(len(given) / MOST_STEPS))
    stops = sorted({*range(every, len(given) + 1, every), len(given)} - {0})
    rows: list[dict[str, Any]] = []
    for stop in stops:
        found = verdict(given[:stop], first, second, alpha=alpha)
        rows.append({"votes": stop, "share": found.share, "low": found.low, "high": found.high, "state": found.state})
    figure, axes = _figure(7.0, 3.8)
    votes = [row["votes"] for row in rows]
    axes.fill_between(
        votes, [row["low"] for row in rows], [row["high"] for row in rows], color=SKY, alpha=0.35, linewidth=0
    )
    axes.plot(votes, [row["share"] for row in rows], color=BLUE, linewidth=2)
    axes.axhline(0.5, color=VERMILLION, linestyle="--", linewidth=1.2)
    decided = next((row for row in rows if row["state"] == "decided"), None)
    if decided is not None:
        axes.axvline(decided["votes"], color=GREEN, linewidth=1.5)
        axes.annotate("decided", (decided["votes"], 0.03), (4, 0), textcoords="offset points", color=GREEN)
    axes.set_ylim(0, 1)
    axes.set_xlabel("votes on this pair")
    axes.set_ylabel(f"preference for {_text(first, 24)}")
    axes.grid(color="#dddddd")
    words = verdict(given, first, second, alpha=alpha).words
    return Plot(
        f"{label(first, 60)} against {label(second, 60)}, vote by vote", f"{label(words)}.", Table(rows), figure
    )


def _figure(width: float, height: float) -> tuple[Any, Any]:
    """A figure of its own, drawn in memory: no window, no global state, any thread."""
    try:
        module = importlib.import_module("matplotlib.figure")
    except ImportError as error:
        raise ConfigurationError(
            "plots need matplotlib, which is not installed.", hint='pip install "viralai-sdk[compare]"'
        ) from error
    figure = module.Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    return figure, axes


def _text(text: str, limit: int = 32) -> str:
    """An arm's name as it is: two dollar signs must not make a formula of what stands between them."""
    return label(text, limit).replace("$", r"\$")
