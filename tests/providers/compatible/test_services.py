"""Text, pictures and speech of compatible servers, beside OpenAI's own client where that can say the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from tests.providers.by_hand import answered, ok, opened, picture, streamed
from tests.providers.chat_fixtures import same
from tests.providers.driver import Driver
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.compatible.image import CompatibleImageService
from viralai_sdk.providers.compatible.speech import CompatibleSpeechService
from viralai_sdk.providers.compatible.text import CompatibleTextService, cost_of
from viralai_sdk.simulator import Simulator

MODEL = "sim-small"
HELLO: Any = [{"role": "user", "content": "hello"}]
ASK = TextGenerationRequest("hello")


class Fox(BaseModel):
    name: str
    age: int


def config(sim: Simulator, name: str = "vllm", **flags: Any) -> AIServiceConfig:
    custom = {"compatible": flags} if flags else {}
    return AIServiceConfig(name, sim.key, base_url=sim.url("compatible"), custom_config=custom)


def text(name: str = "vllm", **flags: Any) -> CompatibleTextService:
    return CompatibleTextService(AIServiceConfig(name, "k", custom_config={"compatible": flags}))


@pytest.fixture
def vendor(sim: Simulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=sim.url("compatible"), api_key=sim.key, max_retries=0) as client:
        yield client


async def test_plain_text(sim: Simulator, vendor: openai.OpenAI, http: httpx2.AsyncClient) -> None:
    theirs = vendor.chat.completions.create(
        model=MODEL, messages=[{"role": "system", "content": "Be brief."}, *HELLO], max_tokens=50, seed=3, stop=["END"]
    )
    request = TextGenerationRequest("hello", system="Be brief.", max_tokens=50, seed=3, stop="END")
    payload = await Driver(CompatibleTextService(config(sim)), http).call(request, MODEL)
    same(*sim.log)
    assert theirs.choices[0].message.content == payload.text
    assert payload.cost_usd is None


async def test_streamed_text(sim: Simulator, vendor: openai.OpenAI, http: httpx2.AsyncClient) -> None:
    chunks = vendor.chat.completions.create(
        model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    theirs = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    pieces, payload = await Driver(CompatibleTextService(config(sim)), http).stream(ASK, MODEL)
    same(*sim.log)
    assert pieces == theirs
    assert payload.text == "".join(theirs)


async def test_structured_text(sim: Simulator, vendor: openai.OpenAI, http: httpx2.AsyncClient) -> None:
    theirs = vendor.chat.completions.parse(model=MODEL, messages=HELLO, response_format=Fox)
    payload = await Driver(CompatibleTextService(config(sim)), http).call(
        TextGenerationRequest("hello", schema=Fox), MODEL
    )
    same(*sim.log, fields={"stream": False})
    assert Fox.model_validate_json(payload.text) == theirs.choices[0].message.parsed


@pytest.mark.parametrize(
    ("status", "theirs", "kind"),
    [
        (401, openai.AuthenticationError, e.AuthenticationError),
        (429, openai.RateLimitError, e.RateLimitError),
        (503, openai.InternalServerError, e.ProviderUnavailableError),
    ],
)
async def test_failing_calls(
    sim: Simulator,
    vendor: openai.OpenAI,
    http: httpx2.AsyncClient,
    status: int,
    theirs: type[openai.APIStatusError],
    kind: type[e.AIError],
) -> None:
    sim.faults.add("compatible", status=status, message="by order")
    with pytest.raises(theirs, match="by order"):
        vendor.chat.completions.create(model=MODEL, messages=HELLO)
    ours = Driver(CompatibleTextService(config(sim)), http)
    for ask in (ours.call, ours.stream):
        with pytest.raises(kind, match="by order"):
            await ask(ASK, MODEL)


async def test_a_stated_cost_is_kept(sim: Simulator, http: httpx2.AsyncClient) -> None:
    ours = Driver(CompatibleTextService(config(sim, "openrouter")), http)
    assert (await ours.call(ASK, MODEL)).cost_usd == 0.00042
    assert opened(ours.adapter.stream(ASK, MODEL)).json["stream"] is True  # type: ignore[attr-defined]
    assert "stream_options" not in opened(ours.adapter.stream(ASK, MODEL)).json  # type: ignore[attr-defined]
    asked = TextGenerationRequest("hello", options={"stream_options": {"include_usage": True}})
    _, payload = await ours.stream(asked, MODEL)
    assert payload.cost_usd == 0.00042


def test_what_is_no_cost_is_none() -> None:
    for usage in (None, 3, {}, {"cost": True}, {"cost": -1}, {"cost": float("nan")}, {"cost": "1"}):
        assert cost_of({"usage": usage}) is None
    assert cost_of([]) is None


def test_fields_are_called_what_the_server_calls_them() -> None:
    request = TextGenerationRequest("hi", seed=1, max_tokens=5, messages=[{"role": "developer", "content": "x"}])
    body = opened(text("mistral").stream(request, "m")).json
    assert (body["random_seed"], body["max_tokens"], body["messages"][0]["role"]) == (1, 5, "system")
    assert not {"seed", "stream_options"} & body.keys()
    assert opened(text("groq").steps(request, "m")).json["max_completion_tokens"] == 5
    assert opened(text(system_role="developer").steps(request, "m")).json["messages"][0]["role"] == "developer"
    assert opened(text("xai").steps(request, "m")).path == "/chat/completions"


def test_a_server_with_one_model_needs_no_name() -> None:
    service = text("llamacpp_server")
    assert service.check(ASK, "") == []
    assert "model" not in opened(service.steps(ASK, "")).json
    with pytest.raises(e.InvalidRequestError, match="no model is named"):
        text("vllm").check(ASK, "")


@pytest.mark.parametrize(("level", "form"), [("json_object", {"type": "json_object"}), ("none", None)])
def test_a_schema_that_is_not_enforced_is_asked_for_in_words(level: str, form: Any) -> None:
    service = text(structured=level)
    request = TextGenerationRequest("a fox", schema=Fox)
    assert [note.parameter for note in service.check(request, "m")] == ["schema"]
    body = opened(service.steps(request, "m")).json
    assert body.get("response_format") == form
    assert '"age"' in body["messages"][0]["content"]
    assert service.check(ASK, "m") == []
    loose = TextGenerationRequest("hi", response_format="json")
    assert opened(service.steps(loose, "m")).json.get("response_format") == form


def test_an_error_in_words_under_http_200_is_an_error() -> None:
    for body in (b'{"error": "Unexpected endpoint"}', b'{"error": "No models loaded"}'):
        with pytest.raises(e.InvalidRequestError, match="base_url"):
            answered(text().steps(ASK, "m"), ok(body))
    with pytest.raises(e.ProviderUnavailableError):
        answered(text().steps(ASK, "m"), ok(b'{"error": {"message": "boom"}}'))
    with pytest.raises(e.MalformedResponseError):
        answered(text().steps(ASK, "m"), ok(b"[]"))


@pytest.mark.parametrize(
    ("name", "request_", "sent"),
    [
        ("vllm", {"aspect_ratio": "16:9"}, {"size": "1024x576", "response_format": "b64_json"}),
        ("together", {"aspect_ratio": "1:1"}, {"width": 1024, "height": 1024}),
        ("xai", {"aspect_ratio": "16:9"}, {"aspect_ratio": "16:9", "response_format": "b64_json"}),
        (
            "xai",
            {"width": 300, "height": 200},
            {"aspect_ratio": "3:2", "response_format": "b64_json"},
        ),
        ("xai", {"aspect_ratio": None}, {"response_format": "b64_json"}),
    ],
)
async def test_pictures(
    sim: Simulator, http: httpx2.AsyncClient, name: str, request_: dict[str, Any], sent: dict[str, Any]
) -> None:
    ours = Driver(CompatibleImageService(config(sim, name)), http)
    payload = await ours.call(ImageGenerationRequest(prompt="a fox", **request_), MODEL)
    assert sim.log[0].json() == {"model": MODEL, "prompt": "a fox", **sent}
    assert payload.blobs[0].media_type == "image/png"


async def test_pictures_as_openais_client_asks_for_them(
    sim: Simulator, vendor: openai.OpenAI, http: httpx2.AsyncClient
) -> None:
    vendor.images.generate(model=MODEL, prompt="a fox", n=2, size="1024x1024", response_format="b64_json")
    request = ImageGenerationRequest(prompt="a fox", num_images=2)
    payload = await Driver(CompatibleImageService(config(sim)), http).call(request, MODEL)
    same(*sim.log)
    assert len(payload.blobs) == 2


def test_what_becomes_of_a_size_is_told() -> None:
    def notes(way: str, **asked: Any) -> list[str | None]:
        flags = {"compatible": {"picture_size": way}}
        service = CompatibleImageService(AIServiceConfig("vllm", custom_config=flags))
        request = ImageGenerationRequest(prompt="a fox", **asked)
        assert "size" not in opened(service.steps(request, "m")).json or way == "size"
        return [note.parameter for note in service.check(request, "m")]

    assert notes("none", aspect_ratio="16:9") == ["aspect_ratio"]
    assert notes("none") == []
    assert notes("aspect_ratio", width=640, height=480) == ["width"]
    assert notes("size", width=640, height=480) == []
    edit = ImageGenerationRequest(prompt="a fox", reference_images=[picture()])
    with pytest.raises(e.UnsupportedCapabilityError, match="pictures from pictures"):
        CompatibleImageService(AIServiceConfig("vllm")).check(edit, "m")
    with pytest.raises(e.InvalidRequestError, match="no model"):
        CompatibleImageService(AIServiceConfig("vllm")).check(edit, "")


async def test_speech(sim: Simulator, vendor: openai.OpenAI, http: httpx2.AsyncClient) -> None:
    theirs = vendor.audio.speech.create(model=MODEL, input="hello", voice="autumn", response_format="wav", speed=1.5)
    ours = Driver(CompatibleSpeechService(config(sim, "groq")), http)
    payload = await ours.call(SpeechSynthesisRequest(text="hello", voice_id="autumn", speed=1.5), MODEL)
    same(*sim.log)
    assert payload.blobs[0].data == theirs.content
    assert await ours.run(ours.adapter.voice_steps(None)) == []  # type: ignore[attr-defined]
    for custom in ({"voice": "autumn"}, {"voices": ["autumn"]}):
        named = CompatibleSpeechService(AIServiceConfig("groq", custom_config=custom))
        assert [voice.id for voice in await ours.run(named.voice_steps(None))] == ["autumn"]


def test_a_voice_must_be_named() -> None:
    service = CompatibleSpeechService(AIServiceConfig("groq"))
    with pytest.raises(e.UnsupportedCapabilityError, match="voice_id"):
        service.check(SpeechSynthesisRequest(text="hello"), "m")
    assert service.check(SpeechSynthesisRequest(text="hello", voice_id="autumn"), "m") == []


async def test_the_simulated_server_is_strict(sim: Simulator, http: httpx2.AsyncClient) -> None:
    base, key = sim.url("compatible"), {"authorization": f"Bearer {sim.key}"}
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("/chat/completions", {"messages": [{"role": "developer", "content": "x"}]}),
        ("/chat/completions", {"messages": HELLO, "verbosity": "low"}),
        ("/images/generations", {"prompt": "x", "size": "big"}),
        ("/audio/speech", {"input": "x", "voice": "y", "response_format": "aiff"}),
    ]
    for path, change in wrong:
        answer = await http.post(base + path, headers=key, json={"model": MODEL, **change})
        assert (answer.status_code, list(answer.json())) == (400, ["error"]), path
    assert (await http.post(f"{base}/chat/completions", json={})).status_code == 401
    assert (await http.get(f"{base}/nothing", headers=key)).status_code == 404
    assert len((await http.get(f"{base}/models", headers=key)).json()["data"]) == 2
    sim.faults.add("compatible", "empty")
    for service, asked in (
        (CompatibleImageService(config(sim)), ImageGenerationRequest(prompt="x")),
        (CompatibleSpeechService(config(sim)), SpeechSynthesisRequest(text="x", voice_id="y")),
        (CompatibleTextService(config(sim)), ASK),
    ):
        with pytest.raises(e.EmptyResultError):
            await Driver(service, http).call(asked, MODEL)


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "delta", "message", "content", "usage", "cost", "error", "reasoning"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(value=VALUE, rest=st.lists(VALUE, max_size=4))
def test_any_answer_is_a_payload_or_one_of_our_errors(value: Any, rest: list[Any]) -> None:
    service = text("openrouter")
    for drive in (
        lambda: answered(service.steps(ASK, "m"), ok(json.dumps(value).encode())),
        lambda: streamed(service.stream(ASK, "m"), *map(json.dumps, [value, *rest])),
    ):
        try:
            drive()
        except e.AIError:
            continue
