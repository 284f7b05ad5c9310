"""A benchmark for readers without a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viralai_sdk.bench.runs import overview
from viralai_sdk.interfaces.display import Html, el, label, table_html
from viralai_sdk.interfaces.display.files import file_line
from viralai_widgets.benchmark_views import files_of
from viralai_widgets.board import sections_html

if TYPE_CHECKING:
    from viralai_widgets.benchmark_panel import BenchmarkPanel


def static_html(panel: BenchmarkPanel) -> Html:
    """What was asked, how far it is, results with their files, verdicts."""
    parts = [el("strong", label(panel.title)), el("div", _asked(panel))]
    if panel.running or (panel.progress and not panel.results):
        parts.append(el("div", label(panel.progress.get("words", ""))))
        parts.append(table_html(panel.progress.get("arms", [])))
    parts += sections_html([each for each in panel.results if each["id"] != "files"])
    if panel.saved is not None and panel.results:
        parts += [file_line(path) for path in files_of(panel.saved.folder)]
    parts += sections_html(panel.verdicts)
    return el("div", *parts)


def static_text(panel: BenchmarkPanel) -> str:
    """One line; with results their first figures."""
    if panel.saved is not None and panel.results:
        return repr(overview(panel.saved))
    words = panel.progress.get("words") or "no results yet"
    return f"BenchmarkPanel({_asked(panel)}: {label(words)})"


def _asked(panel: BenchmarkPanel) -> str:
    providers = ", ".join(panel.value) or "no provider chosen"
    prompts = label(panel.prompts_file) if panel.prompts_file else label(panel.prompts.replace("\n", " / "), 200)
    return label(f"{panel.service} · {providers}" + (f" · {prompts}" if prompts else ""), 500)
