"""Text by OpenAI's chat completions, and by its Responses API for the models that know nothing else.

Servers that speak the same dialect subclass `OpenAITextService` and change the class attributes.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from viralai_sdk.interfaces.adapter import StreamingAdapter, TextAdapter
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.steps import END, Answer, Send, Steps, StreamEvent, StreamSteps, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.chat_common import JSON_ORDER, chat_content, data_uri, mentions_json
from viralai_sdk.providers.openai import chat, models, responses
from viralai_sdk.providers.openai.base import OpenAIAdapter
from viralai_sdk.providers.openai.structured import check_schema, schema_name, strict_schema


class Reader(Protocol):
    """Collects a stream's events: `feed` gives the new text of one, `finish` the whole at the end."""

    def feed(self, event: StreamEvent) -> str | None: ...

    def finish(self) -> TextPayload: ...


class OpenAITextService(OpenAIAdapter, TextAdapter, StreamingAdapter):
    """Text from OpenAI, or from a server with its chat completions."""

    chat_path: ClassVar[str] = "/chat/completions"
    responses_path: ClassVar[str | None] = "/responses"
    """None for servers without a Responses API."""
    system_role: ClassVar[str] = "developer"
    """The vendor's types say that "developer" replaces "system" from o1 on, and its README uses it. Other servers know "system" only."""
    max_tokens_field: ClassVar[str] = "max_completion_tokens"
    """The vendor deprecated `max_tokens`; other servers know nothing else."""
    stream_options: ClassVar[dict[str, Any] | None] = {"include_usage": True}
    """None for servers that refuse the field."""
    max_stops: ClassVar[int] = 4
    vendor_fields = frozenset(
        {"metadata", "moderation", "prompt_cache_key", "reasoning", "reasoning_effort", "safety_identifier"}
        | {"service_tier", "store", "verbosity"}
    )

    def uses_responses(self, model: str) -> bool:
        """Whether the call goes to the Responses API: by configuration (`api: responses`), or because the model knows nothing else."""
        if self.responses_path is None:
            return False
        return self.config.custom_config.get("api") == "responses" or models.responses_only(model)

    def check(self, request: TextGenerationRequest, model: str) -> list[CallWarning]:
        warnings = []
        if request.response_schema is not None:
            check_schema(request.response_schema)
        elif request.response_format == "json" and not mentions_json(request):
            message = f"the provider wants the word JSON in the messages; {JSON_ORDER!r} was added."
            warnings.append(CallWarning(kind="adjusted", parameter="response_format", message=message))
        if self.uses_responses(model):
            warnings += [
                CallWarning(
                    kind="unsupported", parameter=name, message="the Responses API has no such setting; left out."
                )
                for name in ("stop", "seed")
                if getattr(request, name) not in (None, [])
            ]
        elif len(request.stop) > self.max_stops:
            raise self.unsupported(f"more than {self.max_stops} stop sequences", hint="Give fewer.")
        return warnings

    def steps(self, request: TextGenerationRequest, model: str) -> Steps[TextPayload]:
        answer: Answer = yield self.call(request, model, stream=False)
        read = responses.read if self.uses_responses(model) else chat.read
        return read(answer)

    def stream(self, request: TextGenerationRequest, model: str) -> StreamSteps[TextPayload]:
        reader: Reader = responses.Reader() if self.uses_responses(model) else chat.Reader()
        event = yield self.call(request, model, stream=True)
        while event is not END:
            event = yield reader.feed(event)
        return reader.finish()

    def call(self, request: TextGenerationRequest, model: str, *, stream: bool) -> Send:
        """The request that asks for the answer, whole or as a stream."""
        if self.uses_responses(model) and self.responses_path is not None:
            path, fields = self.responses_path, self.responses_fields(request, model)
        else:
            path, fields = self.chat_path, self.chat_fields(request, model)
            if stream:
                fields["stream_options"] = self.stream_options
        body = self.body(request, fields)
        # Last, and not open to `options`: the answer is read in the way it was asked for.
        if stream:
            body["stream"] = True
        else:
            body.pop("stream", None)
        return Send("POST", path, json=body, creates=True, expect="sse" if stream else "body")

    def chat_fields(self, request: TextGenerationRequest, model: str) -> dict[str, Any]:
        """Body of a chat completion. A value of None is left out."""
        return {
            "model": model,
            "messages": [*self.orders(request), *request.messages, {"role": "user", "content": chat_content(request)}],
            self.max_tokens_field: request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "stop": request.stop or None,
            "seed": request.seed,
            "response_format": self.response_format(request),
        }

    def response_format(self, request: TextGenerationRequest) -> dict[str, Any] | None:
        """How a chat completion is told to answer in JSON."""
        if request.response_schema is not None:
            schema = strict_schema(request.response_schema)
            return {
                "type": "json_schema",
                "json_schema": {"name": schema_name(request), "schema": schema, "strict": True},
            }
        return {"type": "json_object"} if request.response_format == "json" else None

    def responses_fields(self, request: TextGenerationRequest, model: str) -> dict[str, Any]:
        """Body of a Responses call. Its `text.format` is flat where a chat completion's `response_format` is nested."""
        wanted = self.response_format(request)
        if wanted is not None and "json_schema" in wanted:
            wanted = {"type": "json_schema", **wanted["json_schema"]}
        return {
            "model": model,
            "input": [*request.messages, {"role": "user", "content": responses_content(request)}],
            "instructions": "\n\n".join(turn["content"] for turn in self.orders(request)) or None,
            "max_output_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "text": None if wanted is None else {"format": wanted},
        }

    def orders(self, request: TextGenerationRequest) -> list[dict[str, str]]:
        """The turns that say how to behave."""
        texts = [request.system] if request.system else []
        if request.response_schema is None and request.response_format == "json" and not mentions_json(request):
            texts.append(JSON_ORDER)
        return [{"role": self.system_role, "content": text} for text in texts]


def responses_content(request: TextGenerationRequest) -> str | list[dict[str, Any]]:
    """The same for the Responses API, whose picture parts must name a detail."""
    if not request.images:
        return request.prompt
    pictures = [{"type": "input_image", "detail": "auto", "image_url": data_uri(image)} for image in request.images]
    return [{"type": "input_text", "text": request.prompt}, *pictures]
