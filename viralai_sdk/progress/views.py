"""Where progress shows: nowhere, on a terminal. `notebook.py` has the third place."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TextIO

from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.progress.events import ProgressEvent

_SWITCH = {"0": False, "off": False, "false": False, "no": False, "1": True, "on": True, "true": True, "yes": True}
_PLAIN_EVERY = 10.0
"""Seconds between two lines where lines cannot be rewritten."""


class ProgressView(Protocol):
    """Draws progress. All methods are called from one thread."""

    def update(self, running: Sequence[ProgressEvent], over: int, now: float) -> None:
        """Show these calls (at least one); `over` others of the same run have ended. `now` is the hub's clock in seconds."""
        ...

    def clear(self) -> None:
        """Take the display away."""
        ...

    def line(self, text: str) -> None:
        """Leave one line behind."""
        ...


class NullView:
    """Shows nothing: output that goes into a pipe stays clean."""

    def update(self, running: Sequence[ProgressEvent], over: int, now: float) -> None:
        """Nothing to show it on."""

    def clear(self) -> None:
        """Nothing was drawn."""

    def line(self, text: str) -> None:
        """Nobody reads it."""


class TerminalView:
    """One line on stderr that is rewritten in place and takes itself away.

    Where lines cannot be rewritten (progress forced on in a pipe) it writes a plain line every ten seconds instead.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._rewrites = self._stream.isatty()
        self._full, self._empty, self._dot = ("━", "─", "·") if _takes(self._stream, "━─·…") else ("#", "-", "|")
        self._written = 0
        self._last: float | None = None

    def update(self, running: Sequence[ProgressEvent], over: int, now: float) -> None:
        """Rewrite the line with the first call and a count of the others."""
        if not self._rewrites:
            if self._last is None or now - self._last >= _PLAIN_EVERY:
                self._last = now
                self._write(self._words(running, over, bar=False) + "\n")
            return
        columns = max(shutil.get_terminal_size().columns - 1, 20)
        text = cut(self._words(running, over, bar=columns >= 60), columns)
        self._write("\r" + text + " " * max(self._written - width(text), 0))
        self._written = width(text)

    def clear(self) -> None:
        """Blank the line and go back to its beginning."""
        if self._written:
            self._write("\r" + " " * self._written + "\r")
            self._written = 0

    def line(self, text: str) -> None:
        """Leave a line above whatever is drawn next."""
        self.clear()
        self._write(self._printable(text) + "\n")

    def _words(self, running: Sequence[ProgressEvent], over: int, *, bar: bool) -> str:
        first = running[0]
        parts = [first.title, *first.words()]
        if bar and first.percent is not None:
            filled = first.percent * 20 // 100
            parts.insert(1, self._full * filled + self._empty * (20 - filled))
        counts = [f"{len(running) - 1} more running"] if len(running) > 1 else []
        counts += [f"{over} over"] if over else []
        more = f" ({', '.join(counts)})" if counts else ""
        return self._printable(f" {self._dot} ".join(parts) + more)

    def _printable(self, text: str) -> str:
        line = "".join(sign if sign.isprintable() else " " for sign in text.replace("·", self._dot))
        return line.encode(self._stream.encoding or "ascii", "replace").decode(self._stream.encoding or "ascii")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def width(text: str) -> int:
    """Columns a text takes on a terminal; wide East Asian characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )


def cut(text: str, columns: int) -> str:
    """The beginning of a text that fits into so many columns."""
    if width(text) <= columns:
        return text
    while text and width(text) > columns - 2:
        text = text[:-1]
    return text.rstrip() + ".."


def _takes(stream: TextIO, signs: str) -> bool:
    try:
        signs.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def in_kernel() -> bool:
    """True inside a Jupyter kernel. IPython is not imported to find out: a kernel has it loaded."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)


def choose_view(enabled: bool | None = None, environ: Mapping[str, str] = os.environ) -> ProgressView:
    """The view for where this process runs: a notebook, a terminal, or nothing in a pipe.

    Args:
        enabled: False never shows progress, True always does, None asks `VIRALAI_PROGRESS` (0, 1 or auto) and then looks.

    Raises:
        ConfigurationError: `VIRALAI_PROGRESS` says something else.
    """
    if enabled is None:
        word = environ.get("VIRALAI_PROGRESS", "").strip().lower()
        if word not in ("", "auto") and word not in _SWITCH:
            raise ConfigurationError(f"VIRALAI_PROGRESS is {word!r}.", hint="Set it to 0, 1 or auto.")
        enabled = _SWITCH.get(word)
    if enabled is False:
        return NullView()
    if in_kernel():
        from viralai_sdk.progress.notebook import NotebookView

        return NotebookView()
    if enabled or (sys.stderr is not None and sys.stderr.isatty()):
        return TerminalView()
    return NullView()
