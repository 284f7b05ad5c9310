"""From judgements to what may be counted: votes of one prompt are one unit, however many people voted on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from viralai_sdk.compare.ballot import Judgement, of_pair
from viralai_sdk.interfaces.errors import InvalidRequestError


@dataclass(slots=True)
class Unit:
    """All votes on one prompt about two arms, seen from the first arm."""

    wins: int = 0
    losses: int = 0
    ties: int = 0
    both_bad: int = 0
    abstentions: int = 0

    @property
    def decisive(self) -> int:
        """Votes that prefer one of them."""
        return self.wins + self.losses

    @property
    def votes(self) -> int:
        """All but abstentions."""
        return self.wins + self.losses + self.ties + self.both_bad

    @property
    def share(self) -> float:
        """Share of the decisive votes won by the first arm; asked only when there are some."""
        return self.wins / self.decisive

    @property
    def net(self) -> float:
        """Net preference for the first arm, -1 to 1; 0 without decisive votes."""
        return (self.wins - self.losses) / self.decisive if self.decisive else 0.0

    def add(self, judgement: Judgement, first: str) -> None:
        """Count one more."""
        if judgement.winner is not None:
            if judgement.winner == first:
                self.wins += 1
            else:
                self.losses += 1
        elif judgement.choice == "tie":
            self.ties += 1
        elif judgement.choice == "both_bad":
            self.both_bad += 1
        else:
            self.abstentions += 1


def units(judgements: Iterable[Judgement], first: str, second: str) -> list[Unit]:
    """The prompts on which two arms were compared. A judgement that names no prompt is a unit of its own.

    Raises:
        InvalidRequestError: the arms are the same.
    """
    if first == second:
        raise InvalidRequestError(f"{first!r} cannot be compared with itself.", hint="Name two arms.")
    named: dict[str, Unit] = {}
    alone: list[Unit] = []
    for one in of_pair(judgements, first, second):
        if one.prompt:
            unit = named.setdefault(one.prompt, Unit())
        else:
            unit = Unit()
            alone.append(unit)
        unit.add(one, first)
    return [*named.values(), *alone]


def total(of: Iterable[Unit]) -> Unit:
    """All units in one."""
    found = Unit()
    for unit in of:
        found.wins += unit.wins
        found.losses += unit.losses
        found.ties += unit.ties
        found.both_bad += unit.both_bad
        found.abstentions += unit.abstentions
    return found
