"""Text from a GGUF file."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from viralai_sdk.interfaces.adapter import StreamingAdapter, TextAdapter
from viralai_sdk.interfaces.errors import (
    AIError,
    ConfigurationError,
    InvalidRequestError,
    MalformedResponseError,
    ProviderUnavailableError,
)
from viralai_sdk.interfaces.names import suggest
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import Compute, Steps, StreamEvent, StreamSteps, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.llamacpp import files
from viralai_sdk.providers.llamacpp.engine import Conversation, Engine, Settings
from viralai_sdk.providers.llamacpp.pool import POOL
from viralai_sdk.providers.openai import chat

NUMBERS = {"n_ctx": 16, "n_parallel": 1, "n_threads": 0, "n_gpu_layers": -1}
"""Whole-number settings and their smallest values."""
OWN = frozenset({"stream", "stream_options", "return_progress", "messages"})
"""Fields of the engine's request that `options` cannot change: the answer is read in the way it was asked for."""


class LlamaCppTextService(TextAdapter, StreamingAdapter):
    """llama.cpp in a process of its own, one for each model file."""

    def __init__(self, config: AIServiceConfig) -> None:
        super().__init__(config)
        if config.model_name in ("", "default") and config.custom_config.get("model_path"):
            # The path is the model's name: so it is shown, priced and chosen like that of any other provider.
            config.model_name = str(config.custom_config["model_path"])

    def validate_config(self) -> None:
        """Refuse settings that no model can be loaded with.

        Raises:
            ConfigurationError: which one, and what it may be.
        """
        settings_of(self.config.custom_config)

    def check(self, request: TextGenerationRequest, model: str) -> list[CallWarning]:
        if request.images:
            raise self.unsupported("look at pictures", hint="Serve the model by Ollama or llama.cpp's server.")
        if taken := sorted(OWN & request.options.keys()):
            raise InvalidRequestError(f"options.{taken[0]} cannot be set.", hint="Use the call's own parameters.")
        return []

    def steps(self, request: TextGenerationRequest, model: str) -> Steps[TextPayload]:
        engine = self.engine(model)
        payload: TextPayload = yield Compute(_whole, (engine, body(request)))
        return payload

    def stream(self, request: TextGenerationRequest, model: str) -> StreamSteps[TextPayload]:
        engine = self.engine(model)
        conversation, answer = Conversation(engine, body(request)), Answer(engine)
        try:
            while chunks := (yield Compute(_next, (conversation, answer))):
                for chunk in chunks:
                    if piece := answer.feed(chunk):
                        yield piece
        finally:
            conversation.close()
        return answer.payload()

    def engine(self, model: str) -> Engine:
        """The engine for a model file, not yet loaded if it is new.

        Raises:
            InvalidRequestError, ConfigurationError: there is no such file, or none is named.
        """
        file = files.find(model or self.config.model_name)
        return POOL.engine(file, settings_of(self.config.custom_config), self)

    async def aclose(self) -> None:
        """Free the memory of this service's models, unless others use them too."""
        POOL.release(self)


def settings_of(custom: dict[str, Any]) -> Settings:
    """How models are loaded, from the provider's block of the configuration.

    Raises:
        ConfigurationError: a value that cannot be.
    """
    for name, least in NUMBERS.items():
        value = custom.get(name)
        if value is not None and (type(value) is not int or value < least):
            raise ConfigurationError(
                f"providers.llamacpp.{name} must be a whole number from {least} on, not {value!r}."
            )
    template = custom.get("chat_template")
    if template is not None and not isinstance(template, str):
        raise ConfigurationError(f"providers.llamacpp.chat_template must be text, not {template!r}.")
    if (path := custom.get("model_path")) is not None and not isinstance(path, (str, Path)):
        raise ConfigurationError(f"providers.llamacpp.model_path must be a path, not {path!r}.")
    known = {field.name for field in fields(Settings)}
    for name in custom:
        if name.startswith("n_") and name not in known:
            raise ConfigurationError(f"providers.llamacpp: unknown setting {name!r}.", hint=suggest(name, known, ""))
    return Settings(**{name: custom[name] for name in known if custom.get(name) is not None})


def body(request: TextGenerationRequest) -> dict[str, Any]:
    """The engine's request, which has the shape of OpenAI's chat completions."""
    orders = [{"role": "system", "content": request.system}] if request.system else []
    wanted = {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
        "stop": request.stop or None,
        "response_format": response_format(request),
    }
    return {
        **{name: value for name, value in wanted.items() if value is not None},
        **request.options,
        "messages": [*orders, *request.messages, {"role": "user", "content": request.prompt}],
        # Always a stream, since only between two pieces can it be stopped.
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
    }


BOUNDS = (
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
    ("minContains", "maxContains"),
    ("minimum", "maximum"),
)


def refuse_contradictions(schema: Any) -> None:
    """Refuse a schema that has a lower bound above its upper one, wherever it stands.

    Raises:
        InvalidRequestError: names both.
    """
    pending = [schema]
    while pending:
        found = pending.pop()
        if isinstance(found, list):
            pending += found
        if not isinstance(found, dict):
            continue
        pending += found.values()
        for least, most in BOUNDS:
            low, high = found.get(least), found.get(most)
            if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low > high:
                raise InvalidRequestError(
                    f"schema: {least} {low} is above {most} {high}, so that no answer can follow it.",
                    hint="Mend the bounds.",
                )


def response_format(request: TextGenerationRequest) -> dict[str, Any] | None:
    """The grammar that the answer must follow: the engine makes it of the schema.

    Raises:
        InvalidRequestError: a bound of the schema contradicts another one. The engine would count from the one to the other until no
            memory is left on the machine.
    """
    if request.response_schema is not None:
        refuse_contradictions(request.response_schema)
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": request.response_schema}}
    return {"type": "json_object"} if request.response_format == "json" else None


class Answer:
    """Gathers an answer's chunks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reader = chat.Reader()
        self._timings: dict[str, Any] = {}
        self.fraction: float | None = None
        """Share of the prompt that has been read; None once the answer is being written."""
        self.pieces = 0

    def feed(self, chunk: dict[str, Any]) -> str | None:
        """Take in a chunk; returns the text it adds.

        Raises:
            AIError: it reports an error.
        """
        if error := chunk.get("error"):
            raise refusal(error)
        progress = chunk.get("prompt_progress")
        if progress is not None:
            self.fraction = progress["processed"] / max(progress["total"], 1)
            return None
        self._timings = chunk.get("timings") or self._timings
        piece = self._reader.feed(StreamEvent.model_construct(name="", data=json.dumps(chunk)))
        if piece:
            self.fraction, self.pieces = None, self.pieces + 1
        return piece

    def payload(self) -> TextPayload:
        """The whole.

        Raises:
            EmptyResultError, MalformedResponseError: there is nothing to give.
        """
        payload = self._reader.finish()
        payload.model = self._engine.file.name
        payload.metadata |= {"engine": "llama.cpp", "file_bytes": self._engine.file.size}
        if self._engine.load_seconds is not None:
            payload.metadata["load_seconds"] = round(self._engine.load_seconds, 3)
        if speed := self._timings.get("predicted_per_second"):
            payload.metadata["tokens_per_second"] = round(float(speed), 1)
        return payload


def refusal(error: Any) -> AIError:
    """The engine's refusal as ours."""
    error = error if isinstance(error, dict) else {"message": str(error)}
    message = str(error.get("message") or "the engine gave no reason.")
    if error.get("type") == "exceed_context_size_error":
        room = error.get("n_ctx")
        return InvalidRequestError(
            message.rstrip(".") + ".",
            hint=f"Shorten the prompt, or set providers.llamacpp.n_ctx above {room}, as far as the model was trained for it.",
        )
    if "JSON schema" in message or "grammar" in message:
        return InvalidRequestError(
            f"the engine cannot enforce this schema: {message.rstrip('.')}.",
            hint="Simplify it: references into the document, lengths of at most a few hundred, plain patterns.",
        )
    code = error.get("code")
    if isinstance(code, int) and code < 500:
        return InvalidRequestError(message)
    return ProviderUnavailableError(message, billed="no")


def _next(conversation: Conversation, answer: Answer, *, report: Any, workspace: Path) -> list[dict[str, Any]]:
    tell = _teller(answer, report)
    tell(None, "")
    return conversation.next(tell)


def _whole(engine: Engine, wanted: dict[str, Any], *, report: Any, workspace: Path) -> TextPayload:
    conversation, answer = Conversation(engine, wanted), Answer(engine)
    tell = _teller(answer, report)
    try:
        while chunks := conversation.next(tell):
            for chunk in chunks:
                answer.feed(chunk)
            tell(None, "")
    finally:
        conversation.close()
    try:
        return answer.payload()
    except (LookupError, TypeError) as error:
        raise MalformedResponseError(f"the engine's answer cannot be read ({error!r}).", billed="no") from error


def _teller(answer: Answer, report: Any) -> Any:
    """Reports how far an answer is; passes on that the call was stopped."""

    def tell(fraction: float | None, stage: str) -> None:
        if answer.fraction is not None:
            report(answer.fraction, "reading the prompt")
        else:
            report(None, f"writing, {answer.pieces} pieces" if answer.pieces else stage or "waiting for the model")

    return tell
