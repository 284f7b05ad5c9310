"""Statistics of preferences and measurements: pure functions of judgements and numbers.

What may be read at any moment, votes still coming in: `verdict`, `sequential`, `sequential_shares`. Everything else is right when read
once. Votes on one prompt are never treated as independent of each other. scipy is imported when a bootstrap first needs it
(`pip install "viralai-sdk[compare]"`); the verdict and the planner need nothing but numpy.
"""

from viralai_sdk.compare.statistics.bootstrap import bootstrap_interval, percentiles, ratio_interval
from viralai_sdk.compare.statistics.checks import (
    Agreement,
    Bias,
    alpha_of,
    judge_agreement,
    krippendorff_alpha,
    position_bias,
)
from viralai_sdk.compare.statistics.multiple import holm
from viralai_sdk.compare.statistics.paired import clustered_win_rate, paired_p_value, sign_flip_p_value
from viralai_sdk.compare.statistics.pareto import dominated_by, pareto_front
from viralai_sdk.compare.statistics.power import (
    Plan,
    binomial_p_value,
    fewest_to_decide,
    plan,
    power_of,
    sequential_power,
    votes_needed,
    votes_to_decide,
)
from viralai_sdk.compare.statistics.ranking import Ranking, Rating, bradley_terry
from viralai_sdk.compare.statistics.sequential import SequentialTest, revision_penalty, sequential, sequential_shares
from viralai_sdk.compare.statistics.verdict import State, Verdict, counted_units, verdict
from viralai_sdk.compare.statistics.winrate import Estimate, Shares, newcombe_difference, vote_shares, wilson, win_rate

__all__ = [
    "Agreement",
    "Bias",
    "Estimate",
    "Plan",
    "Ranking",
    "Rating",
    "SequentialTest",
    "Shares",
    "State",
    "Verdict",
    "alpha_of",
    "binomial_p_value",
    "bootstrap_interval",
    "bradley_terry",
    "clustered_win_rate",
    "counted_units",
    "dominated_by",
    "fewest_to_decide",
    "holm",
    "judge_agreement",
    "krippendorff_alpha",
    "newcombe_difference",
    "paired_p_value",
    "pareto_front",
    "percentiles",
    "plan",
    "position_bias",
    "power_of",
    "ratio_interval",
    "revision_penalty",
    "sequential",
    "sequential_power",
    "sequential_shares",
    "sign_flip_p_value",
    "verdict",
    "vote_shares",
    "votes_needed",
    "votes_to_decide",
    "wilson",
    "win_rate",
]
