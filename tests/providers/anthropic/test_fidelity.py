"""What we send equals what the vendor's own client sends for the same work, and the simulator satisfies that client."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from enum import Enum
from typing import Any

import anthropic
import httpx2
import pytest
from pydantic import BaseModel, Field

from tests.providers.by_hand import picture
from tests.providers.chat_fixtures import same
from tests.providers.driver import Driver
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.anthropic.text import AnthropicTextService
from viralai_sdk.simulator import Simulator

MODEL = "claude-haiku-5-5"


class Animal(Enum):
    FOX = "fox"
    OWL = "owl"


class Tag(BaseModel):
    word: str = Field(min_length=1)
    weight: float | None = Field(default=None, ge=0, le=100)


class Scene(BaseModel):
    title: str = Field(description="A short title")
    animal: Animal
    tags: list[Tag] = Field(min_length=1, max_length=3)


@pytest.fixture
def vendor(sim: Simulator) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=sim.url("anthropic"), api_key=sim.key, max_retries=0) as client:
        yield client


@pytest.fixture
def ours(sim: Simulator, http: httpx2.AsyncClient) -> Driver:
    config = AIServiceConfig(provider="anthropic", api_key=sim.key, base_url=sim.url("anthropic"))
    return Driver(AnthropicTextService(config), http)


def test_the_vendors_package_is_the_generation_that_the_facts_were_read_from() -> None:
    print(f"anthropic {anthropic.__version__}")
    assert anthropic.__version__.partition(".")[0] == "2"


async def test_plain_text(sim: Simulator, vendor: anthropic.Anthropic, ours: Driver) -> None:
    theirs = vendor.messages.create(
        model=MODEL,
        max_tokens=50,
        system="Be brief.",
        messages=[
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"},
            {"role": "user", "content": "three"},
        ],
        stop_sequences=["END"],
    )
    turns = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    request = TextGenerationRequest("three", system="Be brief.", messages=turns, max_tokens=50, stop="END")
    payload = await ours.call(request, MODEL)
    same(*sim.log)
    assert theirs.content[0].type == "text"
    assert theirs.content[0].text == payload.text == "simulated answer to: three"
    assert (theirs.usage.input_tokens, theirs.usage.output_tokens) == (
        payload.usage.prompt_tokens,
        payload.usage.completion_tokens,
    )
    assert payload.request_id


async def test_text_about_pictures(sim: Simulator, vendor: anthropic.Anthropic, ours: Driver) -> None:
    images = [picture(), picture("blue", kind="JPEG")]
    await ours.call(TextGenerationRequest("what is this?", images=images, max_tokens=9), MODEL)
    blocks: list[Any] = [
        {
            "type": "image",
            "source": {"type": "base64", "media_type": kind, "data": base64.b64encode(image).decode()},
        }
        for image, kind in zip(images, ("image/png", "image/jpeg"), strict=True)
    ]
    blocks.append({"type": "text", "text": "what is this?"})
    vendor.messages.create(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": blocks}])
    same(sim.log[1], sim.log[0])


async def test_streamed_text(sim: Simulator, vendor: anthropic.Anthropic, ours: Driver) -> None:
    with vendor.messages.stream(model=MODEL, max_tokens=50, messages=[{"role": "user", "content": "hello"}]) as stream:
        theirs = list(stream.text_stream)
        final = stream.get_final_message()
    pieces, payload = await ours.stream(TextGenerationRequest("hello", max_tokens=50), MODEL)
    same(*sim.log)
    assert pieces == theirs
    assert payload.text == "".join(theirs) == "simulated answer to: hello"
    assert final.usage.output_tokens == payload.usage.completion_tokens


async def test_structured_text(sim: Simulator, vendor: anthropic.Anthropic, ours: Driver) -> None:
    theirs = vendor.messages.parse(
        model=MODEL, max_tokens=500, messages=[{"role": "user", "content": "a fox"}], output_format=Scene
    )
    payload = await ours.call(TextGenerationRequest("a fox", schema=Scene, max_tokens=500), MODEL)
    same(*sim.log)
    assert Scene.model_validate_json(payload.text) == theirs.parsed_output


async def test_beta_features_and_a_workspace(sim: Simulator, http: httpx2.AsyncClient) -> None:
    custom = {"betas": ["context-1", "files-2"], "workspace_id": "w-1"}
    config = AIServiceConfig("anthropic", sim.key, base_url=sim.url("anthropic"), custom_config=custom)
    await Driver(AnthropicTextService(config), http).call(TextGenerationRequest("hi"), MODEL)
    headers = sim.log[0].headers
    assert (headers["anthropic-beta"], headers["anthropic-workspace-id"]) == ("context-1,files-2", "w-1")


@pytest.mark.parametrize(
    ("status", "theirs", "kind"),
    [
        (429, anthropic.RateLimitError, e.RateLimitError),
        (529, anthropic.APIStatusError, e.ProviderUnavailableError),
        (500, anthropic.InternalServerError, e.ProviderUnavailableError),
        (403, anthropic.PermissionDeniedError, e.PermissionDeniedError),
    ],
)
async def test_both_clients_read_injected_failures(
    sim: Simulator,
    vendor: anthropic.Anthropic,
    ours: Driver,
    status: int,
    theirs: type[anthropic.APIStatusError],
    kind: type[e.AIError],
) -> None:
    sim.faults.add("anthropic", status=status, message="by order")
    with pytest.raises(theirs, match="by order"):
        vendor.messages.create(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "hello"}])
    with pytest.raises(e.AIError, match="by order") as caught:
        await ours.call(TextGenerationRequest("hello"), MODEL)
    assert type(caught.value) is kind


async def test_both_clients_read_an_error_inside_a_stream(
    sim: Simulator, vendor: anthropic.Anthropic, ours: Driver
) -> None:
    sim.faults.add("anthropic", "error_chunk")
    with (
        pytest.raises(anthropic.APIStatusError, match="Overloaded"),
        vendor.messages.stream(model=MODEL, max_tokens=50, messages=[{"role": "user", "content": "hello"}]) as stream,
    ):
        stream.until_done()
    with pytest.raises(e.ProviderUnavailableError, match="Overloaded"):
        await ours.stream(TextGenerationRequest("hello"), MODEL)


async def test_a_refusal_is_a_success_to_them_and_an_error_to_us(
    sim: Simulator, vendor: anthropic.Anthropic, ours: Driver
) -> None:
    sim.faults.add("anthropic", "blocked")
    message = vendor.messages.create(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "x"}])
    assert message.stop_reason == "refusal"
    for ask in (ours.call, ours.stream):
        with pytest.raises(e.ContentPolicyError, match="general_harms") as caught:
            await ask(TextGenerationRequest("x"), MODEL)
        assert caught.value.billed == "yes"


async def test_the_simulator_is_as_strict_as_the_vendor(sim: Simulator, vendor: anthropic.Anthropic) -> None:
    turns: Any = [{"role": "user", "content": "hello"}]
    with pytest.raises(anthropic.AuthenticationError):
        vendor.with_options(api_key="other").messages.create(model=MODEL, max_tokens=9, messages=turns)
    for model in ("claude-sonnet-4-20250514", "claude-9"):
        with pytest.raises(anthropic.NotFoundError):
            vendor.messages.create(model=MODEL, max_tokens=9, messages=turns, extra_body={"model": model})
    with pytest.raises(anthropic.NotFoundError):
        vendor.models.retrieve("nobody")
    wrong: list[dict[str, Any]] = [
        {"extra_body": {"temperature": 0.5}},
        {"extra_headers": {"anthropic-version": "2023-06-01"}},
        {"messages": [*turns, {"role": "assistant", "content": "An"}]},
        {"messages": [{"role": "user", "content": ""}]},
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "string", "minLength": 2}}}},
        {"output_config": {"effort": "huge"}},
        {"max_tokens": 128_001, "stream": True},
    ]
    picture_parts: list[Any] = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/tiff", "data": "aGk="}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "?"}},
        {"type": "sound"},
    ]
    wrong += [{"messages": [{"role": "user", "content": [part]}]} for part in picture_parts]
    wrong += [{"messages": value} for value in ("hello", [{"role": "robot", "content": "x"}], [])]
    wrong += [{"system": 3}, {"output_config": {"style": "x"}}, {"output_config": {"format": {"type": "xml"}}}]
    wrong += [{"output_config": {"format": {"type": "json_schema", "schema": 3}}}, {"max_tokens": True}]
    wrong += [{"extra_headers": {"anthropic-version": anthropic.Omit()}}]
    for change in wrong:
        with pytest.raises(anthropic.BadRequestError):
            vendor.messages.create(**{"model": MODEL, "max_tokens": 9, "messages": turns, **change})


def test_the_vendors_client_lists_the_models(vendor: anthropic.Anthropic) -> None:
    rows = {row.id: row for row in vendor.models.list()}
    assert rows[MODEL].lifecycle == "active"
    assert rows["claude-3-opus-20240229"].lifecycle == "retired"
    assert rows["claude-sonnet-4-5"].lifecycle == "deprecated"


async def test_stop_words_limits_and_empty_answers(sim: Simulator, ours: Driver) -> None:
    stopped = await ours.call(TextGenerationRequest("hello", stop="to"), MODEL)
    assert (stopped.text.strip(), stopped.finish_reason) == ("simulated answer", "stop")
    cut = await ours.call(TextGenerationRequest("hello", max_tokens=2), MODEL)
    assert cut.finish_reason == "length"
    sim.faults.add("anthropic", "empty")
    with pytest.raises(e.EmptyResultError):
        await ours.call(TextGenerationRequest("hello"), MODEL)
