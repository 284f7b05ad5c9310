"""What the benchmarks share: paired measuring, quartiles, output, and an SDK pointed at the stub."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
Work = Callable[[], Awaitable[Any]]


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


class Pair:
    """Times of the bare client and ours, block by block, in seconds a call."""

    def __init__(self, bare: list[float], ours: list[float]) -> None:
        self.bare, self.ours = bare, ours

    @property
    def added(self) -> tuple[float, float, float]:
        """Quartiles of what ours takes above the bare client, each pair from neighbouring blocks."""
        return quartiles([ours - bare for bare, ours in zip(self.bare, self.ours, strict=True)])

    @property
    def ratio(self) -> tuple[float, float, float]:
        """Quartiles of ours over bare."""
        return quartiles([ours / bare for bare, ours in zip(self.bare, self.ours, strict=True)])

    def row(self, scale: float, unit: str) -> dict[str, Any]:
        """Figures for the table, times multiplied by `scale`."""
        return {
            f"bare_{unit}": round(statistics.median(self.bare) * scale, 2),
            f"ours_{unit}": round(statistics.median(self.ours) * scale, 2),
            f"added_{unit}": round(self.added[1] * scale, 2),
            f"added_{unit}_quartiles": [round(self.added[0] * scale, 2), round(self.added[2] * scale, 2)],
            "ratio": round(self.ratio[1], 3),
            "ratio_quartiles": [round(self.ratio[0], 3), round(self.ratio[2], 3)],
        }


async def paired(
    bare: Work,
    ours: Work,
    *,
    blocks: int,
    calls: int,
    warm_up: int = 30,
    clock: Callable[[], float] = time.perf_counter,
) -> Pair:
    """Alternate blocks of sequential calls; each block counts with the median of its calls.

    `clock` is the wall's by default; `time.process_time` counts what the process computes and leaves out what it waits for.
    """
    for work in (bare, ours):
        for _ in range(warm_up):
            await work()
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(blocks):
        order = ((0, bare), (1, ours)) if number % 2 else ((1, ours), (0, bare))
        for side, work in order:
            gc.collect()
            each = []
            for _ in range(calls):
                began = clock()
                await work()
                each.append(clock() - began)
            times[side].append(statistics.median(each))
    return Pair(*times)


def settings(base_url: str, **provider: Any) -> dict[str, Any]:
    """A configuration in which OpenAI's text and pictures come from the stub."""
    block = {"api_key": "sk-bench-0123456789abcdef", "base_url": base_url, "local": True, **provider}
    return {
        "providers": {"openai": block},
        "ai_services": {
            "text_generation": {"default_provider": "openai:gpt-bench"},
            "image_generation": {"default_provider": "openai:gpt-image-bench"},
        },
    }


def figure(name: str, target: str, measured: Any, met: bool | None, **details: Any) -> dict[str, Any]:
    """One line of the table; `met` is None where no target is set."""
    return {"figure": name, "target": target, "measured": measured, "met": met, **details}


Measure = Callable[[bool, Path], Coroutine[Any, Any, list[dict[str, Any]]]]


def main(name: str, measure: Measure, argv: Sequence[str] | None = None) -> None:
    """Command line of one benchmark: `--quick`, `--json FILE`."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: the shape, not the last digit")
    parser.add_argument("--json", type=Path, default=RESULTS / f"{name}.json", help="where the figures are written")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="viralai-bench-") as folder:
        began = time.time()
        figures = asyncio.run(measure(given.quick, Path(folder)))
    for row in figures:
        print_row(row)
    write(given.json, {"benchmark": name, "quick": given.quick, "seconds": round(time.time() - began, 1)}, figures)


def print_row(row: Mapping[str, Any]) -> None:
    """A figure for people."""
    mark = {True: "reached", False: "MISSED ", None: "       "}[row["met"]]
    print(f"{mark}  {row['figure']}: {row['measured']}  (target {row['target']})", flush=True)
    for key, value in row.items():
        if key not in ("figure", "target", "measured", "met"):
            print(f"             {key}: {value}", flush=True)


def write(path: Path, facts: Mapping[str, Any], figures: Sequence[Mapping[str, Any]]) -> None:
    """The figures for machines."""
    machine = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**facts, **machine, "figures": list(figures)}, indent=2) + "\n")
