"""Who sees what, in which order, on which side: a blocked, randomised and balanced design, computed only as far as it is asked for.

A *slot* is one comparison: two arms, one prompt, one repeat. Every rater may see every slot once. A rater's order goes in rounds; one
round shows every pair of arms once, each pair on another prompt. So at any moment

* pairs were shown equally often, but for one;
* prompts were shown equally often within a round, but for one;
* arms take turns: a round is made of matchings in which every arm appears once (round-robin tournament, circle method).

Over the whole design each pair meets every prompt once per repeat (prompts are complete blocks), and each pair was shown as often one
way round as the other, but for one. Sides are drawn in blocks of eight appearances of a pair: strict alternation would let a rater who
sees the answers know the next side.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import TypeAlias

Sides: TypeAlias = "list[bool]"

SIDE_BLOCK = 8
"""In so many appearances of a pair, each of its arms is on the left half the time."""
KEPT_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Slot:
    """One comparison, by the places of its arms and its prompt; `first < second`, whichever is shown on the left."""

    prompt: int
    first: int
    second: int
    repeat: int


class Design:
    """The design of an experiment. The same numbers and seed give the same design on every machine.

    Args:
        arms, prompts, repeats: how many there are.
        seed: any text; another one is another design.
    """

    def __init__(self, arms: int, prompts: int, repeats: int, seed: str) -> None:
        self.arms, self.prompts, self.repeats, self.seed = arms, prompts, repeats, seed
        self.pairs = list(combinations(range(arms), 2))
        self.rounds = prompts * repeats
        self._orders: dict[str, Order] = {}

    def __len__(self) -> int:
        """Comparisons for one rater."""
        return len(self.pairs) * self.rounds

    def slots(self) -> Iterator[Slot]:
        """All comparisons, in no particular order."""
        for prompt in range(self.prompts):
            for first, second in self.pairs:
                for repeat in range(self.repeats):
                    yield Slot(prompt, first, second, repeat)

    def order(self, rater: str) -> Order:
        """One rater's order."""
        found = self._orders.get(rater)
        if found is None:
            found = self._orders[rater] = Order(self, rater)
        return found


class Order:
    """The order of one rater: `order[n]` is the n-th comparison, `left_first(slot)` says which arm stands on the left."""

    def __init__(self, design: Design, rater: str) -> None:
        self._design = design
        self._rater = rater
        chance = self._chance("offsets")
        pairs = list(range(len(design.pairs)))
        chance.shuffle(pairs)
        numbers = {pair: number for number, pair in enumerate(design.pairs)}
        self._numbers = numbers
        self._offsets = [0] * len(pairs)
        for place, pair in enumerate(pairs):
            self._offsets[pair] = place % design.prompts
        self._prompts = list(range(design.prompts))
        chance.shuffle(self._prompts)
        self._place_of = [0] * design.prompts
        for place, prompt in enumerate(self._prompts):
            self._place_of[prompt] = place
        self._rounds: OrderedDict[int, list[int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._design)

    def __getitem__(self, number: int) -> Slot:
        design = self._design
        if not 0 <= number < len(design):
            raise IndexError(number)
        turn, place = divmod(number, len(design.pairs))
        pair = self._round(turn)[place]
        repeat, step = divmod(turn, design.prompts)
        prompt = self._prompts[(self._offsets[pair] + step) % design.prompts]
        return Slot(prompt, *design.pairs[pair], repeat)

    def left_first(self, slot: Slot) -> bool:
        """True when the slot's `first` arm is shown on the left."""
        design = self._design
        pair = self._numbers[slot.first, slot.second]
        step = (self._place_of[slot.prompt] - self._offsets[pair]) % design.prompts
        block, place = divmod(slot.repeat * design.prompts + step, SIDE_BLOCK)
        return self._sides(pair, block)[place]

    def _sides(self, pair: int, block: int) -> Sides:
        """Sides of one pair in one block of appearances; a last, shorter block is balanced too."""
        size = min(SIDE_BLOCK, self._design.rounds - block * SIDE_BLOCK)
        return list(_drawn_sides(f"{self._design.seed}|{self._rater}|sides|{pair}|{block}", size))

    def _round(self, turn: int) -> list[int]:
        """Numbers of the pairs of one round, in order."""
        found = self._rounds.get(turn)
        if found is None:
            found = self._rounds[turn] = self._drawn_round(turn)
            while len(self._rounds) > KEPT_ROUNDS:
                self._rounds.popitem(last=False)
        return found

    def _drawn_round(self, turn: int) -> list[int]:
        chance = self._chance(f"round {turn}")
        labels: list[int | None] = list(range(self._design.arms))
        if len(labels) % 2:
            labels.append(None)  # the bye of an odd field
        chance.shuffle(labels)
        matchings = []
        for _ in range(len(labels) - 1):
            matching = []
            for one, other in zip(labels[: len(labels) // 2], reversed(labels), strict=False):
                if one is not None and other is not None:
                    matching.append(self._numbers[min(one, other), max(one, other)])
            chance.shuffle(matching)
            matchings.append(matching)
            labels[1:] = [labels[-1], *labels[1:-1]]
        chance.shuffle(matchings)
        return [pair for matching in matchings for pair in matching]

    def _chance(self, what: str) -> random.Random:
        return random.Random(f"{self._design.seed}|{self._rater}|{what}")  # noqa: S311 - a design must be repeatable


@lru_cache(maxsize=4096)
def _drawn_sides(seed: str, size: int) -> tuple[bool, ...]:
    chance = random.Random(seed)  # noqa: S311 - a design must be repeatable
    half = size // 2
    sides = [True] * half + [False] * half
    if size % 2:
        sides.append(chance.random() < 0.5)
    chance.shuffle(sides)
    return tuple(sides)
