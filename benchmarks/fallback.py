"""Fallback: calls that succeed while one provider of the chain is healthy and each other one fails 30 % of its calls by any fault.

python benchmarks/fallback.py --calls 10000 --json fallback.json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from viralai_sdk import AIServiceFactory, AIServiceType, ViralAI
from viralai_sdk.providers.openai.text import OpenAITextService
from viralai_sdk.simulator import Simulator

FAULTS: list[dict[str, Any]] = [
    {"status": 429, "headers": {"retry-after-ms": "5"}},
    {"status": 500},
    {"status": 503},
    {"status": 401},
    {"kind": "reset"},
    {"kind": "cut"},
    {"kind": "malformed"},
    {"kind": "wrong_type"},
    {"kind": "empty"},
    {"kind": "oversize", "size": 1 << 16},
]
SHARE = 0.3


def break_some(sim: Simulator, seed: int) -> None:
    """Let a share of a simulator's calls go wrong, each fault as often as the others."""
    for place, fault in enumerate(FAULTS):
        rate = SHARE / (len(FAULTS) - SHARE * place)
        sim.faults.add("openai", rate=rate, seed=seed + place, **fault)


async def campaign(places: dict[str, Simulator], calls: int, concurrency: int, home: Path) -> dict[str, Any]:
    """Make the calls and count."""
    providers = {name: {"api_key": sim.key, "base_url": sim.url("openai")} for name, sim in places.items()}
    block = {
        "default_provider": next(iter(places)),
        "fallback_chain": list(places),
        "provider_configs": {name: {"model": "gpt-6-luna"} for name in places},
    }
    ai = ViralAI({"providers": providers, "ai_services": {"text_generation": block}}, home=home, progress=False)
    began = time.perf_counter()
    result = await ai.text.batch([f"call {number}" for number in range(calls)], concurrency=concurrency)
    seconds = time.perf_counter() - began
    await ai.aclose()
    fell_back = sum(len(response.attempts) > 1 for response in result.ok)
    return {"calls": calls, "succeeded": len(result.ok), "fell_back": fell_back, "seconds": round(seconds, 1)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    for name in ("first", "second", "third"):
        AIServiceFactory.register(AIServiceType.TEXT_GENERATION, name, OpenAITextService)
    with Simulator() as one, Simulator() as two, Simulator() as three, tempfile.TemporaryDirectory() as home:
        break_some(one, arguments.seed)
        break_some(two, arguments.seed + 100)
        places = {"first": one, "second": two, "third": three}
        found = asyncio.run(campaign(places, arguments.calls, arguments.concurrency, Path(home)))
    found |= {"seed": arguments.seed, "share": found["succeeded"] / found["calls"]}
    print(json.dumps(found))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0 if found["succeeded"] == found["calls"] else 1


if __name__ == "__main__":
    sys.exit(main())
