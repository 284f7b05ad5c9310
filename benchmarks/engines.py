"""How long the embedded engines take, end to end through the SDK, files on disk and journal included."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import figure, main, quartiles
from viralai_sdk.client import ViralAI

SENTENCE = "The quick brown fox jumps over the lazy dog while the sun sets behind the hills."


async def measure(quick: bool, home: Path) -> list[dict[str, Any]]:
    """Every repetition asks for something new, so that nothing is answered from memory. The first one pays for imports."""
    async with ViralAI({}, home=home, progress=False) as ai:
        works: dict[str, Callable[[int], Awaitable[Any]]] = {
            "text": lambda n: ai.text(f"Write {n + 2} sentences about a fox.", provider="embedded"),
            "picture 1024 x 1024": lambda n: ai.image(
                "a red fox in the snow", width=1024, height=1024, seed=n, provider="embedded"
            ),
            "speech, one sentence": lambda n: ai.speech(f"{SENTENCE} Number {n}.", provider="embedded"),
            "film, 5 s, narrated": lambda n: ai.video(
                "a red fox in the snow", duration=5, seed=n, narration=SENTENCE, provider="embedded"
            ),
        }
        figures = []
        for name, work in works.items():
            times = []
            for number in range(1 + (2 if quick else 5)):
                began = time.perf_counter()
                await work(number)
                times.append(time.perf_counter() - began)
            low, middle, high = quartiles(times[1:])
            details = {"first_s": round(times[0], 3), "quartiles_s": [round(low, 3), round(high, 3)]}
            figures.append(figure(f"embedded {name}", "none set", f"{middle:.3f} s", None, **details))
    return figures


if __name__ == "__main__":
    main("engines", measure)
