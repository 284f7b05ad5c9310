"""Speech by rules: espeak-ng (extra `speech`) or the built-in formant voice, as a speech service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from viralai_sdk.interfaces.adapter import SpeechAdapter
from viralai_sdk.interfaces.errors import (
    AIError,
    ConfigurationError,
    InvalidRequestError,
    MalformedResponseError,
    UnsupportedCapabilityError,
)
from viralai_sdk.interfaces.records import CallWarning, WordTiming
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest, Voice
from viralai_sdk.interfaces.steps import Blob, Compute, MediaPayload, Steps
from viralai_sdk.providers.embedded.voice import Spoken, VoiceError, available_formats, encode, speak, voices


class EmbeddedSpeechService(SpeechAdapter):
    """The formant voices. The model "formant" asks for the built-in one even when espeak-ng is there."""

    is_model = False

    def check(self, request: SpeechSynthesisRequest, model: str) -> list[CallWarning]:
        if request.output_format not in (None, *available_formats()):
            raise self.unsupported(
                f"audio as {request.output_format}",
                hint='Install PyAV for more formats: pip install "viralai-sdk[video]".',
            )
        if request.instructions:
            return [
                CallWarning(kind="unsupported", parameter="instructions", message="a voice made by rules cannot act")
            ]
        return []

    def quantities(self, request: SpeechSynthesisRequest, model: str) -> dict[str, float]:
        return {"character": len(request.text)}

    def steps(self, request: SpeechSynthesisRequest, model: str) -> Steps[MediaPayload]:
        payload: MediaPayload = yield Compute(_speak, (request, model))
        return payload

    def voice_steps(self, language: str | None) -> Steps[list[Voice]]:
        found: list[Voice] = yield Compute(_voices, (language,))
        return found


def _speak(
    request: SpeechSynthesisRequest, model: str, report: Callable[..., None], workspace: Any = None
) -> MediaPayload:
    try:
        spoken = say(request, model, report)
        # A bare PCM stream says nothing of its own rate, so it is given as WAV, as the file's measure needs.
        wanted = request.output_format or "wav"
        data = encode(spoken, "wav" if wanted == "pcm" else wanted, comment=comment(spoken))
    except VoiceError as error:
        raise translated(error) from error
    return MediaPayload(
        model="formant" if "formant" in spoken.engine else "espeak-ng",
        blobs=[Blob(data)],
        word_timings=[WordTiming(text=word.text, start=word.start, end=word.end) for word in spoken.words],
        quantities={"character": len(request.text)},
        metadata={
            "engine": spoken.engine,
            "voice": spoken.voice,
            "language": spoken.language,
            "seed": request.seed or 0,
        },
        warnings=[CallWarning(kind="adjusted", message=note) for note in spoken.notes],
    )


def say(request: SpeechSynthesisRequest, model: str, report: Callable[..., None]) -> Spoken:
    """The speech of a request as samples."""
    return speak(
        request.text,
        voice=request.voice_id,
        language=request.language,
        speed=request.speed,
        pitch=request.pitch,
        volume=request.volume,
        ssml=request.ssml,
        seed=request.seed or 0,
        engine="formant" if model == "formant" else None,
        progress=report,
    )


def comment(spoken: Spoken) -> str:
    """What the file says of itself."""
    return f"Spoken by rules, not by an AI model ({spoken.engine}, {spoken.voice}). Made with viralai-sdk."


def _voices(language: str | None, report: Any = None, workspace: Any = None) -> list[Voice]:
    try:
        found = voices(language)
    except VoiceError as error:
        raise translated(error) from error
    return [
        Voice(
            id=voice.id,
            name=voice.name,
            language=voice.language,
            gender=voice.gender,
            description=voice.engine,
            provider="embedded",
        )
        for voice in found
    ]


def translated(error: VoiceError) -> AIError:
    """Our error for the engine's."""
    kinds: dict[str, type[AIError]] = {
        "engine_missing": ConfigurationError,
        "engine_failed": MalformedResponseError,
        "format": UnsupportedCapabilityError,
    }
    return kinds.get(error.kind, InvalidRequestError)(str(error))
