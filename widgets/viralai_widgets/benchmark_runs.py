"""A planned benchmark on its way: in this kernel, or through its notebook in a process of its own."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from viralai_sdk.bench import runs
from viralai_sdk.bench.command import Order, carry_out, check
from viralai_sdk.bench.extras import need
from viralai_sdk.bench.planning import BenchmarkPlan
from viralai_sdk.bench.results import SUMMARY, SavedRun, load
from viralai_sdk.bench.rows import Row, read_ledger
from viralai_sdk.bench.runner import STOP

if TYPE_CHECKING:
    from viralai_sdk.client import ViralAI

LOOK_SECONDS = 0.5
"""Between two looks at the ledger of a run in another process."""

Changed = Callable[[], None]


class Execution(Protocol):
    """One execution of a plan.

    Attributes:
        plan: what is carried out; its folder is decided.
        folder: where its files are.
        rows: calls that ended so far.
    """

    plan: BenchmarkPlan
    folder: Path
    rows: list[Row]

    async def run(self, changed: Changed) -> SavedRun:
        """Carry it out; `changed()` is called on this loop when there are new rows."""
        ...

    def stop(self) -> None:
        """Ask it to end: the first time calls under way may still do so by themselves, the second time they are cancelled."""
        ...


class HereRun:
    """In this kernel, with the panel's own client."""

    def __init__(self, plan: BenchmarkPlan, ai: ViralAI) -> None:
        _files_can_be_written()
        folder = runs.folder_of(plan)
        if not plan.parameters.out:
            folder = runs.benchmarks_folder(ai.runtime.home) / folder.name
        self.folder = folder
        self.plan = dataclasses.replace(plan, parameters=plan.parameters.model_copy(update={"out": str(folder)}))
        self.rows: list[Row] = []
        self._ai = None if plan.parameters.simulate else ai
        self._stops = 0
        self._task: asyncio.Task[Any] | None = None

    async def run(self, changed: Changed) -> SavedRun:
        """See `Execution`."""

        def add(row: Row) -> None:
            self.rows.append(row)
            changed()

        self._task = asyncio.current_task()
        if self.plan.parameters.resume:
            self.rows += [row for row in read_ledger(self.folder).rows if row.outcome != "cancelled"]
        return (await runs.run(self.plan, ai=self._ai, on_row=add)).saved

    def stop(self) -> None:
        """See `Execution`."""
        self._stops += 1
        if self._stops == 1:
            (self.folder / STOP).touch()
        elif self._task is not None:
            self._task.cancel()


class NotebookRun:
    """Through the service's notebook, as `viralai bench` does it: the executed notebook and the report are kept."""

    def __init__(self, service: str, parameters: Mapping[str, Any], ai: ViralAI) -> None:
        _files_can_be_written()
        source = Path(ai.config.source)
        order = Order(service, parameters, config=source if source.is_file() else None, home=ai.runtime.home)
        self._ready = check(order)
        self.plan = self._ready.plan
        self.folder = self._ready.folder
        self.rows: list[Row] = []
        self._stops = self._told = 0

    async def run(self, changed: Changed) -> SavedRun:
        """See `Execution`."""
        loop = asyncio.get_running_loop()
        # Not `to_thread`: papermill's packages keep an event loop in the context that it would copy.
        working = loop.run_in_executor(None, self._carry_out)
        while True:
            done, _ = await asyncio.wait([working], timeout=LOOK_SECONDS)
            rows = (await asyncio.to_thread(read_ledger, self.folder)).rows
            if rows != self.rows:
                self.rows = rows
                changed()
            if done:
                return working.result()

    def _carry_out(self) -> SavedRun:
        try:
            return carry_out(self._ready, self._look).run
        except KeyboardInterrupt:  # ours, see below; in this thread there is no other
            return load(self.folder)

    def _look(self, recorded: int, failed: int) -> None:
        """Called in the notebook's thread a few times a second. Stopping is what Ctrl-C does on the command line."""
        if self._told < self._stops:
            self._told += 1
            raise KeyboardInterrupt
        if self._told:
            (self.folder / STOP).touch()  # a kernel that only now begins its run has taken the first one away

    def stop(self) -> None:
        """See `Execution`."""
        self._stops += 1


def kept(folder: Path) -> SavedRun | None:
    """What a run that ended early has left, None when that is nothing."""
    return load(folder) if (folder / SUMMARY).is_file() else None


def _files_can_be_written() -> None:
    """What writes the tables is looked for before anything is paid for. Raises ConfigurationError."""
    for module in ("pyarrow.parquet", "scipy.stats"):
        need(module)
