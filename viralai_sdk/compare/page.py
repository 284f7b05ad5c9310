"""How a comparison looks: arms as columns, prompts as rows, a failure as what it is. In a notebook, and as a file that stands alone."""

from __future__ import annotations

import string
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from viralai_sdk.compare.embedding import Embedding
from viralai_sdk.interfaces.display.files import relative_url, thumbnail
from viralai_sdk.interfaces.display.markup import CELL, MUTED, ROUND, TABLE, Html, el, label, lines, name
from viralai_sdk.interfaces.display.results import about, body, error_body, notes, picture_of
from viralai_sdk.interfaces.display.table import plain_table, table_html
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.image import ImageGenerationResponse
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.store.files import write_atomic

if TYPE_CHECKING:
    from viralai_sdk.compare.arms import Arm
    from viralai_sdk.compare.cells import Cell
    from viralai_sdk.compare.comparison import Comparison

SIDE: Final = 280
"""Longest side of a picture or film in the notebook's grid, in CSS pixels."""
SMALL_SIDE, SMALL_BYTES = 420, 40_000
"""An inline picture of the notebook's grid: pixels, twice as many as shown would cost too much with many cells, and most bytes."""
MOST_CELLS: Final = 48
"""A notebook shows the first rows up to so many cells and says how many are left out."""
TEXT_CHARS: Final = 4000
EMBEDDED_BYTES: Final = 48_000_000
"""Media of a page that stands alone, in all; what is above is shown as a thumbnail and said to be one."""
_TITLES: Final = {
    AIServiceType.TEXT_GENERATION: "Texts",
    AIServiceType.IMAGE_GENERATION: "Pictures",
    AIServiceType.VIDEO_GENERATION: "Films",
    AIServiceType.SPEECH_SYNTHESIS: "Recordings",
}
_LINE: Final = f"{CELL};border-top:1px solid #888888"


def mimebundle(comparison: Comparison) -> dict[str, Any]:
    """The MIME bundle of a comparison."""
    return {"text/html": str(grid(comparison)), "text/plain": plain(comparison)}


def plain(comparison: Comparison) -> str:
    """A comparison for a terminal or a log."""
    rows = comparison.table()
    return plain_table(list(rows), rows.columns, comparison.caption())


def grid(comparison: Comparison) -> Html:
    """The notebook's view."""
    keys = _rows(comparison)
    shown = keys[: max(MOST_CELLS // max(len(comparison.arms), 1), 1)]
    table = _table(comparison, shown, _notebook_result)
    left = len(keys) - len(shown)
    more = f"{left} more rows are not shown: .cell(arm, prompt) gives one, .to_html(path) writes all." if left else ""
    return el(
        "div", name(comparison.caption()), table, el("div", more, style=MUTED) if more else "", _votes(comparison)
    )


def write(comparison: Comparison, path: Path, limit: int = EMBEDDED_BYTES) -> Path:
    """Write one HTML file with everything in it: no script, no address of anything outside, readable without a network.

    Raises:
        StorageError: it cannot be written; nothing half is left.
    """
    frame = string.Template(resources.files(__package__).joinpath("page.html").read_text("utf-8"))
    embedding = Embedding(limit)
    title = f"{_TITLES[comparison.service]} compared"
    said = frame.substitute(
        title=name(title),
        caption=name(comparison.caption()),
        arms=table_html([_about_arm(arm) for arm in comparison.arms]),
        grid=_table(comparison, _rows(comparison), embedding.result),
        votes=_votes(comparison),
        count=str(len(comparison.arms)),
    )
    write_atomic(Path(path), said.encode())
    return Path(path)


def _rows(comparison: Comparison) -> list[tuple[str, int]]:
    """Prompt and repeat of every row."""
    return list(dict.fromkeys((cell.prompt, cell.repeat) for cell in comparison.cells))


def _table(comparison: Comparison, keys: list[tuple[str, int]], show: Any) -> Html:
    cells = {cell.key: cell for cell in comparison.cells}
    head = [el("th", "prompt", scope="col", style=CELL)]
    head += [el("th", name(arm.name), scope="col", style=CELL) for arm in comparison.arms]
    rows = []
    for prompt, repeat in keys:
        words = comparison.prompts.get(prompt, prompt)
        again = el("div", f"repeat {repeat + 1}", style=MUTED) if comparison.repeats > 1 else ""
        found = [cells.get((arm.name, prompt, repeat)) for arm in comparison.arms]
        columns = [el("td", _cell(cell, show) if cell else el("span", "not made"), style=_LINE) for cell in found]
        first = el("th", name(words, 400), again, scope="row", style=f"{_LINE};font-weight:normal;max-width:220px")
        rows.append(el("tr", first, *columns))
    return el("table", el("thead", el("tr", *head)), el("tbody", *rows), style=TABLE)


def _cell(cell: Cell, show: Any) -> Html:
    if cell.response is None:
        # Failures are as much a result of the comparison as pictures are.
        told = Html("")
        if cell.error is not None:
            told = _stopped(cell.error) if cell.stopped else error_body(cell.error)
        return el("div", told, el("div", f"after {cell.seconds:.1f} s", style=MUTED))
    measured = " · ".join(f"{key} {_short(value)}" for key, value in cell.metrics.items() if value is not None)
    return el(
        "div",
        show(cell),
        el("div", name(cell.response.caption()), style=MUTED),
        notes(cell.response),
        el("details", el("summary", "measured"), name(measured, 2000), style=MUTED) if measured else "",
    )


def _stopped(error: AIError) -> Html:
    """What the user stopped is no failure: where it was, what became of the remote work, and whether it may have cost money."""
    where = f" at {label(error.provider)}" if error.provider else ""
    bill = {"no": "Nothing was charged.", "maybe": "It may have been billed.", "yes": "It was billed."}[error.billed]
    told = [el("div", text, style=MUTED) for text in (label(error.hint or "", 600), bill) if text]
    return el("div", el("div", el("strong", "Stopped"), where), *told)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else label(value, 80)


def _notebook_result(cell: Cell) -> Html:
    response = cell.response
    assert response is not None
    if isinstance(response, ImageGenerationResponse):
        # Like the result's own display, only smaller: many stand side by side.
        small = picture_of(response)
        reduced = thumbnail(small.data, SMALL_SIDE, SMALL_BYTES) if small is not None else None
        if reduced is not None:
            scale = min(1.0, SIDE / max(reduced.width, reduced.height))
            width, height = round(reduced.width * scale), round(reduced.height * scale)
            image = el(
                "img", src=reduced.url, alt=about(response), width=width, height=height, style=f"{ROUND};height:auto"
            )
            url = relative_url(response.image_paths[0])
            return (
                el("a", image, href=url, target="_blank", rel="noopener", title="Open the full picture")
                if url
                else image
            )
    return body(response, SIDE, TEXT_CHARS)


def _votes(comparison: Comparison) -> Html:
    tally = comparison.tally()
    return table_html(list(tally), tally.columns, tally.caption) if len(tally) else Html("")


def _about_arm(arm: Arm) -> dict[str, Any]:
    parameters = lines(
        [name(f"{key}: {label(value, 200)}") for key, value in arm.parameters.items()], style="margin:0;padding:0"
    )
    return {
        "arm": arm.name,
        "provider": arm.provider or "the configured one",
        "model": arm.model or "",
        "template": arm.template or "",
        "parameters": parameters,
    }
