"""How arms look in every plot: the Okabe–Ito colours, and markers and line styles that tell them apart without colour."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from viralai_sdk.bench.extras import need
from viralai_sdk.interfaces.display.table import Table

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "h")
LINES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (2, 2)), (0, (6, 2, 2, 2)), (0, (8, 2, 2, 2, 2, 2)))
SIZE = (8.0, 4.5)
"""Inches; at DPI 100 a plot stays below 60 kB."""
DPI = 100


class Mark(NamedTuple):
    """An arm's look."""

    colour: str
    marker: str
    line: Any


def marks(arms: Sequence[str]) -> dict[str, Mark]:
    """Arm → its look. Colours, markers and line styles have different periods, so that no two of the first 70 arms are alike."""
    return {
        arm: Mark(COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)], LINES[place % len(LINES)])
        for place, arm in enumerate(arms)
    }


@dataclass(frozen=True)
class Plot:
    """A picture and the table behind it.

    Attributes:
        figure: a `matplotlib.figure.Figure`.
        words: what the picture shows, for those who cannot see it.
    """

    figure: Any
    table: Table
    words: str

    def png(self) -> bytes:
        """The picture."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
        return buffer.getvalue()

    def _ipython_display_(self) -> None:
        """Two outputs: a front end shows only one form of each, and both are wanted."""
        display = need("IPython.display").display
        picture = base64.b64encode(self.png()).decode()
        display({"image/png": picture, "text/plain": self.words}, raw=True, metadata={"image/png": {"alt": self.words}})
        if len(self.table):
            display(self.table)


def axes(title: str, across: str, up: str) -> tuple[Any, Any]:
    """A figure with one labelled field. No pyplot: nothing global is touched, and no window opens."""
    figure = need("matplotlib.figure").Figure(figsize=SIZE, layout="constrained")
    field = figure.add_subplot()
    field.set(title=title, xlabel=across, ylabel=up)
    field.grid(visible=True, color="#dddddd", linewidth=0.7)
    field.set_axisbelow(True)
    for side in ("top", "right"):
        field.spines[side].set_visible(False)
    return figure, field


def legend(field: Any) -> None:
    """A legend below the field, where it hides no point; without anything to explain the field says so."""
    handles, names = field.get_legend_handles_labels()
    if handles:
        field.figure.legend(
            handles, names, loc="outside lower center", ncols=min(len(names), 4), frameon=False, fontsize=9
        )
    else:
        empty(field, "nothing to show")


def empty(field: Any, words: str) -> None:
    """Say in a field without data why it has none."""
    field.text(0.5, 0.5, words, ha="center", va="center", transform=field.transAxes)
    field.set(xticks=[], yticks=[])
