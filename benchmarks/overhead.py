"""What one chat call costs above a bare httpx2 client: route, chain, retry policy, price, response, journal all on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2

from benchmarks.harness import Pair, figure, main, paired, settings
from benchmarks.stub import Stub
from viralai_sdk.client import ViralAI

PROMPT = "Say something about a fox, in one sentence."


async def compare(stub: Stub, mode: str, home: Path, blocks: int, calls: int) -> Pair:
    """The same POST and parse by hand and by the SDK."""
    url = stub.url(mode) + "/chat/completions"
    body = {"model": "gpt-bench", "messages": [{"role": "user", "content": PROMPT}]}
    headers = {"Authorization": "Bearer sk-bench-0123456789abcdef"}
    async with (
        httpx2.AsyncClient() as client,
        ViralAI(settings(stub.url(mode)), home=home / mode, progress=False) as ai,
    ):

        async def bare() -> str:
            answer = await client.post(url, json=body, headers=headers)
            answer.raise_for_status()
            return str(answer.json()["choices"][0]["message"]["content"])

        async def ours() -> str:
            return (await ai.text(PROMPT)).text

        assert await bare() == await ours()
        pair = await paired(bare, ours, blocks=blocks, calls=calls)
        await ai.aclose()
        recorded = len(ai.runtime.journal.calls(limit=None))
        assert recorded == blocks * calls + 31, f"{recorded} calls in the journal"
        return pair


async def measure(quick: bool, home: Path) -> list[dict[str, Any]]:
    """At a provider that answers at once, and at one that takes 20 ms."""
    with Stub() as stub:
        fast = await compare(stub, "fast", home, 12 if quick else 60, 25)
        slow = await compare(stub, "wait-20", home, 6 if quick else 20, 10)
    added = fast.added[1] * 1e6
    return [
        figure(
            "added per chat call",
            "<= 100 µs",
            f"{added:.0f} µs",
            added <= 100,
            **fast.row(1e6, "us"),
        ),
        figure(
            "chat call at a 20 ms provider",
            "<= 1.05 x bare",
            f"{slow.ratio[1]:.3f} x",
            slow.ratio[1] <= 1.05,
            **slow.row(1e3, "ms"),
        ),
    ]


if __name__ == "__main__":
    main("overhead", measure)
