"""A test and an interval that may be read after every vote.

Why it may be peeked at: the e-value below is a product of fair bets against "neither arm is preferred". As long as that is true its
expectation never grows, so by Ville's inequality (1939) the chance that it *ever* reaches 1/α, however often one looks and whenever one
stops, is at most α.

The unit of the bet is a prompt. With one vote per prompt it is the vote, and all of this is exact. With several votes on a prompt it is
their mean, counted once: five people who agree about one prompt are one observation about prompts, not five. It stays exact when the
votes of a prompt are read together. Whoever reads between two votes of the same prompt sees its mean move, which Ville's inequality
does not cover: every round of voting over the same prompts is another chance to be fooled. As rounds add up the standardised mean moves
like a stationary Gaussian process in the logarithm of the number of rounds m, so the evidence is divided by (1 + ln m)², which makes the
added chances sum to a fraction of alpha over any number of rounds. That last step is an approximation, not a theorem;
`benchmarks/statistics.py` measures it in the orders in which raters vote.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from viralai_sdk.compare.statistics.winrate import check_counts, check_share
from viralai_sdk.interfaces.errors import InvalidRequestError

Array = npt.NDArray[np.float64]

NODES = 256
"""Of the quadrature: exact up to 511 prompts, and closer than anyone prints beyond."""
GRID = 200
HALVINGS = 40


@dataclass(frozen=True, slots=True)
class SequentialTest:
    """What may be said now, whenever now is.

    Attributes:
        e_value: evidence against "neither is preferred"; 20 and more decides at alpha = 0.05. At most 1 on average when nothing is there.
        p_value: min(1, 1/e_value), a p-value that stays right under peeking.
        low, high: interval of the preference for the first arm; with probability 1 - alpha the truth is inside at every reading.
        share: the preference seen so far, 0.5 before the first vote.
        n: number of units (votes, or prompts where they have several votes).
        alpha: the error rate promised.
    """

    e_value: float
    p_value: float
    low: float
    high: float
    share: float
    n: int
    alpha: float

    @property
    def decided(self) -> bool:
        """The promise of `alpha` allows to stop here and name a winner."""
        return self.e_value >= 1 / self.alpha


def log_e_value(wins: float, losses: float, null: float = 0.5) -> float:
    """Log of the beta-binomial Bayes factor, uniform prior, against a preference of `null`.

    Method: Ville 1939; Robbins 1970 ("Statistical methods related to the law of the iterated logarithm"); Howard et al. 2021, section 4.
    """
    marginal = math.lgamma(1 + wins) + math.lgamma(1 + losses) - math.lgamma(2 + wins + losses)
    return marginal - _times_log(wins, null) - _times_log(losses, 1 - null)


def sequential(wins: int, losses: int, alpha: float = 0.05) -> SequentialTest:
    """Anytime-valid two-sided test of "both are preferred equally often" and interval of the preference, from independent votes.

    Ties and both-bad votes are left out, as in the sign test. `votes_left` and the planner live in `power`.
    Method: beta-binomial mixture with a uniform prior (Robbins 1970; Howard, Ramdas, McAuliffe, Sekhon 2021, "Time-uniform,
    nonparametric, nonasymptotic confidence sequences"). Tests compare it with `ville` (BernoulliTest, BernoulliCS).

    Raises:
        InvalidRequestError: a negative number of votes, or an alpha outside 0 to 1.
    """
    check_counts(wins=wins, losses=losses)
    check_share(alpha, "alpha")
    n = wins + losses
    share = wins / n if n else 0.5
    low, high = _interval(lambda null: log_e_value(wins, losses, null), share, alpha) if n else (0.0, 1.0)
    return _result(log_e_value(wins, losses), low, high, share, n, alpha)


def revision_penalty(votes_per_unit: float) -> float:
    """What evidence is divided by when units were read while their votes came in, `votes_per_unit` on average: 1 for one vote each."""
    return (1 + math.log(max(1.0, votes_per_unit))) ** 2


def sequential_shares(shares: Sequence[float], alpha: float = 0.05, *, votes_per_unit: float = 1.0) -> SequentialTest:
    """The same for units that are shares: each number is the share of one prompt's decisive votes won by the first arm, 0 to 1.

    `votes_per_unit` is the mean number of decisive votes behind a share when there was a look at every one of them; see the head of this
    module. Leave it at 1 when units come whole.

    Method: mixture of betting martingales, the product of 1 + λ(share - null) averaged over all admissible λ (Waudby-Smith and Ramdas 2024,
    "Estimating means of bounded random variables by betting", JRSS B 86; the uniform mixture is Cover's 1991 universal portfolio).
    With shares of 0 and 1 from one vote each it is `sequential`, number for number. The order of the prompts does not matter.

    Raises:
        InvalidRequestError: a share outside 0 to 1, or an alpha outside 0 to 1.
    """
    check_share(alpha, "alpha")
    penalty = math.log(revision_penalty(votes_per_unit))
    strict = alpha / math.exp(penalty)
    given = np.asarray(list(shares), dtype=np.float64)
    if not np.all((given >= 0) & (given <= 1)):
        raise InvalidRequestError("shares of votes lie between 0 and 1.")
    values, counts = np.unique(given, return_counts=True)
    if np.all((values == 0) | (values == 1)):
        wins = int(given.sum())
        plain = sequential(wins, given.size - wins, strict)
        return _result(
            log_e_value(wins, given.size - wins) - penalty, plain.low, plain.high, plain.share, plain.n, alpha
        )
    share = float(math.fsum(given) / given.size)
    low, high = _interval(lambda null: _log_bets(values, counts, null), share, strict)
    return _result(_log_bets(values, counts, 0.5) - penalty, low, high, share, int(given.size), alpha)


def _result(log_e: float, low: float, high: float, share: float, n: int, alpha: float) -> SequentialTest:
    e_value = math.exp(min(log_e, 700.0))
    return SequentialTest(e_value, min(1.0, math.exp(min(0.0, -log_e))), low, high, share, n, alpha)


@lru_cache(maxsize=1)
def _nodes() -> tuple[Array, Array]:
    """Places in 0 to 1 and log weights of Gauss-Legendre quadrature."""
    places, weights = np.polynomial.legendre.leggauss(NODES)
    return (places + 1) / 2, np.log(weights / 2)


def _log_bets(values: Array, counts: npt.NDArray[np.int64], null: float) -> float:
    """Log of the mean over λ of the product of 1 + λ(value - null); λ is written as the preference it would be best for."""
    preference, log_weights = _nodes()
    # λ runs from -1/(1-null), where a share of 1 would ruin, to 1/null, where a share of 0 would.
    bet = (preference / null - 1) / (1 - null)
    factors = 1 + np.outer(values - null, bet)
    logs = log_weights + counts @ np.log(np.maximum(factors, 1e-300))
    top = float(logs.max())
    return top + math.log(float(np.exp(logs - top).sum()))


def _interval(log_e: Callable[[float], float], share: float, alpha: float) -> tuple[float, float]:
    """Every preference that the evidence has not ruled out, from the lowest to the highest."""
    limit = -math.log(alpha)
    return _end(log_e, share, 0.0, limit), _end(log_e, share, 1.0, limit)


def _end(log_e: Callable[[float], float], share: float, edge: float, limit: float) -> float:
    if share == edge:
        return edge
    # From the edge inwards, so that the widest set is taken should the evidence not be unimodal.
    outside, inside = edge, share
    for step in range(1, GRID):
        place = edge + (share - edge) * step / GRID
        if log_e(place) < limit:
            inside = place
            break
        outside = place
    for _ in range(HALVINGS):
        middle = (outside + inside) / 2
        if middle in (0.0, 1.0) or log_e(middle) >= limit:
            outside = middle
        else:
            inside = middle
    return min(1.0, max(0.0, outside))


def _times_log(count: float, share: float) -> float:
    return count * math.log(share) if count else 0.0
