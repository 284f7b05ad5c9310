"""Makes the cells of an experiment: each is paid for once, whatever happens to the kernel.

A cell is claimed in the experiment's ballot before anything is asked: entries have one order for everybody, so that of several kernels
the first one makes it and the others leave it alone. A claim ends with its cell, when its run gives it up, or with the process that made
it. Every call is made as a job of the journal, and the claim says which. A fresh kernel therefore finds what a dead one left behind:

* a job whose result was stored, though not yet noted as a cell: taken from the journal;
* a job that the provider works on: waited for and collected, not submitted again;
* a job of which nobody knows whether the provider took it: a failed cell with a `JobLostError`; `retry_failed` asks again;
* a request without a job at its provider (most text, images and speech) that was under way: its answer is lost with its connection. It is
  sent again when that costs nothing; else it is a failed cell too, since it may have been billed.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from viralai_sdk.compare.cells import Cell
from viralai_sdk.compare.definition import Definition
from viralai_sdk.compare.measuring import Measuring, objective
from viralai_sdk.compare.orders import Order, orders_of
from viralai_sdk.compare.votes import Ballot, CellKey, Start
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.errors import (
    AIError,
    BudgetExceededError,
    JobLostError,
    StorageError,
)
from viralai_sdk.interfaces.money import dollars
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.services.call import Call
from viralai_sdk.services.closing import finished
from viralai_sdk.services.job_rows import ending_of, owner_is_dead
from viralai_sdk.services.jobs import LOCAL
from viralai_sdk.services.manager import AIServiceManager
from viralai_sdk.services.runner import unexpected
from viralai_sdk.store.rows import JobRow

log = logging.getLogger(__name__)

PLACES_PER_ARM = 4
MOST_PLACES = 32
UNHEARD_OF = 3600.0
"""Seconds after which a call of another process that was not heard of any more is not on its way, whoever has that process's number now."""

_under_way: set[str] = set()
"""Ids of calls that this process makes now, each from before its claim until its cell is written down."""


@dataclass(slots=True)
class RunSummary:
    """What a run did.

    Attributes:
        made: cells that were asked for now; `collected` of what an earlier kernel had paid for.
        failed: of both, those that ended without a result.
        elsewhere: cells that another run is making, or has made meanwhile, here or in another living kernel.
        cost_usd: sum of the known costs of the cells of this run; `cost_unknown` cells are not in it.
    """

    made: int = 0
    collected: int = 0
    failed: int = 0
    elsewhere: int = 0
    cost_usd: float = 0.0
    cost_unknown: int = 0
    cells: list[Cell] = field(default_factory=list, repr=False)

    def table(self) -> Table:
        """The figures as a table of one row."""
        row = {
            "made": self.made,
            "collected": self.collected,
            "failed": self.failed,
            "made elsewhere": self.elsewhere,
            "cost": dollars(self.cost_usd),
            "price unknown": self.cost_unknown,
        }
        return Table([row], caption="This run")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return self.table()._repr_mimebundle_(include, exclude)


def cells_to_make(manager: AIServiceManager, definition: Definition, wanted: Callable[[CellKey], bool]) -> list[Order]:
    """The wanted cells as calls, prompt by prompt, so that a run that is stopped early has whole blocks.

    Raises:
        ConfigurationError: an arm names an unknown provider, or one without its key.
        InvalidRequestError: a parameter is wrong; names the prompt and arm. Nothing has been sent then.
    """
    found: list[Order] = []
    for prompt in definition.prompts:
        repeats = range(definition.repeats)
        if not any(wanted((arm.name, prompt.id, repeat)) for arm in definition.arms for repeat in repeats):
            continue
        shared = {**definition.parameters, **prompt.parameters}
        try:
            made = orders_of(
                manager, definition.service, definition.arms, {prompt.id: prompt.words}, definition.repeats, shared
            )
        except AIError as error:
            error.message = f"prompt {prompt.id}: {error.message}"
            raise
        found += [order for order in made if wanted(order.slot.key)]
    return found


def _job_accepted(job_id: str) -> None:
    """Its presence makes the call a job; which one it is stands in the journal."""


class Maker:
    """Makes the cells of one run."""

    def __init__(
        self,
        manager: AIServiceManager,
        definition: Definition,
        ballot: Ballot,
        on_cell: Callable[[Cell], object] | None = None,
        *,
        seen: Mapping[CellKey, Mapping[str, Any]],
        measure: bool = True,
    ) -> None:
        """`seen` are the cells there were when it was decided which to make: one that changed since has been made by another run."""
        self._measuring = Measuring(functools.partial(objective, definition.service)) if measure else None
        self._manager = manager
        self._definition = definition
        self._ballot = ballot
        self._on_cell = on_cell
        self._seen = seen
        self._jobs: dict[str, list[JobRow]] = {}
        self._asked_for: set[str] = set()
        self._stop: AIError | None = None
        self.summary = RunSummary()

    async def run(self, orders: Sequence[Order], concurrency: int | None) -> RunSummary:
        """Make the cells, at most `concurrency` at once.

        Raises:
            BudgetExceededError, StorageError: no further cell can be made; those that were on their way have been finished.
        """
        places = concurrency or min(MOST_PLACES, PLACES_PER_ARM * len(self._definition.arms))
        await self._find_jobs([order.slot.key for order in orders])
        waiting = iter(orders)

        async def work() -> None:
            for order in waiting:
                if self._stop is not None:
                    return
                await self._make(order)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(places, len(orders))):
                group.create_task(work())
        if self._stop is not None:
            raise self._stop
        return self.summary

    async def _find_jobs(self, keys: Sequence[CellKey]) -> None:
        """The journal's jobs of calls that were begun for these cells, as far as they have not been looked for."""
        calls = {start.call_id for key in keys for start in self._ballot.starts.get(key, ())}
        calls.update(self._ballot.cells[key].get("call", "") for key in keys if key in self._ballot.cells)
        calls -= self._asked_for
        if calls:
            for row in await asyncio.to_thread(self._manager.runtime.journal.jobs):
                if row.call_id in calls:
                    self._jobs.setdefault(row.call_id, []).append(row)
            self._asked_for |= calls

    async def _make(self, order: Order) -> None:
        call = order.call(self._manager, self._definition.service, on_job=_job_accepted)
        try:
            if self._taken(order.slot.key, call.id):
                self.summary.elsewhere += 1
                return
            _under_way.add(call.id)
            try:
                await self._claim(order.slot.key, call.id)
                await self._claimed(order, call)
            finally:
                await self._give_up(order.slot.key, call.id)
                _under_way.discard(call.id)
        except (BudgetExceededError, StorageError) as error:
            self._stop = self._stop or error

    async def _claimed(self, order: Order, call: Call) -> None:
        """Make a cell that was claimed, unless another run was faster."""
        key = order.slot.key
        if self._taken(key, call.id):
            self.summary.elsewhere += 1
            return
        self._asked_for.add(call.id)
        await self._find_jobs([key])
        left = self._left_behind(key)
        if left is not None and (found := await self._collected(left)) is not None:
            self.summary.collected += 1
            seconds = found.generation_time if isinstance(found, Response) else 0.0
            await self._note(order, found, seconds, left.call_id or "")
            return
        answer = await self._called(call, key)
        self.summary.made += 1
        await self._note(order, answer, call.elapsed, call.id)

    async def _claim(self, key: CellKey, call_id: str) -> None:
        """Write the claim down. One that reaches the disk only after the run was stopped is ended there at once."""
        arm, prompt, repeat = key
        cell = {"arm": arm, "prompt": prompt, "repeat": repeat, "call": call_id}
        stopped = threading.Event()

        def claim() -> None:
            self._ballot.append({"kind": "start", **cell, "owner": self._manager.runtime.owner})
            if stopped.is_set():
                self._ballot.append({"kind": "end", **cell})

        try:
            await finished(claim)
        except asyncio.CancelledError:
            stopped.set()
            raise

    async def _give_up(self, key: CellKey, call_id: str) -> None:
        """End a claim that came to no cell, so that no other kernel waits for it."""
        if all(start.over for start in self._ballot.starts.get(key, ()) if start.call_id == call_id):
            return
        arm, prompt, repeat = key
        try:
            await finished(
                self._ballot.append, {"kind": "end", "arm": arm, "prompt": prompt, "repeat": repeat, "call": call_id}
            )
        except StorageError as error:  # it lapses with this process; what stopped the call is what has to be told
            log.warning("the claim of cell %s could not be given up: %s", key, error)

    def _taken(self, key: CellKey, call_id: str) -> bool:
        """The cell was made since this run began, or another living run claimed it before `call_id` did."""
        if self._ballot.cells.get(key) is not self._seen.get(key):
            return True
        for start in self._ballot.starts.get(key, ()):
            if start.call_id == call_id:
                return False
            if self._alive(start):
                return True
        return False

    def _left_behind(self, key: CellKey) -> JobRow | None:
        """The job that an earlier run left of this cell; None when it is to be made afresh."""
        before = self._ballot.cells.get(key)
        if before is not None and before["response"] is None:
            # Of a failed cell only a job counts that has ended well since, or goes on: nobody waited long enough for it.
            best = next((row for row in self._jobs.get(before.get("call", ""), []) if _worth_waiting(row)), None)
            if best is not None:
                return best
        for start in reversed(self._ballot.starts.get(key, ())):
            # Of a call that was tried several times its completed or latest job counts.
            useful = [row for row in self._jobs.get(start.call_id, []) if not _gave_nothing(row)]
            if useful:
                return max(useful, key=lambda row: (row.state == "completed", row.created))
        return None

    def _alive(self, start: Start) -> bool:
        """Somebody is at it: this process, another one of this machine, or another machine that was heard of lately."""
        if start.over:
            return False
        if _host_and_pid(start.owner) == _host_and_pid(self._manager.runtime.owner):
            return start.call_id in _under_way
        rows = self._jobs.get(start.call_id, ())
        if owner_is_dead(start.owner) or any(row.state == "completed" for row in rows):
            return False
        return max([start.created, *(row.heartbeat or 0.0 for row in rows)]) > time.time() - UNHEARD_OF

    async def _collected(self, row: JobRow) -> Response | AIError | None:
        """What a job of an earlier kernel gives, paid for already; None when it gave nothing and cost nothing."""
        if row.over and row.state != "completed":
            return ending_of(row)
        try:
            return await self._manager.jobs.result(row.job_id)
        except JobLostError as error:
            return None if error.billed == "no" else error
        except AIError as error:
            return error

    async def _called(self, call: Call, key: CellKey) -> Response | AIError:
        """Ask the provider."""
        try:
            return await self._manager.run_call(call)
        except (BudgetExceededError, StorageError):
            raise
        except AIError as error:
            return error
        except Exception as error:  # a provider's code may fail in any way; it is this cell's failure
            log.debug("cell %s", key, exc_info=True)
            return unexpected(error)

    async def _note(self, order: Order, found: Response | AIError, seconds: float, call_id: str) -> None:
        """Write the cell down; from then on nobody pays for it again."""
        arm, prompt, repeat = order.slot.key
        cell = Cell(arm, prompt, order.slot.words, repeat, seconds=seconds)
        if isinstance(found, Response):
            cell.response = found
            self.summary.cost_usd += found.cost_usd or 0.0
            self.summary.cost_unknown += found.cost_usd is None
        else:
            cell.error = found
            self.summary.failed += 1
        entry: Mapping[str, Any] = {"kind": "cell", "call": call_id, **cell.to_dict(self._definition.service)}
        await finished(self._ballot.append, entry)
        self.summary.cells.append(cell)
        if self._on_cell is not None:
            try:
                self._on_cell(cell)
            except Exception:  # a watcher that stumbles must not stop what is being paid for
                log.exception("on_cell failed for %s", cell.key)
        if self._measuring is not None:
            await self._measuring(cell, order.request)
        if cell.metrics:
            # An entry of its own: the result must not wait to be written down until somebody has looked at it.
            told = {"kind": "metrics", "arm": arm, "prompt": prompt, "repeat": repeat, "metrics": dict(cell.metrics)}
            await finished(self._ballot.append, told)


def _host_and_pid(owner: str) -> tuple[str, str]:
    host, _, pid = owner.rpartition(":")[0].rpartition(":")
    return host, pid


def _worth_waiting(row: JobRow) -> bool:
    return row.state == "completed" or (not row.over and row.remote_id is not None)


def _gave_nothing(row: JobRow) -> bool:
    """Nothing of it is left, here or at its provider: it was cancelled, or was no more than a request that failed."""
    return row.state == "cancelled" or (row.state == "failed" and row.remote_id in (None, LOCAL))
