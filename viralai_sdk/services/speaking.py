"""What only speech has: lists of voices, and several languages in one recording."""

from __future__ import annotations

import asyncio
import io
import wave
from typing import TYPE_CHECKING, Any

import numpy as np

from viralai_sdk.interfaces.adapter import SpeechAdapter
from viralai_sdk.interfaces.errors import MalformedResponseError, UnsupportedCapabilityError
from viralai_sdk.interfaces.names import AIProvider, AIServiceType
from viralai_sdk.interfaces.records import WordTiming
from viralai_sdk.interfaces.speech import (
    MultilingualSpeechRequest,
    SpeechSynthesisRequest,
    SpeechSynthesisResponse,
    SpeechSynthesisService,
    Voice,
)
from viralai_sdk.interfaces.steps import Blob
from viralai_sdk.services.call import Call
from viralai_sdk.services.runner import Runner

if TYPE_CHECKING:
    from viralai_sdk.services.manager import AIServiceManager

_KIND = AIServiceType.SPEECH_SYNTHESIS


async def voices(manager: AIServiceManager, provider: AIProvider | str | None, language: str | None) -> list[Voice]:
    """Voices of a provider, all or those of a language."""
    runtime = manager.runtime
    route = manager.default_route(_KIND) if provider is None else manager.parse(provider, _KIND)
    service = runtime.factory.service(_KIND, route.provider)
    if isinstance(service, SpeechAdapter):
        call = Call(_KIND, SpeechSynthesisRequest(text="voices"), [route], runtime.session_id)
        call.route, call.service = route, service
        found: list[Voice] = await Runner(runtime, call, service).drive(service.voice_steps(language))
        return found
    assert isinstance(service, SpeechSynthesisService)
    return await service.get_voices(language)


async def multilingual(
    manager: AIServiceManager, request: MultilingualSpeechRequest, **details: Any
) -> SpeechSynthesisResponse:
    """Speak every segment by itself and join the recordings, with silence between them.

    Raises:
        UnsupportedCapabilityError: another format than WAV is asked for; joining compressed audio would lose quality.
    """
    if request.output_format not in (None, "wav"):
        raise UnsupportedCapabilityError(
            f"joined recordings are WAV, not {request.output_format}.",
            service=_KIND.value,
            hint="Leave output_format out, then convert.",
        )
    parts: list[SpeechSynthesisResponse] = []
    for part in request.parts():
        spoken = await manager.run(_KIND, part, **details)
        assert isinstance(spoken, SpeechSynthesisResponse)
        parts.append(spoken)
    data, offsets, rate = await asyncio.to_thread(
        _join, [part.audio_path for part in parts], request.transition_duration
    )
    store = manager.runtime.artifacts(parts[0].session_id or manager.runtime.session_id)
    record = {
        "generator": "viralai-sdk",
        "provider": parts[0].provider_used,
        "made_by": "joined from " + str(len(parts)) + " recordings",
    }
    blob = Blob(data, "audio/wav")
    kept = await asyncio.to_thread(store.keep, blob, kind="audio", stem=request.words()[:60], record=record)
    known = [part.cost_usd for part in parts]
    words = [
        WordTiming(text=word.text, start=word.start + offset, end=word.end + offset)
        for part, offset in zip(parts, offsets, strict=True)
        for word in part.word_timings
    ]
    last = parts[-1]
    return last.model_copy(
        update={
            "audio_path": str(kept.artifact.path),
            "artifacts": [kept.artifact],
            "duration": kept.artifact.duration,
            "word_timings": words,
            "sample_rate": rate,
            "channels": 1,
            "generation_time": sum(part.generation_time for part in parts),
            "cost_usd": None if None in known else sum(cost or 0.0 for cost in known),
            "attempts": [attempt for part in parts for attempt in part.attempts],
            "warnings": [warning for part in parts for warning in part.warnings],
            "metadata": {**last.metadata, "segments": [dict(item) for item in request.segments]},
        }
    )


def _join(paths: list[str], gap: float) -> tuple[bytes, list[float], int]:
    """One mono WAV out of several, each segment's start in seconds, and the sample rate (the highest among them)."""
    tracks = [_samples(path) for path in paths]
    rate = max(found for _, found in tracks)
    pieces: list[np.ndarray[Any, np.dtype[np.float64]]] = []
    offsets, position = [], 0
    silence = np.zeros(round(gap * rate))
    for number, (samples, own) in enumerate(tracks):
        if number:
            pieces.append(silence)
            position += len(silence)
        if own != rate:
            spots = np.linspace(0, len(samples) - 1, round(len(samples) * rate / own))
            samples = np.interp(spots, np.arange(len(samples)), samples)
        offsets.append(position / rate)
        pieces.append(samples)
        position += len(samples)
    joined = np.clip(np.concatenate(pieces), -32768, 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(joined.tobytes())
    return buffer.getvalue(), offsets, rate


def _samples(path: str) -> tuple[np.ndarray[Any, np.dtype[np.float64]], int]:
    try:
        with wave.open(path, "rb") as file:
            if file.getsampwidth() != 2:
                raise MalformedResponseError(f"cannot join a WAV of {8 * file.getsampwidth()} bits.", billed="yes")
            raw = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
            return raw.mean(axis=1), file.getframerate()
    except (wave.Error, EOFError) as error:
        raise MalformedResponseError(f"a recording cannot be joined: {error}.", billed="yes") from error
