"""Bradley–Terry strengths of many win matrices at once, and whether they exist at all.

Why own code: evalica fits one list of votes at a time, so that 500 resamples of 20,000 votes take many seconds, and where the likelihood
has no maximum it gives 1e-6 to both sides, silently. Tests compare the strengths with evalica's.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MOST_STEPS = 60
LONGEST_STEP = 1.5
"""In natural log units; keeps Newton's method inside where the likelihood is curved."""
CLOSE_ENOUGH = 1e-9
BLOCK = 64
"""Matrices solved together, so that they stay in the processor's cache."""


def reaches(wins: Array) -> Flags:
    """Who is at least once preferred to whom, directly or through others. `wins` is (…, arms, arms), ties as half a win for each."""
    size = wins.shape[-1]
    found = ((wins > 0) | np.eye(size, dtype=np.bool_)).astype(np.float32)
    steps = 1
    while steps < size:
        found = (found @ found > 0).astype(np.float32)
        steps *= 2
    return np.asarray(found > 0)


def determined(wins: Array) -> Flags:
    """For each matrix: strengths of all arms exist. Method: every arm reaches every other (Ford 1957)."""
    return np.asarray(reaches(wins).all(axis=(-2, -1)))


def fit(wins: Array, start: Array | None = None) -> tuple[Array, Flags]:
    """Log strengths with mean 0 of each of several (n, arms, arms) matrices of wins, and whether each has converged.

    Method: maximum likelihood of Bradley and Terry 1952 by Newton's method on log strengths, which is concave where `determined`.
    """
    strengths = np.zeros(wins.shape[:2]) if start is None else np.broadcast_to(start, wins.shape[:2]).copy()
    converged = np.zeros(wins.shape[0], dtype=np.bool_)
    for begin in range(0, wins.shape[0], BLOCK):
        block = slice(begin, begin + BLOCK)
        strengths[block], converged[block] = _newton(wins[block], strengths[block])
    return strengths, converged


def _newton(wins: Array, strengths: Array) -> tuple[Array, Flags]:
    games = wins + wins.transpose(0, 2, 1)
    size = wins.shape[-1]
    diagonal = np.arange(size)
    games[:, diagonal, diagonal] = 0.0
    won = wins.sum(axis=2) - wins[:, diagonal, diagonal]
    enough = CLOSE_ENOUGH * np.maximum(1.0, won.max(axis=1))
    converged = np.zeros(wins.shape[0], dtype=np.bool_)
    for _ in range(MOST_STEPS):
        powers = np.exp(strengths)
        expected = powers[:, :, None] / (powers[:, :, None] + powers[:, None, :])
        slope = won - (games * expected).sum(axis=2)
        converged = np.abs(slope).max(axis=1) <= enough
        if converged.all():
            break
        curve = games * expected
        curve *= expected - 1
        curve[:, diagonal, diagonal] = -curve.sum(axis=2)
        # The likelihood does not change when all strengths rise together; this pins their mean.
        curve += 1 / size
        step = np.linalg.solve(curve, slope[:, :, None])[:, :, 0]
        longest = np.abs(step).max(axis=1, keepdims=True)
        strengths = strengths + step * np.minimum(1.0, LONGEST_STEP / np.maximum(longest, 1e-300))
    return strengths - strengths.mean(axis=1, keepdims=True), converged
