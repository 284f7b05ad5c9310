"""What the ComfyUI client costs above the bare HTTP exchange, and whether a flood of progress messages slows the notebook."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.harness import figure, main, paired, quartiles
from viralai_sdk.providers.comfyui import ComfyUIClient

_colors = itertools.count(1)
BARE_POLL_SECONDS = 0.002
"""The bare client asks this often whether the job is over: on loopback nothing is faster."""
TICK_SECONDS = 0.005


@contextlib.contextmanager
def server() -> Iterator[str]:
    """A simulated ComfyUI in a process of its own; gives its address."""
    command = [sys.executable, "-m", "viralai_sdk.cli", "sim", "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        document = ""
        for line in process.stdout:
            document += line
            with contextlib.suppress(json.JSONDecodeError):
                yield str(json.loads(document)["vendors"]["comfyui"])
                break
    finally:
        process.terminate()
        process.wait()


def picture() -> dict[str, Any]:
    """A small graph that the server's cache does not know."""
    size = {"width": 64, "height": 64, "batch_size": 1, "color": next(_colors)}
    return {
        "1": {"class_type": "EmptyImage", "inputs": size},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "bench/x"}},
    }


def chatty(steps: int) -> dict[str, Any]:
    """A graph whose middle node says something at every step, a millisecond apart."""
    graph = picture()
    slow = {
        "steps": steps,
        "delay_ms": 1,
        "preview": "none",
        "fail_at_step": 0,
        "error": "ValueError",
        "nonce": next(_colors),
    }
    graph["3"] = {"class_type": "SDKTestSlowImage", "inputs": {"image": ["1", 0], **slow}}
    graph["2"]["inputs"]["images"] = ["3", 0]
    return graph


async def bare_job(http: httpx2.AsyncClient, url: str, folder: Path) -> None:
    """Queue, ask until it is over, fetch the file."""
    prompt_id = (await http.post(f"{url}/prompt", json={"prompt": picture()})).json()["prompt_id"]
    while not (entry := (await http.get(f"{url}/history/{prompt_id}")).json()):
        await asyncio.sleep(BARE_POLL_SECONDS)
    file = entry[prompt_id]["outputs"]["2"]["images"][0]
    (folder / "bare.png").write_bytes((await http.get(f"{url}/view", params=file)).content)


async def late(until: asyncio.Event) -> list[float]:
    """How late a ticker of this loop comes, in seconds: what a widget's callback would wait."""
    found = []
    while not until.is_set():
        due = time.perf_counter() + TICK_SECONDS
        await asyncio.sleep(TICK_SECONDS)
        found.append(max(0.0, time.perf_counter() - due))
    return found


async def flood(client: ComfyUIClient, steps: int) -> tuple[float, list[float], float]:
    """Progress events a second, lateness of the loop in that time, share of a core that this process used."""
    heard: list[float] = []
    over = asyncio.Event()
    ticker = asyncio.create_task(late(over))
    began, worked = time.perf_counter(), time.process_time()
    await client.run(chatty(steps), on_progress=lambda event: heard.append(time.perf_counter()), timeout=300)
    seconds, used = time.perf_counter() - began, time.process_time() - worked
    over.set()
    return len(heard) / (heard[-1] - heard[0]), await ticker, used / seconds


async def measure(quick: bool, home: Path) -> list[dict[str, Any]]:
    """Jobs by hand and by the client in turn; then one job that talks all the time."""
    with server() as url:
        client = ComfyUIClient(url, folder=home)
        async with httpx2.AsyncClient() as http:
            await client.run(picture())
            pair = await paired(
                lambda: bare_job(http, url, home),
                lambda: client.run(picture()),
                blocks=6 if quick else 20,
                calls=8 if quick else 20,
                warm_up=5,
            )
        rate, lateness, share = await flood(client, 2_000 if quick else 10_000)
        await client.close()
    p95 = sorted(lateness)[int(len(lateness) * 0.95)] * 1e3
    return [
        figure(
            "added per finished ComfyUI job",
            "<= 20 ms",
            f"{pair.added[1] * 1e3:.1f} ms",
            pair.added[1] <= 0.020,
            **pair.row(1e3, "ms"),
        ),
        figure(
            "lateness of the notebook's loop under a flood of progress messages (95 %)",
            "<= 10 ms at 1,000 a second or more",
            f"{p95:.1f} ms at {rate:.0f} a second",
            p95 <= 10 and rate >= 1_000,
            quartiles_ms=[round(value * 1e3, 2) for value in quartiles(lateness)],
            worst_ms=round(max(lateness) * 1e3, 1),
            share_of_a_core=round(share, 2),
        ),
    ]


if __name__ == "__main__":
    main("comfyui", measure)
