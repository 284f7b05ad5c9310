"""Speech by ElevenLabs: what is sent, what is dropped and said so, and recordings that are what they claim to be."""

from __future__ import annotations

import base64
import io
import wave
from typing import Any

import httpx2
import pytest

from tests.providers.elevenlabs.support import MODEL, NEW, VOICE, Services, answered, ok, opened, say, service, streamed
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.interfaces.steps import Send
from viralai_sdk.providers.elevenlabs.sound import recording, wrap_pcm
from viralai_sdk.simulator import Simulator
from viralai_sdk.simulator.faults import Kind

SERVICE = service()
MP3 = b"ID3" + bytes(100)


def timed(data: bytes = MP3, **more: Any) -> dict[str, Any]:
    return {"audio_base64": base64.b64encode(data).decode(), **more}


def test_only_what_differs_from_the_vendors_defaults_is_sent() -> None:
    step = opened(SERVICE.steps(say(), MODEL))
    assert (step.method, step.path) == ("POST", f"/v1/text-to-speech/{VOICE}/with-timestamps")
    assert step.json == {"text": "hello there", "model_id": MODEL}
    assert step.params == {"output_format": "mp3_44100_128"}
    assert step.creates
    assert SERVICE.headers() == {"xi-api-key": "sim-key"}


def test_everything_portable_reaches_its_field() -> None:
    request = say(voice_id="A" * 20, language="pt-BR", speed=1.1, seed=7, output_format="opus")
    step = opened(SERVICE.steps(request, NEW))
    assert step.path == f"/v1/text-to-speech/{'A' * 20}/with-timestamps"
    assert step.json == {
        "text": "hello there",
        "model_id": NEW,
        "language_code": "pt",
        "voice_settings": {"speed": 1.1},
        "seed": 7,
    }
    assert step.params == {"output_format": "opus_48000_128"}


def test_options_reach_query_body_and_voice_settings_and_win_over_the_configuration() -> None:
    made = service(stability=0.2, style=0.1, output_format="mp3_22050_32", with_timestamps=False, voice="B" * 20)
    options = {"stability": 0.9, "enable_logging": False, "previous_text": "Before.", "voice_settings": {"speed": 0.8}}
    step = opened(made.steps(say(options=options), MODEL))
    assert step.path == f"/v1/text-to-speech/{'B' * 20}"
    assert step.params == {"output_format": "mp3_22050_32", "enable_logging": "false"}
    assert step.json["voice_settings"] == {"stability": 0.9, "style": 0.1, "speed": 0.8}
    assert step.json["previous_text"] == "Before."
    assert opened(made.steps(say(output_format="wav"), MODEL)).params == {"output_format": "wav_24000"}
    named = say(output_format="mp3", options={"output_format": "mp3_44100_192"})
    assert opened(made.steps(named, MODEL)).params == {"output_format": "mp3_44100_192"}


def test_check_tells_what_is_dropped_or_adjusted() -> None:
    request = say(pitch=2, volume=0.5, instructions="Whisper.", speed=2, seed=-1, language="de", output_format="pcm")
    assert [(w.kind, w.parameter) for w in SERVICE.check(request, MODEL)] == [
        ("unsupported", "pitch"),
        ("unsupported", "volume"),
        ("unsupported", "instructions"),
        ("adjusted", "speed"),
        ("adjusted", "seed"),
        ("other", "language"),
        ("adjusted", "output_format"),
    ]
    assert opened(SERVICE.steps(request, MODEL)).json["voice_settings"] == {"speed": 1.2}
    assert opened(SERVICE.steps(request, MODEL)).json["seed"] == 2**32 - 1
    assert SERVICE.check(say(), MODEL) == []
    assert SERVICE.check(say(language="de"), NEW) == []
    assert SERVICE.check(say(language="de"), "eleven_multilingual_v2_of_tomorrow")[0].parameter == "language"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ssml": True}, "SSML"),
        ({"output_format": "flac"}, "flac"),
        ({"output_format": "aac"}, "aac"),
        ({"options": {"output_format": "ulaw_8000"}}, "ulaw_8000"),
    ],
)
def test_what_cannot_be_done_is_refused_before_sending(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(e.UnsupportedCapabilityError, match=words):
        SERVICE.check(say(**fields), MODEL)


@pytest.mark.parametrize(
    ("wanted", "kind"), [("mp3", "audio/mpeg"), ("opus", "audio/ogg"), ("wav", "audio/wav"), ("pcm", "audio/wav")]
)
@pytest.mark.parametrize("with_timestamps", [True, False])
async def test_every_format_comes_as_what_it_is(
    services: Services, wanted: str, kind: str, with_timestamps: bool
) -> None:
    payload = await services.speech(with_timestamps=with_timestamps).call(say(output_format=wanted), MODEL)
    assert payload.blobs[0].media_type == kind == sniff(payload.blobs[0].data[:64])
    assert payload.quantities == {"character": 11} == SERVICE.quantities(say(), MODEL)
    assert payload.request_id
    assert payload.metadata == {"voice": VOICE}
    assert [word.text for word in payload.word_timings] == (["hello", "there"] if with_timestamps else [])


async def test_word_timings_fit_the_recording(services: Services) -> None:
    payload = await services.speech().call(say(output_format="wav"), MODEL)
    with wave.open(io.BytesIO(payload.blobs[0].data)) as file:
        seconds = file.getnframes() / file.getframerate()
    first, second = payload.word_timings
    assert 0 == first.start < first.end < second.start < second.end
    assert second.end == pytest.approx(seconds, abs=0.01)


async def test_faster_speech_is_shorter(services: Services) -> None:
    ends = [(await services.speech().call(say(speed=speed), MODEL)).word_timings[-1].end for speed in (0.7, 1.2)]
    assert ends[1] < ends[0] * 0.7


async def test_a_voice_may_be_given_by_its_name(sim: Simulator, services: Services) -> None:
    payload = await services.speech().call(say(voice_id="greta"), MODEL)
    assert payload.metadata == {"voice": "SimVoice000000000003"}
    assert [entry.path for entry in sim.log] == [
        "/v2/voices",
        "/v1/text-to-speech/SimVoice000000000003/with-timestamps",
    ]


async def test_an_unknown_voice_is_the_vendors_to_refuse(services: Services) -> None:
    with pytest.raises(e.InvalidRequestError, match="voice with this id was not found"):
        await services.speech().call(say(voice_id="nobody at all"), MODEL)


async def test_voices_come_page_after_page(sim: Simulator, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viralai_sdk.providers.elevenlabs.speech.PAGE", 3)
    driver = services.speech()
    voices = await driver.run(driver.adapter.voice_steps(None))  # type: ignore[attr-defined]
    assert [voice.name for voice in voices] == ["George", "Alma", "Greta", "Bo"]
    assert [voice.language for voice in voices] == ["en", "en", "de-DE", "multi"]
    assert (voices[0].gender, voices[0].provider, voices[3].gender) == ("male", "elevenlabs", None)
    assert len(sim.log) == 2


async def test_voices_of_a_language_and_models_for_speech(services: Services) -> None:
    driver = services.speech()
    voices = await driver.run(driver.adapter.voice_steps("de-AT"))  # type: ignore[attr-defined]
    assert [voice.name for voice in voices] == ["Greta"]
    models = await driver.run(driver.adapter.model_steps())  # type: ignore[attr-defined]
    assert MODEL in models
    assert "sim_voice_changer" not in models


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, e.EmptyResultError),
        ([], e.EmptyResultError),
        (timed(b""), e.EmptyResultError),
        ({"audio_base64": "***"}, e.MalformedResponseError),
        ({"audio_base64": 3}, e.MalformedResponseError),
        (timed(b"\x89PNG\r\n\x1a\n"), e.MalformedResponseError),
        (b"<html>", e.MalformedResponseError),
    ],
)
def test_answers_without_sound_are_errors(body: Any, error: type[e.AIError]) -> None:
    with pytest.raises(error):
        answered(SERVICE.steps(say(), MODEL), ok(body))


@pytest.mark.parametrize(("kind", "body"), [("text/html", b"<html>"), ("application/json", b"{}"), ("audio/mpeg", b"")])
def test_a_page_in_place_of_plain_sound_is_an_error(kind: str, body: bytes) -> None:
    with pytest.raises((e.MalformedResponseError, e.EmptyResultError)):
        answered(service(with_timestamps=False).steps(say(), MODEL), ok(body, content_type=kind))


def test_a_recording_without_readable_timings_is_kept_and_says_so() -> None:
    payload = answered(SERVICE.steps(say(), MODEL), ok(timed(alignment={"characters": [1]})))
    assert payload.blobs[0].media_type == "audio/mpeg"
    assert payload.word_timings == []
    assert payload.warnings[0].message == "the answer had no readable word timings."


def test_normalised_timings_serve_when_the_others_are_missing() -> None:
    columns = {"character_start_times_seconds": [0, 1], "character_end_times_seconds": [1, 2]}
    alignment = {"characters": ["o", "k"], **columns}
    payload = answered(SERVICE.steps(say(), MODEL), ok(timed(alignment=None, normalized_alignment=alignment)))
    assert [(word.text, word.start, word.end) for word in payload.word_timings] == [("ok", 0, 2)]


def test_streams_give_pieces_and_the_whole() -> None:
    steps = SERVICE.stream(say(output_format="mp3"), MODEL)
    pieces, payload = streamed(steps, MP3[:10], MP3[10:])
    assert pieces == [None, MP3]  # nothing is handed on before its beginning is known to be sound
    assert payload.blobs[0].data == MP3
    assert payload.quantities == {"character": 11}
    step = opened(SERVICE.stream(say(output_format="wav"), MODEL))
    assert (step.path, step.expect) == (f"/v1/text-to-speech/{VOICE}/stream", "bytes")
    assert step.params == {"output_format": "pcm_24000"}
    _, payload = streamed(SERVICE.stream(say(output_format="wav"), MODEL), b"\1\0" * 50, b"\2\0" * 50)
    assert payload.blobs[0].data == wrap_pcm(b"\1\0" * 50 + b"\2\0" * 50, 24_000)


def test_an_empty_stream_is_an_error() -> None:
    with pytest.raises(e.EmptyResultError):
        streamed(SERVICE.stream(say(), MODEL))


def test_raw_samples_keep_their_rate_and_a_text_is_not_taken_for_them() -> None:
    blob = recording(b"\1\0" * 100 + b"\1", "pcm_16000")
    assert blob.data is not None
    with wave.open(io.BytesIO(blob.data)) as file:
        assert (file.getframerate(), file.getnframes()) == (16_000, 100)
    assert recording(wrap_pcm(b"\1\0", 8000), "pcm_8000").data == wrap_pcm(b"\1\0", 8000)
    with pytest.raises(e.MalformedResponseError):
        recording(b'{"detail": "no"}', "pcm_16000")


async def test_faults_of_the_wire_are_errors(sim: Simulator, services: Services) -> None:
    faults: list[tuple[Kind, type[e.AIError]]] = [
        ("wrong_type", e.MalformedResponseError),
        ("empty", e.EmptyResultError),
        ("malformed", e.MalformedResponseError),
        ("blocked", e.ContentPolicyError),
    ]
    for kind, error in faults:
        sim.faults.add("elevenlabs", kind, times=1)
        with pytest.raises(error):
            await services.speech().call(say(), MODEL)


async def test_the_simulator_is_as_strict_as_the_vendor(services: Services) -> None:
    with pytest.raises(e.AuthenticationError):
        await services.speech(key="other").call(say(), MODEL)
    for options in ({"sparkle": 1}, {"voice_settings": {"sparkle": 1}}, {"seed": -1}, {"output_format": "mp3_1"}):
        with pytest.raises(e.InvalidRequestError):
            await services.speech().call(say(options=options), MODEL)
    with pytest.raises(e.ModelRetiredError):
        await services.speech().call(say(), "eleven_v0")
    with pytest.raises(e.InvalidRequestError, match="speed"):
        await services.speech().call(say(options={"voice_settings": {"speed": 3}}), MODEL)


async def test_the_simulator_refuses_at_its_door(sim: Simulator) -> None:
    key = {"xi-api-key": sim.key}
    say_it = f"/v1/text-to-speech/{VOICE}"
    async with httpx2.AsyncClient(base_url=sim.url("elevenlabs"), headers=key) as http:
        for path, status in (
            ("/v1/nothing", 404),
            ("/v2/voices?page_size=0", 422),
            ("/v2/voices?sparkle=1", 422),
            ("/v2/voices?next_page_token=x", 400),
        ):
            assert (await http.get(path)).status_code == status
        for keywords, status in (
            ({"content": b"x", "headers": {**key, "content-type": "text/plain"}}, 415),
            ({"content": b"x", "headers": {**key, "content-type": "application/json"}}, 400),
            ({"json": []}, 400),
            ({"json": {}}, 422),
            ({"json": {"text": " "}}, 400),
            ({"json": {"text": "hi"}, "params": {"sparkle": "1"}}, 422),
            ({"json": {"text": "hi", "model_id": MODEL, "language_code": "de"}}, 400),
        ):
            assert (await http.post(say_it, **keywords)).status_code == status
        assert (await http.post(say_it, json={"text": "hi"}, headers={"xi-api-key": ""})).status_code == 401
        telephone = await http.post(say_it, json={"text": "hi"}, params={"output_format": "ulaw_8000"})
        assert telephone.headers["content-type"] == "audio/basic"


def test_lists_of_another_shape_are_errors() -> None:
    for steps, body in (
        (SERVICE.voice_steps(None), {"voices": 3}),
        (SERVICE.voice_steps(None), []),
        (SERVICE.model_steps(), {}),
    ):
        with pytest.raises(e.MalformedResponseError):
            answered(steps, ok(body))
    rows = {"voices": [3, {"name": "nobody"}, {"voice_id": "x", "labels": 3, "verified_languages": 3}]}
    assert [voice.id for voice in answered(SERVICE.voice_steps(None), ok(rows))] == ["x"]


def test_the_step_of_a_lookup_is_no_creation() -> None:
    step = opened(SERVICE.steps(say(voice_id="George"), MODEL))
    assert isinstance(step, Send)
    assert (step.path, step.creates) == ("/v2/voices", False)
