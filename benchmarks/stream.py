"""What one streamed chunk of text costs above a bare httpx2 client that reads and parses the same stream."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.harness import Pair, figure, main, paired, settings
from benchmarks.overhead import PROMPT
from benchmarks.stub import CHUNKS, Stub
from viralai_sdk.client import ViralAI


async def compare(
    stub: Stub, mode: str, home: Path, blocks: int, calls: int, clock: Callable[[], float] = time.perf_counter
) -> Pair:
    """The same stream read with httpx2's own SSE reader, and by the SDK."""
    url = stub.url(mode) + "/chat/completions"
    body = {"model": "gpt-bench", "messages": [{"role": "user", "content": PROMPT}], "stream": True}
    headers = {"Authorization": "Bearer sk-bench-0123456789abcdef"}
    async with (
        httpx2.AsyncClient() as client,
        ViralAI(settings(stub.url(mode)), home=home / mode, progress=False) as ai,
    ):

        async def bare() -> str:
            pieces: list[str] = []
            async with client.stream("POST", url, json=body, headers=headers) as response:
                async for event in httpx2.EventSource(response):
                    if event.data == "[DONE]":
                        break
                    pieces += [choice["delta"].get("content") or "" for choice in json.loads(event.data)["choices"]]
            return "".join(pieces)

        async def ours() -> str:
            return "".join([chunk.text async for chunk in ai.text.stream(PROMPT)])

        assert await bare() == await ours()
        return await paired(bare, ours, blocks=blocks, calls=calls, warm_up=10, clock=clock)


async def measure(quick: bool, home: Path) -> list[dict[str, Any]]:
    """A stream that comes in one piece, and one whose chunks come one by one, where the waiting in between is left out."""
    with Stub() as stub:
        burst = await compare(stub, "fast", home, 10 if quick else 40, 8)
        spaced = await compare(stub, "spaced", home, 4 if quick else 12, 3, time.process_time)
    figures = []
    for name, pair in (("all at once", burst), ("one by one, CPU time", spaced)):
        each = pair.added[1] / CHUNKS * 1e6
        details = {"stretch_10_us": each <= 10, **pair.row(1e3, "ms")}
        figures.append(figure(f"added per chunk, {name}", "<= 25 µs", f"{each:.1f} µs", each <= 25, **details))
    return figures


if __name__ == "__main__":
    main("stream", measure)
