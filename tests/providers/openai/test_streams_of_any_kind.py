"""Whatever a server sends, a reader gives a payload or one of our errors, never anything else."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.by_hand import answered, ok, picture, streamed
from tests.providers.openai.support import IMAGE, SPEECH, TEXT, config
from viralai_sdk.interfaces.errors import AIError, ContentPolicyError, MalformedResponseError
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest
from viralai_sdk.interfaces.steps import END, Download, MediaPayload, Send, TextPayload
from viralai_sdk.interfaces.streaming import byte_pieces
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.openai.image import OpenAIImageService
from viralai_sdk.providers.openai.speech import OpenAISpeechService
from viralai_sdk.providers.openai.text import OpenAITextService

DRAW = OpenAIImageService(config())
PNG = base64.b64encode(picture()).decode()
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


PICTURE_EVENT = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            [
                "image_generation.partial_image",
                "image_generation.completed",
                "image_edit.completed",
                "error",
                ".completed",
            ]
        ),
        "b64_json": st.sampled_from([PNG, "aGk=", "", None]) | VALUE,
    },
    optional={"usage": VALUE, "error": VALUE, "size": VALUE, "revised_prompt": VALUE},
)


@given(data=st.lists((VALUE | PICTURE_EVENT).map(json.dumps) | st.text(max_size=10) | st.just("[DONE]"), max_size=5))
def test_any_order_of_picture_events_ends_in_a_picture_or_one_of_our_errors(data: list[str]) -> None:
    try:
        pieces, payload = streamed(DRAW.stream(ImageGenerationRequest(prompt="a fox"), IMAGE), *data)
    except AIError:
        return
    assert payload.blobs[0].media_type == "image/png"
    assert all(piece is None or piece.startswith(b"\x89PNG") for piece in pieces)


@pytest.mark.parametrize("wanted", ["mp3", "wav", "pcm"])
@given(chunks=st.lists(st.binary(max_size=80) | st.sampled_from([b"ID3" + bytes(70), b"RIFF"]), max_size=4))
def test_any_chunks_of_sound_are_a_recording_or_one_of_our_errors(wanted: str, chunks: list[bytes]) -> None:
    steps = OpenAISpeechService(config()).stream(SpeechSynthesisRequest(text="hello", output_format=wanted), SPEECH)
    next(steps)
    pieces = []
    try:
        for chunk in chunks:
            pieces.append(steps.send(chunk))  # noqa: PERF401
        steps.send(END)
    except AIError:
        return
    except StopIteration as done:
        payload = done.value
    given_on = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    assert given_on in (b"", b"".join(chunks))
    assert payload.blobs[0].data


def test_a_stream_without_its_end_a_broken_partial_and_what_comes_after_the_picture() -> None:
    ask = ImageGenerationRequest(prompt="a fox")
    partial = json.dumps({"type": "image_edit.partial_image", "b64_json": PNG})
    broken = json.dumps({"type": "image_edit.partial_image", "b64_json": "?"})
    whole = json.dumps({"type": "image_edit.completed", "b64_json": PNG, "revised_prompt": "a red fox"})
    with pytest.raises(MalformedResponseError, match="broke off after 1 partial"):
        streamed(DRAW.stream(ask, IMAGE), partial, broken)
    pieces, payload = streamed(DRAW.stream(ask, IMAGE), broken, whole, json.dumps({"error": {"code": "server_error"}}))
    assert pieces == [None, None, None]
    assert payload.metadata["revised_prompt"] == "a red fox"
    assert payload.quantities == {"image": 1}
    assert [warning.parameter for warning in payload.warnings] == ["stream"]
    with pytest.raises(ContentPolicyError):
        flat = {"type": "error", "code": "moderation_blocked", "message": "no"}
        streamed(DRAW.stream(ask, IMAGE), partial, json.dumps(flat))


def test_what_cannot_be_streamed_is_not() -> None:
    assert DRAW.streams(ImageGenerationRequest(prompt="a fox"), IMAGE)
    assert not DRAW.streams(ImageGenerationRequest(prompt="a fox", options={"n": 2}), IMAGE)
    assert not DRAW.streams(ImageGenerationRequest(prompt="a fox"), "dall-e-3")
    events = SpeechSynthesisRequest(text="hello", options={"stream_format": "sse"})
    assert not OpenAISpeechService(config()).streams(events, SPEECH)


def test_a_stream_of_bytes_has_a_limit() -> None:
    steps = byte_pieces(Send("POST", "/x", expect="bytes", max_bytes=100), lambda head: None)
    next(steps)
    assert steps.send(b"x" * 63) is None
    assert steps.send(b"y") == b"x" * 63 + b"y"
    assert steps.send(b"") is None
    with pytest.raises(MalformedResponseError, match="longer than 100"):
        steps.send(b"z" * 40)
