"""A comparison that is running: every arm × prompt × repeat at once, within limits; each may fail or be stopped by itself."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import logging
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from viralai_sdk.compare.arms import Arm
from viralai_sdk.compare.cells import Cell
from viralai_sdk.compare.comparison import Comparison
from viralai_sdk.compare.measuring import Measure, Measuring
from viralai_sdk.compare.orders import Order
from viralai_sdk.compare.slots import Key, Slot, SlotState
from viralai_sdk.interfaces.errors import AIError, ConfigurationError, InvalidRequestError, JobCancelledError
from viralai_sdk.progress.events import ProgressEvent
from viralai_sdk.services.call import Call
from viralai_sdk.services.manager import AIServiceManager
from viralai_sdk.services.runner import unexpected

log = logging.getLogger(__name__)

PLACES_PER_ARM = 4
MOST_PLACES = 64
"""Calls at once when nobody says how many: four for each arm, at most this many in all."""
STOP_SECONDS = 0.2
"""An interrupted cell waits so long for its calls to stop; what a provider has to be told goes on behind it."""

Watcher: TypeAlias = Callable[[Slot], None]


class ComparisonRun:
    """Runs orders on the running event loop from the moment it is made. `await run` gives the comparison.

    Attributes:
        comparison: holds every cell that is finished so far, at any moment; it is the object that `await run` gives.
        cells: the planned slots in order. A slot's state changes while the run goes on.

    Interrupting the cell that awaits it stops the whole run, at the providers too. What was finished stays in `comparison`, and what
    was stopped is a cell with a `JobCancelledError`.
    """

    def __init__(
        self,
        manager: AIServiceManager,
        comparison: Comparison,
        orders: Sequence[Order],
        *,
        concurrency: int | None = None,
        done: Iterable[Cell] = (),
        measure: Measure | None = None,
    ) -> None:
        self._manager = manager
        self._service = comparison.service
        self._measuring = Measuring(measure) if measure is not None else None
        self.comparison = comparison
        self.cells: list[Slot] = [order.slot for order in orders]
        self._by_key: dict[Key, Slot] = {slot.key: slot for slot in self.cells}
        self._watchers: list[Watcher] = []
        self._lock = threading.Lock()
        self._untold: dict[Key, Slot] = {}
        self._calls: dict[Key, Call] = {}
        self._over: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._over.set_running_or_notify_cancel()
        self._take_over(done)
        waiting = [order for order in orders if not order.slot.over]
        self._loop = _running_loop()
        self._gate, self._places = self._limits(waiting, concurrency)
        self._thread = threading.get_ident()
        self._tasks = {order.slot.key: self._start(order) for order in waiting}
        self._left = len(self._tasks)
        if not self._left:
            self._over.set_result(None)

    def _take_over(self, done: Iterable[Cell]) -> None:
        """Cells of an earlier run are not asked for again."""
        for cell in done:
            slot = self._by_key.get(cell.key)
            if slot is not None and cell.ok:
                slot.cell, slot.state = cell, "done"
                self.comparison.put(cell)

    def _limits(
        self, orders: Sequence[Order], concurrency: int | None
    ) -> tuple[asyncio.Semaphore, dict[str, asyncio.Semaphore]]:
        """Places in all, and each provider's share of them: a slow provider does not sit on the places of the others."""
        if concurrency is not None and (type(concurrency) is not int or concurrency < 1):
            raise InvalidRequestError(f"concurrency must be 1 or more, not {concurrency!r}.")
        arms: dict[str, set[str]] = {}
        for order in orders:
            arms.setdefault(order.route.provider, set()).add(order.slot.arm)
        many = sum(map(len, arms.values()))
        total = concurrency or max(1, min(PLACES_PER_ARM * many, MOST_PLACES))
        places = {}
        for provider, own in arms.items():
            share = -(-total * len(own) // many)
            limit = self._manager.runtime.concurrency(provider)
            places[provider] = asyncio.Semaphore(share if limit is None else min(share, limit))
        return asyncio.Semaphore(total), places

    # --- what is seen of it --------------------------------------------------------------------------------------------------------

    @property
    def done(self) -> bool:
        """Every slot is over."""
        return self._over.done()

    def when_done(self, callback: Callable[[ComparisonRun], object]) -> None:
        """Call back once every slot is over; at once when that is so already."""
        self._over.add_done_callback(lambda _: callback(self))

    def slot(self, arm: Arm | str, prompt: str | None = None, repeat: int = 0) -> Slot:
        """One slot; the first prompt's when none is named.

        Raises:
            InvalidRequestError: there is no such slot.
        """
        key = (_name(arm), prompt if prompt is not None else next(iter(self.comparison.prompts)), repeat)
        found = self._by_key.get(key)
        if found is None:
            raise InvalidRequestError(f"there is no slot {key!r}.", hint="run.cells lists them.")
        return found

    def subscribe(self, callback: Watcher) -> Callable[[], None]:
        """Be told of every change of a slot: its state, its cell, its progress (the latest only). Called in the run's own thread.

        A callback that fails is put aside and logged; it never breaks the run. Returns what ends the subscription.
        """
        self._watchers.append(callback)

        def unsubscribe() -> None:
            if callback in self._watchers:
                self._watchers.remove(callback)

        return unsubscribe

    def _tell(self, slot: Slot) -> None:
        for watcher in list(self._watchers):
            try:
                watcher(slot)
            except Exception as error:  # whatever a front end does, the calls it shows go on
                log.warning("a watcher of a comparison is put aside", exc_info=error)
                if watcher in self._watchers:
                    self._watchers.remove(watcher)

    def _post(self, slot: Slot, event: ProgressEvent) -> None:
        """Take a call's progress, from any thread; the notebook's own display gets it as well."""
        self._manager.runtime.hub.post(event)
        slot.progress = event
        cell = slot.cell
        if event.state == "cancelled" and event.message and cell is not None and cell.error is not None:
            cell.error.hint = event.message  # what became of the remote work is known a moment after the call has ended
        with self._lock:
            first = not self._untold
            self._untold[slot.key] = slot
        if first:
            try:
                self._loop.call_soon_threadsafe(self._tell_progress)
            except RuntimeError:  # the loop is closed, so nobody is left to be told
                log.debug("progress of %s after the end of its loop", slot.key)

    def _tell_progress(self) -> None:
        with self._lock:
            slots, self._untold = list(self._untold.values()), {}
        for slot in slots:
            self._tell(slot)

    # --- stopping ------------------------------------------------------------------------------------------------------------------

    def cancel(self, arm: Arm | str | None = None, slot: Slot | Key | None = None) -> None:
        """Stop one slot, one arm, or everything, at the providers too. What is over stays as it is. From any thread.

        Raises:
            InvalidRequestError: no such arm or slot.
        """
        if slot is not None:
            key = slot.key if isinstance(slot, Slot) else tuple(slot)
            chosen = [one for one in self.cells if one.key == key]
        elif arm is not None:
            chosen = [one for one in self.cells if one.arm == _name(arm)]
        else:
            chosen = self.cells
        if not chosen:
            raise InvalidRequestError(
                f"there is nothing called {slot or arm!r} to stop.", hint="run.cells lists the slots."
            )
        keys = [one.key for one in chosen if one.key in self._tasks and not one.over]
        if threading.get_ident() == self._thread:
            self._stop(keys)
        elif keys and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop, keys)

    def _stop(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._tasks[key].cancel()

    def __await__(self) -> Generator[Any, None, Comparison]:
        return self._wait().__await__()

    async def _wait(self) -> Comparison:
        over = asyncio.wrap_future(_follower(self._over))
        with self._manager.runtime.heartbeat:
            try:
                await asyncio.shield(over)
            except asyncio.CancelledError:
                self.cancel()
                await asyncio.wait([over], timeout=STOP_SECONDS)
                over.cancel()
                raise
        return self.comparison

    # --- one slot ------------------------------------------------------------------------------------------------------------------

    def _start(self, order: Order) -> asyncio.Task[None]:
        task = self._loop.create_task(self._serve(order), name=f"compare {order.slot.arm}")
        task.add_done_callback(functools.partial(self._ended, order.slot))
        return task

    async def _serve(self, order: Order) -> None:
        slot = order.slot
        async with self._places[order.route.provider], self._gate:
            call = order.call(self._manager, self._service, post=functools.partial(self._post, slot))
            self._calls[slot.key] = call
            slot.state = "running"
            self._tell(slot)
            cell = Cell(slot.arm, slot.prompt, slot.words, slot.repeat)
            try:
                cell.response = await self._manager.run_call(call)
            except Exception as error:  # one arm's failure, of whatever kind, is that arm's cell
                cell.error = _failure(error, order)
            cell.seconds = call.elapsed
        if cell.response is not None and self._measuring is not None:
            slot.cell = cell  # from here on it is a result, whatever happens to its measurements
            self.comparison.put(cell)
            await self._measuring(cell, order.request)
        self._settle(slot, cell, "done" if cell.ok else "failed")

    def _settle(self, slot: Slot, cell: Cell, state: SlotState) -> None:
        slot.cell, slot.state = cell, state
        self.comparison.put(cell)
        self._tell(slot)

    def _ended(self, slot: Slot, task: asyncio.Task[None]) -> None:
        """A task is over. When it was stopped, or never began, its cell says so."""
        if slot.cell is None:
            call = self._calls.get(slot.key)
            cell = Cell(slot.arm, slot.prompt, slot.words, slot.repeat, seconds=call.elapsed if call else 0.0)
            failed = None if task.cancelled() else task.exception()
            cell.stopped = failed is None
            cell.error = unexpected(failed) if isinstance(failed, Exception) else _stopped(call)
            self._settle(slot, cell, "cancelled" if failed is None else "failed")
        elif not slot.over:  # stopped while it was measured
            self._settle(slot, slot.cell, "done")
        self._calls.pop(slot.key, None)
        self._left -= 1
        if not self._left:
            self._over.set_result(None)

    def __repr__(self) -> str:
        counts: Mapping[str, int] = {
            state: sum(slot.state == state for slot in self.cells)
            for state in ("done", "failed", "cancelled", "running", "queued")
        }
        told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        return f"<comparison of {self._service.short}: {told}>"


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "a comparison is started on a running event loop.", hint="Without one, use ai.sync.compare."
        ) from None


def _follower(source: concurrent.futures.Future[None]) -> concurrent.futures.Future[None]:
    """A future that ends with another one. Whoever stops waiting cancels only his own."""
    own: concurrent.futures.Future[None] = concurrent.futures.Future()

    def end(_: concurrent.futures.Future[None]) -> None:
        if own.set_running_or_notify_cancel():
            own.set_result(None)

    source.add_done_callback(end)
    return own


def _name(arm: Arm | str) -> str:
    return arm.name if isinstance(arm, Arm) else arm


def _failure(error: Exception, order: Order) -> AIError:
    found = unexpected(error)
    if found is not error:
        found.__cause__ = error
    found.provider = found.provider or order.route.provider
    # The frames of a failed call hold its request and all that came with it; a comparison may keep thousands of failures.
    return found.with_traceback(None)


def _stopped(call: Call | None) -> JobCancelledError:
    if call is None:
        return JobCancelledError("stopped before anything was sent.", billed="no")
    billed = max((attempt.billed for attempt in call.attempts), key=("no", "maybe", "yes").index, default="no")
    return JobCancelledError(
        f"stopped after {call.elapsed:.1f} s.",
        provider=call.provider or None,
        service=call.service_type.value,
        billed=billed,
        job_id=call.job_id,
        hint=call.ending or None,
    )
