"""The vendor's own client works with the simulator, and we send what it sends."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
from google.api_core import exceptions
from google.auth import api_key
from google.auth import credentials as google_credentials
from google.cloud import texttospeech_v1 as tts
from google.cloud.texttospeech_v1.services.text_to_speech.transports import TextToSpeechRestTransport

from tests.providers.google_tts.support import MODEL, Services, say
from tests.providers.media_fidelity import same
from viralai_sdk.interfaces import errors as e
from viralai_sdk.simulator import Simulator

# google-auth is not typed.
Credentials: Any = api_key.Credentials
AnonymousCredentials: Any = google_credentials.AnonymousCredentials
QUERY = {
    "%24alt": "the generated client always names the answer's form, which is the default",
    "$alt": "the same, as some versions spell it",
}


def client(sim: Simulator, credentials: Any) -> tts.TextToSpeechClient:
    transport = TextToSpeechRestTransport(host=sim.url("google_tts"), credentials=credentials)
    return tts.TextToSpeechClient(transport=transport)


@pytest.fixture
def vendor(sim: Simulator) -> Iterator[tts.TextToSpeechClient]:
    with client(sim, Credentials(sim.key)) as made:
        yield made


def test_the_vendors_package_is_the_generation_that_the_facts_were_read_from() -> None:
    print(f"google-cloud-texttospeech {version('google-cloud-texttospeech')}")
    assert version("google-cloud-texttospeech").partition(".")[0] == "2"


async def test_speech(sim: Simulator, vendor: tts.TextToSpeechClient, services: Services) -> None:
    theirs = vendor.synthesize_speech(
        input=tts.SynthesisInput(text="hello there"),
        voice=tts.VoiceSelectionParams(language_code="en-US", name="en-US-Neural2-D"),
        audio_config=tts.AudioConfig(
            audio_encoding=tts.AudioEncoding.LINEAR16, speaking_rate=1.5, pitch=-3, volume_gain_db=10
        ),
    )
    ours = await services.speech().call(
        say(voice_id="male", output_format="wav", speed=1.5, pitch=-3, volume=1.5), MODEL
    )
    same(*sim.log, query=QUERY, auth="x-goog-api-key")
    assert ours.blobs[0].data == theirs.audio_content
    assert theirs.audio_content[:4] == b"RIFF"


async def test_ssml_by_gender(sim: Simulator, vendor: tts.TextToSpeechClient, services: Services) -> None:
    text = "<speak>hello</speak>"
    vendor.synthesize_speech(
        input=tts.SynthesisInput(ssml=text),
        voice=tts.VoiceSelectionParams(language_code="de-DE", ssml_gender=tts.SsmlVoiceGender.FEMALE),
        audio_config=tts.AudioConfig(audio_encoding=tts.AudioEncoding.MP3),
    )
    await services.speech().call(say(text=text, ssml=True, voice_id="female", language="de"), MODEL)
    same(*sim.log, query=QUERY, auth="x-goog-api-key")


async def test_voices(sim: Simulator, vendor: tts.TextToSpeechClient, services: Services) -> None:
    theirs = vendor.list_voices(language_code="de-DE")
    driver = services.speech()
    ours = await driver.run(driver.adapter.voice_steps("de-DE"))  # type: ignore[attr-defined]
    same(*sim.log, query=QUERY, auth="x-goog-api-key")
    assert [voice.id for voice in ours] == [voice.name for voice in theirs.voices]
    assert theirs.voices[0].ssml_gender is tts.SsmlVoiceGender.MALE


async def test_refusals(sim: Simulator, vendor: tts.TextToSpeechClient, services: Services) -> None:
    for status, theirs, ours in (
        (429, exceptions.TooManyRequests, e.RateLimitError),
        (503, exceptions.ServiceUnavailable, e.ProviderUnavailableError),
        (403, exceptions.Forbidden, e.PermissionDeniedError),
    ):
        sim.faults.add("google_tts", status=status, message="by order", times=2)
        with pytest.raises(theirs, match="by order"):
            vendor.list_voices()
        with pytest.raises(ours, match="by order"):
            await services.speech().call(say(), MODEL)
    with client(sim, AnonymousCredentials()) as stranger, pytest.raises(exceptions.Forbidden):
        stranger.list_voices()
    with client(sim, Credentials("other")) as stranger, pytest.raises(exceptions.BadRequest, match="API key not valid"):
        stranger.list_voices()
