"""Keeps an event loop awake while somebody waits.

A stop button in a notebook cancels the cell's task, but nothing wakes the loop's selector, so that the cell goes on until its own wait ends
(measured: 6.4 s for a six-second wait). A timer every 100 ms wakes it, and carries the progress view along.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from viralai_sdk.wire.loops import LoopLocal

INTERVAL = 0.1


class _Pulse:
    """One loop's timer: beats while somebody needs it, and one beat longer."""

    __slots__ = ("_handle", "_on_beat", "users")

    def __init__(self, on_beat: Callable[[], None]) -> None:
        self.users = 0
        self._handle: asyncio.TimerHandle | None = None
        self._on_beat = on_beat

    def start(self) -> None:
        self.users += 1
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(INTERVAL, self._beat)

    def _beat(self) -> None:
        self._on_beat()
        if self.users:
            self._handle = asyncio.get_running_loop().call_later(INTERVAL, self._beat)
        else:
            self._handle = None


class Heartbeat:
    """`with heartbeat:` around every wait. Costs a counter; one timer serves all calls of a loop."""

    def __init__(self, on_beat: Callable[[], None]) -> None:
        self._pulses: LoopLocal[_Pulse] = LoopLocal(lambda: _Pulse(on_beat))

    def __enter__(self) -> None:
        self._pulses.get().start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pulse = self._pulses.peek()  # None when a forgotten coroutine is thrown away after its loop
        if pulse is not None:
            pulse.users -= 1
