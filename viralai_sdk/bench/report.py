"""`report.html`: the executed notebook as one page that asks for nothing from outside."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from viralai_sdk.bench.extras import need
from viralai_sdk.interfaces.errors import MalformedResponseError
from viralai_sdk.store.files import write_atomic

REPORT = "report.html"
_FETCHES = r"<(?:script|link|img|iframe|source|video|audio|object|embed)\b[^>]*\s(?:src|href|data)\s*="
_OUTSIDE = re.compile(
    rf"""(?ix) {_FETCHES}\s*["']?(?:https?:)?// | @import | url\(\s*["']?(?:https?:)?// | <script\b"""
)
_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.55 system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem;box-sizing:border-box}
img{max-width:100%;height:auto;background:#fff}
pre{white-space:pre-wrap;overflow-wrap:break-word;border:1px solid #8884;border-radius:4px;padding:.6rem;font-size:90%}
details{margin:.4rem 0}summary{cursor:pointer;opacity:.8;font-size:90%}
.error{border-left:3px solid #c43c3c;padding-left:10px}
.output{overflow-x:auto}
"""


def write_report(notebook: Path, target: Path, title: str) -> Path:
    """Write the page of an executed notebook: text, tables and pictures, the code folded away.

    Raises:
        StorageError: it cannot be written.
        MalformedResponseError: the page would ask for something from outside; nothing is written then.
    """
    page = html_of(need("nbformat").read(str(notebook), as_version=4), title)
    outside = outside_of(page)
    if outside:
        raise MalformedResponseError(f"the report would load {outside!r} from outside.")
    write_atomic(target, page.encode())
    return target


def outside_of(page: str) -> str | None:
    """The first thing that a page would run or fetch, None when there is none."""
    found = _OUTSIDE.search(page)
    return found[0] if found else None


def html_of(book: Any, title: str) -> str:
    """The page. Written here and not by nbconvert's templates, all of which bring scripts, and most of which fetch some."""
    from viralai_sdk.interfaces.display.markup import Html, el

    parts: list[object] = []
    for cell in book.cells:
        if cell.cell_type == "markdown":
            parts.append(Html(_markdown(cell.source)))
        elif cell.cell_type == "code" and cell.source.strip():
            parts.append(el("details", el("summary", "code"), el("pre", cell.source)))
            parts += [_output(output) for output in cell.outputs]
    head = el("head", Html('<meta charset="utf-8">'), el("title", title), el("style", Html(_STYLE)))
    return "<!doctype html>\n" + el("html", head, el("body", *parts), lang="en")


def _markdown(source: str) -> str:
    filters = need("nbconvert.filters.markdown_mistune")
    return str(filters.MarkdownWithMath(filters.IPythonRenderer(escape=True, exclude_anchor_links=True)).render(source))


def _output(output: Any) -> Any:
    from viralai_sdk.interfaces.display.markup import Html, el

    kind = output.output_type
    if kind == "stream":
        return el("pre", output.text)
    if kind == "error":
        return el("pre", f"{output.ename}: {output.evalue}", class_="error")
    data = output.data
    if "image/png" in data:
        source = f"data:image/png;base64,{''.join(data['image/png'].split())}"
        return el("img", src=source, alt=data.get("text/plain", "plot"))
    if "text/html" in data:
        # Made by this package's own tables, which escape what they show.
        return el("div", Html(data["text/html"]), class_="output")
    return el("pre", data.get("text/plain", ""))
