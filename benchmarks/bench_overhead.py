"""What a benchmark run costs itself: the same calls at a 50 ms provider by a bare loop and by the harness, ledger and all."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import Pair, figure, main, settings
from benchmarks.stub import Stub
from viralai_sdk.bench.planning import BenchmarkPlan, plan
from viralai_sdk.bench.rows import read_ledger
from viralai_sdk.bench.runner import Runner
from viralai_sdk.client import ViralAI

PROMPT = "Say something about a fox, in one sentence."
WAIT_MS = 50


async def bare(ai: ViralAI, calls: int, level: int) -> tuple[float, float]:
    """(seconds from the first call to the last, median seconds of a call) of a loop anybody would write."""
    numbers = iter(range(calls))
    each: list[float] = []

    async def place() -> None:
        for _ in numbers:
            began = time.perf_counter()
            await ai.text(PROMPT, provider="openai", fallback=False)
            each.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(place() for _ in range(level)))
    return time.perf_counter() - began, statistics.median(each)


async def ours(ai: ViralAI, planned: BenchmarkPlan, folder: Path) -> tuple[float, float]:
    """The same by the harness: seconds of the run by its own rows' clock, and the median it reports."""
    runner = Runner(planned, ai, folder)
    began = time.perf_counter()
    await runner.run()
    seconds = time.perf_counter() - began
    assert len(read_ledger(folder).rows) == len(planned.slots)
    return seconds, statistics.median(row.seconds for row in runner.rows)


async def compare(ai: ViralAI, home: Path, level: int, calls: int, blocks: int) -> tuple[Pair, Pair]:
    """Blocks in turn: pairs of whole times, and of medians of single calls."""
    made: dict[str, Any] = {"providers": ["openai"], "prompts": [PROMPT], "warm_up": 0, "metrics": False}
    planned = plan("text", ai=ai, repeats=calls, concurrency=[level], **made)
    whole: tuple[list[float], list[float]] = ([], [])
    single: tuple[list[float], list[float]] = ([], [])
    numbers = itertools.count()
    await bare(ai, 10, level)
    for number in range(blocks):
        for side in (0, 1) if number % 2 else (1, 0):
            folder = home / f"run{level}-{next(numbers)}"
            seconds, median = await (ours(ai, planned, folder) if side else bare(ai, calls, level))
            whole[side].append(seconds / calls * level)
            single[side].append(median)
    return Pair(*whole), Pair(*single)


async def measure(quick: bool, home: Path) -> list[dict[str, Any]]:
    """One call after the other, and four at once. The reported latency counts; what the whole run takes stands beside it."""
    figures = []
    with Stub() as stub:
        async with ViralAI(settings(stub.url(f"wait-{WAIT_MS}")), home=home, progress=False) as ai:
            for level, calls in ((1, 20), (4, 80)):
                whole, single = await compare(ai, home, level, calls, 4 if quick else 12)
                figures.append(
                    figure(
                        f"latency that a benchmark reports at {WAIT_MS} ms, concurrency {level}",
                        "<= 1.03 x a bare loop",
                        f"{single.ratio[1]:.3f} x",
                        single.ratio[1] <= 1.03,
                        whole_run=whole.row(1e3, "ms"),
                        reported_call=single.row(1e3, "ms"),
                    )
                )
    return figures


if __name__ == "__main__":
    main("bench_overhead", measure)
