"""The front end's files: plain ES modules and style sheets, no build step, nothing from outside.

anywidget hands a module to the page as one text, so a module cannot import a neighbour. Every panel therefore gets
`static/common.js` followed by its own `static/<name>.js` as one module: what common.js declares is in scope, and only the panel's file
has an `export default { render }`. The style sheets are joined in the same way.

A panel's style sheet holds for the whole page, other panels included. So everything but `common.css` is bound to panels of its own
kind: two kinds on one page may use the same class names.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

STATIC = Path(__file__).with_name("static")
VIEWERS = ("viewers", "view-image", "view-video", "view-audio", "view-text")
"""What shows two results to compare."""


@cache
def module(*names: str) -> str:
    """The text of one ES module: common.js and the named files, in order. The last one names the kind of panel."""
    files = [(STATIC / f"{name}.js").read_text(encoding="utf-8") for name in ("common", *names)]
    return "\n".join([f"const PANEL = {_kind(names)!r};", *files])


@cache
def style(*names: str) -> str:
    """The text of one style sheet: common.css, and those of the named files that there are, in order, for this kind of panel only."""
    sheets = [STATIC / f"{name}.css" for name in names]
    own = "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets if sheet.exists())
    common = (STATIC / "common.css").read_text(encoding="utf-8")
    return common + own.replace(".viralai-panel ", f'.viralai-panel[data-panel="{_kind(names)}"] ')


def _kind(names: tuple[str, ...]) -> str:
    return names[-1] if names else "panel"
