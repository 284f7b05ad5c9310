"""Every chat vendor through the whole client, against the simulator: plain, streamed, structured, priced, and with every fault."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from viralai_sdk.catalog.catalog import Catalog
from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.text import TextChunk
from viralai_sdk.providers import registry
from viralai_sdk.simulator import Simulator

TODAY = datetime.date(2026, 11, 22)
MODELS = {"anthropic": None, "cohere": None, "ollama": None, "lmstudio": "sim-small", "my_server": "sim-small"}
FREE = ("ollama", "lmstudio")


class Fox(BaseModel):
    name: str
    age: int


@pytest.fixture
async def ai(sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ViralAI]:
    monkeypatch.setattr(registry, "_configured", {})
    # No key for Ollama, since a key means its cloud.
    providers: dict[str, Any] = {
        name: {"base_url": sim.url(name), "api_key": None if name == "ollama" else sim.key, "max_retries": 0}
        for name in ("anthropic", "cohere", "ollama", "lmstudio")
    }
    providers["my_server"] = {
        "compatible": True,
        "base_url": sim.url("compatible"),
        "api_key": sim.key,
        "max_retries": 0,
    }
    monkeypatch.delenv("OLLAMA_API_KEY", raising=False)
    made = ViralAI({"providers": providers}, home=tmp_path, progress=False, today=lambda: TODAY)
    yield made
    await made.runtime.aclose()
    made.runtime.close()


@pytest.mark.parametrize(("name", "model"), MODELS.items())
async def test_plain_streamed_and_structured(ai: ViralAI, name: str, model: str | None) -> None:
    plain = await ai.text("hello", provider=name, model=model)
    assert (plain.text, plain.provider_used) == ("simulated answer to: hello", name)
    chunks = await drained(ai.text.stream("hello", provider=name, model=model))
    assert "".join(chunk.text for chunk in chunks) == plain.text
    assert chunks[-1].response
    assert chunks[-1].response.usage == plain.usage
    fox = (await ai.text("a fox as JSON", provider=name, model=model, schema=Fox)).parsed
    assert isinstance(fox, Fox)
    if name == "my_server":
        assert plain.cost_usd is None
    else:
        assert plain.cost_source == "catalog"
        assert (plain.cost_usd == 0) is (name in FREE)


async def drained(chunks: AsyncIterator[TextChunk]) -> list[TextChunk]:
    return [chunk async for chunk in chunks]


FAULTS: list[dict[str, Any]] = [
    {"kind": "cut", "after": 30},
    {"kind": "malformed", "after": 30},
    {"kind": "wrong_type"},
    {"kind": "reset"},
    {"kind": "empty"},
    {"kind": "error_chunk"},
    {"kind": "stall", "after": 30, "seconds": 30},
    {"kind": "slow", "seconds": 30},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 418},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['kind']}{fault.get('status', '')}")
@pytest.mark.parametrize(("name", "model"), MODELS.items())
async def test_a_fault_is_one_of_our_errors_and_never_a_hang(
    ai: ViralAI, sim: Simulator, name: str, model: str | None, fault: dict[str, Any]
) -> None:
    sim.faults.add("compatible" if name == "my_server" else name, **fault)
    seconds = 0.3 if fault["kind"] in ("stall", "slow") else 20
    if fault["kind"] != "error_chunk":
        with pytest.raises(AIError):
            await ai.text("hello", provider=name, model=model, timeout=seconds)
    with pytest.raises(AIError):
        await drained(ai.text.stream("hello", provider=name, model=model, timeout=seconds))


@pytest.mark.parametrize("name", ["anthropic", "cohere", "ollama", "lmstudio"])
def test_the_catalog_holds_together(name: str) -> None:
    catalog = Catalog().provider(name)
    default = catalog.default(AIServiceType.TEXT_GENERATION)
    assert (default is None) is (name == "lmstudio")
    if default is not None:
        row = catalog.models[default]
        assert row.prices.keys() == {"input_token", "output_token"}
        assert row.retires is None or row.retires > TODAY + datetime.timedelta(days=90)
    for row in (*catalog.models.values(), *catalog.patterns):
        assert row.source
        assert AIServiceType.TEXT_GENERATION in row.services
        assert name in FREE or 0 not in row.prices.values()
