"""Runs a plan: closed loop, open loop, every call a row, nothing paid for lost."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from viralai_sdk.bench.calls import Sent, measured, send
from viralai_sdk.bench.planning import BenchmarkPlan
from viralai_sdk.bench.rows import Ledger, Row, read_ledger
from viralai_sdk.bench.schedule import Slot
from viralai_sdk.interfaces.responses import Response

if TYPE_CHECKING:
    from viralai_sdk.client import ViralAI

STOP = "stop"
"""A file of this name in the run's folder asks a run of any process to end."""
TICK = 0.1
"""Seconds between two looks at it. The ticking also lets a notebook's interrupt reach an awaiting cell at once."""
GRACE = 10.0
"""Calls under way get so many seconds to end when a run is stopped; what was paid for should be measured."""

OnRow = Callable[[Row], None]


class Runner:
    """One execution of a plan.

    Attributes:
        rows: calls recorded so far, those of an earlier, broken-off execution included.
        stopped: why the run ended early; "" when it did not.
    """

    def __init__(self, plan: BenchmarkPlan, ai: ViralAI, folder: Path, on_row: OnRow | None = None) -> None:
        self.plan = plan
        self.rows: list[Row] = []
        self.stopped = ""
        self._ai = ai
        self._folder = folder
        self._ledger = Ledger(folder)
        self._on_row = on_row
        self._zero = time.perf_counter()
        self._warm: set[str] = set()
        self._ending = asyncio.Event()
        self._unmeasured: list[tuple[Row, Slot, Response]] = []
        self._spent = self._reserved = 0.0
        self._lag = 0.0
        self._known: dict[str, tuple[float, int]] = {}

    async def run(self) -> None:
        """Make every call that is not recorded yet.

        Raises:
            StorageError: the ledger cannot be written.
            asyncio.CancelledError: the notebook's interrupt; what was measured is in the ledger.
        """
        known = read_ledger(self._folder)
        cancelled = [row.id for row in known.rows if row.outcome == "cancelled"]
        done = {row.id: row for row in known.rows if row.outcome != "cancelled"}
        self.rows = list(done.values())
        for row in known.rows:
            self._count(row)
        # A later execution's clock goes on behind the last recorded call, so that times stay in order.
        self._zero = time.perf_counter() - max((row.ended for row in known.rows), default=0.0)
        left = [slot for slot in self.plan.slots if slot.id not in done]
        with self._ledger:
            for slot_id in (*known.interrupted, *cancelled):
                self._ledger.again(slot_id)
            driver = asyncio.create_task(self._drive(left))
            watcher = asyncio.create_task(self._watch(driver))
            try:
                await driver
            except asyncio.CancelledError:
                if self.stopped != "stopped" or _cancelled():
                    raise
            except BaseExceptionGroup as group:
                # Calls under way at once fail as a group; the first one's reason is the run's.
                raise group.exceptions[0] from None
            finally:
                watcher.cancel()
                self._ledger.lag(round(self._lag, 4))

    async def _watch(self, driver: asyncio.Task[None]) -> None:
        stop = self._folder / STOP
        while not stop.exists():
            due = time.perf_counter() + TICK
            await asyncio.sleep(TICK)
            self._lag = max(self._lag, time.perf_counter() - due)
        self.stopped = "stopped"
        self._ending.set()
        await asyncio.sleep(GRACE)
        driver.cancel()

    async def _drive(self, slots: Sequence[Slot]) -> None:
        for _, turn in groupby(slots, lambda slot: slot.turn):
            together = list(turn)
            if together[0].phase == "open":
                await self._open(together)
            else:
                await self._closed(together)
            await self._measure()

    async def _measure(self) -> None:
        """Look at the results of a turn, now that no call is under way whose time it could spoil. A row's second line wins."""
        pending, self._unmeasured = self._unmeasured, []
        for row, slot, response in pending:
            found = await asyncio.to_thread(measured, response, self.plan.parameters, slot)
            row.metrics, row.unmeasured = found
            self._ledger.add(row)

    async def _closed(self, slots: Sequence[Slot]) -> None:
        queue = iter(slots)

        async def place() -> None:
            for slot in queue:
                if not self._go_on(slot):
                    return
                await self._call(slot, None)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(slots[0].concurrency, len(slots))):
                group.create_task(place())

    async def _open(self, slots: Iterable[Slot]) -> None:
        """Send each call when it is due, however many are under way: a slow provider must not be asked less often for it."""
        start: float | None = None
        async with asyncio.TaskGroup() as group:
            for slot in slots:
                assert slot.offset is not None
                now = time.perf_counter()
                start = now - slot.offset if start is None else start
                due = start + slot.offset
                await self._until(due)
                if not self._go_on(slot):
                    return
                group.create_task(self._call(slot, due))

    async def _until(self, due: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(due - time.perf_counter(), 0.0)):
                await self._ending.wait()

    def _go_on(self, slot: Slot) -> bool:
        """Whether this call may be made. Looked at without awaiting in between, so that no two calls share the budget's last cent."""
        if self.stopped:
            return False
        budget = self.plan.parameters.budget_usd
        price = self._price(slot)
        if budget is not None and self._spent + self._reserved + price > budget:
            self.stopped = "budget"
            return False
        return True

    def _price(self, slot: Slot) -> float:
        """Expected USD: by the catalog, else what the arm's calls have cost so far."""
        expected = self.plan.prices[slot.arm.name, slot.prompt.id]
        if expected is not None:
            return expected
        total, count = self._known.get(slot.arm.name, (0.0, 0))
        return total / count if count else 0.0

    def _paid(self, row: Row) -> float:
        """USD to count for a call: what it cost, or its expected price where that may have been charged."""
        if row.cost_usd is not None:
            return row.cost_usd
        return (self.plan.prices.get((row.arm, row.prompt)) or 0.0) if row.billed in ("yes", "maybe") or row.ok else 0.0

    def _count(self, row: Row) -> None:
        """Take a call's price into account."""
        self._spent += self._paid(row)
        if row.cost_usd is not None:
            total, count = self._known.get(row.arm, (0.0, 0))
            self._known[row.arm] = (total + row.cost_usd, count + 1)

    async def _call(self, slot: Slot, due: float | None) -> None:
        price = self._price(slot)
        self._reserved += price
        cold = slot.arm.name not in self._warm
        self._warm.add(slot.arm.name)
        try:
            self._ledger.begin(slot.id)
            sent = await send(self._ai, self.plan.parameters, slot)
            row = self._row(slot, sent, due, cold)
            self._ledger.add(row)
        finally:
            self._reserved -= price
        self._count(row)
        if row.outcome != "cancelled":
            self.rows.append(row)
        if sent.response is not None and self.plan.parameters.metrics:
            self._unmeasured.append((row, slot, sent.response))
        if self._on_row is not None:
            self._on_row(row)
        if sent.cancelled is not None:
            raise sent.cancelled

    def _row(self, slot: Slot, sent: Sent, due: float | None, cold: bool) -> Row:
        scheduled = sent.started if due is None else min(due, sent.started)
        return Row(
            id=slot.id,
            phase=slot.phase,
            arm=slot.arm.name,
            prompt=slot.prompt.id,
            repeat=slot.repeat,
            concurrency=slot.concurrency,
            cold=cold,
            at=round(sent.at, 3),
            scheduled=scheduled - self._zero,
            started=sent.started - self._zero,
            seconds=sent.ended - scheduled,
            service_seconds=sent.ended - sent.started,
            first=None if sent.first is None else sent.first - scheduled,
            provider=sent.facts.pop("provider", None) or self.plan.providers[slot.arm.name],
            model=sent.facts.pop("model", None) or self.plan.models[slot.arm.name],
            **sent.facts,
        )


def _cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
