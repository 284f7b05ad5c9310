"""Tests and intervals for two arms on the same prompts, read once at a fixed number of votes. Every prompt counts once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from viralai_sdk.compare.ballot import Judgement
from viralai_sdk.compare.statistics.bootstrap import expanded_levels
from viralai_sdk.compare.statistics.power import binomial_p_value
from viralai_sdk.compare.statistics.units import Unit, total, units
from viralai_sdk.compare.statistics.winrate import Estimate, check_share, win_rate
from viralai_sdk.interfaces.errors import InvalidRequestError

EXACT_UP_TO = 14
"""Units: all 2^14 signs are tried; beyond, `FLIPS` random ones."""
FLIPS = 9_999


def sign_flip_p_value(differences: Sequence[float], *, seed: int = 0) -> float:
    """Two-sided permutation test of paired differences: under the null hypothesis each could as well have the other sign.

    One difference per prompt: its net preference, or the difference of a measurement (Δ latency, Δ sharpness). Independent of the order of
    the differences, and the same for the mirrored ones. Method: Fisher's randomisation test 1935 on the sum; all sign patterns up to 14
    non-zero differences, then 9,999 random ones with (b + 1) / (m + 1) (Phipson, Smyth 2010). Differences of one size only are the exact
    sign test. Reference: scipy.stats.permutation_test(permutation_type="samples").

    Raises:
        InvalidRequestError: a difference that is not finite.
    """
    given = np.asarray(list(differences), dtype=np.float64)
    if not np.all(np.isfinite(given)):
        raise InvalidRequestError(
            "differences must be finite numbers.", hint="Leave out prompts that were not measured in both arms."
        )
    given = given[given != 0]
    if not given.size:
        return 1.0
    sizes = np.sort(np.abs(given))
    if sizes[0] == sizes[-1]:
        wins = int((given > 0).sum())
        return binomial_p_value(wins, given.size - wins)
    seen = abs(math.fsum(given)) - 1e-9 * float(sizes.sum())
    if sizes.size <= EXACT_UP_TO:
        sums = np.zeros(1)
        for size in sizes:
            sums = np.concatenate([sums + size, sums - size])
        return float((np.abs(sums) >= seen).mean())
    bits = np.random.default_rng(seed).integers(0, 2, size=(FLIPS, sizes.size), dtype=np.int8)
    sums = 2.0 * (bits @ sizes) - sizes.sum()
    return (int((np.abs(sums) >= seen).sum()) + 1) / (FLIPS + 1)


def paired_p_value(judgements: Iterable[Judgement], first: str, second: str, *, seed: int = 0) -> float:
    """Two-sided p-value of "neither of two arms is preferred", every prompt counting once with its net preference.

    With one vote per prompt this is the exact sign test. Right when read once at a number of prompts fixed before; use `sequential` or
    `verdict` to peek. Method: sign-flip permutation test clustered by prompt, see `sign_flip_p_value`.

    Raises:
        InvalidRequestError: the arms are the same.
    """
    return sign_flip_p_value([unit.net for unit in units(judgements, first, second)], seed=seed)


def clustered_win_rate(
    judgements: Iterable[Judgement],
    first: str,
    second: str,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Win rate of the first arm over all votes, ties half, with an interval that knows that votes on one prompt belong together.

    With one vote per prompt this is `win_rate`. Otherwise method: bootstrap of whole prompts (Field, Welsh 2007, "Bootstrapping clustered
    data"), percentiles expanded for few clusters (Hesterberg 2015). `n` counts votes. One prompt alone bounds nothing: 0 to 1.

    Raises:
        InvalidRequestError: the arms are the same, or a confidence outside 0 to 1.
    """
    check_share(confidence, "confidence")
    found = [unit for unit in units(judgements, first, second) if unit.wins + unit.losses + unit.ties]
    everything = total(found)
    plain = win_rate(everything.wins, everything.losses, everything.ties, confidence)
    if all(unit.wins + unit.losses + unit.ties == 1 for unit in found):
        return plain
    method = "bootstrap of prompts, ties half"
    if len(found) < 2:
        return Estimate(plain.value, 0.0, 1.0, plain.n, method)
    scores, votes = _sorted_units(found)
    picks = np.random.default_rng(seed).multinomial(len(found), np.full(len(found), 1 / len(found)), size=resamples)
    rates = (picks @ scores) / (picks @ votes)
    low, high = np.quantile(rates, expanded_levels(confidence, len(found)))
    return Estimate(plain.value, min(float(low), plain.value), max(float(high), plain.value), plain.n, method)


def _sorted_units(found: Sequence[Unit]) -> tuple[np.ndarray, np.ndarray]:
    """Points and votes of each prompt, in an order that does not depend on who voted when."""
    pairs = sorted((unit.wins + unit.ties / 2, unit.wins + unit.losses + unit.ties) for unit in found)
    array = np.asarray(pairs, dtype=np.float64)
    return array[:, 0], array[:, 1]
