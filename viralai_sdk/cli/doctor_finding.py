"""One thing that `viralai doctor` found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

_SIGNS = {"ok": "+", "missing": "-", "problem": "!"}


@dataclass(frozen=True, slots=True)
class Finding:
    """A fact and what follows from it.

    Attributes:
        state: "ok", "missing" for something optional that is not there, "problem" for what must be mended.
        why: reason or remark, "" when there is none.
        hint: what to do, "" when there is nothing to do.
    """

    area: str
    name: str
    state: Literal["ok", "missing", "problem"]
    value: str
    why: str = ""
    hint: str = ""

    def row(self) -> dict[str, Any]:
        """The finding as plain values."""
        return asdict(self)

    def line(self) -> str:
        """The finding for people. The sign says the state, so that no colour is needed."""
        return f"  {_SIGNS[self.state]} {self.name:<12} {self.value}{f'  ({self.why})' if self.why else ''}"
