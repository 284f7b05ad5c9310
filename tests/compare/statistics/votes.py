"""Votes for the tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from viralai_sdk.compare.ballot import Judgement


def ballot(
    wins: int, losses: int = 0, ties: int = 0, both_bad: int = 0, prompt: Callable[[int], str] = lambda number: ""
) -> list[Judgement]:
    """Votes about "a" and "b", sides alternating, so many for "a"."""
    winners = ["a"] * wins + ["b"] * losses + ["tie"] * ties + ["both_bad"] * both_bad
    return [vote(winner, number % 2 == 1, prompt(number)) for number, winner in enumerate(winners)]


def vote(winner: str, turned: bool = False, prompt: str = "", rater: str = "", pair: Sequence[str] = "ab") -> Judgement:
    """One vote by the winner's name."""
    left, right = (pair[1], pair[0]) if turned else (pair[0], pair[1])
    choice = "left" if winner == left else "right" if winner == right else winner
    return Judgement(left, right, choice, prompt=prompt, rater=rater)  # type: ignore[arg-type]


def mirrored(votes: Sequence[Judgement]) -> list[Judgement]:
    """The same votes with the names exchanged."""
    names = {"a": "b", "b": "a"}
    return [
        Judgement(
            names.get(one.left, one.left), names.get(one.right, one.right), one.choice, one.prompt, one.rater, one.kind
        )
        for one in votes
    ]
