"""A comparison for readers without a kernel. While blind pairs are left it names nobody: a saved notebook is a page as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from viralai_sdk.interfaces.display import Html, el, label, table_html
from viralai_widgets.pairs import Pairs

if TYPE_CHECKING:
    from viralai_sdk.compare.comparison import Comparison

CELLS_SHOWN = 12
"""More results than this become a table: a notebook stays small."""


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
    if len(comparison.cells) > CELLS_SHOWN:
        prompts = [el("div", label(text, 600)) for text in list(comparison.prompts.values())[:CELLS_SHOWN]]
        shown = el("div", *prompts, table_html(comparison.table(), caption=comparison.caption()))
    else:
        shown = Html(comparison._repr_mimebundle_()["text/html"])
    return el("div", shown, el("div", label(votes.get("words", ""), 600)))


def static_text(service: str, comparison: Comparison | None, pairs: Pairs | None, votes: Mapping[str, Any]) -> str:
    """The same as text."""
    if comparison is None or pairs is None:
        return f"ComparePanel({service}: no results yet)"
    if sealed(comparison, pairs):
        return f"ComparePanel({_sealed_words(service, pairs)})"
    return "\n".join(text for text in (repr(comparison), label(votes.get("words", ""), 600)) if text)


def _sealed_words(service: str, pairs: Pairs) -> str:
    return f"Blind comparison of {service}: {pairs.voted} of {len(pairs)} pairs judged"
