"""How many votes it takes, asked before any is given, and while they come in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from viralai_sdk.compare.statistics.winrate import check_counts, check_share
from viralai_sdk.compare.statistics.wording import odds
from viralai_sdk.interfaces.errors import InvalidRequestError

Array = npt.NDArray[np.float64]

MOST_VOTES = 20_000
"""Plans beyond this are refused: nobody clicks so often, and the preference would be below 51 %."""


def binomial_p_value(wins: int, losses: int) -> float:
    """Exact two-sided sign test: the chance of a split at least as uneven when neither is preferred, read once at a fixed number of votes.

    Method: Clopper and Pearson's exact binomial at one half (scipy.stats.binomtest gives the same); ties are left out (Dixon, Mood 1946).

    Raises:
        InvalidRequestError: a negative number of votes.
    """
    check_counts(wins=wins, losses=losses)
    n = wins + losses
    tail = binomial_chances(n, 0.5)[max(wins, losses) :]
    return min(1.0, 2 * float(tail.sum()))


def power_of(n: int, preference: float, alpha: float = 0.05) -> float:
    """Chance that the exact two-sided sign test finds a true preference with `n` decisive votes, read once at the end.

    Both tails count. Method: sum of the binomial distribution over the rejection region of the exact test.

    Raises:
        InvalidRequestError: a negative n, or a preference or alpha outside 0 to 1.
    """
    check_counts(n=n)
    check_share(preference, "preference")
    check_share(alpha, "alpha")
    needed = _rejects_from(n, alpha)
    if needed > n:
        return 0.0
    chances = binomial_chances(n, preference)
    return min(1.0, float(chances[needed:].sum() + chances[: n - needed + 1].sum()))


@lru_cache(maxsize=256)
def votes_needed(preference: float = 0.6, *, power: float = 0.8, alpha: float = 0.05) -> int:
    """Decisive votes to plan for, so that a true preference is found with the wanted power by the exact two-sided sign test, read once.

    "You need about 199 votes to see a 60/40 preference": `votes_needed(0.6) == 199`. This is the smallest n that reaches the power; since
    the power of an exact test saws up and down with n, the next few n may lie a point or two below it. Method: exact binomial power, see
    `power_of`; found upwards from the normal approximation's lower side.

    Raises:
        InvalidRequestError: a preference of one half (no number of votes can show it), outside 0 to 1, or too near to one half.
    """
    check_share(power, "power")
    check_share(alpha, "alpha")
    wanted = max(_preference(preference), 1 - preference)
    least = _normal_guess(wanted, power, alpha)
    if least > MOST_VOTES:
        raise _too_small(preference)
    # The saw's teeth are far smaller than the margin below the approximation.
    n = max(1, int(least * 0.8) - 20)
    while power_of(n, wanted, alpha) < power:
        n += 1
    return n


@dataclass(frozen=True, slots=True)
class Plan:
    """How many decisive votes to expect.

    Attributes:
        preference: the true preference assumed.
        fixed: votes for a test read once at the end.
        median: half of all experiments that may stop after any vote are decided by then; None when not within `MOST_VOTES`.
        enough: the votes by which such an experiment is decided with the wanted power; None when not within `MOST_VOTES`.
        words: for people.
    """

    preference: float
    fixed: int
    median: int | None
    enough: int | None
    words: str


@lru_cache(maxsize=256)
def plan(preference: float = 0.6, *, power: float = 0.8, alpha: float = 0.05) -> Plan:
    """Votes for one look at the end, and for stopping whenever the sequential test decides.

    Method: exact binomial power; for the sequential test the exact distribution of its stopping time, by carrying the chances of all
    undecided splits from vote to vote.

    Raises:
        InvalidRequestError: see `votes_needed`.
    """
    fixed = votes_needed(preference, power=power, alpha=alpha)
    median, enough = (votes_to_decide(0, 0, preference, chance=chance, alpha=alpha) for chance in (0.5, power))
    stop = f"; half of the votings that may stop at any vote have decided after {median}" if median is not None else ""
    words = f"you need about {fixed} votes to see a {odds(max(preference, 1 - preference))} preference{stop}"
    return Plan(preference, fixed, median, enough, words)


def votes_to_decide(
    wins: int, losses: int, preference: float, *, chance: float = 0.5, alpha: float = 0.05, most: int = MOST_VOTES
) -> int | None:
    """Further decisive votes after which `sequential` has decided with the given chance (0.5: the median), if `preference` is the truth.

    0 when it is decided already, None when `most` further votes are not enough. Method: exact; see `plan`.

    Raises:
        InvalidRequestError: a negative number of votes, or a chance, preference or alpha outside 0 to 1.
    """
    check_share(chance, "chance")
    if max(wins, losses) >= _decides_from(wins + losses, check_share(alpha, "alpha")):
        return 0
    for further, decided in enumerate(_chances_decided(wins, losses, preference, alpha, most), 1):
        if decided >= chance:
            return further
    return None


def sequential_power(n: int, preference: float, alpha: float = 0.05) -> float:
    """Chance that `sequential` has decided by the n-th decisive vote, looked at after every vote. Method: exact; see `plan`.

    Raises:
        InvalidRequestError: a negative n, or a preference or alpha outside 0 to 1.
    """
    check_counts(n=n)
    return max(_chances_decided(0, 0, preference, alpha, n), default=0.0)


def _chances_decided(wins: int, losses: int, preference: float, alpha: float, most: int) -> Iterator[float]:
    """After each further vote, the chance that one of the readings from here on has decided."""
    check_counts(wins=wins, losses=losses)
    check_share(preference, "preference")
    check_share(alpha, "alpha")
    # chances[i]: still undecided, with first + i wins for the first arm
    before, first, chances = wins + losses, wins, np.ones(1)
    for n in range(before + 1, before + most + 1):
        moved = np.zeros(chances.size + 1)
        moved[1:] = chances * preference
        moved[:-1] += chances * (1 - preference)
        limit = _decides_from(n, alpha)
        # Undecided are the numbers of wins above n - limit and below limit.
        start, end = max(0, n - limit + 1 - first), min(moved.size, limit - first)
        chances, first = moved[start:end], first + start
        yield max(0.0, 1 - float(chances.sum()))
        # Splits that cannot matter any more are dropped to keep the band narrow.
        keep = np.flatnonzero(chances > 1e-14)
        if not keep.size:
            return
        chances, first = chances[keep[0] : keep[-1] + 1], first + int(keep[0])


@lru_cache(maxsize=256)
def fewest_to_decide(alpha: float = 0.05) -> int:
    """Units that must all agree before the sequential test can decide: 8 at alpha = 0.05."""
    n = 1
    while _decides_from(n, alpha) > n:
        n += 1
    return n


@lru_cache(maxsize=65_536)
def _decides_from(n: int, alpha: float) -> int:
    """Smallest number of wins of n (above half) whose e-value reaches 1/alpha; n + 1 when none does."""
    limit = -math.log(alpha)
    base = n * math.log(2) - math.lgamma(n + 2)

    def reaches(wins: int) -> bool:
        return base + math.lgamma(1 + wins) + math.lgamma(1 + n - wins) >= limit

    if not reaches(n):
        return n + 1
    low, high = (n + 1) // 2, n
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle + 1, high)
    return low


def _rejects_from(n: int, alpha: float) -> int:
    """Smallest number of wins (above half) that the exact two-sided test at n votes rejects; n + 1 when none does."""
    tails = 2 * np.cumsum(binomial_chances(n, 0.5)[::-1])[::-1]
    rejected = np.flatnonzero(tails <= alpha)
    rejected = rejected[rejected > n / 2]
    return int(rejected[0]) if rejected.size else n + 1


def binomial_chances(n: int, share: float) -> Array:
    """Binomial probabilities of 0 to n; `share` lies strictly between 0 and 1."""
    facts = _log_factorials(n)
    logs = facts[n] - facts[: n + 1] - facts[n::-1] + np.arange(n + 1) * math.log(share)
    found: Array = np.exp(logs + np.arange(n, -1, -1) * math.log1p(-share))
    return found


@lru_cache(maxsize=8)
def _factorial_table(size: int) -> Array:
    found: Array = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, size + 1)))])
    return found


def _log_factorials(n: int) -> Array:
    return _factorial_table(1 << max(10, n.bit_length()))


def _normal_guess(preference: float, power: float, alpha: float) -> float:
    z_alpha, z_power = NormalDist().inv_cdf(1 - alpha / 2), NormalDist().inv_cdf(power)
    spread = z_alpha / 2 + z_power * math.sqrt(preference * (1 - preference))
    return float((max(spread, 0.0) / (preference - 0.5)) ** 2)


def _preference(preference: float) -> float:
    check_share(preference, "preference")
    if preference == 0.5:
        raise InvalidRequestError(
            "no number of votes shows a preference of one half.",
            hint="Name the smallest one that matters, such as 0.6.",
        )
    return preference


def _too_small(preference: float) -> InvalidRequestError:
    return InvalidRequestError(
        f"a preference of {preference:.3g} would take more than {MOST_VOTES:,} votes.",
        hint="Name the smallest preference that matters, such as 0.55.",
    )
