"""Benchmarks: any providers × models × prompts × settings, measured fairly and kept whole.

    plan = bench.plan("image", providers=["openai", "gemini"], prompts=["a red fox"], repeats=20, simulate=True)
    run = await bench.run(plan)
    run.table()

Needs the extra `bench`; with `simulate` also `sim`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "viralai_sdk.bench.parameters": ("Parameters",),
    "viralai_sdk.bench.planning": ("BenchmarkPlan", "plan", "without_chain"),
    "viralai_sdk.bench.gates": ("judge", "read_gate"),
    "viralai_sdk.bench.notebooks": ("execute", "notebook_path"),
    "viralai_sdk.bench.results": ("SavedRun", "load"),
    "viralai_sdk.bench.rows": ("Row",),
    "viralai_sdk.bench.runs": ("BenchmarkRun", "overview", "run"),
    "viralai_sdk.bench.verdicts": ("Verdict", "compare"),
}
_WHERE = {name: module for module, names in _HOMES.items() for name in names}

if TYPE_CHECKING:
    from viralai_sdk.bench.gates import judge, read_gate
    from viralai_sdk.bench.notebooks import execute, notebook_path
    from viralai_sdk.bench.parameters import Parameters
    from viralai_sdk.bench.planning import BenchmarkPlan, plan, without_chain
    from viralai_sdk.bench.results import SavedRun, load
    from viralai_sdk.bench.rows import Row
    from viralai_sdk.bench.runs import BenchmarkRun, overview, run
    from viralai_sdk.bench.verdicts import Verdict, compare

__all__ = [
    "BenchmarkPlan",
    "BenchmarkRun",
    "Parameters",
    "Row",
    "SavedRun",
    "Verdict",
    "compare",
    "execute",
    "judge",
    "load",
    "notebook_path",
    "overview",
    "plan",
    "read_gate",
    "run",
    "without_chain",
]


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
