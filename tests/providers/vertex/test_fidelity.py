"""What we send to Vertex equals what the vendor's own client sends for the same work, and the simulator satisfies that client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.auth import credentials
from google.genai import Client, errors, types

from tests.providers.by_hand import picture
from tests.providers.gemini.support import (
    EDITOR,
    IMAGE,
    IMAGEN,
    OMNI,
    RAW_SPEECH,
    SILENT_VEO,
    TEXT,
    VEO,
    Google,
    film,
    same,
)
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.providers.vertex import (
    VEOVideoService,
    VertexImagenService,
    VertexSpeechService,
    VertexTextService,
)
from viralai_sdk.simulator import Simulator

pytestmark = pytest.mark.filterwarnings("ignore:The (generate_images|edit_image|generate_videos) method")


class Fixed(credentials.Credentials):
    """Credentials whose token never ends."""

    def __init__(self, token: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.token = token

    def refresh(self, request: Any) -> None:
        """Nothing to do."""


@pytest.fixture
def vendor(sim: Simulator) -> Iterator[Client]:
    options = types.HttpOptions(base_url=sim.url("vertex"))
    fixed = Fixed(sim.key)
    with Client(
        enterprise=True, project="p", location="us-central1", credentials=fixed, http_options=options
    ) as client:
        yield client


async def test_plain_text(sim: Simulator, vendor: Client, vertex: Google) -> None:
    config = types.GenerateContentConfig(system_instruction="Be brief.", temperature=0.5, max_output_tokens=50)
    theirs = vendor.models.generate_content(model=TEXT, contents="hello", config=config)
    request = TextGenerationRequest("hello", system="Be brief.", temperature=0.5, max_tokens=50)
    ours = await vertex(VertexTextService).call(request, TEXT)
    same(*sim.log)
    assert sim.log[1].path.startswith("/v1beta1/projects/p/locations/us-central1/publishers/google/models/")
    assert theirs.text == ours.text


async def test_streamed_text(sim: Simulator, vendor: Client, vertex: Google) -> None:
    chunks = list(vendor.models.generate_content_stream(model=TEXT, contents="hello"))
    pieces, ours = await vertex(VertexTextService).stream(TextGenerationRequest("hello"), TEXT)
    same(*sim.log)
    assert pieces == [chunk.text for chunk in chunks if chunk.text]
    assert ours.text == "simulated answer to: hello"


async def test_text_by_key_without_a_project(sim: Simulator, vertex: Google) -> None:
    options = types.HttpOptions(base_url=sim.url("vertex"))
    with Client(enterprise=True, api_key=sim.key, http_options=options) as vendor:
        vendor.models.generate_content(model=TEXT, contents="hello")
    await vertex(VertexTextService, key=sim.key, access_token=None).call(TextGenerationRequest("hello"), TEXT)
    same(*sim.log)
    assert sim.log[1].path == f"/v1beta1/publishers/google/models/{TEXT}:generateContent"


async def test_films_and_voices_by_key_without_a_project(sim: Simulator, vertex: Google) -> None:
    options = types.HttpOptions(base_url=sim.url("vertex"))
    with Client(enterprise=True, api_key=sim.key, http_options=options) as vendor:
        vendor.voices.list()
        source = types.GenerateVideosSource(prompt="a fox")
        config = types.GenerateVideosConfig(number_of_videos=1, duration_seconds=4, aspect_ratio="16:9")
        vendor.models.generate_videos(model=VEO, source=source, config=config)
    speech = vertex(VertexSpeechService, key=sim.key, access_token=None)
    assert isinstance(speech.adapter, VertexSpeechService)
    await speech.run(speech.adapter.voice_steps(None))
    driver = vertex(VEOVideoService, key=sim.key, access_token=None)
    made = await film(driver, sim, VideoGenerationRequest("a fox", duration=4), VEO)
    same(sim.log[0], sim.log[2])
    same(sim.log[1], sim.log[3])
    assert made.metadata["operation"].startswith("publishers/google/models/")


async def test_requests_on_behalf_of_another_projects_quota(sim: Simulator, vendor: Client, vertex: Google) -> None:
    options = types.HttpOptions(base_url=sim.url("vertex"))
    quota = Fixed(sim.key)
    quota._quota_project_id = "payer"
    with Client(enterprise=True, project="p", location="us-central1", credentials=quota, http_options=options) as other:
        other.models.generate_content(model=TEXT, contents="hello")
    await vertex(VertexTextService, quota_project="payer").call(TextGenerationRequest("hello"), TEXT)
    same(*sim.log)
    assert sim.log[1].headers["x-goog-user-project"] == "payer"


async def test_pictures_by_native_models(sim: Simulator, vendor: Client, vertex: Google) -> None:
    config = types.GenerateContentConfig(
        response_modalities=["IMAGE"], image_config=types.ImageConfig(aspect_ratio="3:2")
    )
    vendor.models.generate_content(model=IMAGE, contents="a fox", config=config)
    ours = await vertex(VertexImagenService).call(ImageGenerationRequest("a fox", aspect_ratio="3:2"), IMAGE)
    same(*sim.log)
    assert ours.blobs[0].media_type == "image/png"


async def test_pictures_by_imagen(sim: Simulator, vendor: Client, vertex: Google) -> None:
    config = types.GenerateImagesConfig(
        number_of_images=2,
        aspect_ratio="16:9",
        negative_prompt="snow",
        seed=4,
        add_watermark=False,
        include_rai_reason=True,
        image_size="2K",
        output_mime_type="image/jpeg",
        person_generation=types.PersonGeneration.ALLOW_ADULT,
        labels={"team": "red"},
    )
    theirs = vendor.models.generate_images(model=IMAGEN, prompt="a fox", config=config)
    request = ImageGenerationRequest(
        "a fox",
        num_images=2,
        width=1600,
        height=900,
        negative_prompt="snow",
        seed=4,
        options={"personGeneration": "ALLOW_ADULT", "labels": {"team": "red"}},
    )
    ours = await vertex(VertexImagenService, outputOptions={"mimeType": "image/jpeg"}).call(request, IMAGEN)
    same(*sim.log)
    assert theirs.generated_images
    datas = [made.image.image_bytes for made in theirs.generated_images if made.image]
    assert [blob.data for blob in ours.blobs] == datas
    assert {blob.media_type for blob in ours.blobs} == {"image/jpeg"}


async def test_edits_by_imagen(sim: Simulator, vendor: Client, vertex: Google) -> None:
    source, mask = picture(), picture("white", mode="L")
    raw = types.RawReferenceImage(
        reference_id=1, reference_image=types.Image(image_bytes=source, mime_type="image/png")
    )
    covering = types.MaskReferenceImage(
        reference_id=2,
        reference_image=types.Image(image_bytes=mask, mime_type="image/png"),
        config=types.MaskReferenceConfig(mask_mode=types.MaskReferenceMode.MASK_MODE_USER_PROVIDED),
    )
    config = types.EditImageConfig(
        edit_mode=types.EditMode.EDIT_MODE_INPAINT_INSERTION, number_of_images=1, include_rai_reason=True
    )
    theirs = vendor.models.edit_image(model=EDITOR, prompt="a fox", reference_images=[raw, covering], config=config)
    request = ImageGenerationRequest("a fox", reference_images=source, mask=mask)
    ours = await vertex(VertexImagenService).call(request, EDITOR)
    same(*sim.log)
    assert theirs.generated_images
    assert theirs.generated_images[0].image
    assert ours.blobs[0].data == theirs.generated_images[0].image.image_bytes


async def test_films_by_veo(sim: Simulator, vendor: Client, vertex: Google) -> None:
    first, last = picture(size=(320, 180)), picture("blue", size=(320, 180))
    config = types.GenerateVideosConfig(
        number_of_videos=1,
        duration_seconds=4,
        aspect_ratio="16:9",
        resolution="720p",
        fps=12,
        seed=2,
        negative_prompt="rain",
        person_generation="allow_adult",
        generate_audio=True,
        last_frame=types.Image(image_bytes=last, mime_type="image/png"),
        labels={"team": "red"},
    )
    still = types.Image(image_bytes=first, mime_type="image/png")
    operation = vendor.models.generate_videos(
        model=VEO, source=types.GenerateVideosSource(prompt="a fox runs", image=still), config=config
    )
    request = VideoGenerationRequest(
        "a fox runs",
        duration=4,
        aspect_ratio="16:9",
        resolution="720p",
        fps=12,
        seed=2,
        negative_prompt="rain",
        image=first,
        last_image=last,
        options={"personGeneration": "allow_adult", "generateAudio": True, "labels": {"team": "red"}},
    )
    payload = await film(vertex(VEOVideoService), sim, request, VEO)
    same(sim.log[0], sim.log[1])
    finished = vendor.operations.get(operation)
    ours, theirs = sim.log[2], sim.log[-1]
    assert (ours.path, ours.method) == (theirs.path, theirs.method)
    assert ours.path.endswith(f"/models/{VEO}:fetchPredictOperation")
    assert ours.json().keys() == theirs.json().keys() == {"operationName"}
    assert finished.done
    assert finished.response
    assert finished.response.generated_videos
    assert finished.response.generated_videos[0].video
    assert payload.blobs[0].data == finished.response.generated_videos[0].video.video_bytes
    assert payload.blobs[0].media_type == "video/mp4"
    assert payload.quantities == {"second": 4.0}


async def test_films_with_reference_pictures(sim: Simulator, vendor: Client, vertex: Google) -> None:
    """By the oldest generation, which is gone by the clock: what counts is that both are refused for the same request."""
    asset = types.VideoGenerationReferenceImage(
        image=types.Image(image_bytes=picture(), mime_type="image/png"),
        reference_type=types.VideoGenerationReferenceType.ASSET,
    )
    config = types.GenerateVideosConfig(
        number_of_videos=1, duration_seconds=5, aspect_ratio="16:9", reference_images=[asset]
    )
    with pytest.raises(errors.ClientError, match="not found"):
        vendor.models.generate_videos(
            model=SILENT_VEO, source=types.GenerateVideosSource(prompt="a fox"), config=config
        )
    listed = sim.log[0].json()["instances"][0]["referenceImages"]
    request = VideoGenerationRequest("a fox", options={"referenceImages": listed})
    driver = vertex(VEOVideoService)
    assert isinstance(driver.adapter, VEOVideoService)
    with pytest.raises(Exception, match="not found"):
        await driver.run(driver.adapter.submit(request, SILENT_VEO))
    same(*sim.log)


async def test_films_by_interactions(sim: Simulator, vendor: Client, vertex: Google) -> None:
    form: Any = {"type": "video", "aspect_ratio": "16:9", "resolution": "360p", "duration": "2s"}
    vendor.interactions.create(model=OMNI, input="a fox runs", background=True, response_format=form)
    request = VideoGenerationRequest("a fox runs", duration=2, resolution="360p")
    payload = await film(vertex(VEOVideoService), sim, request, OMNI)
    same(sim.log[0], sim.log[1])
    assert payload.blobs[0].media_type == "video/mp4"


async def test_speech(sim: Simulator, vendor: Client, vertex: Google) -> None:
    named = types.VoiceConfig(prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name="Aoede"))
    config = types.GenerateContentConfig(
        response_modalities=["AUDIO"], speech_config=types.SpeechConfig(voice_config=named)
    )
    theirs = vendor.models.generate_content(model=RAW_SPEECH, contents="hello", config=config)
    ours = await vertex(VertexSpeechService).call(SpeechSynthesisRequest("hello"), RAW_SPEECH)
    same(*sim.log)
    assert theirs.parts
    assert theirs.parts[0].inline_data
    raw = theirs.parts[0].inline_data.data
    assert raw
    assert ours.blobs[0].data[:4] == b"RIFF"
    assert ours.blobs[0].data[44:] == raw


async def test_voices(sim: Simulator, vendor: Client, vertex: Google) -> None:
    vendor.voices.list()
    driver = vertex(VertexSpeechService)
    assert isinstance(driver.adapter, VertexSpeechService)
    voices = await driver.run(driver.adapter.voice_steps("en"))
    same(*sim.log)
    assert [voice.id for voice in voices] == ["Aoede", "Charon"]


def test_the_vendors_client_reads_filtered_results_and_refusals(sim: Simulator, vendor: Client) -> None:
    sim.faults.add("vertex", "blocked", path=":predict", times=2)
    config = types.GenerateImagesConfig(include_rai_reason=True)
    filtered = vendor.models.generate_images(model=IMAGEN, prompt="a fox", config=config)
    assert filtered.generated_images
    assert "usage guidelines" in str(filtered.generated_images[0].rai_filtered_reason)
    source = types.GenerateVideosSource(prompt="a fox")
    operation = vendor.models.generate_videos(model=VEO, source=source)
    sim.clock.push(60)
    finished = vendor.operations.get(operation)
    assert finished.response
    assert finished.response.rai_media_filtered_count == 1
    sim.faults.add("vertex", status=503, message="by order")
    with pytest.raises(errors.ServerError, match="by order"):
        vendor.models.generate_content(model=TEXT, contents="hello")


def test_the_vendors_client_reads_a_wrong_token(sim: Simulator) -> None:
    options = types.HttpOptions(base_url=sim.url("vertex"))
    fixed = Fixed("other")
    with Client(
        enterprise=True, project="p", location="us-central1", credentials=fixed, http_options=options
    ) as stranger:
        with pytest.raises(errors.ClientError) as caught:
            stranger.models.generate_content(model=TEXT, contents="hello")
        assert caught.value.code == 401
