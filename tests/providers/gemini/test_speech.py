"""Speech as data: raw samples and files, warnings, voices."""

from __future__ import annotations

import base64
import io
import json
import wave
from typing import Any

import pytest

from tests.providers.by_hand import answered, ok, opened
from tests.providers.gemini.support import SPEECH, Google
from viralai_sdk.interfaces.errors import (
    ContentPolicyError,
    EmptyResultError,
    InvalidRequestError,
    MalformedResponseError,
    UnsupportedCapabilityError,
)
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest
from viralai_sdk.providers.gemini import GeminiSpeechService
from viralai_sdk.simulator import Simulator

SAMPLES = bytes(range(200)) * 10


def service(**custom: Any) -> GeminiSpeechService:
    return GeminiSpeechService(AIServiceConfig(provider="gemini", api_key="sim-key", custom_config=custom))


def read(*files: tuple[str, bytes], finish: str = "STOP", **usage: Any) -> Any:
    parts = [{"inlineData": {"mimeType": kind, "data": base64.b64encode(data).decode()}} for kind, data in files]
    value = {"candidates": [{"content": {"parts": parts}, "finishReason": finish}], "usageMetadata": usage}
    return answered(service().steps(SpeechSynthesisRequest("hello"), SPEECH), ok(json.dumps(value).encode()))


@pytest.mark.parametrize(
    ("kind", "rate", "channels"),
    [
        ("audio/L16;codec=pcm;rate=24000", 24_000, 1),
        ("audio/l16; rate=16000; channels=2", 16_000, 2),
        ("audio/pcm", 24_000, 1),
        ("audio/l16;rate=0", 24_000, 1),
    ],
)
def test_raw_samples_become_a_wav_file(kind: str, rate: int, channels: int) -> None:
    found = read((kind, SAMPLES), (kind, SAMPLES))
    with wave.open(io.BytesIO(found.blobs[0].data)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (rate, channels, 2)
        assert file.readframes(10**6) == SAMPLES * 2


def test_a_file_passes_as_it_is() -> None:
    mp3 = b"ID3" + bytes(100)
    assert read(("audio/mpeg", mp3)).blobs[0].data == mp3
    assert read(("audio/wav", b"RIFF0000WAVEfmt ")).blobs[0].media_type == "audio/wav"


def test_tokens() -> None:
    found = read(("audio/l16", SAMPLES), promptTokenCount=3, candidatesTokenCount=250)
    assert found.quantities == {"input_token": 3, "output_audio_token": 250}


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ([], EmptyResultError),
        ([("audio/l16", b"")], EmptyResultError),
        ([("audio/wav", b"noise")], MalformedResponseError),
        ([("", b"noise")], MalformedResponseError),
        ([("audio/wav", b"RIFF0000WAVE")] * 2, MalformedResponseError),
        ([("audio/l16;channels=99", SAMPLES)], MalformedResponseError),
    ],
)
def test_answers_without_a_recording(files: list[tuple[str, bytes]], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        read(*files)


def test_refusals() -> None:
    with pytest.raises(ContentPolicyError):
        read(finish="PROHIBITED_CONTENT")


def test_what_is_sent() -> None:
    request = SpeechSynthesisRequest("hello", instructions="Whisper it.", seed=4, language="auto")
    sent = opened(service(voice="Puck").steps(request, SPEECH)).json
    assert sent["contents"][0]["parts"] == [{"text": "Whisper it:\nhello"}]
    assert sent["generationConfig"]["seed"] == 4
    assert sent["generationConfig"]["speechConfig"] == {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}}}


def test_warnings_and_refusals() -> None:
    request = SpeechSynthesisRequest(
        "hello", speed=2, pitch=1, volume=0.5, instructions="Whisper.", output_format="mp3"
    )
    found = [(warning.kind, warning.parameter) for warning in service().check(request, SPEECH)]
    unsupported = [("unsupported", name) for name in ("speed", "pitch", "volume")]
    assert found == [*unsupported, ("adjusted", "instructions"), ("adjusted", "output_format")]
    assert service().check(SpeechSynthesisRequest("hello", output_format="wav"), SPEECH) == []
    with pytest.raises(UnsupportedCapabilityError, match="SSML"):
        service().check(SpeechSynthesisRequest("<speak/>", ssml=True), SPEECH)


@pytest.mark.parametrize("cast", [{"A": "Puck"}, {"A": "Puck", "B": 5}, ["A", "B"], {"A": "x", "B": "y", "C": "z"}])
def test_a_cast_that_is_none(cast: Any) -> None:
    with pytest.raises(InvalidRequestError, match="exactly two"):
        service().check(SpeechSynthesisRequest("hello", options={"speakers": cast}), SPEECH)


def test_voices_page_by_page() -> None:
    first = {
        "voices": [{"id": "A", "display_name": "Ada", "language_code": "en-US"}, {"id": 5}],
        "next_page_token": "2",
    }
    second = {"voices": [{"id": "B", "description": "warm"}]}
    steps = service().voice_steps("EN_gb")
    assert opened(steps).params is None
    following = steps.send(ok(json.dumps(first).encode()))
    assert following.params == {"page_token": "2"}  # type: ignore[union-attr]
    with pytest.raises(StopIteration) as ended:
        steps.send(ok(json.dumps(second).encode()))
    assert [(voice.id, voice.name, voice.language) for voice in ended.value.value] == [
        ("A", "Ada", "en-US"),
        ("B", "B", "multi"),
    ]
    with pytest.raises(MalformedResponseError, match="voices"):
        answered(service().voice_steps(None), ok(b'{"voices": 5}'))


async def test_an_unknown_voice_by_the_wire(gemini: Google) -> None:
    with pytest.raises(InvalidRequestError, match="Nobody"):
        await gemini(GeminiSpeechService).call(SpeechSynthesisRequest("hello", voice_id="Nobody"), SPEECH)


async def test_silence_by_the_wire(sim: Simulator, gemini: Google) -> None:
    sim.faults.add("gemini", "empty")
    with pytest.raises(EmptyResultError):
        await gemini(GeminiSpeechService).call(SpeechSynthesisRequest("hello"), SPEECH)
