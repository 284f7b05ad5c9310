"""What we send equals what the vendor's own client sends for the same work, and the simulator satisfies that client."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import httpx2
import ollama
import pytest
from pydantic import BaseModel

from tests.providers.by_hand import picture
from tests.providers.chat_fixtures import same
from tests.providers.driver import Driver
from tests.providers.ollama.support import LineDriver
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.ollama.text import OllamaTextService
from viralai_sdk.simulator import Simulator

MODEL = "llama3.1"
HELLO: Any = [{"role": "user", "content": "hello"}]
SPELT_OUT: dict[str, Any] = {"tools": []}
"""The vendor's client always names its tools."""


class Fox(BaseModel):
    name: str
    age: int


@pytest.fixture
def vendor(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[ollama.Client]:
    monkeypatch.delenv("OLLAMA_API_KEY", raising=False)
    with ollama.Client(host=sim.url("ollama")) as client:
        yield client


@pytest.fixture
def ours(sim: Simulator, http: httpx2.AsyncClient) -> Driver:
    return LineDriver(OllamaTextService(AIServiceConfig("ollama", base_url=sim.url("ollama"))), http)


def test_the_vendors_package_is_the_generation_that_the_facts_were_read_from() -> None:
    print(f"ollama {version('ollama')}")
    assert version("ollama").rpartition(".")[0] == "0.6"


async def test_plain_text(sim: Simulator, vendor: ollama.Client, ours: Driver) -> None:
    theirs = vendor.chat(
        model=MODEL,
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"},
            {"role": "user", "content": "three"},
        ],
        options={"temperature": 0.5, "top_p": 0.9, "seed": 3, "num_predict": 50, "stop": ["END"], "num_ctx": 4096},
        keep_alive="10m",
    )
    turns = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    request = TextGenerationRequest(
        "three",
        system="Be brief.",
        messages=turns,
        max_tokens=50,
        temperature=0.5,
        top_p=0.9,
        stop="END",
        seed=3,
        options={"options": {"num_ctx": 4096}, "keep_alive": "10m"},
    )
    payload = await ours.call(request, MODEL)
    same(*sim.log, fields=SPELT_OUT)
    assert theirs.message.content == payload.text == "simulated answer to: three"
    assert (theirs.prompt_eval_count, theirs.eval_count) == (
        payload.usage.prompt_tokens,
        payload.usage.completion_tokens,
    )
    assert (payload.metadata["load_seconds"], payload.quantities) == (1.0, {})


async def test_text_about_pictures(sim: Simulator, vendor: ollama.Client, ours: Driver) -> None:
    turns: Any = [{"role": "user", "content": "what is this?", "images": [picture(), picture("blue", kind="JPEG")]}]
    vendor.chat(model="gemma3", messages=turns)
    images = [picture(), picture("blue", kind="JPEG")]
    await ours.call(TextGenerationRequest("what is this?", images=images), "gemma3")
    same(*sim.log, fields=SPELT_OUT)
    with pytest.raises(e.UnsupportedCapabilityError, match="image"):
        await ours.call(TextGenerationRequest("what is this?", images=images), MODEL)


async def test_streamed_text(sim: Simulator, vendor: ollama.Client, ours: Driver) -> None:
    theirs = [part.message.content for part in vendor.chat(model=MODEL, messages=HELLO, stream=True)]
    pieces, payload = await ours.stream(TextGenerationRequest("hello"), MODEL)
    same(*sim.log, fields=SPELT_OUT)
    assert pieces == [piece for piece in theirs if piece]
    assert payload.text == "simulated answer to: hello"
    assert payload.usage.total_tokens


async def test_structured_text(sim: Simulator, vendor: ollama.Client, ours: Driver) -> None:
    schema = Fox.model_json_schema()
    theirs = vendor.chat(model=MODEL, messages=[{"role": "user", "content": "a fox"}], format=schema)
    payload = await ours.call(TextGenerationRequest("a fox", schema=Fox), MODEL)
    same(*sim.log, fields=SPELT_OUT)
    assert theirs.message.content
    assert Fox.model_validate_json(payload.text) == Fox.model_validate_json(theirs.message.content)
    vendor.chat(model=MODEL, messages=[{"role": "user", "content": "a fox as JSON"}], format="json")
    await ours.call(TextGenerationRequest("a fox as JSON", response_format="json"), MODEL)
    same(*sim.log[2:], fields=SPELT_OUT)


async def test_the_clouds_key(sim: Simulator, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", sim.key)
    with ollama.Client(host=sim.url("ollama")) as vendor:
        vendor.chat(model=MODEL, messages=HELLO)
    adapter = OllamaTextService(AIServiceConfig("ollama", sim.key, base_url=sim.url("ollama")))
    payload = await Driver(adapter, http).call(TextGenerationRequest("hello"), MODEL)
    same(*sim.log, fields=SPELT_OUT)
    assert payload.quantities == {"remote_call": 1}


async def test_models_that_run_elsewhere_are_not_free(ours: Driver) -> None:
    payload = await ours.call(TextGenerationRequest("hello"), "gpt-oss:20b-cloud")
    assert payload.metadata["remote_host"] == "https://ollama.com:443"
    assert payload.quantities == {"remote_call": 1}
    assert ours.adapter.quantities(TextGenerationRequest("hello"), "gpt-oss:20b-cloud") == {"remote_call": 1}
    assert ours.adapter.quantities(TextGenerationRequest("hello"), MODEL) == {}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, e.InvalidRequestError),
        (403, e.PermissionDeniedError),
        (429, e.RateLimitError),
        (500, e.ProviderUnavailableError),
        (503, e.ProviderUnavailableError),
    ],
)
async def test_both_clients_read_injected_failures(
    sim: Simulator, vendor: ollama.Client, ours: Driver, status: int, kind: type[e.AIError]
) -> None:
    sim.faults.add("ollama", status=status, message="by order")
    with pytest.raises(ollama.ResponseError, match="by order"):
        vendor.chat(model=MODEL, messages=HELLO)
    for ask in (ours.call, ours.stream):
        with pytest.raises(e.AIError, match="by order") as failed:
            await ask(TextGenerationRequest("hello"), MODEL)
        assert type(failed.value) is kind


async def test_both_clients_read_an_error_inside_a_stream(sim: Simulator, vendor: ollama.Client, ours: Driver) -> None:
    sim.faults.add("ollama", "error_chunk")
    with pytest.raises(ollama.ResponseError, match="running the model"):
        list(vendor.chat(model=MODEL, messages=HELLO, stream=True))
    with pytest.raises(e.ProviderUnavailableError, match="running the model") as failed:
        await ours.stream(TextGenerationRequest("hello"), MODEL)
    assert failed.value.status is None


async def test_a_model_that_was_not_pulled_says_how_to_pull_it(vendor: ollama.Client, ours: Driver) -> None:
    with pytest.raises(ollama.ResponseError, match="not found"):
        vendor.chat(model="nobody", messages=HELLO)
    with pytest.raises(e.InvalidRequestError, match="viralai models pull nobody"):
        await ours.call(TextGenerationRequest("hello"), "nobody")


async def test_stop_words_limits_and_empty_answers(sim: Simulator, ours: Driver) -> None:
    assert (await ours.call(TextGenerationRequest("hello", stop="to"), MODEL)).text.strip() == "simulated answer"
    assert (await ours.call(TextGenerationRequest("hello", max_tokens=2), MODEL)).finish_reason == "length"
    sim.faults.add("ollama", "blocked", times=1)
    assert "can't help" in (await ours.call(TextGenerationRequest("hello"), MODEL)).text
    sim.faults.add("ollama", "empty")
    with pytest.raises(e.EmptyResultError):
        await ours.call(TextGenerationRequest("hello"), MODEL)


async def test_the_simulator_refuses_what_the_server_refuses(sim: Simulator, http: httpx2.AsyncClient) -> None:
    base = sim.url("ollama")
    wrong: list[dict[str, Any]] = [
        {"messages": "hello"},
        {"messages": [{"role": "robot", "content": "x"}]},
        {"messages": [{"role": "user", "content": "x", "images": ["?"]}]},
        {"format": "xml"},
        {"options": 3},
        {"model": ""},
    ]
    for change in wrong:
        answer = await http.post(f"{base}/api/chat", json={"model": MODEL, "messages": HELLO, **change})
        assert (answer.status_code, list(answer.json())) == (400, ["error"]), change
    assert (await http.post(f"{base}/api/chat", json={}, headers={"authorization": "Bearer x"})).status_code == 401
    assert (await http.get(f"{base}/")).text == "Ollama is running"
    assert (await http.get(f"{base}/api/version")).json()["version"]
    assert (await http.get(f"{base}/api/nothing")).status_code == 404


def test_the_vendors_client_lists_the_models(vendor: ollama.Client) -> None:
    assert MODEL in [model.model for model in vendor.list().models]
