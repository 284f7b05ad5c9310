"""Text by Cohere's v2 chat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from viralai_sdk.interfaces.adapter import StreamingAdapter, TextAdapter
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.steps import END, Answer, Send, Steps, StreamSteps, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.chat_common import chat_content, mentions_json
from viralai_sdk.providers.cohere import chat
from viralai_sdk.providers.cohere.errors import error_from_answer

MAX_STOPS = 5
LEAST_P, MOST_P = 0.01, 0.99
JSON_ORDER = "Generate a JSON object."


class CohereTextService(TextAdapter, StreamingAdapter):
    """Text from Cohere's models."""

    vendor_fields: ClassVar[frozenset[str]] = frozenset(
        {"citation_options", "k", "priority", "safety_mode", "thinking"}
    )
    """Body fields that may stand in the configuration file as defaults."""

    def headers(self) -> Mapping[str, str]:
        """The key, and the name of the application when the configuration gives one."""
        headers = {}
        if key := self.config.secret():
            headers["Authorization"] = f"Bearer {key}"
        if client := self.config.custom_config.get("client_name"):
            headers["X-Client-Name"] = str(client)
        return headers

    def error(self, answer: Answer) -> AIError:
        """Read the vendor's error body; the HTTP status decides where the body says nothing."""
        return error_from_answer(answer)

    def check(self, request: TextGenerationRequest, model: str) -> list[CallWarning]:
        if len(request.stop) > MAX_STOPS:
            raise self.unsupported(f"more than {MAX_STOPS} stop sequences", hint="Give fewer.")
        warnings = []
        if request.top_p is not None and nearest_p(request.top_p) != request.top_p:
            message = f"the provider takes {LEAST_P} to {MOST_P}; {nearest_p(request.top_p)} was sent."
            warnings.append(CallWarning(kind="adjusted", parameter="top_p", message=message))
        if request.response_schema is None and request.response_format == "json" and not mentions_json(request):
            message = f"the provider wants to be told in words as well; {JSON_ORDER!r} was added."
            warnings.append(CallWarning(kind="adjusted", parameter="response_format", message=message))
        return warnings

    def steps(self, request: TextGenerationRequest, model: str) -> Steps[TextPayload]:
        answer: Answer = yield self.call(request, model, stream=False)
        return chat.read(answer)

    def stream(self, request: TextGenerationRequest, model: str) -> StreamSteps[TextPayload]:
        reader = chat.Reader()
        event = yield self.call(request, model, stream=True)
        while event is not END:
            event = yield reader.feed(event)
        return reader.finish()

    def call(self, request: TextGenerationRequest, model: str, *, stream: bool) -> Send:
        """The request that asks for the answer, whole or as a stream."""
        custom = self.config.custom_config
        fields = {
            "model": model,
            "messages": turns(request),
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "p": None if request.top_p is None else nearest_p(request.top_p),
            "stop_sequences": request.stop or None,
            "seed": request.seed,
            "response_format": response_format(request),
        }
        given = {name: value for name, value in fields.items() if value is not None}
        body = {**{name: custom[name] for name in self.vendor_fields & custom.keys()}, **given, **request.options}
        # Last, and not open to `options`: the answer is read in the way it was asked for.
        body["stream"] = stream
        return Send("POST", "/v2/chat", json=body, creates=True, expect="sse" if stream else "body")


def nearest_p(value: float) -> float:
    """The nearest `p` that the vendor takes."""
    return min(max(value, LEAST_P), MOST_P)


def response_format(request: TextGenerationRequest) -> dict[str, Any] | None:
    """How the answer is told to be JSON. A schema goes along as it is: the vendor's client changes nothing in it either."""
    if request.response_schema is not None:
        return {"type": "json_object", "json_schema": request.response_schema}
    return {"type": "json_object"} if request.response_format == "json" else None


def turns(request: TextGenerationRequest) -> list[dict[str, Any]]:
    """All turns, the orders first. Without the word JSON anywhere, the vendor says, a JSON answer may never end; so it is put in."""
    orders = [request.system] if request.system else []
    if response_format(request) is not None and not mentions_json(request):
        orders.append(JSON_ORDER)
    earlier = [{**turn, "role": "system"} if turn["role"] == "developer" else dict(turn) for turn in request.messages]
    return [
        *({"role": "system", "content": order} for order in orders),
        *earlier,
        {"role": "user", "content": chat_content(request)},
    ]
