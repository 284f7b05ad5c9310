"""One simulator for all tests of a process: starting one takes longer than most checks."""

from __future__ import annotations

import atexit
import datetime
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from viralai_sdk.simulator import Simulator

KEY = "vk-canary-5c1e7f0a9b3d"
"""Recognisable: a search for it over everything that was written must find nothing."""

SPEED = 30.0
"""A film that takes half a minute is there after a second."""


@functools.cache
def simulator() -> Simulator:
    """The shared simulator, started on first use."""
    from viralai_sdk.simulator import Simulator, SimulatorConfig

    started = Simulator(SimulatorConfig(key=KEY, speed=SPEED))
    started.start()
    atexit.register(started.stop)
    return started


def today_at(base_url: str | None) -> Callable[[], datetime.date] | None:
    """The clock of the shared simulator, when the address is one of its own."""
    if not base_url or not simulator.cache_info().currsize or not base_url.startswith(simulator().origin):
        return None
    return lambda: datetime.datetime.fromtimestamp(simulator().clock.now(), datetime.UTC).date()
