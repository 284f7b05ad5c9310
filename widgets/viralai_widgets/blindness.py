"""What may be said while votes are open: verdicts without names, errors without origins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from viralai_sdk.compare.ballot import Judgement, of_pair
from viralai_sdk.interfaces.display import label
from viralai_sdk.interfaces.errors import AIError
from viralai_widgets.panel import error_words

NEUTRAL = ("one of them", "the other")
MOST_LINES = 12


def decision_of(judgements: Sequence[Judgement], arms: Sequence[str], *, blind: bool) -> dict[str, Any]:
    """What the votes say so far: `{"state", "lines", "interval"}`, in the verdict's own words.

    Blind, the verdict is asked about arms without names, so that its words cannot have any; of more than two arms it tells how many
    comparisons are decided. The interval holds however often it is looked at.

    Raises:
        ConfigurationError: the statistics need the extra `compare`.
    """
    from viralai_sdk.compare.statistics import verdict

    pairs = list(combinations(arms, 2))
    if len(pairs) == 1:
        first, second = pairs[0]
        # The arm that is ahead comes first: its share is the one the interval tells, and, blind, which arm stood first in the experiment
        # would tell something.
        mine = of_pair(judgements, first, second)
        if sum(one.winner == second for one in mine) > sum(one.winner == first for one in mine):
            first, second = second, first
        if blind:
            mine = _nameless(mine, first, second)
            first, second = NEUTRAL
        found = verdict(mine, first, second)
        return {"state": found.state, "lines": [found.words], "interval": _interval(found, first)}
    alpha = 0.05 / len(pairs)  # right for all comparisons together, as on the leaderboard
    found_all = [
        (one, other, verdict(of_pair(judgements, one, other), one, other, alpha=alpha)) for one, other in pairs
    ]
    states = [found.state for *_, found in found_all]
    decided = states.count("decided")
    summary = f"{decided} of {len(pairs)} comparisons decided, {states.count('leaning')} leaning"
    lines = [summary]
    if not blind:
        lines += [f"{first} against {second}: {found.words}" for first, second, found in found_all[:MOST_LINES]]
    return {"state": "decided" if decided == len(pairs) else "undecided", "lines": lines, "interval": None}


def _nameless(judgements: Sequence[Judgement], ahead: str, behind: str) -> list[Judgement]:
    names = {ahead: NEUTRAL[0], behind: NEUTRAL[1]}
    return [replace(one, left=names[one.left], right=names[one.right]) for one in judgements]


def _interval(found: Any, first: str) -> dict[str, Any]:
    share, low, high = (round(100 * part, 1) for part in (found.share, found.low, found.high))
    told = f"{label(first, 60)} preferred by {share:.0f} %" if found.n else "nothing is known yet"
    text = f"{told} (95 % interval that may be peeked at: {low:.0f}–{high:.0f} %)"
    return {
        "value": share if found.n else None,
        "low": low,
        "high": high,
        "min": 0,
        "max": 100,
        "mark": 50,
        "text": text,
    }


def blind_error(error: BaseException, experiment: Any) -> dict[str, Any]:
    """An error in words that tell of no arm, provider, model or file while votes are open."""
    words = error_words(error)
    telling = {part.lower() for arm in experiment.arms for part in _told_by(arm)}
    said = " ".join((words["message"], words["hint"])).lower()
    if "/" in said or "\\" in said or any(part in said for part in telling):
        words |= {"message": "Its words would tell who made what, so they are not shown here.", "hint": ""}
        if not isinstance(error, AIError):
            words["hint"] = "The log has them."
    return words | {"provider": "", "billed": "no"}


def _told_by(arm: Any) -> list[str]:
    parts = [arm.name, arm.provider, arm.model, *str(arm.provider or "").split(":")]
    return [str(part) for part in parts if part and len(str(part)) > 1]
