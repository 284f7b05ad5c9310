"""Runs that lie on disk: which there are, and how their figures went."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from viralai_sdk.bench.measures import shown
from viralai_sdk.bench.results import SUMMARY, SavedRun, load
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import service_type, suggest


def find(name: str, folder: Path) -> SavedRun:
    """A run by its folder, or by its name below `folder`; "latest" is the newest one there.

    Raises:
        InvalidRequestError: there is none.
    """
    if name == "latest":
        names = names_in(folder)
        if not names:
            raise InvalidRequestError(f"there is no benchmark in {str(folder)!r}.")
        return load(folder / names[-1])
    for place in (Path(name).expanduser(), folder / name):
        if (place / SUMMARY).is_file():
            return load(place)
    raise InvalidRequestError(
        f"there is no finished benchmark {name!r}.",
        hint=suggest(name, names_in(folder), "`viralai bench history` lists them."),
    )


def names_in(folder: Path) -> list[str]:
    """Names of the finished runs in a folder, the oldest first by the time their results were written."""
    if not folder.is_dir():
        return []
    found = [(path.stat().st_mtime, path.parent.name) for path in folder.glob(f"*/{SUMMARY}")]
    return [name for _, name in sorted(found)]


def runs_in(folder: Path, service: str | None = None) -> list[SavedRun]:
    """The finished runs of a folder, the oldest first by their first call."""
    kind = service_type(service).short if service else None
    runs = [load(folder / name) for name in names_in(folder)]
    chosen = [run for run in runs if kind is None or run.service == kind]
    # Of two that began in the same second the one that was written later stays the later one.
    return sorted(chosen, key=lambda run: str(run.summary["began"]))


def trend_rows(runs: Sequence[SavedRun]) -> list[dict[str, Any]]:
    """One row for each run and arm, with its first figures and the change of p50 since the arm's run before."""
    rows: list[dict[str, Any]] = []
    before: dict[tuple[str, str, Any], float] = {}
    for run in runs:
        for arm in run.summary["arms"]:
            first = arm["headline"]
            p50 = first["latency"]["p50"]["value"] if first else None
            level = first["concurrency"] if first else None
            key = (run.service, arm["arm"], level)
            earlier = before.get(key)
            rows.append(
                {
                    "run": run.name,
                    "began": run.summary["began"],
                    "service": run.service,
                    "state": run.summary["state"],
                    "arm": arm["arm"],
                    "concurrency": level,
                    "calls": arm["calls"],
                    "p50": p50,
                    "p95": first["latency"]["p95"]["value"] if first else None,
                    "failure_rate": arm["failures"]["rate"]["value"],
                    "cost_per_call": arm["cost"]["mean_usd"],
                    "p50_change": p50 / earlier if p50 is not None and earlier else None,
                    "simulated": bool(run.summary["parameters"]["simulate"]),
                }
            )
            if p50 is not None:
                before[key] = p50
    return rows


def trend_table(rows: Sequence[dict[str, Any]], folder: Path) -> Table:
    """The same for people. A change without its interval is no verdict: `viralai bench diff` gives one."""
    told = [
        {
            "run": row["run"] + (" (simulated)" if row["simulated"] else ""),
            "began": row["began"],
            "arm": row["arm"],
            "calls": row["calls"],
            "p50": shown(row["p50"], "s"),
            "p95": shown(row["p95"], "s"),
            "failed": shown(row["failure_rate"], "%"),
            "cost/call": shown(row["cost_per_call"], "$"),
            "p50 since": "" if row["p50_change"] is None else f"{row['p50_change']:.2f}×",
        }
        for row in rows
    ]
    return Table(told, caption=f"Benchmarks in {folder}")
