"""Text by rules: summaries, key phrases, templates, structured samples. Says what it is instead of imitating a model."""

from __future__ import annotations

import re
from typing import Any

from viralai_sdk.interfaces.adapter import StreamingAdapter, TextAdapter
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.records import CallWarning, Usage
from viralai_sdk.interfaces.steps import Compute, Steps, StreamSteps, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.embedded.writing import WritingError, Written, write

_PIECES = re.compile(r"\S+\s*|\s+")


class EmbeddedTextService(TextAdapter, StreamingAdapter):
    """The rules engine as a text service."""

    is_model = False

    def check(self, request: TextGenerationRequest, model: str) -> list[CallWarning]:
        dropped = [name for name in ("temperature", "top_p") if getattr(request, name) is not None]
        notes = [
            CallWarning(kind="unsupported", parameter=name, message="rules have no randomness to set")
            for name in dropped
        ]
        if request.images:
            raise self.unsupported("look at pictures", hint="Choose a model for that: ai.text(…, provider=…).")
        return notes

    def steps(self, request: TextGenerationRequest, model: str) -> Steps[TextPayload]:
        payload: TextPayload = yield Compute(_write, (request,))
        return payload

    def stream(self, request: TextGenerationRequest, model: str) -> StreamSteps[TextPayload]:
        payload: TextPayload = yield Compute(_write, (request,))
        yield from _PIECES.findall(payload.text)
        return payload


def _write(request: TextGenerationRequest, report: Any = None, workspace: Any = None) -> TextPayload:
    schema = request.response_schema or ({"type": "object"} if request.response_format == "json" else None)
    try:
        written = write(
            request.prompt,
            system=request.system,
            messages=request.messages,
            schema=schema,
            max_tokens=request.max_tokens,
            seed=request.seed or 0,
            stop=request.stop,
        )
    except WritingError as error:
        raise InvalidRequestError(str(error)) from error
    return _payload(written, request.seed or 0)


def _payload(written: Written, seed: int) -> TextPayload:
    total = written.prompt_tokens + written.completion_tokens
    return TextPayload(
        model="rules-text",
        text=written.text,
        parsed=written.parsed,
        finish_reason=written.finish_reason,
        usage=Usage(
            prompt_tokens=written.prompt_tokens,
            completion_tokens=written.completion_tokens,
            total_tokens=total,
            approximate=True,
        ),
        metadata={"engine": written.engine, "task": written.task, "seed": seed},
        warnings=[CallWarning(kind="other", message=note) for note in written.notes],
    )
