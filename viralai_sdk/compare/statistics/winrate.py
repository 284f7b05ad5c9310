"""Win rates: how often one arm is preferred, with ties, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from viralai_sdk.interfaces.errors import InvalidRequestError


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval.

    Attributes:
        value: the figure.
        low, high: ends of its interval. Infinite where the data cannot bound it.
        n: how many observations (votes, prompts, values) stand behind it.
        method: how the interval was made.
    """

    value: float
    low: float
    high: float
    n: int
    method: str


def check_share(value: float, name: str) -> float:
    """A number strictly between 0 and 1, such as a confidence or an error rate.

    Raises:
        InvalidRequestError: it is none.
    """
    if not 0 < value < 1:
        raise InvalidRequestError(f"{name} must lie between 0 and 1, not {value!r}.", hint=f"Such as {name}=0.05.")
    return float(value)


def check_counts(**counts: float) -> None:
    """Numbers of votes are finite and not negative.

    Raises:
        InvalidRequestError: one of them is.
    """
    for name, value in counts.items():
        if not (value >= 0 and math.isfinite(value)):
            raise InvalidRequestError(f"{name} counts votes and cannot be {value!r}.")


def win_rate(wins: float, losses: float, ties: float = 0, confidence: float = 0.95) -> Estimate:
    """Share of votes won, a tie counted as half a win; without any vote 0.5 with the interval 0 to 1.

    Method: score interval (Wilson 1927, "Probable inference", JASA 22). A tie is worth exactly one half, so that a vote varies less than
    a coin: the interval is taken at the effective number of votes n ÷ d, where d is the variance of win / tie / loss over that of a
    coin with the same mean (Kish's design effect; with score intervals in Franco, Little, Louis, Slud 2019). d is estimated after adding
    one win and one loss, so that ties alone do not make certain. Without ties d is 1 and this is Wilson's interval itself.

    The interval is right when it is read once, after a number of votes fixed before. While voting is open use `sequential`.

    Raises:
        InvalidRequestError: a negative number of votes, or a confidence outside 0 to 1.
    """
    check_counts(wins=wins, losses=losses, ties=ties)
    check_share(confidence, "confidence")
    method = "Wilson, ties half" if ties else "Wilson"
    n = wins + losses + ties
    if n == 0:
        return Estimate(0.5, 0.0, 1.0, 0, method)
    rate = (wins + ties / 2) / n
    low, high = wilson(rate, n / _tie_effect(wins, losses, ties), confidence)
    return Estimate(rate, low, high, round(n), method)


def wilson(rate: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval (Wilson 1927) of a share seen in `n` observations; `n` may be an effective number."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    shrink = 1 / (1 + z * z / n)
    middle = shrink * (rate + z * z / (2 * n))
    half = shrink * z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    # At 0 and 1 the ends are exact; the sums above may miss them by one rounding.
    low = 0.0 if rate <= 0 else max(0.0, middle - half)
    high = 1.0 if rate >= 1 else min(1.0, middle + half)
    return min(low, rate), max(high, rate)


def newcombe_difference(first: Estimate, second: Estimate) -> Estimate:
    """Difference of two independent win rates, `first - second`.

    Method: Newcombe 1998 ("Interval estimation for the difference between independent proportions", method 10: hybrid score), from the
    two intervals, which must have the same confidence.
    """
    difference = first.value - second.value
    low = difference - math.hypot(first.value - first.low, second.high - second.value)
    high = difference + math.hypot(first.high - first.value, second.value - second.low)
    return Estimate(difference, max(-1.0, low), min(1.0, high), first.n + second.n, "Newcombe hybrid score")


@dataclass(frozen=True, slots=True)
class Shares:
    """What became of all the votes about two arms.

    Attributes:
        win: win rate of the first arm, ties half, both-bad votes left out.
        tie: share of votes that call both alike and good.
        both_bad: share of votes that call neither usable.
    """

    win: Estimate
    tie: Estimate
    both_bad: Estimate


def vote_shares(wins: int, losses: int, ties: int = 0, both_bad: int = 0, confidence: float = 0.95) -> Shares:
    """Win rate, share of ties and share of both-bad votes. Method: Wilson 1927 for each; see `win_rate` for ties.

    Raises:
        InvalidRequestError: a negative number of votes, or a confidence outside 0 to 1.
    """
    total = wins + losses + ties + both_bad
    check_counts(both_bad=both_bad)
    return Shares(
        win=win_rate(wins, losses, ties, confidence),
        tie=win_rate(ties, total - ties, 0, confidence),
        both_bad=win_rate(both_bad, total - both_bad, 0, confidence),
    )


def _tie_effect(wins: float, losses: float, ties: float) -> float:
    """Variance of a vote with ties over the variance of a coin with the same mean; above 0, at most 1."""
    n = wins + losses + ties + 2
    rate = (wins + 1 + ties / 2) / n
    return 1 - (ties / n / 4) / (rate * (1 - rate))
