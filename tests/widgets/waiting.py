"""Waiting for what a panel does by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE = 90.0


async def until(condition: Callable[[], object]) -> None:
    """Return when the condition holds; fail when it does not for long."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.01)
