"""Slots: the places of a comparison's grid, filled while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from viralai_sdk.compare.cells import Cell
from viralai_sdk.progress.events import ProgressEvent

SlotState: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]
Key: TypeAlias = tuple[str, str, int]
"""Arm, prompt id, repeat."""


@dataclass(slots=True)
class Slot:
    """One arm × prompt × repeat on its way to a cell.

    Attributes:
        arm: name of the arm.
        prompt: id of the prompt.
        repeat: 0 for the first time.
        words: what this arm sends.
        state: queued, running, then one of done, failed and cancelled.
        cell: there as soon as the state is one of the last three.
        progress: what the call said of itself last.
    """

    arm: str
    prompt: str
    repeat: int
    words: str
    state: SlotState = "queued"
    cell: Cell | None = field(default=None, repr=False)
    progress: ProgressEvent | None = field(default=None, repr=False)

    @property
    def key(self) -> Key:
        """What tells it from the other slots of its comparison; the key of its cell."""
        return self.arm, self.prompt, self.repeat

    @property
    def over(self) -> bool:
        """Nothing more will happen to it."""
        return self.state in ("done", "failed", "cancelled")
