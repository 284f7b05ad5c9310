"""Which two results are looked at, on which side, and what the page may know of them."""

from __future__ import annotations

import itertools
import random
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from viralai_sdk.compare.ballot import ANSWERS, Choice
from viralai_sdk.compare.cells import Cell
from viralai_sdk.interfaces.display import label
from viralai_sdk.interfaces.errors import InvalidRequestError

if TYPE_CHECKING:
    from viralai_sdk.compare.comparison import Comparison


@dataclass(slots=True)
class Shown:
    """Two cells of one prompt and repeat. The tokens are what the page calls them; they tell nothing.

    Attributes:
        choice: what was voted, None before.
    """

    left: Cell
    right: Cell
    left_token: str
    right_token: str
    choice: Choice | None = None


class Pairs:
    """Every pair of results of a comparison that can be judged, one of them shown.

    Args:
        blind: pairs and sides come in random order, and `page()` tells nothing about a pair before its vote.
        rng: a seeded one makes tests repeatable.
    """

    def __init__(self, comparison: Comparison, *, blind: bool, rng: random.Random | None = None) -> None:
        self.comparison = comparison
        self.blind = blind
        rng = rng or random.SystemRandom()
        self._places = list(_places(comparison))
        if blind:
            rng.shuffle(self._places)
            self._places = [
                (second, first) if rng.random() < 0.5 else (first, second) for first, second in self._places
            ]
        self._made: dict[int, Shown] = {}
        self._index = 0
        self._order: list[int] = []

    def __len__(self) -> int:
        return len(self._places)

    @property
    def index(self) -> int:
        """Place of the pair that is shown."""
        return self._index

    @property
    def voted(self) -> int:
        """How many have been voted on."""
        return len(self._order)

    @property
    def shown(self) -> Shown | None:
        """The pair that is shown, None when there is none."""
        return self._at(self._index) if self._places else None

    def _at(self, index: int) -> Shown:
        if index not in self._made:
            left, right = self._places[index]
            self._made[index] = Shown(left, right, secrets.token_hex(8), secrets.token_hex(8))
        return self._made[index]

    def show(self, left: str, right: str, prompt: str, repeat: int) -> None:
        """Show two arms side by side, as the page of an open comparison asks.

        Raises:
            InvalidRequestError: names are hidden, or there is no such pair.
        """
        if self.blind:
            raise InvalidRequestError("names are hidden: pairs come in their own order.")
        wanted = {(left, prompt, repeat), (right, prompt, repeat)}
        for index, (first, second) in enumerate(self._places):
            if {first.key, second.key} == wanted:
                made = self._made.get(index)
                if first.arm != left and (made is None or made.choice is None):  # a vote's sides stay
                    self._places[index] = (second, first)
                    if made is not None:
                        self._made[index] = Shown(made.right, made.left, made.right_token, made.left_token)
                self._index = index
                return
        raise InvalidRequestError(f"{label(left)} and {label(right)} have no two results there.")

    def step(self, by: int) -> None:
        """Go to a neighbouring pair."""
        if self._places:
            self._index = (self._index + by) % len(self._places)

    def vote(self, choice: Choice) -> None:
        """Note that the shown pair has its vote, and go to the next pair without one; at the end stay."""
        shown = self.shown
        if shown is None:
            raise InvalidRequestError("there is no pair to vote on.")
        shown.choice = choice
        self._order = [place for place in self._order if place != self._index] + [self._index]
        for ahead in range(1, len(self._places)):
            place = (self._index + ahead) % len(self._places)
            if place not in self._order:
                self._index = place
                return

    def undo(self) -> Shown:
        """Take the latest vote off its pair and show that pair again.

        Raises:
            InvalidRequestError: there is no vote.
        """
        if not self._order:
            raise InvalidRequestError("there is no vote to undo.")
        self._index = self._order.pop()
        shown = self._at(self._index)
        shown.choice = None
        return shown

    def cell(self, token: str) -> Cell | None:
        """The result behind a token of the page; None for a token nobody has given out."""
        for shown in self._made.values():
            if token in (shown.left_token, shown.right_token):
                return shown.left if token == shown.left_token else shown.right
        return None

    def next_tokens(self) -> list[str]:
        """Tokens of the pair that comes next, for the page to fetch ahead."""
        for ahead in range(1, len(self._places)):
            place = (self._index + ahead) % len(self._places)
            if place not in self._order:
                shown = self._at(place)
                return [shown.left_token, shown.right_token]
        return []

    def page(self) -> dict[str, Any]:
        """What the page may know of the pair that is shown: names, facts and captions only when it is open or voted on."""
        shown = self.shown
        if shown is None:
            return {}
        open_ = not self.blind or shown.choice is not None
        return {
            "index": self._index,
            "total": len(self._places),
            "voted": self.voted,
            "prompt": self.comparison.prompts.get(shown.left.prompt, ""),
            "blind": self.blind,
            "open": open_,
            "choice": shown.choice or "",
            "left": {"id": shown.left_token, **(facts(shown.left) if open_ else {})},
            "right": {"id": shown.right_token, **(facts(shown.right) if open_ else {})},
            "next": self.next_tokens(),
            **({} if self.blind else {"place": {"prompt": shown.left.prompt, "repeat": shown.left.repeat}}),
        }


def facts(cell: Cell) -> dict[str, str]:
    """A result's name and caption."""
    response = cell.response
    return {"name": label(cell.arm, 120), "caption": label(response.caption()) if response is not None else ""}


def reveal(shown: Shown) -> str:
    """What was voted, with names and captions: shown as soon as the vote is stored."""
    sides = [f"{side}: {about['name']} ({about['caption']})" for side, about in _sides(shown)]
    answer = ANSWERS[shown.choice or "abstain"]
    return " · ".join([f"Stored: {answer}", *sides])


def _sides(shown: Shown) -> Sequence[tuple[str, Mapping[str, str]]]:
    return [("left", facts(shown.left)), ("right", facts(shown.right))]


def _places(comparison: Comparison) -> Iterator[tuple[Cell, Cell]]:
    """Two results of the same prompt and repeat by different arms: only what succeeded can be judged."""
    rows: dict[tuple[str, int], list[Cell]] = {}
    for cell in comparison.cells:
        if cell.ok:
            rows.setdefault((cell.prompt, cell.repeat), []).append(cell)
    for cells in rows.values():
        yield from itertools.combinations(cells, 2)
