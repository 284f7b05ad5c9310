"""Makes the cells of an experiment: each is paid for once, whatever happens to the kernel.

Every call is made as a job of the journal, and which call is made for which cell is written down before it begins. A fresh kernel
therefore finds what a dead one left behind:

* a job whose result was stored, though not yet noted as a cell: taken from the journal;
* a job that the provider works on: waited for and collected, not submitted again;
* a job of which nobody knows whether the provider took it: a failed cell with a `JobLostError`; `retry_failed` asks again;
* a request without a job at its provider (most text, images and speech) that was under way: its answer is lost with its connection, and
  it is sent again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from viralai_sdk.compare.cells import Cell
from viralai_sdk.compare.definition import Definition
from viralai_sdk.compare.orders import Order, orders_of
from viralai_sdk.compare.votes import Ballot, CellKey, Start
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.errors import (
    AIError,
    BudgetExceededError,
    JobLostError,
    StorageError,
)
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
"""Ids of calls that this process makes now."""


@dataclass(slots=True)
class RunSummary:
    """What a run did.

    Attributes:
        made: cells that were asked for now; `collected` of what an earlier kernel had paid for.
        failed: of both, those that ended without a result.
        elsewhere: cells that another living kernel is making.
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
            "cost": f"${self.cost_usd:.4f}",
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
    ) -> None:
        self._manager = manager
        self._definition = definition
        self._ballot = ballot
        self._on_cell = on_cell
        self._jobs: dict[str, list[JobRow]] = {}
        self._stop: AIError | None = None
        self.summary = RunSummary()

    async def run(self, orders: Sequence[Order], concurrency: int | None) -> RunSummary:
        """Make the cells, at most `concurrency` at once.

        Raises:
            BudgetExceededError, StorageError: no further cell can be made; those that were on their way have been finished.
        """
        places = concurrency or min(MOST_PLACES, PLACES_PER_ARM * len(self._definition.arms))
        await self._find_jobs(orders)
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

    async def _find_jobs(self, orders: Sequence[Order]) -> None:
        """The journal's jobs of calls that were begun for these cells."""
        calls = {start.call_id for order in orders for start in self._ballot.starts.get(order.slot.key, ())}
        calls.update(
            self._ballot.cells[order.slot.key].get("call", "")
            for order in orders
            if order.slot.key in self._ballot.cells
        )
        if calls:
            for row in await asyncio.to_thread(self._manager.runtime.journal.jobs):
                if row.call_id in calls:
                    self._jobs.setdefault(row.call_id, []).append(row)

    async def _make(self, order: Order) -> None:
        call = order.call(self._manager, self._definition.service, on_job=_job_accepted)
        try:
            left = self._left_behind(order)
            if left is _ELSEWHERE:
                self.summary.elsewhere += 1
                return
            if isinstance(left, JobRow) and (found := await self._collected(left)) is not None:
                self.summary.collected += 1
                seconds = found.generation_time if isinstance(found, Response) else 0.0
                await self._note(order, found, seconds, left.call_id or "")
                return
            answer = await self._called(order, call)
            if answer is None:
                self.summary.elsewhere += 1
                return
            self.summary.made += 1
            await self._note(order, answer, call.elapsed, call.id)
        except (BudgetExceededError, StorageError) as error:
            self._stop = self._stop or error

    def _left_behind(self, order: Order) -> JobRow | object | None:
        """What an earlier run left of this cell: its job, `_ELSEWHERE` when it is being made, None when it is to be made afresh."""
        before, best = self._ballot.cells.get(order.slot.key), None
        if before is not None and before["response"] is None:
            # Of a failed cell only a job counts that has ended well since, or goes on: nobody waited long enough for it.
            best = next((row for row in self._jobs.get(before.get("call", ""), []) if _worth_waiting(row)), None)
        for start in reversed(self._ballot.starts.get(order.slot.key, ())):
            rows = self._jobs.get(start.call_id, [])
            if self._alive(start, rows):
                return _ELSEWHERE
            if best is None:
                # Of a call that was tried several times its completed or latest job counts.
                useful = [row for row in rows if not _gave_nothing(row)]
                best = max(useful, key=lambda row: (row.state == "completed", row.created), default=None)
        return best

    def _alive(self, start: Start, rows: Sequence[JobRow]) -> bool:
        """Somebody is at it: this process, another one of this machine, or another machine that was heard of lately."""
        if _host_and_pid(start.owner) == _host_and_pid(self._manager.runtime.owner):
            return start.call_id in _under_way
        if owner_is_dead(start.owner) or any(row.over for row in rows):
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

    async def _called(self, order: Order, call: Call) -> Response | AIError | None:
        """Ask the provider; None when another kernel was faster in announcing the same cell."""
        runtime = self._manager.runtime
        arm, prompt, repeat = order.slot.key
        entry = {
            "kind": "start",
            "arm": arm,
            "prompt": prompt,
            "repeat": repeat,
            "call": call.id,
            "owner": runtime.owner,
        }
        _under_way.add(call.id)
        try:
            before = self._ballot.cells.get(order.slot.key)
            await finished(self._ballot.append, entry)
            if self._ballot.cells.get(order.slot.key) is not before or self._overtaken(order.slot.key, call.id):
                return None
            return await self._manager.run_call(call)
        except (BudgetExceededError, StorageError):
            raise
        except AIError as error:
            return error
        except Exception as error:  # a provider's code may fail in any way; it is this cell's failure
            log.debug("cell %s", order.slot.key, exc_info=True)
            return unexpected(error)
        finally:
            _under_way.discard(call.id)

    def _overtaken(self, key: CellKey, call_id: str) -> bool:
        """Another living kernel announced the same cell first: entries have one order for everybody."""
        for start in self._ballot.starts.get(key, ()):
            if start.call_id == call_id:
                return False
            if self._alive(start, []):
                return True
        return False

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


_ELSEWHERE = object()


def _host_and_pid(owner: str) -> tuple[str, str]:
    host, _, pid = owner.rpartition(":")[0].rpartition(":")
    return host, pid


def _worth_waiting(row: JobRow) -> bool:
    return row.state == "completed" or (not row.over and row.remote_id is not None)


def _gave_nothing(row: JobRow) -> bool:
    """Nothing of it is left, here or at its provider: it was cancelled, or was no more than a request that failed."""
    return row.state == "cancelled" or (row.state == "failed" and row.remote_id in (None, LOCAL))
