"""A benchmark as one command: check everything, run the notebook, keep the record, judge."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viralai_sdk.bench import gates, notebooks, parameters, report
from viralai_sdk.bench.gates import Gate, Outcome
from viralai_sdk.bench.history import find
from viralai_sdk.bench.planning import BenchmarkPlan, plan_of
from viralai_sdk.bench.results import RESULTS, SUMMARY, SavedRun, load
from viralai_sdk.bench.rows import LEDGER
from viralai_sdk.bench.runs import PLAN, benchmarks_folder, finish, folder_of, prepare
from viralai_sdk.bench.schedule import OPEN_LEVEL
from viralai_sdk.bench.verdicts import Verdict, compare
from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import service_type

SERVICE_OF = {"fallback": "text", "overhead": "text", "comfyui": "image"}
"""Benchmark → its service, where the two have different names."""
REAL: Mapping[str, Any] = {"repeats": 3, "concurrency": [1], "latency": {}, "faults": {}, "simulate": False}
"""What takes the place of a notebook's defaults when real vendors are asked: little, since it is paid for."""
_NAMES_NOBODY = ("text", "image", "video", "speech")


@dataclass(frozen=True)
class Order:
    """What was asked for on a command line.

    Attributes:
        name: a benchmark's name, see `notebooks.NAMES`, or a service in any spelling.
        given: the parameters that were named; the rest are the notebook's, or with `resume` those of the run.
        fail_if: conditions, see `gates`.
        config: configuration file, None to look for it.
        home: project's folder, None for the default.
    """

    name: str
    given: Mapping[str, Any]
    fail_if: Sequence[str] = ()
    config: Path | None = None
    home: Path | None = None


@dataclass(frozen=True)
class Checked:
    """An order in which nothing is known to be wrong. Nothing was sent."""

    name: str
    plan: BenchmarkPlan
    gates: Sequence[Gate]
    baseline: SavedRun | None
    folder: Path
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Done:
    """What came of it."""

    run: SavedRun
    verdicts: Sequence[Verdict]
    outcomes: Sequence[Outcome]
    files: Sequence[Path]

    @property
    def ok(self) -> bool:
        """No condition failed it."""
        return not any(outcome.failed for outcome in self.outcomes)


def check(order: Order) -> Checked:
    """Refuse what cannot work, before anything is sent.

    Raises:
        InvalidRequestError, ConfigurationError: one line says what is wrong.
    """
    conditions = gates.parse_all(order.fail_if)
    name = benchmark_name(order.name)
    path = notebooks.notebook_path(name)
    home = order.home or Path(os.environ.get("VIRALAI_HOME") or Path.cwd())
    given = _absolute(order.given)
    told = {**_base(path, given), **given}
    settings = parameters.read({"service": SERVICE_OF.get(name, name), **told})
    if not settings.simulate and "providers" not in given and name in _NAMES_NOBODY and not settings.resume:
        raise InvalidRequestError("no provider is named.", hint="Name them with --provider, or try --simulate.")
    plan = _plan(settings, order)
    below = benchmarks_folder(home)
    folder = Path(settings.out) if settings.out else below / folder_of(plan).name
    baseline = find(settings.baseline, below) if settings.baseline else None
    levels = [*settings.concurrency, *([OPEN_LEVEL] if settings.rate else [])]
    gates.check(conditions, arms=[arm.name for arm in plan.arms], levels=levels, baseline=baseline is not None)
    if baseline is not None:
        settings = settings.model_copy(update={"baseline": str(baseline.folder.absolute())})
        if baseline.service != settings.service:
            raise InvalidRequestError(f"the baseline is a benchmark of {baseline.service}, not of {settings.service}.")
    plan = plan_with(plan, settings.model_copy(update={"out": str(folder)}))
    prepare(plan)
    environment = {"VIRALAI_HOME": str(home.absolute()), "VIRALAI_PROGRESS": "0"}
    if order.config is not None:
        environment["VIRALAI_CONFIG"] = str(order.config.absolute())
    return Checked(name, plan, conditions, baseline, folder, environment)


def benchmark_name(name: str) -> str:
    """A benchmark's name for a benchmark or a service in any spelling. Raises ConfigurationError when it is neither."""
    return name if name in notebooks.NAMES else service_type(name).short


def _plan(settings: parameters.Parameters, order: Order) -> BenchmarkPlan:
    if settings.simulate:
        return plan_of(settings)
    ai = ViralAI(order.config, home=order.home, progress=False)
    try:
        return plan_of(settings, ai)
    finally:
        ai.runtime.close()


def plan_with(plan: BenchmarkPlan, settings: parameters.Parameters) -> BenchmarkPlan:
    """The same plan under parameters that say where its files lie."""
    import dataclasses

    return dataclasses.replace(plan, parameters=settings)


def _absolute(given: Mapping[str, Any]) -> dict[str, Any]:
    """Paths as seen from here: papermill's kernel may start elsewhere."""
    told = dict(given)
    for name in ("out", "prompts_file"):
        if told.get(name):
            told[name] = str(Path(told[name]).expanduser().absolute())
    return told


def _base(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """What holds where the order says nothing."""
    if given.get("resume"):
        if not given.get("out"):
            raise InvalidRequestError("--resume needs the run's folder.", hint="Name it with --out.")
        noted = Path(given["out"]) / PLAN
        if not noted.is_file():
            raise InvalidRequestError(
                f"there is no run in {given['out']!r} to resume.", hint="Name its folder with --out."
            )
        recorded: dict[str, Any] = json.loads(noted.read_bytes())["parameters"]
        recorded.pop("service")
        return recorded
    told = {name: ast.literal_eval(one["default"]) for name, one in notebooks.inspect(path).items()}
    return told if given.get("simulate") else {**told, **REAL}


def carry_out(ready: Checked, on_calls: Callable[[int, int], None] | None = None) -> Done:
    """Run the notebook and judge what came of it.

    Raises:
        AIError: the notebook failed; tables and report of what was measured are written.
        KeyboardInterrupt: Ctrl-C; they are written as well.
    """
    told = ready.plan.parameters.model_dump(exclude={"service"})
    if told["budget_usd"] is None:
        del told["budget_usd"]
    try:
        notebooks.execute(ready.name, told, ready.folder, on_calls=on_calls, environment=ready.environment)
    finally:
        keep(ready)
    run = load(ready.folder)
    seed = ready.plan.parameters.seed
    verdicts = compare(run, ready.baseline, seed=seed) if ready.baseline is not None else []
    outcomes = gates.judge(ready.gates, run, ready.baseline, seed=seed)
    names = (notebooks.EXECUTED, report.REPORT, RESULTS, SUMMARY)
    return Done(run, verdicts, outcomes, [ready.folder / name for name in names])


def keep(ready: Checked) -> None:
    """Make what the notebook could not make any more: tables out of the ledger, the page out of what was executed."""
    ledger, summary = ready.folder / LEDGER, ready.folder / SUMMARY
    if ledger.exists() and (not summary.exists() or summary.stat().st_mtime_ns < ledger.stat().st_mtime_ns):
        finish(ready.plan, ready.folder, "interrupted")
    executed = ready.folder / notebooks.EXECUTED
    if executed.exists():
        report.write_report(executed, ready.folder / report.REPORT, f"Benchmark: {ready.name}, {ready.folder.name}")
