"""`--fail-if 'p95>1.2x'`: conditions under which a run counts as failed, for CI.

    [ARM:]METRIC[@LEVEL] OP NUMBER[UNIT]

    p95>1.2x            the 95th percentile is more than 1.2 times the baseline's
    p95@16>2s           at concurrency 16 it is above two seconds
    failure_rate>5%     more than one call in twenty fails
    cost>$0.05          a call costs more than five cents on average
    throughput<0.8x     less than 0.8 times the baseline's
    openai:p50>800ms    only this arm

A condition fails a run only when the interval lies beyond the bound as a whole; a suspicion is reported and lets the run pass.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from viralai_sdk.bench.intervals import Interval
from viralai_sdk.bench.measures import MEASURES, Measure, shown
from viralai_sdk.bench.results import SavedRun
from viralai_sdk.bench.schedule import OPEN_LEVEL
from viralai_sdk.bench.summary import Group, groups
from viralai_sdk.bench.verdicts import OPEN_WORD, level_word
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import shorten, suggest

_SIGNS = re.compile(r"[<>]")
_NUMBER = re.compile(r"(\$)?\s*(\d+(?:\.\d+)?|\.\d+)\s*(x|×|ms|s|%|/s|usd)?", re.IGNORECASE)
_METRIC = re.compile(r"([a-z]\w*)(?:@(\w+))?", re.ASCII)
_FACTORS = {"s": {"s": 1.0, "ms": 0.001}, "$": {"$": 1.0, "usd": 1.0}, "%": {"%": 0.01}, "/s": {"/s": 1.0}}


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition.

    Attributes:
        text: as it was written.
        arm: None for all arms.
        concurrency: None for all levels.
        above: fails when the figure is above the bound, else when it is below.
        relative: the bound is a multiple of the baseline's figure.
    """

    text: str
    measure: Measure
    above: bool
    bound: float
    relative: bool
    arm: str | None = None
    concurrency: int | None = None

    def concerns(self, group: Group) -> bool:
        """Whether it is about this group."""
        return self.arm in (None, group.arm) and self.concurrency in (None, group.concurrency)


State = Literal["passed", "failed", "suspected", "not enough data"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a gate at one arm and level."""

    gate: str
    arm: str
    concurrency: int
    value: float | None
    low: float | None
    high: float | None
    state: State
    words: str

    @property
    def failed(self) -> bool:
        """The run counts as failed."""
        return self.state == "failed"


def read_gate(text: str) -> Gate:
    """Read a condition.

    Raises:
        InvalidRequestError: it is none; says at which character, and what was expected there.
    """
    sign = _SIGNS.search(text)
    if sign is None:
        raise _wrong(text, len(text), "'>' or '<' is missing")
    left, right = text[: sign.start()], text[sign.end() :]
    arm, metric, level = _left(text, left)
    place = sign.end() + len(right) - len(right.lstrip())
    number = _NUMBER.fullmatch(right.strip())
    if number is None:
        raise _wrong(text, place, f"a number with its unit is expected, such as 1.2x or {_example(metric)}")
    unit = "$" if number[1] else (number[3] or "").lower().replace("×", "x")
    if number[1] and number[3]:
        raise _wrong(text, place, "a price has its dollar sign or its unit, not both")
    bound, relative = _bound(text, place, metric, float(number[2]), unit)
    return Gate(text.strip(), metric, sign[0] == ">", bound, relative, arm, level)


def _left(text: str, left: str) -> tuple[str | None, Measure, int | None]:
    arm, colon, rest = left.rpartition(":")
    start = len(arm) + len(colon)
    place = start + len(rest) - len(rest.lstrip())
    match = _METRIC.fullmatch(rest.strip())
    if match is None or match[1] not in MEASURES:
        hint = suggest(rest.strip(), MEASURES, f"There are {', '.join(MEASURES)}.")
        raise _wrong(text, place, "a metric is expected", hint)
    level = None
    if match[2] is not None:
        if match[2] == OPEN_WORD:
            level = OPEN_LEVEL
        elif match[2].isdigit() and int(match[2]) > 0:
            level = int(match[2])
        else:
            raise _wrong(text, place + match.start(2), f"a concurrency or {OPEN_WORD!r} is expected after @")
    if colon and not arm.strip():
        raise _wrong(text, 0, "an arm's name is expected before ':'")
    return arm.strip() or None, MEASURES[match[1]], level


def _bound(text: str, place: int, measure: Measure, number: float, unit: str) -> tuple[float, bool]:
    if unit == "x":
        if number <= 0:
            raise _wrong(text, place, "a multiple must be above 0")
        return number, True
    factors = _FACTORS[measure.unit]
    if unit not in factors:
        given = f"{measure.name} is not given in {unit!r}" if unit else "a unit is missing"
        raise _wrong(text, place, f"{given}; write a multiple such as 1.2x, or {_example(measure)}")
    return number * factors[unit], False


def _example(measure: Measure) -> str:
    return {"s": "800ms or 2s", "$": "$0.05", "%": "5%", "/s": "3/s"}[measure.unit]


def _wrong(text: str, place: int, what: str, hint: str | None = None) -> InvalidRequestError:
    return InvalidRequestError(
        f"--fail-if {shorten(text)!r}, character {place + 1}: {what}.",
        hint=hint or "Such as p95>1.2x or failure_rate>5%.",
    )


def check(gates: Sequence[Gate], *, arms: Sequence[str], levels: Sequence[int], baseline: bool) -> None:
    """Refuse gates that could never say anything, before the first call.

    Raises:
        InvalidRequestError: an arm or level that is not measured, or a multiple of a baseline that is not given.
    """
    for gate in gates:
        if gate.relative and not baseline:
            raise InvalidRequestError(f"--fail-if {gate.text!r} needs a baseline.", hint="Name one with --baseline.")
        if gate.arm is not None and gate.arm not in arms:
            raise InvalidRequestError(
                f"--fail-if {gate.text!r}: nobody measures {gate.arm!r}.",
                hint=suggest(gate.arm, arms, f"Arms: {', '.join(arms)}."),
            )
        if gate.concurrency is not None and gate.concurrency not in levels:
            raise InvalidRequestError(f"--fail-if {gate.text!r}: {level_word(gate.concurrency)} is not measured.")


def judge(gates: Sequence[Gate], run: SavedRun, baseline: SavedRun | None = None, *, seed: int = 0) -> list[Outcome]:
    """Hold a run against its gates."""
    old = {(group.arm, group.concurrency): group for group in groups(baseline.rows)} if baseline is not None else {}
    return [
        _outcome(gate, group, old.get((group.arm, group.concurrency)), seed)
        for gate in gates
        for group in groups(run.rows)
        if gate.concerns(group)
    ]


def _outcome(gate: Gate, group: Group, old: Group | None, seed: int) -> Outcome:
    measure = gate.measure
    bound = gate.bound
    if not gate.relative:
        figure = measure.of(group, seed=seed)
        told = shown(figure.value, measure.unit)
    elif old is None:
        figure, told = Interval(None, None, None, 0), "the baseline has no such arm and level"
    elif measure.statistic == "rate":
        # Times the old share: its own uncertainty is part of the difference's interval.
        change, before = measure.change(group, old, seed=seed), measure.of(old).value or 0.0
        figure, bound = change, before * (gate.bound - 1)
        told = f"{shown(before, '%')} → {shown(measure.of(group).value, '%')}"
    else:
        figure = measure.change(group, old, seed=seed)
        told = "unknown" if figure.value is None else f"{figure.value:.2f}× the baseline's"
    state = _state(figure, bound, gate.above)
    words = f"{gate.text}: {group.arm}, {level_word(group.concurrency)}: {told}: {_ENDINGS[state]}"
    return Outcome(gate.text, group.arm, group.concurrency, figure.value, figure.low, figure.high, state, words)


_ENDINGS = {
    "passed": "holds",
    "failed": "FAILED, and the interval says so",
    "suspected": "beyond the bound, but the interval does not say so",
    "not enough data": "too few calls to say",
}


def _state(figure: Interval, bound: float, above: bool) -> State:
    if figure.value is None:
        return "not enough data"
    beyond = figure.value > bound if above else figure.value < bound
    if not beyond:
        return "passed"
    if figure.bounds is None:
        return "not enough data"
    low, high = figure.bounds
    sure = low > bound if above else high < bound
    return "failed" if sure else "suspected"


def parse_all(texts: Sequence[str]) -> list[Gate]:
    """Read conditions; raises as `read_gate`."""
    return [read_gate(text) for text in texts]


def as_data(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Outcomes as JSON data."""
    return [{name: getattr(one, name) for name in Outcome.__dataclass_fields__} for one in outcomes]
