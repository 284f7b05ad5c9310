"""Services with one fault each, which the checks must find."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from viralai_sdk.interfaces.adapter import SpeechAdapter, StreamingAdapter, TextAdapter, error_for_status
from viralai_sdk.interfaces.errors import AIError, EmptyResultError, InvalidRequestError
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest, Voice
from viralai_sdk.interfaces.steps import END, Answer, MediaPayload, Send, Steps, StreamSteps, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest, TextGenerationResponse, TextGenerationService


class Sound(TextAdapter, StreamingAdapter):
    """A service without a fault: chat completions, by hand."""

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.config.secret()}"}

    def check(self, request: TextGenerationRequest, model: str) -> list[CallWarning]:
        dropped = [name for name in ("top_p", "seed") if getattr(request, name) is not None]
        notes = [CallWarning(kind="unsupported", parameter=name, message="left out") for name in dropped]
        if request.images or request.response_schema or request.response_format:
            raise self.unsupported("this")
        return notes

    def body(self, request: TextGenerationRequest, model: str) -> dict[str, Any]:
        system = [{"role": "system", "content": request.system}] if request.system else []
        fields = {"max_tokens": request.max_tokens, "temperature": request.temperature, "stop": request.stop or None}
        given = {name: value for name, value in fields.items() if value is not None}
        return {"model": model, "messages": [*system, *request.turns()], **given}

    def steps(self, request: TextGenerationRequest, model: str) -> Steps[TextPayload]:
        answer = yield Send("POST", "/chat/completions", json=self.body(request, model), creates=True)
        text = answer.json()["choices"][0]["message"]["content"]
        return TextPayload(text=self.whole(text))

    def stream(self, request: TextGenerationRequest, model: str) -> StreamSteps[TextPayload]:
        body = {**self.body(request, model), "stream": True}
        event = yield Send("POST", "/chat/completions", json=body, creates=True, expect="sse")
        text = ""
        while event is not END:
            piece = self.piece(event.data)
            text += piece
            event = yield piece
        return TextPayload(text=self.whole(text))

    def piece(self, data: str) -> str:
        """Text of one event."""
        if data == "[DONE]":
            return ""
        choices = Answer(200, {}, data.encode()).json()["choices"]
        return str(choices[0]["delta"].get("content") or "") if choices else ""

    def whole(self, text: Any) -> str:
        """The text, checked."""
        if not isinstance(text, str) or not text:
            raise EmptyResultError("nothing came.")
        return text

    def error(self, answer: Answer) -> AIError:
        return error_for_status(answer, answer.body.decode("utf-8", "replace"))


class DropsInSilence(Sound):
    """check() does not mention the seed, which is not sent."""

    def check(self, request: TextGenerationRequest, model: str) -> list[CallWarning]:
        return [note for note in super().check(request, model) if note.parameter != "seed"]


class SendsWhatItDrops(Sound):
    """check() says that temperature is dropped; it is sent."""

    def check(self, request: TextGenerationRequest, model: str) -> list[CallWarning]:
        notes = super().check(request, model)
        if request.temperature is not None:
            notes.append(CallWarning(kind="unsupported", parameter="temperature", message="left out"))
        return notes


class HidesThatItCosts(Sound):
    """Its request is not marked as one that may be billed."""

    def steps(self, request: TextGenerationRequest, model: str) -> Steps[TextPayload]:
        answer = yield Send("POST", "/chat/completions", json=self.body(request, model))
        return TextPayload(text=str(answer.json()["choices"][0]["message"]["content"]))


class DressesUpFailures(Sound):
    """An answer it cannot read becomes an apology."""

    def steps(self, request: TextGenerationRequest, model: str) -> Steps[TextPayload]:
        try:
            return (yield from super().steps(request, model))
        except (AIError, LookupError, TypeError):
            return TextPayload(text="Sorry, something went wrong.")


class MistakesRefusals(Sound):
    """Every refusal is the request's fault."""

    def error(self, answer: Answer) -> AIError:
        return InvalidRequestError("refused.", status=answer.status)


class RaisesItsOwn(Sound):
    """An exception of its own gets out of the error reader."""

    def error(self, answer: Answer) -> AIError:
        raise OSError("unexpected")


class LosesPieces(Sound):
    """The stream's whole is not what its pieces were."""

    def stream(self, request: TextGenerationRequest, model: str) -> StreamSteps[TextPayload]:
        payload = yield from super().stream(request, model)
        payload.text = payload.text.upper()
        return payload


class LeaksItsKey(Sound):
    """The key stands in its repr."""

    def __repr__(self) -> str:
        return f"LeaksItsKey({self.config.secret()})"


class WritesItsKey(Sound):
    """The key stands in the result."""

    def whole(self, text: Any) -> str:
        return f"{super().whole(text)} (key {self.config.secret()})"


class ImpureCheck(Sound):
    """check() changes the request."""

    def check(self, request: TextGenerationRequest, model: str) -> list[CallWarning]:
        request.temperature = 1.0
        return super().check(request, model)


class CannotBeStopped(TextGenerationService):
    """Swallows the cancellation."""

    async def generate(self, request: TextGenerationRequest) -> TextGenerationResponse:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.05)
        return TextGenerationResponse(text="here it is", provider_used=self.get_provider_name(), generation_time=0.01)


class Voiceless(SpeechAdapter):
    """Speaks, with voices that nobody can tell apart; takes any voice for the first."""

    def steps(self, request: SpeechSynthesisRequest, model: str) -> Steps[MediaPayload]:
        body = {"model": model, "input": request.text, "voice": "alloy", "response_format": "wav"}
        yield Send("POST", "/audio/speech", json=body, creates=True)
        return MediaPayload()

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.config.secret()}"}

    def voice_steps(self, language: str | None) -> Steps[list[Voice]]:
        yield from ()
        return [Voice(id="alloy", name="Alloy", language="multi")] * 2
