"""How long it takes to let another provider serve, and that the next call goes there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks.harness import figure, main, quartiles, settings
from viralai_sdk.client import ViralAI


async def measure(quick: bool, home: Path) -> list[dict[str, Any]]:
    """`ai.switch` back and forth; the very first one imports the provider and is told apart."""
    ai = ViralAI(settings("http://127.0.0.1:9/v1"), home=home, progress=False)
    began = time.perf_counter()
    ai.switch("text", "embedded")
    first = time.perf_counter() - began
    times = []
    for number in range(400 if quick else 4000):
        provider = ("openai", "embedded")[number % 2]
        began = time.perf_counter()
        ai.switch("text", provider)
        times.append(time.perf_counter() - began)
    assert (await ai.text("Say hello")).provider_used == "embedded"
    await ai.aclose()
    low, middle, high = (value * 1e3 for value in quartiles(times))
    worst = max(times) * 1e3
    return [
        figure(
            "switching a provider",
            "<= 1 ms",
            f"{middle:.4f} ms",
            high <= 1,
            quartiles_ms=[round(low, 4), round(high, 4)],
            worst_ms=round(worst, 3),
            first_with_import_ms=round(first * 1e3, 1),
        )
    ]


if __name__ == "__main__":
    main("switch", measure)
