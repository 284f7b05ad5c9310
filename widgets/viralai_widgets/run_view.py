"""How a run looks in a panel: one row an arm, a few times a second, with a small preview."""

from __future__ import annotations

import asyncio
import random
import secrets
from typing import TYPE_CHECKING, Any

from viralai_sdk.compare.cells import Cell
from viralai_sdk.compare.run import ComparisonRun
from viralai_sdk.compare.slots import Slot
from viralai_sdk.interfaces.display import label
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_widgets.media import preview
from viralai_widgets.panel import error_words

if TYPE_CHECKING:
    from viralai_widgets.compare_panel import ComparePanel

DRAW_SECONDS = 0.2
"""Between two looks at the run; the page gets one message for all that happened meanwhile."""

_ENDS = {"done": "done", "failed": "failed", "cancelled": "stopped"}
"""What a row calls the ends of its slots: nothing but the user cancels one."""


class RunView:
    """Writes a panel's `progress`. While names are hidden, rows stand in random order without names, words or seconds."""

    def __init__(self, panel: ComparePanel) -> None:
        self._panel = panel
        self._run: ComparisonRun | None = None
        self._due: asyncio.TimerHandle | None = None
        self._tokens: dict[str, str] = {}
        self._order: list[str] = []
        self._previewing: set[str] = set()

    def follow(self, run: ComparisonRun) -> None:
        """Show a run from now on."""
        self._run = run
        names = [arm.name for arm in run.comparison.arms]
        self._tokens = {name: secrets.token_hex(4) for name in names}
        self._order = random.SystemRandom().sample(names, len(names))
        run.subscribe(lambda slot: self._changed(run, slot))
        self.draw()

    def arm_of(self, token: str) -> str:
        """The arm behind a row.

        Raises:
            InvalidRequestError: there is no such row.
        """
        for name, given in self._tokens.items():
            if given == token:
                return name
        raise InvalidRequestError("this arm is not part of the run.")

    def _changed(self, run: ComparisonRun, slot: Slot) -> None:
        if run is not self._run:
            return  # an earlier run that is still being wound up: its arms may have the same names
        event = slot.progress
        if event is not None and event.preview and event.state == "running" and slot.arm not in self._previewing:
            self._previewing.add(slot.arm)
            self._panel.owner.start(self._preview(slot.arm, self._tokens[slot.arm], event.preview))
        if self._due is None:
            self._due = self._panel.owner.loop.call_later(DRAW_SECONDS, self.draw)

    async def _preview(self, arm: str, token: str, data: bytes) -> None:
        try:
            small = await asyncio.to_thread(preview, data)
            if small is not None and self._tokens.get(arm) == token:
                self._panel.send_medium("preview", token, small)
            await asyncio.sleep(DRAW_SECONDS)
        finally:
            self._previewing.discard(arm)

    def draw(self) -> None:
        """Bring the rows up to date."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        run = self._run
        if run is None:
            return
        slots: dict[str, list[Slot]] = {}
        for slot in run.cells:
            slots.setdefault(slot.arm, []).append(slot)
        hidden = self._panel.hide_names
        order = self._order if hidden else [arm.name for arm in run.comparison.arms]
        self._panel.progress = [self._row(place, name, slots[name], hidden) for place, name in enumerate(order, 1)]

    def _row(self, place: int, name: str, slots: list[Slot], hidden: bool) -> dict[str, Any]:
        over = [slot for slot in slots if slot.over]
        running = [slot for slot in slots if slot.state == "running"]
        state = "over" if len(over) == len(slots) else "running" if running or over else "queued"
        failures = [slot.cell for slot in over if slot.cell is not None and slot.cell.error is not None]
        known = [slot.progress.fraction for slot in running if slot.progress and slot.progress.fraction is not None]
        made = sum(slot.state == "done" for slot in over)
        fraction = (made + sum(known)) / len(slots) if over or known else None
        row: dict[str, Any] = {
            "id": self._tokens[name],
            "name": f"Arm {place}" if hidden else label(name, 120),
            "state": state,
            "fraction": fraction,
            "words": self._words(slots, over, running, hidden),
            "errors": [],
        }
        if failures:
            shown = [_why(cell) for cell in failures[:3]]
            row["errors"] = (
                [words | {"message": "", "billed": "no"} | {"hint": "", "provider": ""} for words in shown]
                if hidden
                else shown
            )
        return row

    def _words(self, slots: list[Slot], over: list[Slot], running: list[Slot], hidden: bool) -> str:
        counts = [(sum(slot.state == state for slot in over), words) for state, words in _ENDS.items()]
        said = [f"{count} {words}" if len(slots) > 1 else words for count, words in counts if count]
        if running and not hidden and running[0].progress is not None:
            said.append(label(" · ".join(running[0].progress.words()), 120))
        elif running:
            said.append("running")
        return f"{' · '.join(said) or 'waiting'}" + (f" of {len(slots)}" if len(slots) > 1 and over else "")


def _why(cell: Cell) -> dict[str, Any]:
    """Why there is no result: an error in words, and whether it is none because the user stopped it."""
    assert cell.error is not None
    return error_words(cell.error) | ({"type": "Stopped", "stopped": True} if cell.stopped else {})
