"""Imagen and Veo as data: wishes, warnings, and every way they end."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image

from tests.providers.by_hand import answered, ok, opened, picture
from tests.providers.gemini.support import EDITOR, IMAGEN, VEO, Google, film
from viralai_sdk.interfaces.errors import (
    AIError,
    ConfigurationError,
    ContentPolicyError,
    EmptyResultError,
    InvalidRequestError,
    JobFailedError,
    JobLostError,
    MalformedResponseError,
    UnsupportedCapabilityError,
)
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import Compute, JobTicket, Parallel
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.providers.google_common.credentials import SignedIn
from viralai_sdk.providers.vertex import VEOVideoService, VertexImagenService, VertexTextService
from viralai_sdk.providers.vertex.imagen import open_mask
from viralai_sdk.simulator import Simulator

NAME = f"projects/p/locations/l/publishers/google/models/{VEO}/operations/7"
FTYP = b"\x00\x00\x00\x18ftypisom" + bytes(60)


def config(**custom: Any) -> AIServiceConfig:
    return AIServiceConfig(provider="vertex", custom_config={"access_token": "t", "project": "p", **custom})


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def predicted(*predictions: dict[str, Any], wanted: int = 1) -> Any:
    request = ImageGenerationRequest("a fox", num_images=wanted)
    data = json.dumps({"predictions": list(predictions)}).encode()
    return answered(VertexImagenService(config()).steps(request, IMAGEN), ok(data))


def test_pictures_and_filtered_ones() -> None:
    good = {"bytesBase64Encoded": encoded(picture()), "mimeType": "image/png", "prompt": "a red fox"}
    attributes = {"contentType": "Positive Prompt", "safetyAttributes": {}}
    found = predicted(good, {"raiFilteredReason": "too wild"}, attributes, wanted=2)
    assert len(found.blobs) == 1
    assert found.quantities == {"image": 1}
    assert found.metadata == {"revised_prompt": "a red fox"}
    assert "1 of 2 pictures came: too wild" in found.warnings[0].message
    with pytest.raises(ContentPolicyError, match="too wild"):
        predicted({"raiFilteredReason": "too wild"})
    with pytest.raises(EmptyResultError):
        predicted()
    with pytest.raises(MalformedResponseError, match="gs://bucket"):
        predicted({"gcsUri": "gs://bucket/1.png"})


def test_imagens_requests_come_in_fours() -> None:
    adapter = VertexImagenService(config(personGeneration="ALLOW_ALL"))
    request = ImageGenerationRequest("a fox", num_images=6, seed=1, style="oil")
    parameters = [warning.parameter for warning in adapter.check(request, IMAGEN)]
    assert parameters == ["style", "seed", "num_images"]
    parallel = next(adapter.steps(request, IMAGEN))
    assert isinstance(parallel, Parallel)
    sent = [opened(branch).json["parameters"] for branch in parallel.branches]  # type: ignore[arg-type]
    assert [(each["sampleCount"], each["seed"], each["addWatermark"]) for each in sent] == [
        (4, 1, False),
        (2, 5, False),
    ]
    assert sent[0]["personGeneration"] == "ALLOW_ALL"


def test_what_imagen_cannot_do() -> None:
    adapter = VertexImagenService(config())
    with pytest.raises(UnsupportedCapabilityError, match="edits"):
        adapter.check(ImageGenerationRequest("a fox", reference_images=picture()), IMAGEN)
    with pytest.raises(UnsupportedCapabilityError, match="words alone"):
        adapter.check(ImageGenerationRequest("a fox"), EDITOR)
    assert adapter.check(ImageGenerationRequest("a fox", reference_images=picture(), aspect_ratio="9:16"), EDITOR) == []


def test_masks_become_white_where_the_picture_may_change() -> None:
    clear = Image.new("RGBA", (4, 2), (0, 0, 0, 255))
    clear.putpixel((0, 0), (0, 0, 0, 0))
    grey = Image.new("L", (4, 2), 0)
    grey.putpixel((0, 0), 250)
    for mask in (clear, grey):
        buffer = io.BytesIO()
        mask.save(buffer, "PNG")
        opened_ = Image.open(io.BytesIO(open_mask(buffer.getvalue())))
        assert opened_.mode == "L"
        assert [opened_.getpixel((x, 0)) for x in range(2)] == [255, 0]
    with pytest.raises(InvalidRequestError, match="mask"):
        open_mask(b"no picture")


def test_edits_number_their_pictures() -> None:
    request = ImageGenerationRequest("a fox", reference_images=[picture(), picture("blue")], mask=picture("white"))
    steps = VertexImagenService(config()).steps(request, EDITOR)
    compute = next(steps)
    assert isinstance(compute, Compute)
    sent = steps.send(compute.function(*compute.args))
    listed = sent.json["instances"][0]["referenceImages"]  # type: ignore[union-attr]
    assert [(each["referenceId"], each["referenceType"]) for each in listed] == [
        (1, "REFERENCE_TYPE_RAW"),
        (2, "REFERENCE_TYPE_RAW"),
        (3, "REFERENCE_TYPE_MASK"),
    ]


def veo(**custom: Any) -> VEOVideoService:
    return VEOVideoService(config(**custom))


def look(data: Any) -> Any:
    adapter = veo()
    ticket = JobTicket(NAME, {"operation": NAME, "quantities": {"second": 8.0}})
    progress = answered(adapter.poll(ticket), ok(json.dumps(data).encode()))
    if not progress.over:
        return None
    try:
        next(adapter.collect(ticket, progress))
    except StopIteration as done:
        return done.value
    raise AssertionError("Veo's results need no more steps")


def test_operations() -> None:
    assert look({"name": NAME}) is None
    assert look({"name": NAME, "done": False}) is None
    good = {"bytesBase64Encoded": encoded(FTYP), "mimeType": "video/mp4"}
    found = look({"done": True, "response": {"videos": [good]}})
    assert (found.blobs[0].data, found.quantities, found.metadata) == (FTYP, {"second": 8.0}, {"operation": NAME})
    half = {"videos": [good], "raiMediaFilteredCount": 1, "raiMediaFilteredReasons": ["too wild"]}
    found = look({"done": True, "response": half})
    assert found.quantities == {"second": 4.0}
    assert "1 more were filtered out: too wild" in found.warnings[0].message


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"done": True, "response": {"raiMediaFilteredCount": 1}}, ContentPolicyError),
        ({"done": True, "response": {"raiMediaFilteredReasons": ["no"]}}, ContentPolicyError),
        ({"done": True, "response": {}}, EmptyResultError),
        ({"done": True, "response": {"videos": [{"gcsUri": "gs://b/f.mp4"}]}}, MalformedResponseError),
        ({"done": True, "response": {"videos": 5}}, MalformedResponseError),
        ({"done": True}, MalformedResponseError),
        ({"done": True, "error": {"code": 13, "message": "Internal error."}}, JobFailedError),
        ({"done": True, "error": {"code": 3, "message": "Responsible AI"}}, ContentPolicyError),
        ([], MalformedResponseError),
    ],
)
def test_bad_ends(data: Any, kind: type[AIError]) -> None:
    with pytest.raises(kind):
        look(data)


@pytest.mark.parametrize(
    "name", [None, 5, "../../secrets", "projects/p", f"{NAME}?x=1", f"https://evil.example/{NAME}"]
)
def test_operations_must_look_like_one(name: Any) -> None:
    with pytest.raises(MalformedResponseError, match="no operation"):
        answered(veo().submit(VideoGenerationRequest("a fox"), VEO), ok(json.dumps({"name": name}).encode()))


@pytest.mark.parametrize(
    ("model", "wish", "sent", "amounts", "warned"),
    [
        (VEO, {}, {"durationSeconds": 6, "aspectRatio": "16:9"}, {"second": 6.0}, ["duration"]),
        (
            VEO,
            {"duration": 8, "resolution": "1080p"},
            {"durationSeconds": 8, "resolution": "1080p"},
            {"second_1080p": 8.0},
            [],
        ),
        (VEO, {"duration": 4, "resolution": "4k"}, {"resolution": "1080p"}, {"second_1080p": 4.0}, ["resolution"]),
        ("veo-3.1-generate-preview", {"duration": 4, "resolution": "1080p"}, {}, {"second": 4.0}, []),
        ("veo-3.1-generate-preview", {"duration": 4, "resolution": "4k"}, {"resolution": "4k"}, {"second_4k": 4.0}, []),
        (
            "veo-2.0-generate-001",
            {"duration": 5.5, "resolution": "720p"},
            {"durationSeconds": 6},
            {"second": 6.0},
            ["resolution", "duration"],
        ),
        ("veo-9", {"duration": 60, "aspect_ratio": "1:1"}, {"durationSeconds": 60}, {"second": 60.0}, ["aspect_ratio"]),
        (VEO, {"duration": 4, "narration": "Once."}, {"generateAudio": True}, {"second": 4.0}, ["narration"]),
        ("veo-2.0-generate-001", {"narration": "Once."}, {"durationSeconds": 5}, {"second": 5.0}, ["narration"]),
    ],
)
def test_veos_wishes(
    model: str, wish: dict[str, Any], sent: dict[str, Any], amounts: dict[str, float], warned: list[str]
) -> None:
    request = VideoGenerationRequest("a fox", **wish)
    parameters = opened(veo(storageUri="gs://b").submit(request, model)).json["parameters"]
    assert sent.items() <= parameters.items()
    assert parameters["storageUri"] == "gs://b"
    assert veo().quantities(request, model) == amounts
    assert [warning.parameter for warning in veo().check(request, model)] == warned
    assert veo().quantities(request, "gemini-omni-1.1-flash") == {}


def test_what_veo_cannot_do() -> None:
    with pytest.raises(UnsupportedCapabilityError, match="20 s"):
        veo().check(VideoGenerationRequest("a fox", duration=20), VEO)
    with pytest.raises(UnsupportedCapabilityError, match="no first"):
        veo().check(VideoGenerationRequest("a fox", last_image=picture()), VEO)
    with pytest.raises(UnsupportedCapabilityError, match="gif"):
        veo().check(VideoGenerationRequest("a fox", image=picture(kind="GIF")), VEO)


async def test_operations_that_are_gone_or_cannot_be_stopped(vertex: Google) -> None:
    driver = vertex(VEOVideoService)
    assert isinstance(driver.adapter, VEOVideoService)
    ticket = JobTicket(NAME.replace("/l/", "/us-central1/"), {"operation": NAME.replace("/l/", "/us-central1/")})
    with pytest.raises(JobLostError):
        await driver.run(driver.adapter.poll(ticket))
    assert await driver.run(driver.adapter.cancel(ticket)) is False


@pytest.mark.parametrize(
    ("fault", "kind"), [("blocked", ContentPolicyError), ("empty", EmptyResultError), ("error_chunk", JobFailedError)]
)
async def test_faults_by_the_wire(sim: Simulator, vertex: Google, fault: Any, kind: type[AIError]) -> None:
    sim.faults.add("vertex", fault, path="predictLongRunning", times=1)
    with pytest.raises(kind):
        await film(vertex(VEOVideoService), sim, VideoGenerationRequest("a fox", duration=4), VEO)


async def test_films_in_the_callers_storage_are_not_lost_silently(sim: Simulator, vertex: Google) -> None:
    request = VideoGenerationRequest("a fox", duration=4, options={"storageUri": "gs://bucket/films"})
    with pytest.raises(MalformedResponseError, match=r"gs://bucket/films/.*storageUri"):
        await film(vertex(VEOVideoService), sim, request, VEO)


@pytest.mark.parametrize(("fault", "kind"), [("blocked", ContentPolicyError), ("empty", EmptyResultError)])
async def test_imagens_faults_by_the_wire(sim: Simulator, vertex: Google, fault: Any, kind: type[AIError]) -> None:
    sim.faults.add("vertex", fault, path=":predict", times=1)
    with pytest.raises(kind):
        await vertex(VertexImagenService).call(ImageGenerationRequest("a fox"), IMAGEN)
    sim.faults.add("vertex", "blocked", path=":predict", code="partial", times=1)
    found = await vertex(VertexImagenService).call(ImageGenerationRequest("a fox", num_images=2), IMAGEN)
    assert len(found.blobs) == 1
    assert found.warnings


def test_paths_of_models() -> None:
    adapter = VertexTextService(config(location="eu"))
    signed = SignedIn({})
    own = "projects/q/locations/eu/endpoints/5"
    assert adapter.model_path(own, signed) == f"/v1beta1/{own}"
    below = "/v1beta1/projects/p/locations/eu/publishers/"
    assert adapter.model_path("models/m", signed) == f"{below}google/models/m"
    assert adapter.model_path("publishers/other/models/m", signed) == f"{below}other/models/m"
    lost = VertexTextService(config(project=None))
    with pytest.raises(ConfigurationError, match="no Google Cloud project"):
        lost.model_path("m", SignedIn({}))
