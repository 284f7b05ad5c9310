"""One value for each event loop.

An HTTP client belongs to the loop it was first used in. A notebook after a kernel restart, `asyncio.run` twice and a thread
with its own loop all hold the same ViralAI object, so everything bound to a loop is kept here and let go when its loop ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")


class LoopLocal(Generic[T]):
    """A value made on first use in each loop, and closed when that loop shuts down its async generators, as `asyncio.run` does."""

    def __init__(self, make: Callable[[], T], close: Callable[[T], Awaitable[None]] | None = None) -> None:
        self._make = make
        self._close = close
        self._lock = threading.Lock()
        self._values: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[T, AsyncGenerator[None, None] | None]]
        self._values = WeakKeyDictionary()

    def get(self) -> T:
        """The running loop's value."""
        loop = asyncio.get_running_loop()
        entry = self._values.get(loop)
        if entry is not None:
            return entry[0]
        value = self._make()
        keeper = self._keep(loop, value) if self._close else None
        if keeper is not None:
            # Starting the generator registers it with the loop, which closes it on shutdown: that is the only hook asyncio offers.
            start = keeper.__anext__()
            with contextlib.suppress(StopIteration):
                start.send(None)
        with self._lock:
            self._values[loop] = (value, keeper)
        return value

    def peek(self) -> T | None:
        """The running loop's value, None when there is no loop or it has none yet."""
        try:
            entry = self._values.get(asyncio.get_running_loop())
        except RuntimeError:
            return None
        return entry[0] if entry is not None else None

    async def _keep(self, loop: asyncio.AbstractEventLoop, value: T) -> AsyncGenerator[None, None]:
        assert self._close is not None
        try:
            yield
        finally:
            # The value may hold on to its loop, and then no weak key would ever let go of the two.
            with self._lock:
                self._values.pop(loop, None)
            await self._close(value)

    async def aclose(self) -> None:
        """Close the running loop's value, if it has one."""
        with self._lock:
            entry = self._values.get(asyncio.get_running_loop())
        if entry is not None and entry[1] is not None:
            await entry[1].aclose()
