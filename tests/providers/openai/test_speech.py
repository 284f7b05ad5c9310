"""Speech: what is sent, what is dropped and said so, and recordings that are what they claim to be."""

from __future__ import annotations

import io
import struct
import wave
from typing import Any

import pytest

from tests.providers.by_hand import answered, ok, opened
from tests.providers.openai.support import SPEECH, Services, config
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest
from viralai_sdk.providers.openai.audio import mend_wav, wrap_pcm
from viralai_sdk.providers.openai.speech import OpenAISpeechService
from viralai_sdk.simulator import Simulator

SERVICE = OpenAISpeechService(config())


def say(**fields: Any) -> SpeechSynthesisRequest:
    return SpeechSynthesisRequest(**{"text": "hello", **fields})


def frames(data: bytes) -> int:
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        return int(file.getnframes())


def test_only_what_differs_from_the_vendors_defaults_is_sent() -> None:
    step = opened(SERVICE.steps(say(), SPEECH))
    assert step.json == {"model": SPEECH, "input": "hello", "voice": "alloy", "response_format": "mp3"}
    assert step.creates
    assert step.accept == "application/octet-stream"


def test_configuration_chooses_voice_and_format_and_the_request_wins() -> None:
    service = OpenAISpeechService(config(voice="nova", response_format="wav", instructions="Whisper."))
    assert opened(service.steps(say(), SPEECH)).json == {
        "model": SPEECH,
        "input": "hello",
        "voice": "nova",
        "response_format": "wav",
        "instructions": "Whisper.",
    }
    body = opened(service.steps(say(voice_id="voice_12", output_format="flac"), "tts-1")).json
    assert (body["voice"], body["response_format"]) == ({"id": "voice_12"}, "flac")
    assert "instructions" not in body


def test_check_tells_what_is_dropped() -> None:
    request = say(pitch=2, volume=0.5, seed=1, instructions="Whisper.", language="de", output_format="pcm")
    assert [(w.kind, w.parameter) for w in SERVICE.check(request, "tts-1")] == [
        ("unsupported", "pitch"),
        ("unsupported", "volume"),
        ("unsupported", "seed"),
        ("unsupported", "instructions"),
        ("other", "language"),
        ("adjusted", "output_format"),
    ]
    assert SERVICE.check(say(), SPEECH) == []
    assert SERVICE.check(say(language="auto", instructions="Whisper."), SPEECH) == []


@pytest.mark.parametrize(("fields", "words"), [({"ssml": True}, "SSML"), ({"text": "x" * 4097}, "4096")])
def test_what_cannot_be_done_is_refused_before_sending(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(e.UnsupportedCapabilityError, match=words):
        SERVICE.check(say(**fields), SPEECH)


def test_amounts_before_sending() -> None:
    assert SERVICE.quantities(say(text="x" * 30), "tts-1") == {"character": 30}
    assert SERVICE.quantities(say(text="x" * 30, speed=2), SPEECH) == {"second": 1.0}


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        ("mp3", "audio/mpeg"),
        ("opus", "audio/ogg"),
        ("aac", "audio/aac"),
        ("flac", "audio/flac"),
        ("wav", "audio/wav"),
        ("pcm", "audio/wav"),
    ],
)
async def test_every_format_comes_as_what_it_is(services: Services, wanted: str, kind: str) -> None:
    payload = await services.speech().call(say(output_format=wanted), "tts-1")
    blob = payload.blobs[0]
    assert blob.media_type == kind == sniff(blob.data[:64])
    assert payload.quantities == {"character": 5}
    assert payload.request_id
    if kind == "audio/wav":
        assert frames(blob.data) > 1000


async def test_faster_speech_is_shorter(services: Services) -> None:
    lengths = []
    for speed in (1.0, 2.0):
        payload = await services.speech().call(say(output_format="wav", speed=speed), SPEECH)
        lengths.append(frames(payload.blobs[0].data))
    assert lengths[1] < lengths[0] * 0.6


@pytest.mark.parametrize(
    ("body", "kind", "error"),
    [
        (b"", "audio/mpeg", e.EmptyResultError),
        (b'{"a": 1}', "application/json", e.MalformedResponseError),
        (b"<html>", "text/html; charset=utf-8", e.MalformedResponseError),
        (b"no sound", "audio/mpeg", e.MalformedResponseError),
        (b"\x89PNG\r\n\x1a\n", "audio/mpeg", e.MalformedResponseError),
    ],
)
def test_answers_without_sound_are_errors(body: bytes, kind: str, error: type[e.AIError]) -> None:
    with pytest.raises(error):
        answered(SERVICE.steps(say(), SPEECH), ok(body, content_type=kind))


async def test_a_proxys_page_is_not_taken_for_sound(sim: Simulator, services: Services) -> None:
    sim.faults.add("openai", "wrong_type", times=1)
    with pytest.raises(e.MalformedResponseError, match="text/html"):
        await services.speech().call(say(), SPEECH)
    sim.faults.add("openai", "empty", times=1)
    with pytest.raises(e.EmptyResultError):
        await services.speech().call(say(), SPEECH)


def test_voices_are_the_thirteen_built_in_ones_and_speak_every_language() -> None:
    for language in (None, "de"):
        with pytest.raises(StopIteration) as done:
            next(SERVICE.voice_steps(language))
        voices = done.value.value
        assert len(voices) == 13
        assert {voice.language for voice in voices} == {"multi"}
        assert voices[0].provider == "openai"


def test_raw_samples_become_a_wav_file() -> None:
    assert frames(wrap_pcm(b"\1\0" * 100)) == 100
    assert frames(wrap_pcm(b"\1\0" * 100 + b"\1")) == 100


@pytest.mark.parametrize("claimed", [0, 0xFFFFFFFF, 1000])
def test_a_streaming_encoders_header_is_put_right(claimed: int) -> None:
    data = bytearray(wrap_pcm(b"\1\0" * 100))
    struct.pack_into("<I", data, 40, claimed)
    struct.pack_into("<I", data, 4, 0xFFFFFFFF)
    assert frames(mend_wav(bytes(data))) == 100


def test_a_right_header_and_a_headless_file_stay_as_they_are() -> None:
    right = wrap_pcm(b"\1\0" * 100)
    assert mend_wav(right) is right
    assert mend_wav(right[:30]) == right[:30]
