"""Clients whose calls take and cost what a test says, and runs whose rows a test writes."""

from __future__ import annotations

import asyncio
import datetime
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from viralai_sdk import bench
from viralai_sdk.bench import results
from viralai_sdk.bench.planning import BenchmarkPlan
from viralai_sdk.bench.results import SavedRun
from viralai_sdk.bench.rows import Recorded, Row
from viralai_sdk.interfaces.records import Usage
from viralai_sdk.interfaces.text import TextChunk, TextGenerationResponse

SOURCE = Path(__file__).resolve().parents[2]
Behave = Callable[[str, dict[str, Any]], Any]


class Helper:
    """`ai.text` of a client that needs no provider."""

    def __init__(self, behave: Behave) -> None:
        self.behave = behave
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.running = self.most = 0

    async def __call__(self, prompt: str, **asked: Any) -> TextGenerationResponse:
        self.asked.append((prompt, asked))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            found = self.behave(prompt, asked)
            return await found if asyncio.iscoroutine(found) else found
        finally:
            self.running -= 1

    async def stream(self, prompt: str, **asked: Any) -> Any:
        response = await self(prompt, **asked)
        yield TextChunk("a", None)
        await asyncio.sleep(0.05)
        yield TextChunk("", response)


class Client:
    """Stands for `ViralAI` where only calls are made."""

    def __init__(self, behave: Behave) -> None:
        self.text = Helper(behave)
        self.chain: list[str] = []

    def set_fallback_chain(self, service: str, providers: Sequence[str]) -> None:
        self.chain = list(providers)


def answer(text: str = "A fox.", cost: float | None = 0.001, provider: str = "openai") -> TextGenerationResponse:
    return TextGenerationResponse(
        text=text,
        provider_used=provider,
        model_used="m",
        cost_usd=cost,
        cost_source="catalog" if cost is not None else None,
        usage=Usage(prompt_tokens=1, completion_tokens=2),
        call_id="call_1",
        session_id="session_1",
    )


def planned(tmp_path: Path, **given: Any) -> BenchmarkPlan:
    """A plan of texts at two simulated providers."""
    told: dict[str, Any] = {"providers": ["openai", "gemini"], "prompts": ["a fox"], "repeats": 2, "simulate": True}
    return bench.plan("text", **{**told, "metrics": False, "out": str(tmp_path / "run"), **given})


def row(number: int, seconds: float = 0.1, **given: Any) -> Row:
    """A call that went well."""
    told: dict[str, Any] = {
        "id": f"{given.get('arm', 'a')}/{given.get('phase', 'closed')}/{given.get('concurrency', 1)}/{number}",
        "phase": "closed",
        "arm": "a",
        "provider": "openai",
        "model": "m",
        "prompt": "p001",
        "repeat": number,
        "concurrency": 1,
        "cold": False,
        "at": 1_795_000_000.0 + number,
        "scheduled": 10.0 * number,
        "started": 10.0 * number,
        "seconds": seconds,
        "service_seconds": seconds,
        "outcome": "ok",
        "cost_usd": 0.01,
        "cost_source": "catalog",
        "billed": "yes",
        "retries": 0,
        "attempts": 1,
        "bytes": 5,
    }
    return Row(**{**told, **given})


def failed(number: int, error: str = "ProviderUnavailableError", **given: Any) -> Row:
    """A call that failed."""
    none = {"cost_usd": None, "cost_source": None, "billed": "no", "bytes": None}
    return row(number, outcome="failed", error=error, message="no", **{**none, **given})


def saved(folder: Path, rows: Sequence[Row], *, service: str = "text", began: float = 0.0) -> SavedRun:
    """A finished run with these rows."""
    plan = bench.plan("text", providers=["openai"], prompts=["a fox"], simulate=True, out=str(folder))
    summary = results.summary_of(plan, Recorded(list(rows), [], []), state="complete", reason="", name=folder.name)
    moment = datetime.datetime.fromtimestamp(1_795_000_000 + began, datetime.UTC).isoformat()
    summary |= {"service": service, "began": moment}
    results.save(folder, rows, summary)
    return results.load(folder)


@pytest.fixture(autouse=True)
def nobody_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key and no configuration of this machine."""
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_BASE_URL")) or name.startswith("VIRALAI_"):
            monkeypatch.delenv(name)
    # Kernels are processes of their own, which start in another folder.
    places = [str(SOURCE), str(SOURCE / "widgets"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, places)))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("VIRALAI_PROGRESS", "0")
    place = tmp_path / "project"
    place.mkdir()
    monkeypatch.chdir(place)
