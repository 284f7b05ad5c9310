"""Votes of many arms as numbers: counts for the table, and one sparse row of wins per prompt for the bootstrap."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from viralai_sdk.compare.ballot import Judgement
from viralai_sdk.compare.statistics.libraries import library
from viralai_sdk.interfaces.errors import InvalidRequestError

Array = npt.NDArray[np.float64]
WINS, LOSSES, TIES, BOTH_BAD, ABSTENTIONS = range(5)
Cells = dict[int, float]


@dataclass(slots=True)
class Tally:
    """All judgements about the arms.

    Attributes:
        counts: (arms, 5) wins, losses, ties, both bad, abstentions of each arm.
        prompts: for each kind of unit, its wins by cell `winner * arms + loser`, ties half to each side.
        alike: how many units of each kind there are; 1 for a prompt, more for single votes that say the same.
        size: number of arms.
    """

    counts: npt.NDArray[np.int64]
    prompts: list[Cells]
    alike: list[int]
    size: int

    @property
    def units(self) -> int:
        """Prompts, and votes without a prompt."""
        return sum(self.alike)

    def wins(self) -> Array:
        """(arms, arms) wins of the row over the column."""
        found = np.zeros(self.size * self.size)
        for cells, times in zip(self.prompts, self.alike, strict=True):
            for cell, weight in cells.items():
                found[cell] += weight * times
        return found.reshape(self.size, self.size)

    def resampled(self, resamples: int, seed: int) -> Array:
        """(resamples, arms, arms) wins after drawing as many units again, with replacement (bootstrap of clusters)."""
        sparse: Any = library("scipy.sparse")
        chances = np.asarray(self.alike, dtype=np.float64) / self.units
        picks = np.random.default_rng(seed).multinomial(self.units, chances, size=resamples)
        rows = np.repeat(np.arange(len(self.prompts)), [len(cells) for cells in self.prompts])
        columns = [cell for cells in self.prompts for cell in cells]
        weights = [weight for cells in self.prompts for weight in cells.values()]
        table = sparse.csr_matrix((weights, (rows, columns)), shape=(len(self.prompts), self.size * self.size))
        drawn: Array = np.asarray((table.T @ picks.T.astype(np.float64)).T)
        return drawn.reshape(resamples, self.size, self.size)


def tally(judgements: Iterable[Judgement], arms: Sequence[str]) -> Tally:
    """Count. Judgements about other arms are left out; so are both-bad votes and abstentions from the wins.

    Raises:
        InvalidRequestError: an arm is named twice.
    """
    places = {name: place for place, name in enumerate(arms)}
    if len(places) < len(arms):
        raise InvalidRequestError("an arm is named twice.", hint="Name every arm once.")
    size = len(arms)
    counts = np.zeros((size, 5), dtype=np.int64)
    seen = Counter((one.prompt, one.left, one.right, one.choice) for one in judgements)
    named: dict[str, Cells] = defaultdict(lambda: defaultdict(float))
    alone: dict[tuple[tuple[int, float], ...], int] = defaultdict(int)
    for (prompt, left, right, choice), times in seen.items():
        if left not in places or right not in places or left == right:
            continue
        one, other = places[left], places[right]
        cells = _count(counts, one, other, choice, times, size)
        if prompt:
            for cell, weight in cells:
                named[prompt][cell] += weight * times
        elif cells:
            alone[tuple(sorted(cells))] += times
    # Sorted, so that the bootstrap's draws do not depend on the order of the votes.
    prompts = [dict(sorted(named[prompt].items())) for prompt in sorted(named)]
    kinds = sorted(alone)
    return Tally(
        counts,
        prompts + [dict(kind) for kind in kinds],
        [1] * len(prompts) + [alone[kind] for kind in kinds],
        size,
    )


def _count(
    counts: npt.NDArray[np.int64], one: int, other: int, choice: str, times: int, size: int
) -> list[tuple[int, float]]:
    if choice in ("left", "right"):
        winner, loser = (one, other) if choice == "left" else (other, one)
        counts[winner, WINS] += times
        counts[loser, LOSSES] += times
        return [(winner * size + loser, 1.0)]
    if choice == "tie":
        counts[[one, other], TIES] += times
        return [(one * size + other, 0.5), (other * size + one, 0.5)]
    counts[[one, other], BOTH_BAD if choice == "both_bad" else ABSTENTIONS] += times
    return []
