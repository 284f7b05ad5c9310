"""The vendor's own client works with the simulator, and we send what it sends."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import elevenlabs
import httpx
import pytest
from elevenlabs.core.api_error import ApiError

from tests.providers.elevenlabs.support import MODEL, NEW, VOICE, Services, say
from tests.providers.media_fidelity import same
from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces import errors as e
from viralai_sdk.simulator import Simulator


@pytest.fixture
def vendor(sim: Simulator) -> Iterator[elevenlabs.ElevenLabs]:
    with httpx.Client(timeout=120) as client:
        yield elevenlabs.ElevenLabs(base_url=sim.url("elevenlabs"), api_key=sim.key, httpx_client=client)


@pytest.fixture
async def ai(sim: Simulator, tmp_path: Path) -> AsyncIterator[ViralAI]:
    provider = {"api_key": sim.key, "base_url": sim.url("elevenlabs")}
    services = {"speech_synthesis": {"default_provider": "elevenlabs"}}
    async with ViralAI({"providers": {"elevenlabs": provider}, "ai_services": services}, home=tmp_path) as made:
        yield made


def test_the_vendors_package_is_the_generation_that_the_facts_were_read_from() -> None:
    from importlib.metadata import version

    print(f"elevenlabs {version('elevenlabs')}")
    assert version("elevenlabs").partition(".")[0] == "2"


async def test_convert(sim: Simulator, vendor: elevenlabs.ElevenLabs, services: Services) -> None:
    theirs = b"".join(
        vendor.text_to_speech.convert(
            VOICE,
            text="hello there",
            model_id=NEW,
            output_format="wav_24000",
            language_code="de",
            seed=7,
            voice_settings=elevenlabs.VoiceSettings(stability=0.5, speed=1.1),
        )
    )
    driver = services.speech(with_timestamps=False, stability=0.5)
    ours = await driver.call(say(output_format="wav", language="de", seed=7, speed=1.1), NEW)
    same(*sim.log, auth="xi-api-key")
    assert ours.blobs[0].data == theirs
    with wave.open(io.BytesIO(theirs)) as file:
        assert file.getnframes() > 1000


async def test_with_timestamps(sim: Simulator, vendor: elevenlabs.ElevenLabs, services: Services) -> None:
    theirs = vendor.text_to_speech.convert_with_timestamps(
        VOICE, text="hello there", model_id=MODEL, output_format="mp3_44100_128"
    )
    ours = await services.speech().call(say(), MODEL)
    same(*sim.log, auth="xi-api-key")
    assert theirs.alignment
    assert base64.b64decode(theirs.audio_base_64) == ours.blobs[0].data
    assert ours.word_timings[-1].end == theirs.alignment.character_end_times_seconds[-1]


async def test_streamed(sim: Simulator, vendor: elevenlabs.ElevenLabs, ai: ViralAI) -> None:
    theirs = b"".join(
        vendor.text_to_speech.stream(VOICE, text="hello there", model_id=MODEL, output_format="mp3_44100_128")
    )
    chunks = [chunk async for chunk in ai.speech.stream("hello there", voice_id=VOICE, model=MODEL)]
    same(*sim.log, auth="xi-api-key")
    assert b"".join(chunk.data for chunk in chunks) == theirs
    response = chunks[-1].response
    assert response
    assert response.duration > 0.1
    assert "with_timestamps" in [note.parameter for note in response.warnings]


async def test_a_streamed_voice_may_be_named_and_raw_samples_are_stored_as_wav(sim: Simulator, ai: ViralAI) -> None:
    options = {"output_format": "wav_24000", "with_timestamps": False}
    chunks = [chunk async for chunk in ai.speech.stream("hello there", voice_id="Greta", options=options)]
    assert [recorded.path.rpartition("/")[2] for recorded in sim.log] == ["voices", "stream"]
    response = chunks[-1].response
    assert response
    samples = b"".join(chunk.data for chunk in chunks)
    assert response.duration == pytest.approx(len(samples) / 48_000, abs=0.01)
    assert "with_timestamps" not in [note.parameter for note in response.warnings]


def test_the_vendors_client_reads_timed_streams(vendor: elevenlabs.ElevenLabs) -> None:
    parts = list(vendor.text_to_speech.stream_with_timestamps(VOICE, text="hello there"))
    characters = [character for part in parts if part.alignment for character in part.alignment.characters]
    assert "".join(characters) == "hello there"


async def test_voices_and_models(sim: Simulator, vendor: elevenlabs.ElevenLabs, services: Services) -> None:
    theirs = vendor.voices.search(page_size=100, language="de")
    driver = services.speech()
    ours = await driver.run(driver.adapter.voice_steps("de"))  # type: ignore[attr-defined]
    same(*sim.log, auth="xi-api-key")
    assert [voice.id for voice in ours] == [voice.voice_id for voice in theirs.voices]
    sim.log.clear()
    models = vendor.models.list()
    assert [model.model_id for model in models if model.can_do_text_to_speech] == await driver.run(
        driver.adapter.model_steps()  # type: ignore[attr-defined]
    )
    same(*sim.log, auth="xi-api-key")
    assert len(vendor.voices.get_all().voices) == 4


async def test_refusals(sim: Simulator, vendor: elevenlabs.ElevenLabs, services: Services) -> None:
    sim.faults.add("elevenlabs", status=401, code="quota_exceeded", message="by order")
    with pytest.raises(ApiError) as caught:
        list(vendor.text_to_speech.convert(VOICE, text="hello"))
    assert caught.value.status_code == 401
    with pytest.raises(e.QuotaExceededError, match="by order"):
        await services.speech().call(say(), MODEL)
    sim.faults.clear()
    with pytest.raises(elevenlabs.UnprocessableEntityError):
        list(vendor.text_to_speech.convert(VOICE, text="hello", output_format="mp3_1"))


async def test_through_the_public_interface(ai: ViralAI) -> None:
    spoken = await ai.speech("hello there", output_format="wav")
    assert spoken.provider_used == "elevenlabs"
    assert spoken.cost_usd == pytest.approx(11 * 8.0e-5)
    assert spoken.word_timings[-1].end == pytest.approx(spoken.duration, abs=0.02)
    assert [voice.name for voice in await ai.speech.voices(language="de")] == ["Greta"]
