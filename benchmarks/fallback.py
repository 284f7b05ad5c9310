"""Ten thousand calls over a chain whose first two providers fail three calls in ten, by any fault; the third one is healthy."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.harness import figure, main
from benchmarks.stub import Stub
from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.providers.openai.text import OpenAITextService
from viralai_sdk.services.factory import AIServiceFactory
from viralai_sdk.services.health import Health

CONCURRENCY = 64
TIMEOUT = 2.0
"""Seconds for one attempt; the stub's hanging requests hang longer."""
SPEED = 200.0
"""The circuit breaker's clock runs this much faster, so that the faulty providers come back and go on failing."""


class Faulty(OpenAITextService):
    """The first provider."""


class AlsoFaulty(OpenAITextService):
    """The second."""


class Healthy(OpenAITextService):
    """The last."""


def configuration(stub: Stub) -> dict[str, Any]:
    """The chain. Retries are on, as by default."""
    urls = {"bench_a": stub.url("faulty-30"), "bench_b": stub.url("faulty-30"), "bench_c": stub.url("fast")}
    chain = list(urls)
    return {
        "providers": {name: {"api_key": "sk-bench-0123456789", "base_url": url} for name, url in urls.items()},
        "ai_services": {
            "text_generation": {
                "default_provider": chain[0],
                "fallback_chain": chain,
                "provider_configs": {name: {"model": "gpt-bench"} for name in chain},
            }
        },
    }


async def measure(quick: bool, home: Path) -> list[dict[str, Any]]:
    """Every call must give its text; every attempt must be in the journal."""
    calls = 1_000 if quick else 10_000
    for name, made in (("bench_a", Faulty), ("bench_b", AlsoFaulty), ("bench_c", Healthy)):
        AIServiceFactory.register("text", name, made)
    outcomes: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    numbers = itertools.count()
    with Stub() as stub:
        ai = ViralAI(configuration(stub), home=home, progress=False)
        ai.runtime.health = Health(lambda: time.monotonic() * SPEED)

        async def worker() -> None:
            while next(numbers) < calls:
                try:
                    response = await ai.text("Say something about a fox.", timeout=TIMEOUT)
                except AIError as error:
                    outcomes[f"failed: {type(error).__name__}"] += 1
                    continue
                outcomes["ok" if response.text.startswith("The quick brown fox") else "wrong text"] += 1
                outcomes["after a fallback"] += len(response.attempts) > 1
                faults.update(str(attempt.error) for attempt in response.attempts if attempt.error)
                outcomes["requests sent again"] += sum(attempt.retries for attempt in response.attempts)

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
        seconds = time.perf_counter() - began
        await ai.aclose()
        recorded = len(ai.runtime.journal.calls(limit=None))
    good = outcomes["ok"]
    return [
        figure(
            f"calls that succeed over a faulty chain ({calls:,})",
            "100 %, all of them in the journal",
            f"{100 * good / calls:.2f} %, {recorded:,} in the journal",
            good == calls == recorded,
            outcomes=dict(outcomes),
            failed_attempts=dict(faults),
            seconds=round(seconds, 1),
        )
    ]


if __name__ == "__main__":
    main("fallback", measure)
