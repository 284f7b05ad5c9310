"""Whatever comes back, only our errors come out: truncated, retyped, reordered, huge, and no JSON at all."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.providers.by_hand import ok, picture
from tests.providers.gemini.support import IMAGE, IMAGEN, OMNI, SPEECH, TEXT, VEO
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest
from viralai_sdk.interfaces.steps import END, Answer, Download, JobProgress, JobTicket, Send, StreamEvent
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.providers.gemini import (
    GeminiImageService,
    GeminiSpeechService,
    GeminiTextService,
    GeminiVideoService,
)
from viralai_sdk.providers.vertex import VEOVideoService, VertexImagenService

GEMINI = AIServiceConfig(provider="gemini", api_key="sim-key")
VERTEX = AIServiceConfig(provider="vertex", custom_config={"access_token": "t", "project": "p"})
TICKET = JobTicket("i1")
OPERATION = f"projects/p/locations/l/publishers/google/models/{VEO}/operations/7"
FILE = base64.b64encode(picture()).decode()
USAGE = {
    "promptTokenCount": 3,
    "candidatesTokenCount": 5,
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 5}],
}
PART = {"text": "hello", "inlineData": {"mimeType": "image/png", "data": FILE}, "functionCall": {"name": "f"}}
CONTENT = {
    "candidates": [{"content": {"role": "model", "parts": [PART]}, "finishReason": "STOP", "index": 0}],
    "promptFeedback": {"blockReasonMessage": "x"},
    "usageMetadata": USAGE,
    "modelVersion": "m",
}
INTERACTION = {
    "id": "i1",
    "status": "completed",
    "model": "m",
    "steps": [{"type": "model_output", "content": [{"type": "video", "uri": "https://x.example/f", "data": FILE}]}],
    "errors": [{"code": "c", "message": "m"}],
    "usage": {"total_input_tokens": 1, "total_output_tokens": 2},
}
FILM = {
    "name": OPERATION,
    "done": True,
    "error": {"code": 3, "message": "m", "details": [{"reason": "r"}]},
    "response": {
        "videos": [{"bytesBase64Encoded": FILE}],
        "raiMediaFilteredCount": 1,
        "raiMediaFilteredReasons": ["r"],
    },
}
PREDICTIONS = {
    "predictions": [{"bytesBase64Encoded": FILE, "mimeType": "image/png", "raiFilteredReason": "r", "prompt": "p"}]
}
VOICES = {"voices": [{"id": "A", "display_name": "A", "language_code": "en"}], "next_page_token": ""}
ERROR = {
    "error": {
        "code": 429,
        "message": "m",
        "status": "S",
        "details": [{"retryDelay": "3s", "violations": [{"quotaId": "q"}]}],
    }
}

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["STOP", "video", "failed", FILE]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        found += places(inner, (*path, key))
    return found


@st.composite
def spoiled(draw: st.DrawFn, sample: Any) -> bytes:
    """A good answer with up to three places retyped or taken out, perhaps cut; or anything at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.one_of(st.binary(max_size=60), values.map(lambda value: json.dumps(value).encode())))
    value = copy.deepcopy(sample)
    for path in draw(st.lists(st.sampled_from(places(sample)), min_size=1, max_size=3)):
        holder = value
        try:
            for key in path[:-1]:
                holder = holder[key]
            if draw(st.booleans()):
                holder[path[-1]] = draw(values)
            else:
                del holder[path[-1]]
        except (KeyError, IndexError, TypeError):
            # The place went away with an earlier change.
            continue
    data = json.dumps(value).encode()
    return data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 3)) == 0 else data


def finish(steps: Any, data: bytes) -> Any:
    """Drive a generator with one answer, whatever it may wish for after that."""
    next(steps)
    try:
        assert isinstance(steps.send(ok(data)), (Download, Send))
    except StopIteration as done:
        return done.value
    return None


def poll_and_collect(adapter: Any, ticket: JobTicket, data: bytes) -> None:
    progress = finish(adapter.poll(ticket), data)
    assert isinstance(progress, JobProgress)
    if progress.over == "done":
        collected = adapter.collect(ticket, progress)
        try:
            step = next(collected)
            assert isinstance(step, (Download, Send))
        except StopIteration:
            pass


def stream(data: bytes) -> None:
    steps = GeminiTextService(GEMINI).stream(TextGenerationRequest("hi"), TEXT)
    next(steps)
    try:
        for _ in range(2):
            steps.send(StreamEvent(data=data.decode("utf-8", "replace")))
        steps.send(END)
    except StopIteration:
        pass


def refuse(data: bytes) -> None:
    error = GeminiTextService(GEMINI).error(Answer(429, {}, data))
    assert isinstance(error, AIError)
    assert str(error)


image, film = ImageGenerationRequest("a fox"), VideoGenerationRequest("a fox")
PARSERS: dict[str, tuple[Any, Callable[[bytes], Any]]] = {
    "text": (CONTENT, lambda data: finish(GeminiTextService(GEMINI).steps(TextGenerationRequest("hi"), TEXT), data)),
    "stream": (CONTENT, stream),
    "image": (CONTENT, lambda data: finish(GeminiImageService(GEMINI).steps(image, IMAGE), data)),
    "speech": (
        CONTENT,
        lambda data: finish(GeminiSpeechService(GEMINI).steps(SpeechSynthesisRequest("hi"), SPEECH), data),
    ),
    "voices": (VOICES, lambda data: finish(GeminiSpeechService(GEMINI).voice_steps("en"), data)),
    "order": (INTERACTION, lambda data: finish(GeminiVideoService(GEMINI).submit(film, OMNI), data)),
    "interaction": (INTERACTION, lambda data: poll_and_collect(GeminiVideoService(GEMINI), TICKET, data)),
    "cancel": (INTERACTION, lambda data: finish(GeminiVideoService(GEMINI).cancel(TICKET), data)),
    "imagen": (PREDICTIONS, lambda data: finish(VertexImagenService(VERTEX).steps(image, IMAGEN), data)),
    "veo order": (FILM, lambda data: finish(VEOVideoService(VERTEX).submit(film, VEO), data)),
    "veo": (
        FILM,
        lambda data: poll_and_collect(VEOVideoService(VERTEX), JobTicket(OPERATION, {"operation": OPERATION}), data),
    ),
    "error": (ERROR, refuse),
}


@pytest.mark.parametrize("name", PARSERS)
def test_only_our_errors_come_out(name: str) -> None:
    sample, parse = PARSERS[name]

    @settings(max_examples=150, deadline=None, database=None)
    @given(spoiled(sample))
    @example(b"[" * 100_000)
    @example(b"9" * 5000)
    @example(b'{"candidates": [{"index": 1e999}]}')
    @example(b'{"candidates": [{"index": NaN}]}')
    @example(b'{"error": {"code": 99999999999999999999}}')
    @example(json.dumps(sample).encode())
    def check(data: bytes) -> None:
        with contextlib.suppress(AIError):
            parse(data)

    check()
