"""What a benchmark run costs itself: the same calls at a 50 ms provider by a bare loop and by the harness, ledger and all."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.harness import Pair, figure, main, settings
from benchmarks.stub import Stub
from viralai_sdk.bench.planning import BenchmarkPlan, plan
from viralai_sdk.bench.rows import read_ledger
from viralai_sdk.bench.runner import Runner
from viralai_sdk.bench.schedule import ROUNDS
from viralai_sdk.client import ViralAI

PROMPT = "Say something about a fox, in one sentence."
WAIT_MS = 50


class Took(NamedTuple):
    """Seconds: from the first call to the last, of the median call, and of this thread's own work."""

    whole: float
    call: float
    work: float


async def bare(ai: ViralAI, calls: int, level: int) -> Took:
    """A loop anybody would write, in turns as long as the harness's: at the start of each all places ask at once, on both sides."""
    each: list[float] = []

    async def place(numbers: Iterator[int]) -> None:
        for _ in numbers:
            began = time.perf_counter()
            await ai.text(PROMPT, provider="openai", fallback=False)
            each.append(time.perf_counter() - began)

    began, worked = time.perf_counter(), time.thread_time()
    for start in range(0, calls, ROUNDS * level):
        turn = iter(range(start, min(start + ROUNDS * level, calls)))
        await asyncio.gather(*(place(turn) for _ in range(level)))
    return Took(time.perf_counter() - began, statistics.median(each), time.thread_time() - worked)


async def ours(ai: ViralAI, planned: BenchmarkPlan, folder: Path) -> Took:
    """The same by the harness, with the median that it reports."""
    runner = Runner(planned, ai, folder)
    began, worked = time.perf_counter(), time.thread_time()
    await runner.run()
    seconds, work = time.perf_counter() - began, time.thread_time() - worked
    assert len(read_ledger(folder).rows) == len(planned.slots)
    return Took(seconds, statistics.median(row.seconds for row in runner.rows), work)


async def compare(ai: ViralAI, home: Path, level: int, calls: int, blocks: int) -> tuple[Pair, Pair, Pair]:
    """Blocks in turn: pairs of whole times, of medians of single calls, and of the work for a call."""
    made: dict[str, Any] = {"providers": ["openai"], "prompts": [PROMPT], "warm_up": 0, "metrics": False}
    planned = plan("text", ai=ai, repeats=calls, concurrency=[level], **made)
    whole: tuple[list[float], list[float]] = ([], [])
    single: tuple[list[float], list[float]] = ([], [])
    work: tuple[list[float], list[float]] = ([], [])
    numbers = itertools.count()
    await bare(ai, 10, level)
    for number in range(blocks):
        for side in (0, 1) if number % 2 else (1, 0):
            folder = home / f"run{level}-{next(numbers)}"
            took = await (ours(ai, planned, folder) if side else bare(ai, calls, level))
            whole[side].append(took.whole / calls * level)
            single[side].append(took.call)
            work[side].append(took.work / calls)
    return Pair(*whole), Pair(*single), Pair(*work)


async def measure(quick: bool, home: Path) -> list[dict[str, Any]]:
    """One call after the other, four at once, sixteen at once.

    The reported latency counts. Beside it stand what the whole run takes, and the processor time of a call, which other work on the
    machine disturbs less.
    """
    figures = []
    with Stub() as stub:
        async with ViralAI(settings(stub.url(f"wait-{WAIT_MS}")), home=home, progress=False) as ai:
            for level, calls in ((1, 20), (4, 80), (16, 320)):
                whole, single, work = await compare(ai, home, level, calls, 4 if quick else 12)
                figures.append(
                    figure(
                        f"latency that a benchmark reports at {WAIT_MS} ms, concurrency {level}",
                        "<= 1.03 x a bare loop",
                        f"{single.ratio[1]:.3f} x",
                        single.ratio[1] <= 1.03,
                        whole_run=whole.row(1e3, "ms"),
                        reported_call=single.row(1e3, "ms"),
                        cpu_of_a_call=work.row(1e6, "us"),
                    )
                )
    return figures


if __name__ == "__main__":
    main("bench_overhead", measure)
