"""A job that this kernel works on, as it is seen from its own loop and from others."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from viralai_sdk.interfaces.responses import Response
from viralai_sdk.progress.events import ProgressEvent
from viralai_sdk.services.call import Call

T = TypeVar("T")
LOOK_SECONDS = 0.1
"""So often it is looked at whether another thread's loop still runs."""


class Live:
    """A job that this kernel works on: its call, its task and loop, its latest state, and who wants to hear of the next."""

    def __init__(self) -> None:
        self.call: Call | None = None
        self.task: asyncio.Task[Response] | None = None
        self.latest: ProgressEvent | None = None
        self.changed = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    def hear(self, event: ProgressEvent) -> None:
        """Take an event of the job; runs in the job's loop."""
        self.latest = event
        self.changed.set()

    @property
    def working(self) -> bool:
        """True while the task runs. One whose loop was closed under it never ends."""
        return self.task is not None and not self.task.done() and not self.loop.is_closed()

    @property
    def gone(self) -> bool:
        """Its loop ended under it: nobody works on the job any more, and nobody has stopped it."""
        if self.task is None or self.call is None:
            return False
        return (
            self.loop.is_closed() if not self.task.done() else self.task.cancelled() and not self.call.cancel_remotely
        )

    async def there(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something that belongs to the job's loop, which may be another one, such as that of `ai.sync`.

        Raises:
            asyncio.CancelledError: that loop has ended, or is ending.
        """
        if asyncio.get_running_loop() is self.loop:
            return await work
        try:
            sent = asyncio.run_coroutine_threadsafe(work, self.loop)
        except RuntimeError:  # it is closed
            work.close()
            raise asyncio.CancelledError from None
        future = asyncio.wrap_future(sent)
        try:
            while not future.done():
                await asyncio.wait([future], timeout=LOOK_SECONDS)
                if self.loop.is_closed():
                    break  # what has no answer by now will never have one
            if not future.done():
                raise asyncio.CancelledError
            return future.result()
        finally:
            future.cancel()

    async def ended(self) -> None:
        """Wait until the task is over, or its loop."""
        while self.task is not None and not self.task.done() and not self.loop.is_closed():  # noqa: ASYNC110 - another loop's task
            await asyncio.sleep(LOOK_SECONDS)

    async def change(self, seen: ProgressEvent | None) -> None:
        """Wait until there is something newer than `seen`, or the end. In the job's own loop nothing comes between look and wait."""
        if self.latest is seen and self.task is not None and not self.task.done():
            self.changed.clear()
            await self.changed.wait()

    async def outcome(self) -> Response:
        """The task's result; stopping the wait does not stop the task."""
        assert self.task is not None
        return await asyncio.shield(self.task)

    async def stop(self) -> None:
        """Stop the task, and the provider's work with it."""
        assert self.task is not None
        assert self.call is not None
        self.call.cancel_remotely = True
        self.task.cancel()
        await asyncio.wait([self.task])


def being_stopped() -> bool:
    """This very task was cancelled, rather than what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
