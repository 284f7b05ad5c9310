"""HTML that is safe by construction and readable everywhere a notebook is read.

Three readers decide what may be used here. A live JupyterLab shows the HTML as it is. A reopened, untrusted notebook passes a
sanitizer that drops `<style>`, ids, ARIA attributes and every CSS value it does not know, `var(…)` among them. Code hosts drop
`style` altogether. So text never sets a colour: it inherits the theme's own, muted text is the same colour at 80 % opacity (at
least 7:1 in both Lab themes), lines are a middle grey, and meaning is carried by words and elements, never by colour alone.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Final

_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_VOID: Final = frozenset({"img", "br", "source"})

BLOCK: Final = "margin:4px 0;max-width:760px"
MUTED: Final = "font-size:90%;opacity:0.8;line-height:1.5;margin:4px 0 0 0"
PROSE: Final = "white-space:pre-wrap;overflow-wrap:break-word;line-height:1.55;margin:0"
CODE: Final = f"{PROSE};font-family:monospace;max-height:420px;overflow:auto"
CELL: Final = "text-align:left;vertical-align:top;padding:4px 12px 4px 0"
NUMBER: Final = "text-align:right;vertical-align:top;padding:4px 12px 4px 0"
TABLE: Final = "border-collapse:collapse;margin:4px 0;font-size:90%"
GRID: Final = "display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start"
FAILED: Final = "border-left:3px solid #c43c3c;padding:2px 0 2px 10px"
NOTE: Final = "border-left:3px solid #b07d12;padding:2px 0 2px 10px;margin:6px 0 0 0;font-size:90%;line-height:1.5"
ROUND: Final = "border-radius:4px;max-width:100%"


class Html(str):
    """Text that is markup already. Everything else is escaped when it becomes part of a page."""

    __slots__ = ()


def clean(text: object) -> str:
    """Valid, printable text: lone surrogates and control characters other than tab and newline become U+FFFD."""
    whole = str(text).replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub("\ufffd", whole)


def label(text: object, limit: int = 300) -> str:
    """A name, caption or message for one line: cleaned, bounded, and with direction controls spelled out.

    A file called `fox\u202egnp.exe` must not read as `foxexe.png`.
    """
    line = " ".join(clean(text).split())
    line = _BIDI.sub(lambda found: f"\\u{ord(found[0]):04x}", line)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def escape(text: object) -> Html:
    """Markup for plain text, quotes included, so that it also fits into an attribute."""
    return text if isinstance(text, Html) else Html(html.escape(clean(text), quote=True))


def join(parts: Iterable[object]) -> Html:
    """Markup of all parts one after the other; plain strings among them are escaped."""
    return Html("".join(part if isinstance(part, Html) else _no_formula(escape(part)) for part in parts))


def _no_formula(markup: str) -> str:
    """Lab typesets what stands between two dollar signs as a formula, two prices too; an element of its own keeps each sign apart."""
    return markup.replace("$", "<span>$</span>")


def el(tag: str, *children: object, style: str | None = None, **attributes: object) -> Html:
    """One element. Attributes that are None or False are left out, True makes a bare one; `_` in names becomes `-`."""
    written = [] if style is None else [f' style="{escape(style)}"']
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        name = name.rstrip("_").replace("_", "-")
        written.append(f" {name}" if value is True else f' {name}="{escape(value)}"')
    opening = f"<{tag}{''.join(written)}>"
    return Html(opening) if tag in _VOID else Html(f"{opening}{join(children)}</{tag}>")


def name(text: object, limit: int = 300) -> Html:
    """A name or message inside a line, isolated from the line's own direction of writing."""
    return el("bdi", label(text, limit))


def lines(items: Iterable[object], style: str = NOTE) -> Html:
    """A short list without bullets; nothing at all when there are no items."""
    rows = [el("li", item, style="margin:0") for item in items]
    return el("ul", *rows, style=f"{style};list-style-type:none") if rows else Html("")


def human_size(size: int) -> str:
    """A file's size for people: 812 B, 14 kB, 3.2 MB."""
    for unit, factor in (("MB", 1_000_000), ("kB", 1_000)):
        if size >= factor:
            value = size / factor
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{size} B"
