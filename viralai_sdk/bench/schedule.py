"""The order of a benchmark's calls.

Arms take turns, so that whatever changes while the run goes on (the time of day, the machine's load, a vendor's mood) meets all of
them alike. At concurrency 1 a turn is one call: A B A B. Above it a turn keeps the level's number of calls in flight, and is some
rounds long, so that its beginning and its end do not count for much.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from viralai_sdk.bench.prompts import Prompt
from viralai_sdk.compare.arms import Arm

Phase = Literal["warm_up", "closed", "open"]
OPEN_LEVEL = 0
"""The level that stands for the open loop."""
ROUNDS = 4
"""A turn above concurrency 1 makes up to so many calls for each place."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One planned call.

    Attributes:
        id: the same in every run of the same plan, so that a broken-off run finds what it has.
        turn: calls of one turn run together; turns follow one another.
        concurrency: places of the closed loop; 0 in the open one.
        offset: open loop: seconds from its start at which the call is due.
    """

    id: str
    phase: Phase
    turn: int
    arm: Arm
    prompt: Prompt
    repeat: int
    concurrency: int
    offset: float | None = None


def schedule(
    arms: Sequence[Arm],
    prompts: Sequence[Prompt],
    *,
    repeats: int,
    levels: Sequence[int],
    warm_up: int = 0,
    rate: float = 0.0,
) -> tuple[Slot, ...]:
    """All calls in order: warm-up, the levels of the closed loop, the open loop."""
    slots = list(_warm_up(arms, prompts, warm_up))
    for level in levels:
        slots += _closed(arms, prompts, repeats, level, len(slots))
    if rate:
        slots += _open(arms, prompts, repeats, rate, len(slots))
    return tuple(slots)


def _warm_up(arms: Sequence[Arm], prompts: Sequence[Prompt], count: int) -> Iterator[Slot]:
    for number in range(count):
        prompt = prompts[number % len(prompts)]
        for place, arm in enumerate(arms):
            name = f"warm_up/{arm.name}/{prompt.id}/{number}"
            yield Slot(name, "warm_up", number * len(arms) + place, arm, prompt, number, 1)


def _closed(
    arms: Sequence[Arm], prompts: Sequence[Prompt], repeats: int, level: int, first_turn: int
) -> Iterator[Slot]:
    pairs = [(prompt, repeat) for repeat in range(repeats) for prompt in prompts]
    length = 1 if level == 1 else ROUNDS * level
    turn = first_turn
    for start in range(0, len(pairs), length):
        for arm in arms:
            for prompt, repeat in pairs[start : start + length]:
                name = f"closed-{level}/{arm.name}/{prompt.id}/{repeat}"
                yield Slot(name, "closed", turn, arm, prompt, repeat, level)
            turn += 1


def _open(arms: Sequence[Arm], prompts: Sequence[Prompt], repeats: int, rate: float, first_turn: int) -> Iterator[Slot]:
    """Every arm gets `rate` calls a second at an even pace; the arms' times are shifted against each other."""
    gap = 1.0 / rate
    for number, (repeat, prompt) in enumerate((repeat, prompt) for repeat in range(repeats) for prompt in prompts):
        for place, arm in enumerate(arms):
            name = f"open/{arm.name}/{prompt.id}/{repeat}"
            yield Slot(
                name, "open", first_turn, arm, prompt, repeat, OPEN_LEVEL, number * gap + place * gap / len(arms)
            )
