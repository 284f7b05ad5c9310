"""What we send equals what the vendor's own client sends for the same work, and the simulator satisfies that client."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import google.genai
import pytest
from google.genai import Client, errors, types
from pydantic import BaseModel, Field

from tests.providers.by_hand import picture
from tests.providers.gemini.support import IMAGE, OMNI, SPEECH, TEXT, Google, film, same
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.providers.gemini import (
    GeminiImageService,
    GeminiSpeechService,
    GeminiTextService,
    GeminiVideoService,
)
from viralai_sdk.simulator import Simulator


class Tag(BaseModel):
    word: str
    weight: float | None = None


class Scene(BaseModel):
    title: str = Field(description="A short title")
    first_tag: Tag
    tags: list[Tag]


@pytest.fixture
def vendor(sim: Simulator) -> Iterator[Client]:
    with Client(api_key=sim.key, http_options=types.HttpOptions(base_url=sim.url("gemini"))) as client:
        yield client


def test_the_vendors_package_is_the_generation_that_the_facts_were_read_from() -> None:
    print(f"google-genai {google.genai.__version__}")
    assert google.genai.__version__.partition(".")[0] == "3"


async def test_plain_text(sim: Simulator, vendor: Client, gemini: Google) -> None:
    turns = [("user", "one"), ("model", "two"), ("user", "three")]
    theirs = vendor.models.generate_content(
        model=TEXT,
        contents=[types.Content(role=role, parts=[types.Part(text=text)]) for role, text in turns],
        config=types.GenerateContentConfig(
            system_instruction="Be brief.",
            temperature=0.5,
            top_p=0.9,
            max_output_tokens=50,
            stop_sequences=["END"],
            seed=3,
        ),
    )
    earlier = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    request = TextGenerationRequest(
        "three", system="Be brief.", messages=earlier, max_tokens=50, temperature=0.5, top_p=0.9, stop="END", seed=3
    )
    ours = await gemini(GeminiTextService).call(request, TEXT)
    same(*sim.log)
    assert theirs.text == ours.text == "simulated answer to: three"
    assert theirs.usage_metadata
    assert theirs.usage_metadata.total_token_count == ours.usage.total_tokens
    assert ours.usage.completion_tokens == ours.usage.total_tokens - ours.usage.prompt_tokens


async def test_text_about_pictures(sim: Simulator, vendor: Client, gemini: Google) -> None:
    first, second = picture(), picture("blue", kind="JPEG")
    parts = [
        types.Part(text="what is this?"),
        types.Part.from_bytes(data=first, mime_type="image/png"),
        types.Part.from_bytes(data=second, mime_type="image/jpeg"),
    ]
    vendor.models.generate_content(model=TEXT, contents=[types.Content(role="user", parts=parts)])
    await gemini(GeminiTextService).call(TextGenerationRequest("what is this?", images=[first, second]), TEXT)
    same(*sim.log)


async def test_streamed_text(sim: Simulator, vendor: Client, gemini: Google) -> None:
    chunks = list(vendor.models.generate_content_stream(model=TEXT, contents="hello"))
    theirs = [chunk.text for chunk in chunks if chunk.text]
    pieces, ours = await gemini(GeminiTextService).stream(TextGenerationRequest("hello"), TEXT)
    same(*sim.log)
    assert sim.log[1].query == "alt=sse"
    assert pieces == theirs
    assert ours.text == "".join(theirs) == "simulated answer to: hello"
    assert ours.usage.reasoning_tokens


async def test_structured_text(sim: Simulator, vendor: Client, gemini: Google) -> None:
    config = types.GenerateContentConfig(
        response_mime_type="application/json", response_json_schema=Scene.model_json_schema()
    )
    theirs = vendor.models.generate_content(model=TEXT, contents="a fox", config=config)
    ours = await gemini(GeminiTextService).call(TextGenerationRequest("a fox", schema=Scene), TEXT)
    same(*sim.log)
    assert Scene.model_validate_json(ours.text) == Scene.model_validate_json(theirs.text or "")


def test_the_vendors_own_schema_dialect_works_too(vendor: Client) -> None:
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Scene)
    answer = vendor.models.generate_content(model=TEXT, contents="a fox", config=config)
    assert isinstance(answer.parsed, Scene)


async def test_pictures_from_words(sim: Simulator, vendor: Client, gemini: Google) -> None:
    config = types.GenerateContentConfig(
        response_modalities=["IMAGE"], seed=5, image_config=types.ImageConfig(aspect_ratio="16:9", image_size="1K")
    )
    theirs = vendor.models.generate_content(model=IMAGE, contents="a fox", config=config)
    request = ImageGenerationRequest("a fox", width=1024, height=576, seed=5)
    ours = await gemini(GeminiImageService).call(request, IMAGE)
    same(*sim.log)
    assert theirs.parts
    assert theirs.parts[0].inline_data
    assert ours.blobs[0].data == theirs.parts[0].inline_data.data
    assert ours.blobs[0].media_type == "image/png"
    assert theirs.usage_metadata
    assert ours.quantities["output_image_token"] == theirs.usage_metadata.candidates_token_count


async def test_edits_of_pictures(sim: Simulator, vendor: Client, gemini: Google) -> None:
    first, second = picture(), picture("blue", kind="WEBP")
    parts = [
        types.Part.from_bytes(data=first, mime_type="image/png"),
        types.Part.from_bytes(data=second, mime_type="image/webp"),
        types.Part(text="put the fox into the snow"),
    ]
    config = types.GenerateContentConfig(
        response_modalities=["IMAGE"], image_config=types.ImageConfig(aspect_ratio="1:1")
    )
    contents = [types.Content(role="user", parts=parts)]
    vendor.models.generate_content(model=IMAGE, contents=contents, config=config)
    request = ImageGenerationRequest("put the fox into the snow", reference_images=[first, second])
    await gemini(GeminiImageService).call(request, IMAGE)
    same(*sim.log)


def voice(name: str) -> types.VoiceConfig:
    return types.VoiceConfig(prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name=name))


async def test_speech(sim: Simulator, vendor: Client, gemini: Google) -> None:
    config = types.GenerateContentConfig(
        response_modalities=["AUDIO"],
        speech_config=types.SpeechConfig(language_code="pt-BR", voice_config=voice("Puck")),
    )
    theirs = vendor.models.generate_content(model=SPEECH, contents="Olá", config=config)
    request = SpeechSynthesisRequest("Olá", voice_id="Puck", language="pt_BR")
    ours = await gemini(GeminiSpeechService).call(request, SPEECH)
    same(*sim.log)
    assert theirs.parts
    assert theirs.parts[0].inline_data
    assert ours.blobs[0].data == theirs.parts[0].inline_data.data
    assert ours.blobs[0].media_type == "audio/wav"


async def test_speech_of_two(sim: Simulator, vendor: Client, gemini: Google) -> None:
    cast = {"Anna": "Aoede", "Ben": "Puck"}
    configs = [types.SpeakerVoiceConfig(speaker=name, voice_config=voice(chosen)) for name, chosen in cast.items()]
    several = types.MultiSpeakerVoiceConfig(speaker_voice_configs=configs)
    config = types.GenerateContentConfig(
        response_modalities=["AUDIO"], speech_config=types.SpeechConfig(multi_speaker_voice_config=several)
    )
    text = "Anna: Hello.\nBen: Hello to you."
    vendor.models.generate_content(model=SPEECH, contents=text, config=config)
    ours = await gemini(GeminiSpeechService).call(SpeechSynthesisRequest(text, options={"speakers": cast}), SPEECH)
    same(*sim.log)
    assert ours.metadata["voice"] == "Anna: Aoede, Ben: Puck"


async def test_voices(sim: Simulator, vendor: Client, gemini: Google) -> None:
    theirs = vendor.voices.list()
    driver = gemini(GeminiSpeechService)
    assert isinstance(driver.adapter, GeminiSpeechService)
    ours = await driver.run(driver.adapter.voice_steps(None))
    same(*sim.log)
    assert [found.id for found in ours] == [found.id for found in theirs.voices or ()]
    german = await driver.run(driver.adapter.voice_steps("de"))
    assert [found.id for found in german] == ["Puck"]


async def test_films_from_words(sim: Simulator, vendor: Client, gemini: Google) -> None:
    form: Any = {"type": "video", "aspect_ratio": "9:16", "resolution": "360p", "duration": "2s", "delivery": "uri"}
    theirs = vendor.interactions.create(
        model=OMNI, input="a fox runs", background=True, response_format=form, generation_config={"seed": 4}
    )
    request = VideoGenerationRequest("a fox runs", duration=2, aspect_ratio="9:16", resolution="360p", seed=4)
    payload = await film(gemini(GeminiVideoService), sim, request, OMNI)
    posts = [entry for entry in sim.log if entry.method == "POST"]
    same(*posts)
    finished = vendor.interactions.get(theirs.id)
    looks = [entry for entry in sim.log if entry.path.endswith(theirs.id)]
    ours = next(entry for entry in sim.log if entry.method == "GET" and "/interactions/" in entry.path)
    assert (looks[0].method, looks[0].query) == (ours.method, ours.query) == ("GET", "stream=false")
    assert finished.status == "completed"
    assert payload.blobs[0].media_type == "video/mp4"
    download = next(entry for entry in sim.log if "/files/" in entry.path)
    assert (download.path.startswith("/v1/files/"), download.query) == (True, "alt=media")
    assert payload.quantities["output_video_token"] == 200


async def test_films_from_pictures(sim: Simulator, vendor: Client, gemini: Google) -> None:
    still = picture(size=(320, 180))
    content: Any = [
        {"type": "text", "text": "it moves"},
        {"type": "image", "data": base64.b64encode(still).decode(), "mime_type": "image/png"},
    ]
    vendor.interactions.create(
        model=OMNI,
        input=content,
        background=True,
        response_format={"type": "video", "aspect_ratio": "16:9", "duration": "5s", "delivery": "uri"},
        generation_config={"video_config": {"task": "image_to_video"}},
    )
    driver = gemini(GeminiVideoService)
    assert isinstance(driver.adapter, GeminiVideoService)
    await driver.run(driver.adapter.submit(VideoGenerationRequest("it moves", image=still), OMNI))
    same(*sim.log)


async def test_cancelled_films(sim: Simulator, vendor: Client, gemini: Google) -> None:
    theirs = vendor.interactions.create(model=OMNI, input="a fox", background=True)
    vendor.interactions.cancel(theirs.id)
    driver = gemini(GeminiVideoService)
    assert isinstance(driver.adapter, GeminiVideoService)
    ticket = await driver.run(driver.adapter.submit(VideoGenerationRequest("a fox"), OMNI))
    assert await driver.run(driver.adapter.cancel(ticket)) is True
    first, second = [entry for entry in sim.log if entry.path.endswith("/cancel")]
    assert (first.method, first.path.rpartition("/")[0].rpartition("/")[0], first.body) == (
        second.method,
        second.path.rpartition("/")[0].rpartition("/")[0],
        second.body,
    )
    assert (await driver.run(driver.adapter.poll(ticket))).over == "cancelled"


@pytest.mark.parametrize(("status", "theirs"), [(429, errors.ClientError), (500, errors.ServerError)])
def test_the_vendors_client_reads_injected_failures(
    sim: Simulator, vendor: Client, status: int, theirs: type[errors.APIError]
) -> None:
    sim.faults.add("gemini", status=status, message="by order")
    with pytest.raises(theirs, match="by order") as caught:
        vendor.models.generate_content(model=TEXT, contents="hello")
    assert caught.value.code == status


def test_the_vendors_client_reads_a_wrong_key_and_a_wrong_body(sim: Simulator, vendor: Client) -> None:
    options = types.HttpOptions(base_url=sim.url("gemini"))
    with Client(api_key="other", http_options=options) as stranger, pytest.raises(errors.ClientError) as caught:
        stranger.models.generate_content(model=TEXT, contents="hello")
    assert caught.value.status == "INVALID_ARGUMENT"
    extra = types.HttpOptions(extra_body={"sparkle": True})
    with pytest.raises(errors.ClientError, match="sparkle"):
        vendor.models.generate_content(
            model=TEXT, contents="hello", config=types.GenerateContentConfig(http_options=extra)
        )
    names = {model.name for model in vendor.models.list()}
    assert f"models/{TEXT}" in names
