"""Text as data: what is asked for, and what every answer becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.providers.by_hand import answered, ok, opened, streamed
from tests.providers.gemini.support import TEXT, Google
from viralai_sdk.interfaces.errors import (
    ConfigurationError,
    ContentPolicyError,
    EmptyResultError,
    MalformedResponseError,
    UnsupportedCapabilityError,
)
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.gemini import GeminiTextService
from viralai_sdk.providers.google_common.content import REFUSALS


def service(**custom: Any) -> GeminiTextService:
    return GeminiTextService(AIServiceConfig(provider="gemini", api_key="sim-key", custom_config=custom))


def candidate(text: str | None = "hello", finish: str | None = "STOP", **more: Any) -> dict[str, Any]:
    parts = [] if text is None else [{"text": text}]
    value: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0, **more}
    return value | ({"finishReason": finish} if finish else {})


def body(*candidates: dict[str, Any], **more: Any) -> bytes:
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 5, "thoughtsTokenCount": 2, "totalTokenCount": 10}
    return json.dumps({"candidates": list(candidates), "usageMetadata": usage, **more}).encode()


def read(data: bytes) -> Any:
    return answered(service().steps(TextGenerationRequest("hi"), TEXT), ok(data))


def test_a_whole_answer() -> None:
    found = read(body(candidate(), modelVersion="gemini-3.8-flash-001", responseId="r1"))
    assert (found.text, found.finish_reason, found.model) == ("hello", "stop", "gemini-3.8-flash-001")
    assert found.metadata == {"response_id": "r1"}
    usage = found.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens, usage.total_tokens) == (3, 7, 2, 10)


def test_thoughts_are_no_text_and_calls_and_alternatives_are_kept() -> None:
    first = candidate(None)
    call = {"name": "look", "args": {"x": 1}}
    first["content"]["parts"] = [{"text": "hm", "thought": True}, {"text": "a"}, {"text": "b"}, {"functionCall": call}]
    found = read(body(first, candidate("other", index=1)))
    assert found.text == "ab"
    assert found.finish_reason == "tool_calls"
    assert found.metadata == {"tool_calls": [call], "alternatives": ["other"]}


@pytest.mark.parametrize(
    ("finish", "reason"), [("STOP", "stop"), ("MAX_TOKENS", "length"), ("OTHER", "other"), (None, "other")]
)
def test_reasons_to_finish(finish: str | None, reason: str) -> None:
    assert read(body(candidate(finish=finish))).finish_reason == reason


@pytest.mark.parametrize("finish", sorted(REFUSALS))
def test_every_refusal_is_one_even_with_half_a_text(finish: str) -> None:
    with pytest.raises(ContentPolicyError, match=finish) as caught:
        read(body(candidate("half", finish)))
    assert caught.value.billed == "yes"


def test_blocked_prompts() -> None:
    with pytest.raises(ContentPolicyError, match="JAILBREAK"):
        read(json.dumps({"promptFeedback": {"blockReason": "JAILBREAK"}}).encode())
    said = {"blockReason": "OTHER", "blockReasonMessage": "we do not like it"}
    with pytest.raises(ContentPolicyError, match="do not like"):
        read(json.dumps({"promptFeedback": said}).encode())


def test_answers_without_text() -> None:
    with pytest.raises(EmptyResultError, match="after 7 tokens") as caught:
        read(body(candidate(None, "MAX_TOKENS")))
    assert caught.value.billed == "yes"
    with pytest.raises(EmptyResultError, match="OTHER"):
        read(body(candidate(None, "OTHER")))
    with pytest.raises(EmptyResultError):
        read(b"{}")


def test_an_error_in_a_successful_answer() -> None:
    with pytest.raises(Exception, match="by order"):
        read(b'{"error": {"code": 500, "message": "by order"}}')


def test_streams_must_say_why_they_end() -> None:
    steps = service().stream(TextGenerationRequest("hi"), TEXT)
    pieces, payload = streamed(
        steps,
        json.dumps({"candidates": [candidate("he", None)]}),
        body(candidate("llo")).decode(),
    )
    assert pieces == ["he", "llo"]
    assert payload.text == "hello"
    steps = service().stream(TextGenerationRequest("hi"), TEXT)
    with pytest.raises(MalformedResponseError, match="broke off after 2 characters"):
        streamed(steps, json.dumps({"candidates": [candidate("he", None)]}))
    with pytest.raises(MalformedResponseError, match="no JSON"):
        streamed(service().stream(TextGenerationRequest("hi"), TEXT), "[DONE]")


def test_settings_options_and_their_order() -> None:
    adapter = service(
        safetySettings=[{"category": "HARM_CATEGORY_JAILBREAK", "threshold": "OFF"}],
        generationConfig={"temperature": 0.1, "thinkingConfig": {"thinkingLevel": "LOW"}},
        api_version="v1beta",
    )
    turns = [{"role": "developer", "content": "Be kind."}, {"role": "assistant", "content": "yes?"}]
    request = TextGenerationRequest(
        "hi",
        system="Be brief.",
        messages=turns,
        temperature=0.9,
        response_format="json",
        options={"generationConfig": {"topK": 5, "thinkingConfig": {"includeThoughts": True}}},
    )
    sent = opened(adapter.steps(request, "models/gemini-flash-latest"))
    assert sent.path == "/v1beta/models/gemini-flash-latest:generateContent"
    assert sent.creates
    assert sent.json["systemInstruction"]["parts"] == [{"text": "Be brief.\n\nBe kind."}]
    assert [turn["role"] for turn in sent.json["contents"]] == ["model", "user"]
    assert sent.json["safetySettings"][0]["threshold"] == "OFF"
    assert sent.json["generationConfig"] == {
        "temperature": 0.9,
        "thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True},
        "responseMimeType": "application/json",
        "topK": 5,
    }


def test_what_cannot_be_asked_for() -> None:
    with pytest.raises(UnsupportedCapabilityError, match="stop"):
        service().check(TextGenerationRequest("hi", stop=list("abcdef")), TEXT)
    with pytest.raises(UnsupportedCapabilityError, match="gif"):
        service().check(TextGenerationRequest("hi", images=[b"GIF89a...."]), TEXT)
    with pytest.raises(ConfigurationError, match="no key"):
        GeminiTextService(AIServiceConfig(provider="gemini")).headers()


async def test_an_empty_answer_by_the_wire(sim: Any, gemini: Google) -> None:
    sim.faults.add("gemini", "empty")
    with pytest.raises(EmptyResultError):
        await gemini(GeminiTextService).call(TextGenerationRequest("hi"), TEXT)


async def test_a_cut_answer_by_the_wire(gemini: Google) -> None:
    found = await gemini(GeminiTextService).call(TextGenerationRequest("hello there", max_tokens=2), TEXT)
    assert found.finish_reason == "length"
    assert found.text == "simulate"
    as_json = await gemini(GeminiTextService).call(TextGenerationRequest("hello", response_format="json"), TEXT)
    assert json.loads(as_json.text) == {"answer": "simulated answer to: hello"}
