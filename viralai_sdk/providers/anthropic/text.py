"""Text by Anthropic's Messages API."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, ClassVar

from viralai_sdk.interfaces.adapter import StreamingAdapter, TextAdapter
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.media import MediaInput
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.steps import END, Answer, Send, Steps, StreamSteps, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.anthropic import messages, models
from viralai_sdk.providers.anthropic.errors import error_from_answer
from viralai_sdk.providers.anthropic.schema import clean_schema, schema_notes

VERSION = "2026-10-21"
"""The `anthropic-version` that the vendor's own client sends (anthropic 2.12)."""
LONG_ANSWER = 21_333
"""The vendor's client refuses longer answers in one piece: at the assumed 128,000 tokens an hour they take more than ten minutes."""
PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
JSON_ORDER = "Answer with one JSON object and nothing else."


class AnthropicTextService(TextAdapter, StreamingAdapter):
    """Text from Anthropic's models."""

    vendor_fields: ClassVar[frozenset[str]] = frozenset(
        {"cache_control", "inference_geo", "metadata", "service_tier", "speed", "thinking"}
    )
    """Body fields that may stand in the configuration file as defaults."""

    def headers(self) -> Mapping[str, str]:
        """Key and API version; beta features and the workspace when the configuration names them."""
        headers = {"anthropic-version": VERSION}
        if key := self.config.secret():
            headers["Authorization"] = f"Bearer {key}"
        custom = self.config.custom_config
        if betas := custom.get("betas"):
            headers["anthropic-beta"] = betas if isinstance(betas, str) else ",".join(map(str, betas))
        if workspace := custom.get("workspace_id"):
            headers["anthropic-workspace-id"] = str(workspace)
        return headers

    def error(self, answer: Answer) -> AIError:
        """Read the vendor's error body; the HTTP status decides where the body says nothing."""
        return error_from_answer(answer)

    def check(self, request: TextGenerationRequest, model: str) -> list[CallWarning]:
        for image in request.images:
            if image.media_type not in PICTURES:
                raise self.unsupported(f"with pictures of type {image.media_type}", hint="Give JPEG, PNG, GIF or WebP.")
        warnings = [
            CallWarning(kind="unsupported", parameter=name, message="the provider has no such setting; left out.")
            for name in ("temperature", "top_p", "seed")
            if getattr(request, name) is not None
        ]
        if request.response_schema is not None:
            notes = schema_notes(request.response_schema)
            warnings += [CallWarning(kind="adjusted", parameter="schema", message=note) for note in notes]
        elif request.response_format == "json":
            message = f"the provider has no JSON mode; {JSON_ORDER!r} was added to the system text."
            warnings.append(CallWarning(kind="adjusted", parameter="response_format", message=message))
        return warnings + self._cautions(request, model)

    def _cautions(self, request: TextGenerationRequest, model: str) -> list[CallWarning]:
        """What works only sometimes, and is sent all the same."""
        notes = []
        if self.max_tokens(request, model) > LONG_ANSWER:
            message = f"above {LONG_ANSWER:,} tokens an answer in one piece may take more than ten minutes; stream it."
            notes.append(CallWarning(kind="other", parameter="max_tokens", message=message))
        turns = request.options.get("messages")
        if isinstance(turns, list) and turns and isinstance(turns[-1], dict) and turns[-1].get("role") == "assistant":
            message = "an answer begun in the last turn (prefill) is refused by newer models."
            notes.append(CallWarning(kind="other", parameter="options", message=message))
        return notes

    def max_tokens(self, request: TextGenerationRequest, model: str) -> int:
        """Longest answer, which the vendor wants to be told: the request's, the configuration's, or the catalog's."""
        return int(
            request.max_tokens or self.config.custom_config.get("max_tokens") or models.default_max_tokens(model)
        )

    def steps(self, request: TextGenerationRequest, model: str) -> Steps[TextPayload]:
        answer: Answer = yield self.call(request, model, stream=False)
        return messages.read(answer)

    def stream(self, request: TextGenerationRequest, model: str) -> StreamSteps[TextPayload]:
        reader = messages.Reader()
        event = yield self.call(request, model, stream=True)
        while event is not END:
            event = yield reader.feed(event)
        return reader.finish()

    def call(self, request: TextGenerationRequest, model: str, *, stream: bool) -> Send:
        """The request that asks for the answer, whole or as a stream."""
        custom = self.config.custom_config
        system, turns = split_system(request)
        fields: dict[str, Any] = {
            "model": model,
            "max_tokens": self.max_tokens(request, model),
            "messages": [*turns, {"role": "user", "content": content(request)}],
            "system": system or None,
            "stop_sequences": request.stop or None,
            "output_config": self.output_config(request),
        }
        given = {name: value for name, value in fields.items() if value is not None}
        body = {**{name: custom[name] for name in self.vendor_fields & custom.keys()}, **given, **request.options}
        if "output_config" in request.options and isinstance(request.options["output_config"], dict):
            # An effort set by hand must not take the schema away.
            body["output_config"] = {**given.get("output_config", {}), **request.options["output_config"]}
        # Last, and not open to `options`: the answer is read in the way it was asked for.
        body.pop("stream", None)
        if stream:
            body["stream"] = True
        return Send("POST", "/v1/messages", json=body, creates=True, expect="sse" if stream else "body")

    def output_config(self, request: TextGenerationRequest) -> dict[str, Any] | None:
        """Effort from the configuration, and the schema of a structured answer."""
        wanted: dict[str, Any] = {}
        if effort := self.config.custom_config.get("effort"):
            wanted["effort"] = effort
        if request.response_schema is not None:
            wanted["format"] = {"type": "json_schema", "schema": clean_schema(request.response_schema)}
        return wanted or None


def split_system(request: TextGenerationRequest) -> tuple[str, list[dict[str, str]]]:
    """The system text, and the turns before the last. Orders that open a conversation belong to the system text; later ones stay put."""
    texts = [request.system] if request.system else []
    turns = [
        {"role": "system" if turn["role"] == "developer" else turn["role"], "content": turn["content"]}
        for turn in request.messages
    ]
    while turns and turns[0]["role"] == "system":
        texts.append(turns.pop(0)["content"])
    if request.response_schema is None and request.response_format == "json":
        texts.append(JSON_ORDER)
    return "\n\n".join(texts), turns


def content(request: TextGenerationRequest) -> str | list[dict[str, Any]]:
    """The last user turn: plain text, or pictures and then the text about them."""
    if not request.images:
        return request.prompt
    return [*(picture(image) for image in request.images), {"type": "text", "text": request.prompt}]


def picture(media: MediaInput) -> dict[str, Any]:
    """A picture as a content block."""
    data = base64.b64encode(media.data).decode("ascii")
    return {"type": "image", "source": {"type": "base64", "media_type": media.media_type, "data": data}}
