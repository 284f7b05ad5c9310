"""POST /complete: text, whole or line by line."""

from __future__ import annotations

from typing import Any

from viralai_example_provider.base import ExampleAdapter
from viralai_sdk.interfaces.adapter import StreamingAdapter, TextAdapter
from viralai_sdk.interfaces.errors import EmptyResultError
from viralai_sdk.interfaces.records import CallWarning, Usage
from viralai_sdk.interfaces.steps import END, Answer, Send, Steps, StreamSteps, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest

NOT_THERE = ("top_p", "seed", "response_format")
"""Parameters that the vendor does not have and that may be left out: the answer is not wrong without them."""


class ExampleTextService(ExampleAdapter, TextAdapter, StreamingAdapter):
    """Text from Example AI."""

    def check(self, request: TextGenerationRequest, model: str) -> list[CallWarning]:
        if request.images:
            raise self.unsupported("look at pictures", hint="Choose a provider that can.")
        if request.response_schema is not None:
            raise self.unsupported("answer by a schema", hint="Choose a provider that can.")
        return [
            CallWarning(kind="unsupported", parameter=name, message="the provider has no such setting; left out.")
            for name in NOT_THERE
            if getattr(request, name) is not None
        ]

    def steps(self, request: TextGenerationRequest, model: str) -> Steps[TextPayload]:
        answer: Answer = yield Send("POST", "/complete", json=body(request, model), creates=True)
        data = answer.json()
        return payload(data["output"], data.get("tokens"), data.get("model"))

    def stream(self, request: TextGenerationRequest, model: str) -> StreamSteps[TextPayload]:
        text, last = "", {}
        order = {**body(request, model), "stream": True}
        event = yield Send("POST", "/complete", json=order, creates=True, expect="ndjson")
        while event is not END:
            # Every line is {"piece": …}; the last is {"done": true, "tokens": {…}}.
            line = Answer(200, {}, event.data.encode()).json()
            last = line if line.get("done") else {}
            piece = str(line.get("piece", ""))
            text += piece
            event = yield piece
        return payload(text, last.get("tokens"), model)


def body(request: TextGenerationRequest, model: str) -> dict[str, Any]:
    """The request in the vendor's words; `options` go in untouched, last."""
    fields = {
        "model": model,
        "turns": [[turn["role"], turn["content"]] for turn in request.turns()],
        "behaviour": request.system,
        "longest": request.max_tokens,
        "boldness": request.temperature,
        "until": request.stop or None,
    }
    return {**{name: value for name, value in fields.items() if value is not None}, **request.options}


def payload(text: Any, tokens: Any, model: str | None) -> TextPayload:
    """The answer in our words. Whatever has another shape raises, and the SDK makes a MalformedResponseError of it."""
    if not isinstance(text, str) or not text:
        raise EmptyResultError("the answer has no text.")
    read, written = (tokens["in"], tokens["out"]) if tokens else (None, None)
    return TextPayload(text=text, model=model, usage=Usage(prompt_tokens=read, completion_tokens=written))
