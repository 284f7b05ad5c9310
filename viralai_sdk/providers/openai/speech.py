"""Speech by OpenAI's `/audio/speech`."""

from __future__ import annotations

from typing import ClassVar

from viralai_sdk.interfaces.adapter import SpeechAdapter, StreamingAdapter
from viralai_sdk.interfaces.errors import EmptyResultError, MalformedResponseError
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest, Voice
from viralai_sdk.interfaces.steps import Answer, Blob, MediaPayload, Send, Steps, StreamSteps
from viralai_sdk.interfaces.streaming import HEAD, byte_pieces
from viralai_sdk.providers.openai import models
from viralai_sdk.providers.openai.audio import SAMPLE_RATE, mend_wav, wrap_pcm
from viralai_sdk.providers.openai.base import OpenAIAdapter

MAX_TEXT = 4096
MEDIA_TYPES = {"mp3": "audio/mpeg", "opus": "audio/ogg", "aac": "audio/aac", "flac": "audio/flac", "wav": "audio/wav"}
CHARS_PER_SECOND = 15
"""Rule of thumb for spoken English, for estimates before sending."""


class OpenAISpeechService(OpenAIAdapter, SpeechAdapter, StreamingAdapter):
    """Speech from OpenAI."""

    default_voice: ClassVar[str] = "alloy"
    default_format: ClassVar[str] = "mp3"
    vendor_fields = frozenset({"instructions", "response_format", "voice"})

    def check(self, request: SpeechSynthesisRequest, model: str) -> list[CallWarning]:
        if request.ssml:
            raise self.unsupported("SSML markup", hint="Give plain text; `instructions` says how to speak it.")
        if len(request.text) > MAX_TEXT:
            # Joining compressed recordings leaves gaps and loses quality, so it is not done behind the caller's back.
            hint = "Split it at sentence ends and ask for each part: ai.speech.batch([...])."
            raise self.unsupported(f"texts above {MAX_TEXT} characters (this one has {len(request.text)})", hint=hint)
        open_values = (("pitch", 0.0), ("volume", 1.0), ("seed", None))
        warnings = [
            CallWarning(kind="unsupported", parameter=name, message="the provider has no such setting; left out.")
            for name, neutral in open_values
            if getattr(request, name) != neutral
        ]
        if request.instructions and not models.follows_instructions(model):
            message = f"{model} follows no instructions; left out."
            warnings.append(CallWarning(kind="unsupported", parameter="instructions", message=message))
        if "language" in request.model_fields_set and request.language != "auto":
            message = "the model hears the language from the text itself; the setting is not sent."
            warnings.append(CallWarning(kind="other", parameter="language", message=message))
        if request.output_format == "pcm":
            message = f"raw samples come in a WAV file ({SAMPLE_RATE} Hz, mono, 16 bit)."
            warnings.append(CallWarning(kind="adjusted", parameter="output_format", message=message))
        return warnings

    def quantities(self, request: SpeechSynthesisRequest, model: str) -> dict[str, float]:
        """Characters for the models billed by them, which is exact; for the others seconds, by a rule of thumb."""
        if models.billed_by_second(model):
            return {"second": round(len(request.text) / CHARS_PER_SECOND / request.speed, 1)}
        return {"character": len(request.text)}

    def steps(self, request: SpeechSynthesisRequest, model: str) -> Steps[MediaPayload]:
        opening = self._opening(request, model)
        answer: Answer = yield opening
        payload = self._payload(read(answer, opening.json["response_format"]), opening, request, model)
        payload.request_id = answer.headers.get("x-request-id")
        return payload

    def streams(self, request: SpeechSynthesisRequest, model: str) -> bool:
        """Bytes of sound are; the events that `stream_format: sse` asks for are not typed by the vendor, and not read."""
        return bool(request.options.get("stream_format", "audio") == "audio")

    def stream(self, request: SpeechSynthesisRequest, model: str) -> StreamSteps[MediaPayload]:
        """The recording as it is made: the same request, read while it comes."""
        opening = self._opening(request, model)
        opening.expect = "bytes"
        wanted = opening.json["response_format"]
        data = yield from byte_pieces(opening, lambda head: kind_of(head, wanted))
        return self._payload(recording(data, wanted), opening, request, model)

    def _opening(self, request: SpeechSynthesisRequest, model: str) -> Send:
        fields = {
            "model": model,
            "input": request.text,
            "voice": self.voice(request.voice_id),
            "response_format": request.output_format
            or self.config.custom_config.get("response_format", self.default_format),
            "speed": request.speed if request.speed != 1.0 else None,
            "instructions": request.instructions if models.follows_instructions(model) else None,
        }
        body = self.body(request, fields)
        if not models.follows_instructions(model) and "instructions" not in request.options:
            body.pop("instructions", None)
        return Send("POST", "/audio/speech", json=body, creates=True, accept="application/octet-stream")

    def _payload(self, blob: Blob, opening: Send, request: SpeechSynthesisRequest, model: str) -> MediaPayload:
        # Models billed by time are priced from the measured recording; this answer names no amounts.
        quantities: dict[str, float] = {} if models.billed_by_second(model) else {"character": len(request.text)}
        return MediaPayload(blobs=[blob], quantities=quantities, metadata={"voice": opening.json["voice"]})

    def voice(self, voice_id: str | None) -> str | dict[str, str]:
        """The `voice` field. Ids of custom voices go as an object."""
        chosen = voice_id or str(self.config.custom_config.get("voice", self.default_voice))
        return {"id": chosen} if chosen.startswith("voice_") else chosen

    def voice_steps(self, language: str | None) -> Steps[list[Voice]]:
        """The built-in voices, from the catalog: the API lists none. Each speaks every language, so none is left out."""
        yield from ()
        return [Voice(**row, provider=self.get_provider_name()) for row in models.catalog().extra["voices"]]


def read(answer: Answer, wanted: str) -> Blob:
    """The recording in an answer.

    Raises:
        EmptyResultError, MalformedResponseError: there is none.
    """
    named = answer.headers.get("content-type", "").partition(";")[0].strip()
    if answer.body and (named.startswith("text/") or named == "application/json"):
        raise MalformedResponseError(f"sound was expected, {named} came; it starts with {answer.body[:80]!r}.")
    return recording(answer.body, wanted)


def recording(data: bytes, wanted: str) -> Blob:
    """The recording in these bytes; raw samples get a WAV header.

    Raises:
        EmptyResultError, MalformedResponseError: there is none.
    """
    if not data:
        raise EmptyResultError("the answer holds no sound.")
    kind = kind_of(data[:HEAD], wanted)
    if wanted == "pcm":
        return Blob(wrap_pcm(data), kind)
    return Blob(mend_wav(data) if kind == "audio/wav" else data, kind)


def kind_of(head: bytes, wanted: str) -> str:
    """Media type of a recording, by its first bytes. Raw samples may begin like anything.

    Raises:
        MalformedResponseError: it is no sound.
    """
    kind = "audio/wav" if wanted == "pcm" else sniff(head)
    if kind is None or not kind.startswith("audio/"):
        raise MalformedResponseError(f"what came as {wanted} is no sound; it starts with {head[:16]!r}.")
    return kind
