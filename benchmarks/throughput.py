"""Calls a second at concurrency 64: the SDK over httpx2, the SDK over aiohttp, and the bare clients."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from pathlib import Path
from typing import Any
from unittest import mock

import aiohttp
import httpx2

from benchmarks.harness import Work, figure, main, quartiles, settings
from benchmarks.overhead import PROMPT
from benchmarks.stub import Stub
from viralai_sdk.client import ViralAI

CONCURRENCY = 64


async def rate(work: Work, calls: int) -> tuple[float, float]:
    """Calls a second of 64 workers that share `calls`, by the clock and by the CPU time of all our threads."""
    left = iter(range(calls))

    async def worker() -> None:
        for _ in left:
            await work()

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
    return calls / (time.perf_counter() - began), calls / (time.process_time() - cpu)


async def measure(quick: bool, home: Path) -> list[dict[str, Any]]:
    """Blocks of each client in turn."""
    rounds, calls = (4, 600) if quick else (12, 1500)
    with Stub() as stub:
        url = stub.url("fast") + "/chat/completions"
        body = {"model": "gpt-bench", "messages": [{"role": "user", "content": PROMPT}]}
        headers = {"Authorization": "Bearer sk-bench-0123456789abcdef"}
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=128)
        with mock.patch.dict(os.environ, {"VIRALAI_TRANSPORT": "aiohttp"}):
            fast = ViralAI(settings(stub.url("fast")), home=home / "aiohttp", progress=False)
        async with (
            httpx2.AsyncClient(limits=limits) as client,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
            ViralAI(settings(stub.url("fast")), home=home / "httpx2", progress=False) as ai,
            fast,
        ):

            async def bare() -> str:
                answer = await client.post(url, json=body, headers=headers)
                return str(answer.json()["choices"][0]["message"]["content"])

            async def bare_aiohttp() -> str:
                async with session.post(url, json=body, headers=headers) as answer:
                    return str((await answer.json())["choices"][0]["message"]["content"])

            async def ours() -> str:
                return (await ai.text(PROMPT)).text

            async def ours_aiohttp() -> str:
                return (await fast.text(PROMPT)).text

            works = {"bare_httpx2": bare, "ours": ours, "ours_aiohttp": ours_aiohttp, "bare_aiohttp": bare_aiohttp}
            rates: dict[str, list[float]] = {name: [] for name in works}
            by_cpu: dict[str, list[float]] = {name: [] for name in works}
            for number in range(rounds + 1):
                for name, work in works.items():
                    by_clock, by_time = await rate(work, calls)
                    if number:
                        rates[name].append(by_clock)
                        by_cpu[name].append(by_time)
    shares = {
        name: quartiles([own / bare for own, bare in zip(rates[name], rates["bare_httpx2"], strict=True)])
        for name in works
    }
    details = {f"{name}_calls_s": round(statistics.median(found)) for name, found in rates.items()}
    return [
        figure(
            f"throughput at {CONCURRENCY}, {title}",
            f">= {target} x bare httpx2",
            f"{shares[name][1]:.2f} x",
            shares[name][1] >= target,
            quartiles=[round(shares[name][0], 2), round(shares[name][2], 2)],
            by_cpu_time=round(statistics.median(by_cpu[name]) / statistics.median(by_cpu["bare_httpx2"]), 2),
            **details,
        )
        for name, title, target in (("ours", "httpx2", 0.9), ("ours_aiohttp", "aiohttp", 2.0))
    ]


if __name__ == "__main__":
    main("throughput", measure)
