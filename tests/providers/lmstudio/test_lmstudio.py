"""LM Studio answers as OpenAI's own client expects, and our requests are those of that client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from pydantic import BaseModel

from tests.providers.chat_fixtures import same
from tests.providers.driver import Driver
from viralai_sdk.catalog.catalog import Catalog
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.lmstudio.text import LMStudioTextService
from viralai_sdk.simulator import Simulator

MODEL, THINKER = "sim-small", "sim-thinker"
HELLO: Any = [{"role": "user", "content": "hello"}]


class Fox(BaseModel):
    name: str
    age: int


@pytest.fixture
def vendor(sim: Simulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=sim.url("lmstudio"), api_key=sim.key, max_retries=0) as client:
        yield client


@pytest.fixture
def ours(sim: Simulator, http: httpx2.AsyncClient) -> Driver:
    return Driver(LMStudioTextService(AIServiceConfig("lmstudio", sim.key, base_url=sim.url("lmstudio"))), http)


async def test_plain_text(sim: Simulator, vendor: openai.OpenAI, ours: Driver) -> None:
    theirs = vendor.chat.completions.create(
        model=MODEL,
        messages=[{"role": "system", "content": "Be brief."}, *HELLO],
        max_tokens=50,
        temperature=0.5,
        seed=3,
        extra_body={"ttl": 60},
    )
    request = TextGenerationRequest(
        "hello", system="Be brief.", max_tokens=50, temperature=0.5, seed=3, options={"ttl": 60}
    )
    payload = await ours.call(request, MODEL)
    same(*sim.log)
    assert theirs.choices[0].message.content == payload.text == "simulated answer to: hello"


async def test_streamed_text_with_thoughts(sim: Simulator, vendor: openai.OpenAI, ours: Driver) -> None:
    chunks = vendor.chat.completions.create(
        model=THINKER, messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    theirs = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    pieces, payload = await ours.stream(TextGenerationRequest("hello"), THINKER)
    same(*sim.log)
    assert pieces == theirs
    assert (payload.text, payload.metadata["reasoning"]) == ("".join(theirs), "Let me see.")
    assert payload.usage.total_tokens
    assert (await ours.call(TextGenerationRequest("hello"), THINKER)).metadata["reasoning"] == "Let me see."


async def test_structured_text(sim: Simulator, vendor: openai.OpenAI, ours: Driver) -> None:
    theirs = vendor.chat.completions.parse(model=MODEL, messages=HELLO, response_format=Fox)
    payload = await ours.call(TextGenerationRequest("hello", schema=Fox), MODEL)
    same(*sim.log, fields={"stream": False})
    assert Fox.model_validate_json(payload.text) == theirs.choices[0].message.parsed


async def test_a_server_at_home_asks_for_no_key(
    sim: Simulator, http: httpx2.AsyncClient, vendor: openai.OpenAI
) -> None:
    adapter = LMStudioTextService(AIServiceConfig("lmstudio", base_url=sim.url("lmstudio")))
    assert (await Driver(adapter, http).call(TextGenerationRequest("hello"), MODEL)).text
    assert "authorization" not in sim.log[0].headers
    with pytest.raises(openai.AuthenticationError):
        vendor.with_options(api_key="other").chat.completions.create(model=MODEL, messages=HELLO)
    assert {model.id for model in vendor.models.list()} == {MODEL, THINKER}


async def test_failing_calls(sim: Simulator, vendor: openai.OpenAI, ours: Driver) -> None:
    with pytest.raises(e.ModelRetiredError):
        await ours.call(TextGenerationRequest("hello"), "nobody")
    sim.faults.add("lmstudio", status=429, message="by order")
    with pytest.raises(openai.RateLimitError, match="by order"):
        vendor.chat.completions.create(model=MODEL, messages=HELLO)
    for ask in (ours.call, ours.stream):
        with pytest.raises(e.RateLimitError, match="by order"):
            await ask(TextGenerationRequest("hello"), MODEL)


async def test_an_error_under_http_200_is_an_error(sim: Simulator, http: httpx2.AsyncClient) -> None:
    wrong = AIServiceConfig("lmstudio", base_url=sim.url("lmstudio").removesuffix("/v1"))
    with pytest.raises(e.InvalidRequestError, match=r"Unexpected endpoint.*base_url"):
        await Driver(LMStudioTextService(wrong), http).call(TextGenerationRequest("hello"), MODEL)


def test_a_model_must_be_named_and_costs_nothing() -> None:
    service = LMStudioTextService(AIServiceConfig("lmstudio", custom_config={"compatible": {"structured": "none"}}))
    with pytest.raises(e.InvalidRequestError, match="no model"):
        service.check(TextGenerationRequest("hi"), "")
    assert service.dialect.structured == "none"
    row = Catalog().model("lmstudio", "anything")
    assert row is not None
    assert row.price({"input_token": 5, "output_token": 5}) == 0
