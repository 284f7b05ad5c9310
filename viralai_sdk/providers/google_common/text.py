"""Text by generateContent."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from viralai_sdk.interfaces.adapter import StreamingAdapter, TextAdapter
from viralai_sdk.interfaces.media import MediaInput
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.steps import END, Steps, StreamSteps, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.google_common.base import GoogleAdapter
from viralai_sdk.providers.google_common.content import Reader, read

MAX_STOPS = 5
"""The most that generateContent takes."""
IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp")


class ContentTextService(GoogleAdapter, TextAdapter, StreamingAdapter):
    """Text from a Gemini model."""

    def check(self, request: TextGenerationRequest, model: str) -> list[CallWarning]:
        if len(request.stop) > MAX_STOPS:
            raise self.unsupported(f"more than {MAX_STOPS} stop sequences", hint="Give fewer.")
        for media in request.images:
            if media.media_type not in IMAGE_TYPES:
                raise self.unsupported(f"with {media.media_type} files", hint="Give PNG, JPEG or WebP files.")
        return []

    def steps(self, request: TextGenerationRequest, model: str) -> Steps[TextPayload]:
        answer = yield from self.call(model, "generateContent", self.content_body(request))
        return read(answer).text_payload()

    def stream(self, request: TextGenerationRequest, model: str) -> StreamSteps[TextPayload]:
        reader = Reader()
        opening = self.request(
            self.credentials.sign_in_now(), model, "streamGenerateContent", self.content_body(request)
        )
        opening.expect, opening.params = "sse", {"alt": "sse"}
        event = yield opening
        while event is not END:
            event = yield reader.feed(event)
        return reader.finish()

    def content_body(self, request: TextGenerationRequest) -> dict[str, Any]:
        """The body of a generateContent call."""
        orders = [turn["content"] for turn in request.messages if turn["role"] in ("system", "developer")]
        system = "\n\n".join(([request.system] if request.system else []) + orders)
        turns = [turn for turn in request.messages if turn["role"] not in ("system", "developer")]
        wants_json = request.response_schema is not None or request.response_format == "json"
        fields = {
            "contents": [*(content(turn["role"], turn["content"]) for turn in turns), last_turn(request)],
            "systemInstruction": content("user", system) if system else None,
            "generationConfig": given(
                {
                    "temperature": request.temperature,
                    "topP": request.top_p,
                    "maxOutputTokens": request.max_tokens,
                    "stopSequences": request.stop or None,
                    "seed": request.seed,
                    "responseMimeType": "application/json" if wants_json else None,
                    "responseJsonSchema": request.response_schema,
                }
            )
            or None,
        }
        return self.body(given(fields), request.options)


def given(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def content(role: str, text: str) -> dict[str, Any]:
    """One turn of words."""
    return {"role": "model" if role == "assistant" else "user", "parts": [{"text": text}]}


def last_turn(request: TextGenerationRequest) -> dict[str, Any]:
    """The prompt and the pictures it is about."""
    turn = content("user", request.prompt)
    turn["parts"] += inline_parts(request.images)
    return turn


def inline_parts(media: Sequence[MediaInput]) -> list[dict[str, Any]]:
    """Files as parts. The alphabet is the URL-safe one, as the vendor's own client writes it."""
    return [
        {"inlineData": {"mimeType": item.media_type, "data": base64.urlsafe_b64encode(item.data).decode("ascii")}}
        for item in media
    ]
