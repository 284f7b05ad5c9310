"""How soon a stopped cell ends while its provider says nothing: what the stop button and Ctrl-C do to a call that waits."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import figure, main, quartiles, settings
from benchmarks.stub import Stub
from viralai_sdk.client import ViralAI

SEED = 11


async def stopped(ai: ViralAI, after: float) -> float:
    """Seconds from the stop to the end of a call that would wait for long.

    The task is cancelled as a signal handler does it: nothing wakes the loop, which sleeps in its selector.
    """
    began = 0.0
    task = asyncio.ensure_future(ai.text("Say hello"))

    def stop() -> None:
        nonlocal began
        began = time.perf_counter()
        task.cancel()

    threading.Timer(after, stop).start()
    await asyncio.wait([task])
    seconds = time.perf_counter() - began
    assert task.cancelled()
    return seconds


async def measure(quick: bool, home: Path) -> list[dict[str, Any]]:
    """A stop at a random moment, many times."""
    moments = random.Random(SEED)
    with Stub() as stub:
        ai = ViralAI(settings(stub.url("wait-30000")), home=home, progress=False)
        await stopped(ai, 0.3)  # the first call imports
        times = [await stopped(ai, moments.uniform(0.1, 0.4)) for _ in range(10 if quick else 60)]
        await ai.aclose()
    low, middle, high = (value * 1e3 for value in quartiles(times))
    worst = max(times) * 1e3
    return [
        figure(
            "a stopped call ends",
            "<= 300 ms",
            f"{worst:.0f} ms at worst",
            worst <= 300,
            median_ms=round(middle),
            quartiles_ms=[round(low), round(high)],
            seed=SEED,
        )
    ]


if __name__ == "__main__":
    main("stop", measure)
