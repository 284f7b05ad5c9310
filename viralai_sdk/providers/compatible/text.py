"""Text by a compatible server's chat completions."""

from __future__ import annotations

import json
import math
from typing import Any

from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.steps import END, Answer, Send, Steps, StreamSteps, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.compatible.service import CompatibleAdapter
from viralai_sdk.providers.openai import chat
from viralai_sdk.providers.openai.text import OpenAITextService


class CompatibleTextService(CompatibleAdapter, OpenAITextService):
    """OpenAI's chat completions in a server's dialect."""

    responses_path = None
    vendor_fields = OpenAITextService.vendor_fields | {
        "frequency_penalty",
        "min_p",
        "presence_penalty",
        "repeat_penalty",
        "repetition_penalty",
        "top_k",
    }

    def check(self, request: TextGenerationRequest, model: str) -> list[CallWarning]:
        self.check_model(model)
        if request.response_schema is None or self.dialect.structured == "json_schema":
            return super().check(request, model)
        warnings = super().check(request.model_copy(update={"response_schema": None, "schema_model": None}), model)
        message = "the server cannot enforce a schema; it was written into the system text."
        return [*warnings, CallWarning(kind="adjusted", parameter="schema", message=message)]

    def steps(self, request: TextGenerationRequest, model: str) -> Steps[TextPayload]:
        answer: Answer = yield self.call(request, model, stream=False)
        refuse_odd_error(answer)
        payload = chat.read(answer)
        if self.dialect.states_cost:
            payload.cost_usd = cost_of(answer.json())
        return payload

    def stream(self, request: TextGenerationRequest, model: str) -> StreamSteps[TextPayload]:
        reader, cost = chat.Reader(), None
        event = yield self.call(request, model, stream=True)
        while event is not END:
            piece = reader.feed(event)
            if self.dialect.states_cost and '"cost"' in event.data:
                cost = cost_of(json.loads(event.data)) or cost
            event = yield piece
        payload = reader.finish()
        payload.cost_usd = cost
        return payload

    def call(self, request: TextGenerationRequest, model: str, *, stream: bool) -> Send:
        step = super().call(request, model, stream=stream)
        if not self.dialect.stream_usage and "stream_options" not in request.options:
            step.json.pop("stream_options", None)
        if not step.json.get("model"):
            step.json.pop("model", None)
        return step

    def chat_fields(self, request: TextGenerationRequest, model: str) -> dict[str, Any]:
        fields = super().chat_fields(request, model)
        dialect = self.dialect
        for ours, theirs in ((self.max_tokens_field, dialect.max_tokens_field), ("seed", dialect.seed_field)):
            fields[theirs] = fields.pop(ours)
        fields["messages"] = [
            {**turn, "role": dialect.system_role} if turn["role"] in ("system", "developer") else turn
            for turn in fields["messages"]
        ]
        return fields

    def response_format(self, request: TextGenerationRequest) -> dict[str, Any] | None:
        if self.dialect.structured == "none":
            return None
        if self.dialect.structured == "json_object" and request.response_schema is not None:
            return {"type": "json_object"}
        return super().response_format(request)

    def orders(self, request: TextGenerationRequest) -> list[dict[str, str]]:
        orders = super().orders(request)
        if request.response_schema is not None and self.dialect.structured != "json_schema":
            schema = json.dumps(request.response_schema, ensure_ascii=False)
            text = f"Answer with one JSON value that follows this JSON schema, and nothing else:\n{schema}"
            orders.append({"role": self.system_role, "content": text})
        return orders


def refuse_odd_error(answer: Answer) -> None:
    """Some servers answer HTTP 200 with `{"error": "some words"}`, to a path they do not know for one.

    Raises:
        InvalidRequestError: this is such an answer.
    """
    data = answer.json()
    error = data.get("error") if isinstance(data, dict) else None
    if isinstance(error, str) and error:
        hint = "Check base_url (it usually ends in /v1) and whether the model is loaded."
        raise InvalidRequestError(error, hint=hint)


def cost_of(data: Any) -> float | None:
    """The price in an answer's or chunk's usage, None when it states none."""
    usage = data.get("usage") if isinstance(data, dict) else None
    cost = usage.get("cost") if isinstance(usage, dict) else None
    if isinstance(cost, bool) or not isinstance(cost, (int, float)) or not math.isfinite(cost) or cost < 0:
        return None
    return float(cost)
