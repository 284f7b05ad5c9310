"""`await bench.run(plan)`: a run from its first call to its files."""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viralai_sdk.bench import plots, tradeoff
from viralai_sdk.bench.history import find
from viralai_sdk.bench.marks import Plot
from viralai_sdk.bench.planning import BenchmarkPlan, day
from viralai_sdk.bench.practice import practice
from viralai_sdk.bench.results import SavedRun, save, summary_of
from viralai_sdk.bench.rows import LEDGER, Row, read_ledger
from viralai_sdk.bench.runner import STOP, OnRow, Runner
from viralai_sdk.bench.served import against_the_log
from viralai_sdk.bench.verdicts import compare, verdict_table
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.money import dollars
from viralai_sdk.store.files import write_atomic

if TYPE_CHECKING:
    from viralai_sdk.client import ViralAI
    from viralai_sdk.simulator import Recorded

PLAN = "plan.json"


class BenchmarkRun:
    """What a run found out.

    Attributes:
        plan: what was planned.
        saved: its rows and summary, as they lie on disk.
        served: with `simulate`, the simulated vendors' own log.
    """

    def __init__(self, plan: BenchmarkPlan, saved: SavedRun, served: list[Recorded]) -> None:
        self.plan = plan
        self.saved = saved
        self.served = served

    @property
    def rows(self) -> tuple[Row, ...]:
        """One for each call."""
        return self.saved.rows

    @property
    def summary(self) -> Any:
        """The figures; see `summary.json`."""
        return self.saved.summary

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.saved.folder

    def table(self) -> Table:
        """The first figures of every arm."""
        return overview(self.saved)

    def latency(self, *, first: bool = False) -> Plot:
        """See `plots.latency`."""
        return plots.latency(self.saved, first=first)

    def throughput(self) -> Plot:
        """See `plots.throughput`."""
        return plots.throughput(self.saved)

    def failures(self) -> Plot:
        """See `plots.failures`."""
        return plots.failures(self.saved)

    def timeline(self) -> Plot:
        """See `plots.timeline`."""
        return plots.timeline(self.saved)

    def cost(self, quality: str | None = None) -> Plot:
        """See `tradeoff.cost`."""
        return tradeoff.cost(self.saved, quality)

    def quality(self) -> Table:
        """What the results say of themselves: the mean of every metric, an arm in each column."""
        return quality(self.saved)

    def verdicts(self) -> Table:
        """Against the baseline that the plan names; a line that says so when it names none."""
        name = self.plan.parameters.baseline
        if not name:
            return Table([{"verdict": "none: no baseline was given"}], caption="Against a baseline")
        baseline = find(name, self.folder.parent)
        return verdict_table(compare(self.saved, baseline), f"Against {baseline.name}")

    def answered(self) -> Table:
        """Who answered, which with a fallback chain need not be who was asked first."""
        found = Counter((row.arm, row.provider if row.ok else "nobody", row.attempts) for row in self.rows)
        rows = [
            {"asked": arm, "answered": provider, "attempts": attempts, "calls": calls}
            for (arm, provider, attempts), calls in sorted(found.items(), key=str)
        ]
        return Table(rows, caption="Who answered")

    def against_the_log(self) -> Table:
        """Our seconds beside the simulated vendors' own; see `served.against_the_log`."""
        return against_the_log(self.rows, self.served)

    def files(self) -> Table:
        """What lies in the run's folder."""
        names = sorted(path for path in self.folder.iterdir() if path.is_file())
        return Table([{"file": path.name, "bytes": path.stat().st_size} for path in names], caption=str(self.folder))

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return self.table()._repr_mimebundle_(include, exclude)


async def run(plan: BenchmarkPlan, *, ai: ViralAI | None = None, on_row: OnRow | None = None) -> BenchmarkRun:
    """Make a plan's calls and write `results.parquet` and `summary.json`.

    Args:
        ai: who makes the calls; None takes the configuration found, or simulated vendors with `simulate`.
        on_row: told every call as it ends.

    Raises:
        InvalidRequestError: the folder holds another run, or this one and `resume` is not set. Nothing was called.
        StorageError: the ledger or a result cannot be written.
    """
    folder = prepare(plan)
    async with _client(plan, ai) as (client, served):
        if plan.parameters.fallback and plan.parameters.chain:
            client.set_fallback_chain(plan.service, plan.parameters.chain)
        runner = Runner(plan, client, folder, on_row)
        try:
            await runner.run()
        finally:
            # Also after an interrupt: what was measured is worth its tables.
            reason = runner.stopped or ("" if len(runner.rows) == len(plan.slots) else "interrupted")
            saved = finish(plan, folder, reason)
    return BenchmarkRun(plan, saved, served)


def prepare(plan: BenchmarkPlan) -> Path:
    """Make the run's folder and note the plan in it. Raises as `run`."""
    folder = folder_of(plan)
    noted = folder / PLAN
    if (folder / LEDGER).exists():
        if not plan.parameters.resume:
            raise InvalidRequestError(
                f"{str(folder)!r} holds a run already.", hint="--resume goes on with it; another --out starts afresh."
            )
        known = json.loads(noted.read_bytes()) if noted.exists() else {}
        if known.get("fingerprint") != plan.fingerprint:
            raise InvalidRequestError(
                f"the run in {str(folder)!r} was planned with other parameters.", hint="Resume with the same ones."
            )
    elif plan.parameters.resume and not folder.is_dir():
        raise InvalidRequestError(f"there is no run in {str(folder)!r} to resume.", hint="Name its folder with --out.")
    about = {"fingerprint": plan.fingerprint, "parameters": plan.parameters.recorded(), "calls": len(plan.slots)}
    write_atomic(noted, json.dumps(about, indent=2, ensure_ascii=False).encode() + b"\n")
    (folder / STOP).unlink(missing_ok=True)
    return folder


def folder_of(plan: BenchmarkPlan) -> Path:
    """The run's folder: as given, else a new name below `<home>/outputs/benchmarks`."""
    if plan.parameters.out:
        return Path(plan.parameters.out).expanduser().absolute()
    return benchmarks_folder() / f"{plan.service}_{day()}_{os.urandom(2).hex()}"


def benchmarks_folder(home: Path | None = None) -> Path:
    """Where runs go that name no folder."""
    return (home or Path(os.environ.get("VIRALAI_HOME") or Path.cwd())).absolute() / "outputs" / "benchmarks"


def finish(plan: BenchmarkPlan, folder: Path, reason: str) -> SavedRun:
    """Turn a ledger into the result files. Also for a run whose process died."""
    known = read_ledger(folder)
    state = "partial" if reason else "complete"
    summary = summary_of(plan, known, state=state, reason=reason, name=folder.name)
    save(folder, known.rows, summary)
    return SavedRun(folder, summary, tuple(known.rows))


@contextlib.asynccontextmanager
async def _client(plan: BenchmarkPlan, ai: ViralAI | None) -> AsyncIterator[tuple[ViralAI, list[Recorded]]]:
    if ai is not None:
        yield ai, []
    elif plan.parameters.simulate:
        async with practice(plan.parameters) as found:
            yield found
    else:
        from viralai_sdk.client import ViralAI as Client

        client = Client(progress=False)
        try:
            yield client, []
        finally:
            await client.aclose()


def overview(saved: SavedRun) -> Table:
    """The first figures of every arm of a run."""
    rows = []
    for arm in saved.summary["arms"]:
        first = arm["headline"] or {}
        latency = first.get("latency", {})
        rows.append(
            {
                "arm": arm["arm"],
                "model": ", ".join(arm["models"]),
                "calls": arm["calls"],
                "failed": arm["failed"],
                "failure rate": _share(arm["failures"]["rate"]),
                "p50": _seconds(latency.get("p50")),
                "p95": _seconds(latency.get("p95")),
                "per second": _plain(first.get("throughput")),
                "cost": _money(arm["cost"]),
            }
        )
    level = next((arm["headline"]["concurrency"] for arm in saved.summary["arms"] if arm["headline"]), None)
    where = "" if level is None else ", in the open loop" if level == 0 else f", latencies at concurrency {level}"
    partial = f" — partial: {saved.summary['reason']}" if saved.summary["state"] == "partial" else ""
    return Table(rows, caption=f"Benchmark of {saved.service}{where}{partial}{_busy(saved)}")


BUSY = 0.05
"""From this share of the shortest p50 on, and from 10 ms, our own lateness is worth a word."""


def _busy(saved: SavedRun) -> str:
    lag = saved.summary.get("host_lag_seconds")
    found = (arm["headline"]["latency"]["p50"]["value"] for arm in saved.summary["arms"] if arm["headline"])
    shortest = min((value for value in found if value is not None), default=None)
    if lag is None or shortest is None or lag <= max(BUSY * shortest, 0.01):
        return ""
    return f" — this machine was busy: up to {lag:.3f} s of a call may be its own"


def quality(saved: SavedRun) -> Table:
    """The mean of every metric of a run, an arm in each column; of yes and no the share of yes."""
    found: dict[str, dict[str, Any]] = {}
    for arm in saved.summary["arms"]:
        for name, told in arm["metrics"].items():
            found.setdefault(name, {"metric": name})[arm["arm"]] = told["mean"]
    columns = ["metric", *(arm["arm"] for arm in saved.summary["arms"])]
    return Table(found.values(), columns, "Means over the results; none of these says what people like")


def _seconds(told: Any) -> str:
    if not told or told["value"] is None:
        return "unknown"
    if told["low"] is None:
        return f"{told['value']:.3f} s (too few calls)"
    return f"{told['value']:.3f} s ({told['low']:.3f}–{told['high']:.3f})"


def _share(told: Any) -> str:
    if told["value"] is None:
        return "unknown"
    return f"{100 * told['value']:.1f} % ({100 * told['low']:.1f}–{100 * told['high']:.1f})"


def _plain(told: Any) -> str:
    return "unknown" if not told or told["value"] is None else f"{told['value']:.2f}"


def _money(cost: Any) -> str:
    known = dollars(cost["total_usd"])
    if not cost["unknown"]:
        return known
    return f"{known}, {cost['unknown']} unknown" if cost["mean_usd"] is not None else "unknown"
