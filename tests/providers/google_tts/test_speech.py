"""Speech by Google Cloud: what is sent, what is dropped and said so, and recordings that are what they claim to be."""

from __future__ import annotations

import base64
import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.by_hand import answered
from tests.providers.google_tts.support import MODEL, Services, ok, say, service
from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.steps import Send
from viralai_sdk.providers import registry
from viralai_sdk.providers.google_tts.voices import catalog, choose, locale
from viralai_sdk.simulator import Simulator
from viralai_sdk.store.measure import measure

SERVICE = service()
NAMES = ["audioContent", "voices", "name", "languageCodes", "ssmlGender", "naturalSampleRateHertz", "error", "message"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=15,
)


def notes(request: Any, model: str = MODEL) -> list[tuple[str, str | None]]:
    return [(warning.kind, warning.parameter) for warning in SERVICE.check(request, model)]


def test_only_what_differs_from_the_vendors_defaults_is_sent() -> None:
    step = next(SERVICE.steps(say(), MODEL))
    assert isinstance(step, Send)
    assert (step.method, step.path, step.creates) == ("POST", "/v1/text:synthesize", True)
    assert step.headers == {"x-goog-api-key": "sim-key"}
    assert step.json == {
        "input": {"text": "hello there"},
        "voice": {"languageCode": "en-US"},
        "audioConfig": {"audioEncoding": "MP3"},
    }
    assert notes(say()) == []


def test_everything_portable_reaches_its_field() -> None:
    request = say(
        text="<speak>hello</speak>",
        ssml=True,
        voice_id="de-DE-Neural2-B",
        language="fr",
        speed=1.5,
        pitch=-3,
        volume=1.5,
        output_format="wav",
        options={"audioConfig": {"effectsProfileId": ["handset-class-device"]}},
    )
    made = service(advancedVoiceOptions={"enableTextnorm": True}).synthesis(request, MODEL)
    assert made == {
        "input": {"ssml": "<speak>hello</speak>"},
        "voice": {"languageCode": "de-DE", "name": "de-DE-Neural2-B"},
        "audioConfig": {
            "audioEncoding": "LINEAR16",
            "speakingRate": 1.5,
            "pitch": -3,
            "volumeGainDb": 10.0,
            "effectsProfileId": ["handset-class-device"],
        },
        "advancedVoiceOptions": {"enableTextnorm": True},
    }
    assert notes(request) == []


@pytest.mark.parametrize(("volume", "decibels"), [(0, -20.0), (0.5, -10.0), (1.8, 16.0), (2, 16.0), (1.3, 6.0)])
def test_volume_is_linear_in_decibels(volume: float, decibels: float) -> None:
    assert SERVICE.synthesis(say(volume=volume), MODEL)["audioConfig"]["volumeGainDb"] == decibels


@pytest.mark.parametrize(
    ("fields", "model", "noted"),
    [
        ({"pitch": 2, "voice_id": "en-US-Journey-D"}, MODEL, [("unsupported", "pitch")]),
        ({"pitch": 2, "voice_id": "en-US-Studio-O"}, MODEL, [("unsupported", "pitch")]),
        ({"pitch": 2, "voice_id": "narrator"}, MODEL, [("unsupported", "pitch")]),
        ({"pitch": 2, "voice_id": "en-US-Neural2-A"}, MODEL, []),
        ({"seed": 1, "instructions": "Whisper."}, MODEL, [("unsupported", "seed"), ("unsupported", "instructions")]),
        ({"instructions": "Whisper.", "voice_id": "Kore"}, "gemini-3.8-flash-tts", []),
        ({"speed": 3}, MODEL, [("adjusted", "speed")]),
        ({"volume": 2}, MODEL, [("adjusted", "volume")]),
        ({"output_format": "pcm"}, MODEL, [("adjusted", "output_format")]),
        ({"output_format": "aac"}, MODEL, [("adjusted", "output_format")]),
    ],
)
def test_check_tells_what_is_dropped_or_adjusted(
    fields: dict[str, Any], model: str, noted: list[tuple[str, str]]
) -> None:
    assert notes(say(**fields), model) == noted
    sound = SERVICE.synthesis(say(**fields), model)["audioConfig"]
    assert ("pitch" in sound) == ("Neural2" in fields.get("voice_id", ""))
    assert sound.get("speakingRate", 1) <= 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ssml": True, "voice_id": "en-US-Journey-D"}, "SSML"),
        ({"ssml": True, "voice_id": "conversational"}, "SSML"),
        ({"output_format": "flac"}, "flac"),
    ],
)
def test_what_cannot_be_done_is_refused_before_sending(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(e.UnsupportedCapabilityError, match=words):
        SERVICE.check(say(**fields), MODEL)


def test_a_gemini_voice_is_named_with_its_model() -> None:
    made = SERVICE.synthesis(say(voice_id="Kore", instructions="Whisper."), "gemini-3.8-flash-tts")
    assert made["voice"] == {"languageCode": "en-US", "name": "Kore", "modelName": "gemini-3.8-flash-tts"}
    assert made["input"]["prompt"] == "Whisper."


@pytest.mark.parametrize(
    ("voice_id", "language", "expected"),
    [
        (None, "de", {"languageCode": "de-DE"}),
        (None, "pt_br", {"languageCode": "pt-BR"}),
        (None, "xx", {"languageCode": "xx"}),
        ("male", "en", {"languageCode": "en-US", "name": "en-US-Neural2-D"}),
        ("Young Female", "en-US", {"languageCode": "en-US", "name": "en-US-Neural2-H"}),
        ("female", "de", {"languageCode": "de-DE", "ssmlGender": "FEMALE"}),
        ("narrator", "en-GB", {"languageCode": "en-GB", "ssmlGender": "MALE"}),
        ("cmn-CN-Standard-A", "en", {"languageCode": "cmn-CN", "name": "cmn-CN-Standard-A"}),
    ],
)
def test_voices_are_chosen(voice_id: str | None, language: str, expected: dict[str, str]) -> None:
    assert choose(voice_id, language) == expected
    assert locale("zh-Hant") == "zh-Hant"


def test_the_configuration_chooses_a_default_voice_and_format() -> None:
    made = service(voice="female", encoding="wav").synthesis(say(), MODEL)
    assert made["voice"]["name"] == "en-US-Neural2-F"
    assert made["audioConfig"]["audioEncoding"] == "LINEAR16"


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        ("mp3", "audio/mpeg"),
        ("opus", "audio/ogg"),
        ("wav", "audio/wav"),
        ("pcm", "audio/wav"),
        ("aac", "audio/mp4"),
    ],
)
async def test_every_format_comes_as_what_it_is(services: Services, wanted: str, kind: str) -> None:
    payload = await services.speech().call(say(output_format=wanted, voice_id="male"), MODEL)
    assert payload.blobs[0].media_type == kind
    assert measure(payload.blobs[0].data, "audio").duration
    assert payload.quantities == {"character": 11} == SERVICE.quantities(say(), MODEL)
    assert payload.metadata == {"voice": "en-US-Neural2-D", "language": "en-US"}


async def test_ssml_is_spoken_and_faster_speech_is_shorter(services: Services) -> None:
    lengths = []
    for speed in (1.0, 2.0):
        request = say(text="<speak>hello <break/> there</speak>", ssml=True, speed=speed, output_format="wav")
        payload = await services.speech().call(request, MODEL)
        lengths.append(measure(payload.blobs[0].data, "audio").duration or 0)
    assert 0 < lengths[1] < lengths[0] * 0.6


async def test_a_token_signs_in_too(sim: Simulator, services: Services) -> None:
    await services.speech(key=None, access_token=sim.key, quota_project="p1").call(say(), MODEL)
    assert sim.log[0].headers["authorization"] == f"Bearer {sim.key}"
    assert sim.log[0].headers["x-goog-user-project"] == "p1"


async def test_voices(sim: Simulator, services: Services) -> None:
    driver = services.speech()
    everyone = await driver.run(driver.adapter.voice_steps(None))  # type: ignore[attr-defined]
    assert len(everyone) == 16
    german = await driver.run(driver.adapter.voice_steps("de"))  # type: ignore[attr-defined]
    assert [(voice.language, voice.gender) for voice in german] == [("de-DE", "male"), ("de-DE", "female")]
    brazilian = await driver.run(driver.adapter.voice_steps("pt-br"))  # type: ignore[attr-defined]
    assert [voice.id for voice in brazilian] == ["pt-BR-Neural2-A"]
    assert [entry.query for entry in sim.log] == ["", "", "languageCode=pt-BR"]
    assert await driver.run(driver.adapter.voice_steps("fi-FI")) == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, e.EmptyResultError),
        ([], e.EmptyResultError),
        ({"audioContent": "***"}, e.MalformedResponseError),
        ({"audioContent": base64.b64encode(b"nothing").decode()}, e.MalformedResponseError),
        (b"<html>", e.MalformedResponseError),
    ],
)
def test_answers_without_sound_are_errors(body: Any, error: type[e.AIError]) -> None:
    with pytest.raises(error):
        answered(SERVICE.steps(say(), MODEL), ok(body))


def test_lists_of_another_shape() -> None:
    bodies: list[Any] = [{"voices": 3}, []]
    for body in bodies:
        with pytest.raises(e.MalformedResponseError):
            answered(SERVICE.voice_steps(None), ok(body))
    rows = {"voices": [3, {"name": 3}, {"name": "x", "languageCodes": 3, "ssmlGender": 3}]}
    (voice,) = answered(SERVICE.voice_steps(None), ok(rows))
    assert (voice.id, voice.language, voice.gender) == ("x", "multi", None)


@given(JSON | st.binary(max_size=60))
def test_only_our_errors_come_out_of_the_readers(body: Any) -> None:
    for steps in (SERVICE.steps(say(), MODEL), SERVICE.voice_steps("de")):
        with contextlib.suppress(e.AIError):
            answered(steps, ok(body))


async def test_refusals_and_faults(sim: Simulator, services: Services) -> None:
    with pytest.raises(e.AuthenticationError):
        await services.speech(key="other").call(say(), MODEL)
    with pytest.raises(e.AuthenticationError):
        await services.speech(key=None, access_token="other").call(say(), MODEL)
    sim.faults.add("google_tts", "blocked", times=1)
    with pytest.raises(e.ContentPolicyError):
        await services.speech().call(say(), MODEL)
    sim.faults.add("google_tts", "empty", times=1)
    with pytest.raises(e.EmptyResultError):
        await services.speech().call(say(), MODEL)
    sim.faults.add("google_tts", status=429, times=1)
    with pytest.raises(e.RateLimitError):
        await services.speech().call(say(), MODEL)
    wrong: list[dict[str, Any]] = [
        {"voice_id": "en-US-Neural2-Z"},
        {"language": "xx"},
        {"options": {"sparkle": {}}},
        {"options": {"input": {"ssml": "<speak/>"}}},
        {"options": {"audioConfig": {"audioEncoding": "MP4"}}},
        {"options": {"audioConfig": {"pitch": 30}}},
        {"options": {"audioConfig": {"sparkle": 1}}},
        {"options": {"audioConfig": 3}},
        {"options": {"voice": {"ssmlGender": "OTHER"}}},
        {"options": {"input": {"prompt": "Whisper."}}},
        {"voice_id": "en-US-Studio-O", "options": {"audioConfig": {"pitch": 2}}},
        {"voice_id": "en-US-Neural2-A", "options": {"voice": {"languageCode": "de-DE"}}},
        {"voice_id": "en-US-Journey-D", "ssml": True},
    ]
    for fields in wrong:
        with pytest.raises(e.InvalidRequestError):
            await services.speech().call(say(**fields), MODEL)
    url = sim.url("google_tts")
    assert (await services.client.get(f"{url}/v1/voices")).status_code == 403
    assert (await services.client.get(f"{url}/v1/voices?key={sim.key}")).status_code == 200
    assert (await services.client.get(f"{url}/v1/nothing?key={sim.key}")).status_code == 404


def test_its_names_and_data() -> None:
    for name in ("google", "google_tts", "google-tts", "Google_TTS"):
        assert registry.resolve(name, AIServiceType.SPEECH_SYNTHESIS) == "google_tts"
    assert registry.implementation("google_tts", AIServiceType.SPEECH_SYNTHESIS) is type(SERVICE)
    rows = catalog()
    assert set(rows.defaults.values()) <= rows.models.keys()
    assert all(model.retires is None and model.source for model in rows.models.values())
    assert rows.extra["generic_voices"].keys() == {
        "male",
        "female",
        "narrator",
        "conversational",
        "young_male",
        "young_female",
    }


async def test_through_the_public_interface(sim: Simulator, tmp_path: Path) -> None:
    provider = {"api_key": sim.key, "base_url": sim.url("google_tts")}
    config = {
        "providers": {"google_tts": provider},
        "ai_services": {"speech_synthesis": {"default_provider": "google"}},
    }
    async with ViralAI(config, home=tmp_path) as ai:
        spoken = await ai.speech("hello there", voice_id="female", output_format="wav")
        assert spoken.provider_used == "google_tts"
        assert spoken.duration > 0.1
        assert spoken.cost_usd is None
        assert len(await ai.speech.voices(language="en")) == 13
