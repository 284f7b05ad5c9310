"""The report of an experiment: one HTML file that stands alone, for people who were not there."""

from __future__ import annotations

import json
import string
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from viralai_sdk.compare import plots
from viralai_sdk.compare.leaderboard import Leaderboard
from viralai_sdk.compare.votes import VoteRecord
from viralai_sdk.interfaces.display.files import thumbnail
from viralai_sdk.interfaces.display.markup import CELL, MUTED, TABLE, Html, el, escape, join, label, name
from viralai_sdk.interfaces.display.results import picture_of
from viralai_sdk.interfaces.display.table import table_html
from viralai_sdk.interfaces.image import ImageGenerationResponse
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.store.files import write_atomic

if TYPE_CHECKING:
    from viralai_sdk.compare.cells import Cell
    from viralai_sdk.compare.experiment import Experiment

SIDE, THUMBNAIL_BYTES = 240, 24_000
PICTURE_BYTES: Final = 12_000_000
"""Thumbnails of a report, in all; beyond it results are named, not shown."""
MOST_PROMPTS, MOST_ARMS = 60, 12
"""So many prompts, and of so many arms, best first, are shown with their results; the rest is counted."""
TEXT_CHARS = 280
_LINE: Final = f"{CELL};border-top:1px solid #888888"


def write(experiment: Experiment, path: Path) -> Path:
    """Write the report.

    Raises:
        ConfigurationError: the extra `compare` is not installed.
        StorageError: the file cannot be written; nothing half is left.
    """
    board = experiment.leaderboard()
    frame = string.Template(resources.files(__package__).joinpath("report.html").read_text("utf-8"))
    made = experiment.definition
    cells = experiment.cells()
    said = frame.substitute(
        title=name(f"Experiment {made.name}"),
        question=_question(experiment),
        verdict=join([el("p", name(told, 600), class_="verdict") for told in _verdicts(board)]),
        board=table_html(board.rows(), caption=board.caption),
        plots=join([plot.html() for plot in _plots(experiment, board)]),
        checks=_list([board.bias.words, board.agreement.words, *_sittings(experiment.votes())]),
        judges=_judges(experiment, board),
        failures=_failures(cells, experiment),
        prompts=_prompts(experiment, board, cells),
        design=_design(experiment),
        definition=escape(json.dumps(made.to_dict(), indent=1, ensure_ascii=False)),
    )
    write_atomic(path, said.encode())
    return path


def _question(experiment: Experiment) -> Html:
    made = experiment.definition
    arms, prompts = len(made.arms), len(made.prompts)
    times = f", each {made.repeats} times" if made.repeats > 1 else ""
    return el(
        "span",
        f"Which of {arms} ways to make {made.service.short} do people prefer? Asked on {prompts} prompts{times}.",
    )


def _verdicts(board: Leaderboard) -> list[str]:
    told = [f"{first} against {second}: {one.words}" for (first, second), one in board.verdicts.items()]
    return [*told, *([board.problem] if board.problem else [])]


def _plots(experiment: Experiment, board: Leaderboard) -> list[plots.Plot]:
    judgements = experiment.judgements()
    drawn = [plots.ratings(board)]
    if any(one.winner for one in judgements):
        drawn.append(plots.wins(board, judgements))
    if any(one.pareto is not None for one in board.standings):
        drawn.append(plots.cost(board))
    for first, second in list(board.verdicts)[:1]:
        drawn.append(plots.progress(judgements, first, second, board.each_alpha))
    return drawn


def _sittings(votes: list[VoteRecord]) -> list[str]:
    """Who voted how often and how fast: a vote in half a second is no look."""
    people: dict[str, list[VoteRecord]] = {}
    for record in votes:
        if record.rater_kind == "human":
            people.setdefault(record.rater, []).append(record)
    told = []
    for rater, records in people.items():
        seconds = sorted(record.seconds for record in records if record.seconds is not None)
        pace = f", {seconds[len(seconds) // 2]:.1f} s each in the middle" if seconds else ""
        told.append(f"{label(rater, 60)}: {len(records)} votes{pace}")
    return told


def _judges(experiment: Experiment, board: Leaderboard) -> Html:
    """Judges apart from people: their own table, and how far they agree."""
    if board.judges is None:
        return Html("")
    theirs = experiment.leaderboard(kinds=("judge",))
    flipped = [record.flipped for record in experiment.votes(("judge",))]
    told = [
        board.judges.words,
        f"{sum(map(bool, flipped))} of {len(flipped)} answers changed with the order and count as no opinion",
    ]
    table = el(
        "div",
        table_html(theirs.rows(), caption=theirs.caption),
        class_="scroll board",
        tabindex="0",
        role="region",
        aria_label="Judges",
    )
    return el("section", el("h2", "What judges say"), _list(told), table)


def _failures(cells: list[Cell], experiment: Experiment) -> Html:
    rows = [
        {
            "arm": cell.arm,
            "prompt": cell.prompt,
            "error": type(cell.error).__name__,
            "what happened": str(cell.error),
            "seconds": round(cell.seconds, 2),
        }
        for cell in cells
        if cell.error is not None
    ]
    state = experiment.progress()
    lost = (
        f"{state.failed} of {state.pairs} comparisons were never shown because a side failed"
        if state.failed
        else "No comparison was lost to a failure"
    )
    waiting = f"; {state.waiting} wait for results that are not made yet" if state.waiting else ""
    return el(
        "div",
        el("p", f"{lost}{waiting}."),
        table_html(rows) if rows else el("p", "No result failed."),
    )


def _prompts(experiment: Experiment, board: Leaderboard, cells: list[Cell]) -> Html:
    arms = [one.arm for one in board.standings][:MOST_ARMS]
    found = {cell.key: cell for cell in cells}
    room = [PICTURE_BYTES]
    head = el(
        "tr",
        el("th", "prompt", scope="col", style=CELL),
        *(el("th", name(arm, 60), scope="col", style=CELL) for arm in arms),
    )
    rows = []
    for prompt in experiment.prompts[:MOST_PROMPTS]:
        words = el(
            "th",
            name(prompt.words, 400),
            el("div", name(prompt.id), style=MUTED),
            scope="row",
            style=f"{_LINE};font-weight:normal;max-width:260px",
        )
        shown = [el("td", _result(found.get((arm, prompt.id, 0)), room), style=_LINE) for arm in arms]
        rows.append(el("tr", words, *shown))
    left = [f"{len(experiment.prompts) - MOST_PROMPTS} more prompts"] if len(experiment.prompts) > MOST_PROMPTS else []
    left += [f"{len(experiment.arms) - MOST_ARMS} more arms"] if len(experiment.arms) > MOST_ARMS else []
    more = el("p", f"Not shown: {' and '.join(left)}.", style=MUTED) if left else ""
    return el("div", el("table", el("thead", head), el("tbody", *rows), style=TABLE), more)


def _result(cell: Cell | None, room: list[int]) -> Html:
    if cell is None:
        return el("span", "not made", style=MUTED)
    if cell.response is None:
        return el("strong", f"failed: {type(cell.error).__name__}")
    if isinstance(cell.response, TextGenerationResponse):
        return name(cell.response.text, TEXT_CHARS)
    if isinstance(cell.response, ImageGenerationResponse):
        small = thumbnail(cell.response.first_image, SIDE, THUMBNAIL_BYTES) if cell.response.first_image else None
    else:
        small = picture_of(cell.response)
    if small is None or len(small.data) > room[0]:
        length = getattr(cell.response, "duration", None)
        return el("span", f"{length:.1f} s" if length else "not shown", style=MUTED)
    room[0] -= len(small.data)
    return el(
        "img",
        src=small.url,
        alt=f"made by {label(cell.arm, 60)} for {label(cell.words, 120)}",
        width=small.width,
        height=small.height,
    )


def _design(experiment: Experiment) -> Html:
    made, state = experiment.definition, experiment.progress()
    results = f"{len(made.arms)} arms × {len(made.prompts)} prompts × {made.repeats}"
    seen = f"Raters saw two results without names, at most {state.pairs} pairs each"
    how = f"every pair of arms equally often, on every prompt, sides balanced, in an order of their own drawn from seed {made.seed}"
    told = [
        f"Results: {results}; {len(experiment.cell_data())} are there.",
        f"{seen}: {how}.",
        "Verdicts may be looked at after every vote. Scores and their intervals are right when read once.",
        "To do it again: ai.experiment(…) with the definition below; ai.experiment(name) reopens it in its project.",
    ]
    return _list(told)


def _list(told: list[str]) -> Html:
    return el("ul", *(el("li", name(one, 600)) for one in told))
