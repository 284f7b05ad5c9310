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
    if change.bounds is None:
        return "not enough data"
    low, high = change.bounds
    if low <= measure.neutral <= high:
        return "no difference shown"
    grown = low > measure.neutral
    return "regression" if grown == measure.less_is_better else "improvement"


def _words(
    group: Group, measure: Measure, before: float | None, now: float | None, change: Interval, state: State
) -> str:
    where = f"{group.arm}, {level_word(group.concurrency)}: {measure.name}"
    moved = f"{shown(before, measure.unit)} → {shown(now, measure.unit)}"
    if change.bounds is None or change.value is None:
        return f"{where} {moved}; too few calls to say more."
    by = _by(measure, change.value, *change.bounds)
    return f"{where} {moved} ({by}): {_ENDINGS[state]}."


_ENDINGS = {
    "regression": "worse",
    "improvement": "better",
    "no difference shown": "no difference shown, which does not show that there is none",
    "not enough data": "too few calls",
}


def _by(measure: Measure, value: float, low: float, high: float) -> str:
    if measure.statistic == "rate":
        return f"{100 * value:+.1f} points, between {100 * low:+.1f} and {100 * high:+.1f}"
    return f"{value:.2f}×, between {low:.2f}× and {high:.2f}×"


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
    rate = MEASURES[verdict.metric].statistic == "rate"
    scale, unit, sign = (100.0, " points", "+") if rate else (1.0, "×", "")
    told = f"{scale * verdict.change:{sign}.{1 if rate else 2}f}{unit}"
    if verdict.low is None or verdict.high is None:
        return told
    low, high = (f"{scale * bound:{sign}.{1 if rate else 2}f}" for bound in (verdict.low, verdict.high))
    return f"{told} ({low} … {high})"
