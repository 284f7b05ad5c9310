"""A run against a baseline: what the intervals say, in words, and nothing beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from viralai_sdk.bench.intervals import CONFIDENCE, Interval
from viralai_sdk.bench.measures import COMPARED, MEASURES, Measure, shown
from viralai_sdk.bench.results import SavedRun
from viralai_sdk.bench.summary import Group, groups
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.errors import InvalidRequestError

State = Literal["regression", "improvement", "no difference shown", "not enough data"]
OPEN_WORD = "open"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One figure of one arm at one level, then and now.

    Attributes:
        change: now over then, for the failure rate now − then; None when one of them is unknown.
        low, high: between what bounds the change lies; None when there are too few calls to say.
        words: the verdict as a sentence.
    """

    arm: str
    concurrency: int
    metric: str
    before: float | None
    now: float | None
    change: float | None
    low: float | None
    high: float | None
    state: State
    words: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)


def compare(run: SavedRun, baseline: SavedRun, *, metrics: Sequence[str] = COMPARED, seed: int = 0) -> list[Verdict]:
    """Compare every arm and level that both runs have.

    With many comparisons some intervals would miss by chance: each is made so wide that all of them hold together in 95 of 100 runs
    (Bonferroni).

    Raises:
        InvalidRequestError: the runs are of different services, or have no arm and level in common.
    """
    if run.service != baseline.service:
        raise InvalidRequestError(f"a run of {run.service} cannot be compared with one of {baseline.service}.")
    old = {(group.arm, group.concurrency): group for group in groups(baseline.rows)}
    pairs = [(group, old[key]) for group in groups(run.rows) if (key := (group.arm, group.concurrency)) in old]
    if not pairs:
        raise InvalidRequestError("the two runs have no arm and level in common.", hint="Measure the same providers.")
    wanted = [(pair, MEASURES[name]) for pair in pairs for name in metrics if _has(MEASURES[name], pair)]
    confidence = 1 - (1 - CONFIDENCE) / max(len(wanted), 1)
    return [_verdict(new, before, measure, confidence, seed) for (new, before), measure in wanted]


def _has(measure: Measure, pair: tuple[Group, Group]) -> bool:
    """First pieces only exist where something was streamed."""
    return measure.source != "first" or all(group.values("first") for group in pair)


def _verdict(new: Group, old: Group, measure: Measure, confidence: float, seed: int) -> Verdict:
    change = measure.change(new, old, confidence, seed)
    now, before = measure.of(new).value, measure.of(old).value
    state = state_of(change, measure)
    words = _words(new, measure, before, now, change, state)
    low, high = change.low, change.high
    return Verdict(new.arm, new.concurrency, measure.name, before, now, change.value, low, high, state, words)


def state_of(change: Interval, measure: Measure) -> State:
    """What an interval of a change allows to say."""
    if change.low is None or change.high is None:
        return "not enough data"
    if change.low <= measure.neutral <= change.high:
        return "no difference shown"
    grown = change.low > measure.neutral
    return "regression" if grown == measure.less_is_better else "improvement"


def _words(
    group: Group, measure: Measure, before: float | None, now: float | None, change: Interval, state: State
) -> str:
    where = f"{group.arm}, {level_word(group.concurrency)}: {measure.name}"
    moved = f"{shown(before, measure.unit)} → {shown(now, measure.unit)}"
    if state == "not enough data":
        return f"{where} {moved}; too few calls to say more."
    assert change.value is not None and change.low is not None and change.high is not None
    if measure.statistic == "rate":
        by = f"{100 * change.value:+.1f} points, between {100 * change.low:+.1f} and {100 * change.high:+.1f}"
    else:
        by = f"{change.value:.2f}×, between {change.low:.2f}× and {change.high:.2f}×"
    ending = {
        "regression": "worse",
        "improvement": "better",
        "no difference shown": "no difference shown, which does not show that there is none",
    }[state]
    return f"{where} {moved} ({by}): {ending}."


def level_word(concurrency: int) -> str:
    """A level for people."""
    return f"concurrency {concurrency}" if concurrency else f"{OPEN_WORD} loop"


def verdict_table(verdicts: Sequence[Verdict], caption: str) -> Table:
    """Verdicts as a table, what changed first."""
    order = ("regression", "improvement", "no difference shown", "not enough data")
    rows = []
    for verdict in sorted(verdicts, key=lambda one: order.index(one.state)):
        measure = MEASURES[verdict.metric]
        rows.append(
            {
                "verdict": verdict.state,
                "arm": verdict.arm,
                "level": level_word(verdict.concurrency),
                "metric": verdict.metric,
                "before": shown(verdict.before, measure.unit),
                "now": shown(verdict.now, measure.unit),
                "change": change_words(verdict),
            }
        )
    return Table(rows, caption=caption)


def change_words(verdict: Verdict) -> str:
    """The change and its bounds, short."""
    if verdict.change is None:
        return "unknown"
    if MEASURES[verdict.metric].statistic == "rate":
        told, bounds = f"{100 * verdict.change:+.1f} points", (verdict.low, verdict.high)
        return told if None in bounds else f"{told} ({100 * bounds[0]:+.1f} … {100 * bounds[1]:+.1f})"  # type: ignore[operator]
    told = f"{verdict.change:.2f}×"
    return told if verdict.low is None else f"{told} ({verdict.low:.2f} … {verdict.high:.2f})"
