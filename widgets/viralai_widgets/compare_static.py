"""A comparison for readers without a kernel. While blind pairs are left it names nobody: a saved notebook is a page as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from viralai_sdk.compare.cells import Cell
from viralai_sdk.interfaces.display import Html, body, caption, el, error_body, label, table_html, thumbnail
from viralai_sdk.interfaces.image import ImageGenerationResponse
from viralai_widgets.pairs import Pairs

if TYPE_CHECKING:
    from viralai_sdk.compare.comparison import Comparison

CELLS_SHOWN = 12
"""More results than this become a table: a notebook stays small."""
SIDE, BYTES, CHARACTERS = 320, 30_000, 1_500


def sealed(comparison: Comparison | None, pairs: Pairs | None) -> bool:
    """Names are hidden and some pair has no vote yet, or the results are not paired yet."""
    return comparison is not None and pairs is not None and pairs.blind and pairs.voted < len(pairs)


def static_html(
    service: str, prompt: str, comparison: Comparison | None, pairs: Pairs | None, votes: Mapping[str, Any]
) -> Html:
    """Prompt, results with captions or errors, verdict."""
    if comparison is None or pairs is None:
        return el("div", el("strong", f"Comparison of {service}"), el("div", label(prompt, 600)))
    if sealed(comparison, pairs):
        return el("div", el("strong", _sealed_words(service, pairs)))
    cells = comparison.cells
    words = [el("div", label(text, 600)) for text in list(comparison.prompts.values())[:CELLS_SHOWN]]
    if len(cells) > CELLS_SHOWN:
        shown: Html = table_html(comparison.table(), caption=comparison.caption())
    else:
        columns = [
            el("div", el("strong", label(cell.arm, 120)), _cell(cell), style="max-width:340px") for cell in cells
        ]
        shown = el("div", *columns, style="display:flex;flex-wrap:wrap;gap:16px")
    return el(
        "div", *words, shown, el("div", label(comparison.caption())), el("div", label(votes.get("words", ""), 600))
    )


def static_text(service: str, comparison: Comparison | None, pairs: Pairs | None, votes: Mapping[str, Any]) -> str:
    """The same as text."""
    if comparison is None or pairs is None:
        return f"ComparePanel({service}: no results yet)"
    if sealed(comparison, pairs):
        return f"ComparePanel({_sealed_words(service, pairs)})"
    return "\n".join(text for text in (repr(comparison), label(votes.get("words", ""), 600)) if text)


def _sealed_words(service: str, pairs: Pairs) -> str:
    return f"Blind comparison of {service}: {pairs.voted} of {len(pairs)} pairs judged"


def _cell(cell: Cell) -> Html:
    if cell.response is None:
        return error_body(cell.error) if cell.error is not None else Html("")
    if isinstance(cell.response, ImageGenerationResponse):
        small = thumbnail(cell.response.image_paths[0], SIDE, BYTES) if cell.response.image_paths else None
        if small is not None:
            words = label(cell.words, 300)
            shown = el("img", src=small.url, alt=words, width=small.width, height=small.height, style="max-width:100%")
            return el("div", shown, caption(cell.response))
    return el("div", body(cell.response, side=SIDE, chars=CHARACTERS), caption(cell.response))
