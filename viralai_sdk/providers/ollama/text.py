"""Text by Ollama's own chat API, which unlike its OpenAI-compatible side knows `num_ctx` and tells durations."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, ClassVar

from viralai_sdk.interfaces.adapter import StreamingAdapter, TextAdapter
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.steps import END, Answer, Send, Steps, StreamSteps, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.chat_common import JSON_ORDER, mentions_json
from viralai_sdk.providers.ollama import chat
from viralai_sdk.providers.ollama.errors import error_from_answer


class OllamaTextService(TextAdapter, StreamingAdapter):
    """Text from an Ollama server."""

    vendor_fields: ClassVar[frozenset[str]] = frozenset({"keep_alive", "logprobs", "think", "top_logprobs"})
    """Body fields that may stand in the configuration file as defaults."""
    model_options: ClassVar[frozenset[str]] = frozenset(
        {"frequency_penalty", "min_p", "mirostat", "mirostat_eta", "mirostat_tau", "num_batch", "num_ctx", "num_gpu"}
        | {"num_keep", "num_thread", "presence_penalty", "repeat_last_n", "repeat_penalty", "top_k", "typical_p"}
    )
    """The same for what goes into the body's `options`."""

    def headers(self) -> Mapping[str, str]:
        """The cloud's key; a server at home has none."""
        key = self.config.secret()
        return {"Authorization": f"Bearer {key}"} if key else {}

    def error(self, answer: Answer) -> AIError:
        """Read the server's `{"error": "…"}`; the HTTP status decides where the body says nothing."""
        return error_from_answer(answer)

    def remote(self, model: str) -> bool:
        """Whether the model runs elsewhere, at a price: a key was given, or its name says so."""
        return bool(self.config.secret()) or model.endswith(("-cloud", ":cloud"))

    def check(self, request: TextGenerationRequest, model: str) -> list[CallWarning]:
        if request.response_schema is None and request.response_format == "json" and not mentions_json(request):
            message = f"without being told in words the model may write blanks without end; {JSON_ORDER!r} was added."
            return [CallWarning(kind="adjusted", parameter="response_format", message=message)]
        return []

    def quantities(self, request: TextGenerationRequest, model: str) -> dict[str, float]:
        """Nothing is counted before; but what runs elsewhere must not be taken for free."""
        return {"remote_call": 1} if self.remote(model) else {}

    def steps(self, request: TextGenerationRequest, model: str) -> Steps[TextPayload]:
        answer: Answer = yield self.call(request, model, stream=False)
        return self._priced(chat.read(answer), model)

    def stream(self, request: TextGenerationRequest, model: str) -> StreamSteps[TextPayload]:
        reader = chat.Reader()
        event = yield self.call(request, model, stream=True)
        while event is not END:
            event = yield reader.feed(event)
        return self._priced(reader.finish(), model)

    def _priced(self, payload: TextPayload, model: str) -> TextPayload:
        if self.remote(model) or "remote_host" in payload.metadata:
            payload.quantities = {"remote_call": 1}
        return payload

    def call(self, request: TextGenerationRequest, model: str, *, stream: bool) -> Send:
        """The request that asks for the answer, whole or as a stream."""
        custom = self.config.custom_config
        body: dict[str, Any] = {"model": model, "messages": turns(request)}
        if request.response_schema is not None:
            body["format"] = request.response_schema
        elif request.response_format == "json":
            body["format"] = "json"
        body = {**{name: custom[name] for name in self.vendor_fields & custom.keys()}, **body}
        options = self.options(request)
        own = request.options.get("options")
        body |= {**request.options, "options": {**options, **own} if isinstance(own, Mapping) else own or options}
        if not body["options"]:
            del body["options"]
        # Last, and not open to `options`: the answer is read in the way it was asked for. The server's own default is to stream.
        body["stream"] = stream
        return Send("POST", "/api/chat", json=body, creates=True, expect="ndjson" if stream else "body")

    def options(self, request: TextGenerationRequest) -> dict[str, Any]:
        """How the model is run: the configuration's settings, and over them the request's."""
        custom = self.config.custom_config
        wanted = {
            "temperature": request.temperature,
            "top_p": request.top_p,
            "seed": request.seed,
            "num_predict": request.max_tokens,
            "stop": request.stop or None,
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        return {**{name: custom[name] for name in sorted(self.model_options & custom.keys())}, **given}


def turns(request: TextGenerationRequest) -> list[dict[str, Any]]:
    """All turns, the orders first; pictures go with the last one."""
    orders = [request.system] if request.system else []
    if request.response_schema is None and request.response_format == "json" and not mentions_json(request):
        orders.append(JSON_ORDER)
    earlier = [{**turn, "role": "system"} if turn["role"] == "developer" else dict(turn) for turn in request.messages]
    last: dict[str, Any] = {"role": "user", "content": request.prompt}
    if request.images:
        last["images"] = [base64.b64encode(image.data).decode("ascii") for image in request.images]
    return [*({"role": "system", "content": order} for order in orders), *earlier, last]
