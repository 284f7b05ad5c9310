"""Whatever a server sends, a reader gives a payload or one of our errors, never anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.openai.support import IMAGE, SPEECH, TEXT, answered, config, ok, streamed
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest
from viralai_sdk.interfaces.steps import Download, MediaPayload, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.openai.image import OpenAIImageService
from viralai_sdk.providers.openai.speech import OpenAISpeechService
from viralai_sdk.providers.openai.text import OpenAITextService

ASK = TextGenerationRequest("hello")
SERVICES = [OpenAITextService(config()), OpenAITextService(config(api="responses"))]

LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
WORDS = ["choices", "delta", "message", "content", "index", "finish_reason", "refusal", "tool_calls", "function"]
WORDS += ["name", "arguments", "usage", "error", "code", "type", "status", "output", "text", "response", "item"]
WORDS += ["incomplete_details", "reason", "prompt_tokens", "model", "id", "data", "b64_json", "url", "revised_prompt"]
KINDS = ["response.output_text.delta", "response.completed", "response.failed", "error", "message", "output_text"]
KINDS += ["refusal", "function_call", "completed", "incomplete", "content_filter", "stop", "aGk=", "iVBORw0KGgo="]
VALUE = st.recursive(
    LEAF | st.sampled_from(KINDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=20,
)
CHUNK = st.fixed_dictionaries(
    {
        "choices": st.lists(
            st.fixed_dictionaries({"delta": VALUE | st.fixed_dictionaries({"content": VALUE})}), max_size=2
        )
    },
    optional={"usage": VALUE, "error": VALUE, "model": VALUE},
)
EVENT = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS[:4])}, optional={"delta": VALUE, "response": VALUE, "error": VALUE, "code": VALUE}
)
DATA = st.one_of((VALUE | CHUNK | EVENT).map(json.dumps), st.text(max_size=10), st.just("[DONE]"))


@pytest.mark.parametrize("service", SERVICES, ids=["chat", "responses"])
@given(data=st.lists(DATA, max_size=5))
def test_any_order_of_events_ends_in_a_payload_or_one_of_our_errors(
    service: OpenAITextService, data: list[str]
) -> None:
    try:
        pieces, payload = streamed(service.stream(ASK, TEXT), *data)
    except AIError:
        return
    assert isinstance(payload, TextPayload)
    assert payload.text or payload.metadata["tool_calls"]
    assert all(piece is None or (isinstance(piece, str) and piece) for piece in pieces)


@pytest.mark.parametrize("service", SERVICES, ids=["chat", "responses"])
@given(value=VALUE | CHUNK)
def test_any_whole_answer_is_a_payload_or_one_of_our_errors(service: OpenAITextService, value: Any) -> None:
    try:
        payload = answered(service.steps(ASK, TEXT), ok(json.dumps(value).encode()))
    except AIError:
        return
    assert isinstance(payload, TextPayload)


@given(value=VALUE | st.fixed_dictionaries({"data": st.lists(VALUE, max_size=2)}, optional={"usage": VALUE}))
def test_any_answer_about_pictures_is_a_payload_or_one_of_our_errors(value: Any) -> None:
    steps = OpenAIImageService(config()).steps(ImageGenerationRequest(prompt="a fox"), IMAGE)
    next(steps)
    try:
        while True:
            # Whatever address the answer names, the runner's downloader decides about it.
            assert isinstance(steps.send(ok(json.dumps(value).encode())), Download)
    except AIError:
        return
    except StopIteration as done:
        payload = done.value
    assert isinstance(payload, MediaPayload)
    assert payload.blobs


@given(
    body=st.binary(max_size=80), kind=st.sampled_from(["audio/mpeg", "application/json", "", "text/html", "audio/wav"])
)
def test_any_sound_is_a_payload_or_one_of_our_errors(body: bytes, kind: str) -> None:
    steps = OpenAISpeechService(config()).steps(SpeechSynthesisRequest(text="hello"), SPEECH)
    try:
        payload = answered(steps, ok(body, content_type=kind))
    except AIError:
        return
    assert payload.blobs[0].data
