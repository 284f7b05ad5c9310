"""One event loop owns a panel: every callback is moved there before it touches anything.

Which thread a front end's message arrives in depends on the kernel: the main thread in ipykernel 6.31 and 7.4, a subshell thread
with a loop of its own in 7.0 to 7.3. A client's connections and locks belong to the loop on which the notebook awaits. So an `Owner`
finds that loop once, and takes functions and coroutines from any thread to it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

from viralai_widgets.old_kernel import deliver_waiting

T = TypeVar("T")
log = logging.getLogger(__name__)

BEAT = 0.1
"""Seconds between two wake-ups of a wait: an interrupt cancels a cell, but only a loop that wakes up notices."""


class Work(Generic[T]):
    """A coroutine on its way on the owner's loop. May be awaited on any loop and cancelled from any thread.

    Cancelling the one who waits does not cancel the work: what was paid for goes on until somebody says stop.
    """

    def __init__(self, future: concurrent.futures.Future[T], stop: Callable[[], None]) -> None:
        self._future = future
        self._stop = stop

    @property
    def done(self) -> bool:
        """It has ended: with a result, an error or a cancellation."""
        return self._future.done()

    def cancel(self) -> None:
        """Ask it to stop; it is done when it has cleaned up. Harmless when it has ended."""
        self._stop()

    def __await__(self) -> Generator[Any, None, T]:
        return self._wait().__await__()

    async def _wait(self) -> T:
        waiting = asyncio.wrap_future(self._future)
        while not waiting.done():
            # `wait` neither cancels what it waits for nor raises its error; the timeout is the heartbeat.
            await asyncio.wait([waiting], timeout=BEAT)
            deliver_waiting()
        return waiting.result()

    def result(self, timeout: float | None = None) -> T:
        """Block this thread until it has ended. Never on the owner's own thread: it would wait for itself."""
        return self._future.result(timeout)


class Owner:
    """The loop that owns panels and clients.

    Made in a notebook cell it is the kernel's own loop, also when a callback in another thread makes it. Where no loop runs (a
    script, a terminal) it is one of its own in a daemon thread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or _kernel_loop() or _running_loop() or _private_loop()
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop itself."""
        return self._loop

    def inside(self) -> bool:
        """This very code runs on the owner's loop."""
        return _running_loop() is self._loop

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function on the loop: at once when already there, else soon. It must not raise; an error is logged.

        Raises:
            RuntimeError: the loop has been closed.
        """
        if self.inside():
            _logged(function, *args)
        else:
            self._loop.call_soon_threadsafe(_logged, function, *args)

    def start(self, work: Coroutine[Any, Any, T], on_done: Callable[[Work[T]], object] | None = None) -> Work[T]:
        """Run a coroutine on the loop, from any thread. The task is held until it has ended, and `on_done` hears of it there.

        Raises:
            RuntimeError: the loop has been closed.
        """
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        held: list[asyncio.Task[T]] = []

        def stop() -> None:
            with contextlib.suppress(RuntimeError):  # a closed loop has nothing left to stop
                self.call(lambda: [task.cancel() for task in held])

        started = Work(future, stop)

        def over(task: asyncio.Task[T]) -> None:
            self._tasks.discard(task)
            _hand_over(task, future)
            if on_done is not None:
                _logged(on_done, started)

        def begin() -> None:
            task = self._loop.create_task(work)
            held.append(task)
            self._tasks.add(task)
            task.add_done_callback(over)

        try:
            self.call(begin)
        except RuntimeError:
            work.close()
            raise
        return started


def _hand_over(task: asyncio.Task[T], future: concurrent.futures.Future[T]) -> None:
    """The task's end becomes the future's."""
    error = asyncio.CancelledError() if task.cancelled() else task.exception()  # asking marks it as retrieved
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(task.result())


def _logged(function: Callable[..., object], *args: Any) -> None:
    try:
        function(*args)
    except Exception:
        log.exception("%s failed on the owner's loop", getattr(function, "__qualname__", function))


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _kernel_loop() -> asyncio.AbstractEventLoop | None:
    """The loop on which a kernel runs cells, None outside a kernel."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return None
    kernel = getattr(get_ipython(), "kernel", None)
    loop = getattr(getattr(kernel, "io_loop", None), "asyncio_loop", None)
    return loop if isinstance(loop, asyncio.AbstractEventLoop) and loop.is_running() else None


def _private_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="viralai-panels", daemon=True).start()
    return loop
