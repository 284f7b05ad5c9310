"""Measure providers against each other: latency, throughput, failures, cost.

`python -m viralai_sdk.tools.benchmark_ai_providers --service=video_generation --provider runway --provider gemini`; also as
`viralai bench video --provider runway --provider gemini`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.tools import console

Say = Callable[[object], None]


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments that every benchmark takes."""
    who = parser.add_argument_group("what is measured")
    who.add_argument(
        "--provider",
        dest="providers",
        action="append",
        metavar="SPEC",
        help="openai, gemini:gemini-3.1-flash-image, …; may be repeated",
    )
    who.add_argument("--prompts", dest="prompts_file", metavar="FILE", help=".txt, .csv (prompt, id) or .jsonl")
    who.add_argument(
        "--set",
        dest="assignments",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of every call; the same name with another value measures both",
    )
    who.add_argument("--repeats", type=int, metavar="N", help="calls for each prompt, provider and level")
    who.add_argument(
        "--concurrency", type=_levels, metavar="1,4,16", help="calls kept in flight, one level after the other"
    )
    who.add_argument(
        "--rate", type=float, metavar="N", help="also an open loop: so many calls a second, however slow the answers"
    )
    who.add_argument(
        "--warm-up", type=int, metavar="N", help="calls of each provider before anything counts (default: 1)"
    )
    who.add_argument(
        "--stream", action=argparse.BooleanOptionalAction, default=None, help="also measure the first piece"
    )
    who.add_argument("--timeout", type=float, metavar="SECONDS", help="for one attempt")
    who.add_argument("--seed", type=int, metavar="N", help="of everything that is drawn")
    who.add_argument("--budget", dest="budget_usd", type=float, metavar="USD", help="most that the run may cost")
    _judging(parser.add_argument_group("record and verdict"))
    _practice(parser.add_argument_group("without vendors"))


def _judging(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--out", metavar="DIR", help="the run's folder (default: a new one in outputs/benchmarks)")
    group.add_argument(
        "--resume", action="store_true", help="go on with the run in --out; what is recorded is not paid for again"
    )
    group.add_argument("--baseline", metavar="RUN", help="compare with this run: its folder, its name, or 'latest'")
    group.add_argument(
        "--fail-if",
        action="append",
        default=[],
        metavar="CONDITION",
        help="exit 1 when it is sure: p95>1.2x, p95@16>2s, failure_rate>5%%, cost>$0.05, throughput<0.8x; may be repeated",
    )


def _practice(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--simulate", action="store_true", help="ask simulated vendors on this machine: no key, no bill")
    group.add_argument(
        "--latency",
        action="append",
        default=[],
        metavar="RULE",
        help="how long they take: gemini=lognormal:800ms, *=fixed:50ms",
    )
    group.add_argument("--fault", action="append", default=[], metavar="RULE", help="what goes wrong: openai=403:0.3")


def _levels(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} are no levels; give whole numbers, such as 1,4,16") from None


_AS_THEY_ARE = (
    "providers",
    "prompts_file",
    "repeats",
    "concurrency",
    "rate",
    "warm_up",
    "stream",
    "timeout",
    "seed",
    "budget_usd",
    "out",
    "baseline",
)


def given(args: argparse.Namespace) -> dict[str, Any]:
    """The parameters that were named.

    Raises:
        InvalidRequestError: an assignment or rule is written wrongly.
    """
    told = {name: getattr(args, name) for name in _AS_THEY_ARE if getattr(args, name) is not None}
    settings, vary = _assigned(args.assignments)
    if args.assignments:
        told |= {"settings": settings, "vary": vary}
    if (args.latency or args.fault) and not args.simulate and not args.resume:
        raise InvalidRequestError("--latency and --fault are for simulated vendors.", hint="Add --simulate.")
    for name, rules in (("latency", args.latency), ("faults", args.fault)):
        if rules:
            told[name] = _rules(name, rules)
    told |= {name: True for name in ("simulate", "resume") if getattr(args, name)}
    return told


def _assigned(texts: Sequence[str]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    found: dict[str, list[Any]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise InvalidRequestError(f"--set {text[:40]!r} is no assignment.", hint="Such as --set aspect_ratio=16:9.")
        found.setdefault(name.strip().replace("-", "_"), []).append(_value(value))
    return (
        {name: values[0] for name, values in found.items() if len(values) == 1},
        {name: values for name, values in found.items() if len(values) > 1},
    )


def _value(text: str) -> Any:
    """A number, true, false, or a list or object as JSON; everything else is text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(value, float) and value != value else value


def _rules(name: str, texts: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        place, equals, rule = text.partition("=")
        if not equals:
            raise InvalidRequestError(f"{text!r} is no rule.", hint="Such as *=fixed:50ms or openai=403:0.3.")
        if name == "latency" and place in found:
            raise InvalidRequestError(f"--latency: {place!r} is there twice.")
        found[place] = f"{found[place]} {rule}" if place in found else rule
    return found


def run(
    name: str,
    args: argparse.Namespace,
    say: Say,
    note: Say,
    *,
    config: Path | None = None,
    home: Path | None = None,
    as_json: bool = False,
) -> dict[str, Any]:
    """Do the work; `say` gets the lines of the result, `note` the remarks.

    Returns:
        {"ok", "folder", "files", "summary", "verdicts", "gates"}

    Raises:
        InvalidRequestError, ConfigurationError: wrong use; nothing was called.
        AIError: the notebook failed. What was measured is kept.
        KeyboardInterrupt: Ctrl-C. What was measured is kept.
    """
    from viralai_sdk.bench import command

    ready = command.check(command.Order(name, given(args), args.fail_if, config, home))
    note(ready.plan)
    show = None if as_json else _meter(len(ready.plan.slots))
    try:
        done = command.carry_out(ready, show)
    except KeyboardInterrupt:
        note(f"What was measured is in {ready.folder}; --resume --out goes on with it.")
        raise
    finally:
        if show is not None:
            show.clear()
    return _outcome(done, say)


def _outcome(done: Any, say: Say) -> dict[str, Any]:
    from viralai_sdk.bench.gates import as_data
    from viralai_sdk.bench.runs import overview
    from viralai_sdk.bench.verdicts import verdict_table

    say(overview(done.run))
    if done.verdicts:
        say(verdict_table(done.verdicts, "Against the baseline"))
    for outcome in done.outcomes:
        say(outcome.words)
    for path in done.files:
        say(path)
    return {
        "ok": done.ok,
        "folder": str(done.run.folder),
        "files": [str(path) for path in done.files],
        "summary": dict(done.run.summary),
        "verdicts": [verdict.to_dict() for verdict in done.verdicts],
        "gates": as_data(done.outcomes),
    }


class _Meter:
    """One line on a terminal that counts calls."""

    def __init__(self, planned: int) -> None:
        self._planned = planned
        self._began = time.monotonic()
        self._width = 0

    def __call__(self, done: int, failed: int) -> None:
        words = f"{done}/{self._planned} calls"
        words += f", {failed} failed" if failed else ""
        words += f", {time.monotonic() - self._began:.0f} s"
        sys.stderr.write("\r" + words + " " * max(self._width - len(words), 0))
        sys.stderr.flush()
        self._width = len(words)

    def clear(self) -> None:
        """Take the line away."""
        sys.stderr.write("\r" + " " * self._width + "\r")
        sys.stderr.flush()


def _meter(planned: int) -> _Meter | None:
    hidden = os.environ.get("VIRALAI_PROGRESS", "").lower() in ("0", "off", "false", "no")
    return _Meter(planned) if sys.stderr.isatty() and not hidden else None


def main(arguments: Sequence[str] | None = None) -> int:
    """The command module. 0: measured, and no condition failed; 1: one did, or the run failed; 2: wrong use; 130: Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m viralai_sdk.tools.benchmark_ai_providers", description=(__doc__ or "").strip()
    )
    parser.add_argument("--service", required=True, help="text, image, video, speech, fallback, overhead or comfyui")
    configure(parser)
    args = parser.parse_args(arguments)
    return console.exit_code(lambda: bool(run(args.service, args, console.say, console.note)["ok"]))


if __name__ == "__main__":
    sys.exit(main())
