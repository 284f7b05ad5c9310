"""What we send equals what the vendor's own client sends for the same work, and the simulator satisfies that client."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest
from pydantic import BaseModel

from tests.providers.by_hand import picture
from tests.providers.chat_fixtures import same
from tests.providers.driver import Driver
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.cohere.text import CohereTextService
from viralai_sdk.simulator import Simulator

if TYPE_CHECKING:
    import cohere

MODEL = "command-a-03-2025"


HELLO: Any = [{"role": "user", "content": "hello"}]


class Fox(BaseModel):
    name: str
    age: int


@pytest.fixture
def vendor(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[cohere.ClientV2]:
    for name in [name for name in os.environ if name.startswith(("CO_API", "COHERE"))]:
        # The package keeps what it finds here at import.
        monkeypatch.delenv(name)
    import cohere

    # The transport that the client would make itself, in our hands so that it is closed.
    with httpx.Client(timeout=120, follow_redirects=True) as transport:
        yield cohere.ClientV2(api_key=sim.key, base_url=sim.url("cohere"), httpx_client=transport, timeout=120)


@pytest.fixture
def ours(sim: Simulator, http: httpx2.AsyncClient) -> Driver:
    config = AIServiceConfig(provider="cohere", api_key=sim.key, base_url=sim.url("cohere"))
    return Driver(CohereTextService(config), http)


def test_the_vendors_package_is_the_generation_that_the_facts_were_read_from() -> None:
    print(f"cohere {version('cohere')}")
    assert version("cohere").partition(".")[0] == "7"


async def test_plain_text(sim: Simulator, vendor: cohere.ClientV2, ours: Driver) -> None:
    messages: Any = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
    ]
    theirs = vendor.chat(
        model=MODEL,
        messages=messages,
        max_tokens=50,
        temperature=0.5,
        p=0.9,
        stop_sequences=["END"],
        seed=3,
    )
    turns = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    request = TextGenerationRequest(
        "three", system="Be brief.", messages=turns, max_tokens=50, temperature=0.5, top_p=0.9, stop="END", seed=3
    )
    payload = await ours.call(request, MODEL)
    same(*sim.log)
    assert theirs.message.content
    assert theirs.message.content[0].type == "text"
    assert theirs.message.content[0].text == payload.text == "simulated answer to: three"
    assert theirs.usage
    assert theirs.usage.billed_units
    assert theirs.usage.billed_units.input_tokens == payload.quantities["input_token"]
    assert payload.usage.prompt_tokens > payload.quantities["input_token"]


async def test_text_about_pictures(sim: Simulator, vendor: cohere.ClientV2, ours: Driver) -> None:
    await ours.call(TextGenerationRequest("what is this?", images=[picture(), picture("blue", kind="JPEG")]), MODEL)
    vendor.chat(model=MODEL, messages=sim.log[0].json()["messages"])
    same(sim.log[1], sim.log[0])


async def test_streamed_text(sim: Simulator, vendor: cohere.ClientV2, ours: Driver) -> None:
    theirs = [
        event.delta.message.content.text
        for event in vendor.chat_stream(model=MODEL, messages=HELLO)
        if event.type == "content-delta"
        and event.delta
        and event.delta.message
        and event.delta.message.content
        and event.delta.message.content.text
    ]
    pieces, payload = await ours.stream(TextGenerationRequest("hello"), MODEL)
    same(*sim.log)
    assert pieces == theirs
    assert payload.text == "".join(theirs) == "simulated answer to: hello"
    assert payload.usage.total_tokens


async def test_structured_text(sim: Simulator, vendor: cohere.ClientV2, ours: Driver) -> None:
    messages: Any = [{"role": "user", "content": "a fox as JSON"}]
    theirs = vendor.chat(
        model=MODEL,
        messages=messages,
        response_format={"type": "json_object", "json_schema": Fox.model_json_schema()},  # type: ignore[arg-type]
    )
    payload = await ours.call(TextGenerationRequest("a fox as JSON", schema=Fox), MODEL)
    same(*sim.log)
    assert theirs.message.content
    assert theirs.message.content[0].type == "text"
    assert Fox.model_validate_json(payload.text) == Fox.model_validate_json(theirs.message.content[0].text)


async def test_the_name_of_an_application(sim: Simulator, http: httpx2.AsyncClient) -> None:
    config = AIServiceConfig("cohere", sim.key, base_url=sim.url("cohere"), custom_config={"client_name": "demo"})
    await Driver(CohereTextService(config), http).call(TextGenerationRequest("hi"), MODEL)
    assert sim.log[0].headers["x-client-name"] == "demo"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, e.AuthenticationError),
        (422, e.InvalidRequestError),
        (429, e.RateLimitError),
        (498, e.AuthenticationError),
        (500, e.ProviderUnavailableError),
        (503, e.ProviderUnavailableError),
    ],
)
async def test_both_clients_read_injected_failures(
    sim: Simulator, vendor: cohere.ClientV2, ours: Driver, status: int, kind: type[e.AIError]
) -> None:
    from cohere.core.api_error import ApiError

    sim.faults.add("cohere", status=status, message="by order")
    with pytest.raises(ApiError) as caught:
        vendor.chat(model=MODEL, messages=HELLO, request_options={"max_retries": 0})
    assert (caught.value.status_code, caught.value.body) == (status, {"message": "by order"})
    for ask in (ours.call, ours.stream):
        with pytest.raises(e.AIError, match="by order") as failed:
            await ask(TextGenerationRequest("hello"), MODEL)
        assert type(failed.value) is kind


async def test_an_error_inside_a_stream_is_no_result(sim: Simulator, vendor: cohere.ClientV2, ours: Driver) -> None:
    sim.faults.add("cohere", "error_chunk")
    events = list(vendor.chat_stream(model=MODEL, messages=HELLO))
    assert events[-1].type == "message-end"
    with pytest.raises(e.ProviderUnavailableError, match="told to fail"):
        await ours.stream(TextGenerationRequest("hello"), MODEL)


async def test_blocked_and_empty_answers_are_errors(sim: Simulator, ours: Driver) -> None:
    sim.faults.add("cohere", "blocked", times=1)
    with pytest.raises(e.ContentPolicyError):
        await ours.call(TextGenerationRequest("x"), MODEL)
    sim.faults.add("cohere", "empty")
    with pytest.raises(e.EmptyResultError):
        await ours.call(TextGenerationRequest("x"), MODEL)


async def test_stop_words_and_limits(ours: Driver) -> None:
    stopped = await ours.call(TextGenerationRequest("hello", stop="to"), MODEL)
    assert (stopped.text.strip(), stopped.finish_reason) == ("simulated answer", "stop")
    assert (await ours.call(TextGenerationRequest("hello", max_tokens=2), MODEL)).finish_reason == "length"
    spoken = await ours.call(TextGenerationRequest("hello", response_format="json"), MODEL)
    assert spoken.text.startswith('{"answer"')


async def test_the_simulator_is_as_strict_as_the_vendor(sim: Simulator, http: httpx2.AsyncClient) -> None:
    url, key = sim.url("cohere") + "/v2/chat", {"authorization": f"Bearer {sim.key}"}
    turns = [{"role": "user", "content": "hello"}]
    wrong: list[dict[str, Any]] = [
        {"top_p": 0.5},
        {"p": 1},
        {"k": 1.5},
        {"messages": []},
        {"messages": "hello"},
        {"messages": [{"role": "robot", "content": "x"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:x"}}]}]},
        {"messages": [{"role": "user"}]},
        {"stop_sequences": list("abcdef")},
        {"response_format": {"type": "xml"}},
        {"response_format": {"type": "text", "json_schema": {}}},
        {"response_format": {"type": "json_object", "json_schema": 3}},
    ]
    for change in wrong:
        answer = await http.post(url, headers=key, json={"model": MODEL, "messages": turns, **change})
        assert (answer.status_code, list(answer.json())) == (400, ["message"]), change
    assert (await http.post(url, headers=key, content=b"{}")).status_code == 400
    assert (await http.post(url, headers={**key, "content-type": "application/json"}, content=b"[")).status_code == 400
    assert (await http.post(url, headers=key, json=[])).status_code == 400
    assert (await http.post(url, json={})).status_code == 401
    assert (await http.post(url, headers={"authorization": "Bearer other"}, json={})).status_code == 401
    assert (await http.post(url, headers=key, json={"model": "x", "messages": turns})).status_code == 404
    assert (await http.get(sim.url("cohere") + "/v2/embed", headers=key)).status_code == 404


def test_the_vendors_client_lists_the_models(vendor: cohere.ClientV2) -> None:
    assert MODEL in [model.name for model in vendor.models.list().models]
