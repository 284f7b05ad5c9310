"""Progress in a notebook cell: one display that updates itself and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from viralai_sdk.interfaces.display.files import thumbnail
from viralai_sdk.interfaces.display.markup import MUTED, Html, el, label
from viralai_sdk.progress.events import ProgressEvent

UPDATE_EVERY = 0.2
"""Least seconds between two drawings: a front end gets at most five a second."""
SHOWN_CALLS = 6
"""Most calls drawn with a bar of their own; the others are counted."""

_TRACK = (
    "height:6px;border-radius:3px;overflow:hidden;margin:4px 0;max-width:480px;background:var(--jp-border-color2,#8886)"
)
_BAR = "height:6px;border-radius:3px;background:var(--jp-brand-color1,#1976d2)"
_HATCH = (
    "height:6px;opacity:0.5;background:repeating-linear-gradient(115deg,var(--jp-brand-color1,#1976d2) 0 8px,"
    "var(--jp-brand-color3,#90caf9) 8px 16px)"
)

Display = Callable[..., Any]


class NotebookView:
    """One display, drawn at most five times a second.

    When the calls are over it empties itself: a saved notebook then holds an output without content, which viewers skip and which
    a strict comparison (nbval) does not see, however long a call took on that day. A cancelled call leaves its line.

    Args:
        display: `IPython.display.display`, or a stand-in with its signature.
    """

    def __init__(self, display: Display | None = None) -> None:
        self._display = display
        self._handle: Any = None
        self._last = float("-inf")
        self._previews: dict[str, tuple[bytes, Html]] = {}

    def update(self, running: Sequence[ProgressEvent], over: int, now: float) -> None:
        """Draw the calls, unless the last drawing is too fresh."""
        if now - self._last < UPDATE_EVERY:
            return
        self._last = now
        self._previews = {key: kept for key, kept in self._previews.items() if any(e.call_id == key for e in running)}
        rows = [self._row(event) for event in running[:SHOWN_CALLS]]
        counts = [f"{len(running) - SHOWN_CALLS} more running"] if len(running) > SHOWN_CALLS else []
        counts += [f"{over} over"] if over else []
        if counts:
            rows.append(el("div", " · ".join(counts), style=MUTED))
        text = "\n".join(f"{event.title}: {', '.join(event.words())}" for event in running[:SHOWN_CALLS])
        self._publish({"text/html": str(el("div", *rows)), "text/plain": label(text, 1000)})

    def clear(self) -> None:
        """Empty the display."""
        if self._handle is not None:
            self._publish({})
        self._handle = None
        self._last = float("-inf")
        self._previews.clear()

    def line(self, text: str) -> None:
        """Leave a line in the cell: in place of the bar when one is drawn, else as an output of its own."""
        self._publish({"text/html": str(el("div", label(text, 600), style=MUTED)), "text/plain": label(text, 600)})
        self._handle = None

    def _publish(self, bundle: dict[str, str]) -> None:
        """Every display begins empty and is filled by updates: a run that compares outputs sees the empty one only."""
        show = self._display or _frontend()
        if self._handle is None:
            self._handle = show({}, raw=True, display_id=True)
        show(bundle, raw=True, display_id=self._handle.display_id, update=True)

    def _row(self, event: ProgressEvent) -> Html:
        percent = event.percent
        inner = el("div", style=_HATCH if percent is None else f"{_BAR};width:{percent}%")
        bar = el(
            "div",
            inner,
            role="progressbar",
            aria_label=label(event.title),
            aria_valuemin=0,
            aria_valuemax=100,
            aria_valuenow=percent,
            aria_valuetext=label(", ".join(event.words())),
            style=_TRACK,
        )
        words = el("div", el("strong", label(event.title, 80)), " · ", label(" · ".join(event.words()), 200))
        return el("div", words, bar, self._preview(event), style="margin:4px 0;font-variant-numeric:tabular-nums")

    def _preview(self, event: ProgressEvent) -> Html:
        """The provider's preview, decoded and made small once for each picture that comes."""
        if not event.preview:
            return Html("")
        kept = self._previews.get(event.call_id)
        if kept is None or kept[0] != event.preview:
            small = thumbnail(event.preview, 240, 30_000)
            alt = f"unfinished {event.service}"
            style = "border-radius:4px"
            shown = (
                el("img", src=small.url, alt=alt, width=small.width, height=small.height, style=style)
                if small
                else Html("")
            )
            kept = self._previews[event.call_id] = (event.preview, shown)
        return kept[1]


def _frontend() -> Display:
    from IPython.display import display

    shown: Display = display
    return shown
