"""Pictures by native models: wishes, warnings, and what every answer becomes."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.providers.by_hand import answered, ok, opened, picture
from tests.providers.gemini.support import IMAGE, PRO_IMAGE, Google
from viralai_sdk.interfaces.errors import (
    AuthenticationError,
    ContentPolicyError,
    EmptyResultError,
    MalformedResponseError,
    RateLimitError,
    UnsupportedCapabilityError,
)
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.joining import join_pictures
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import MediaPayload, Parallel
from viralai_sdk.providers.gemini import GeminiImageService
from viralai_sdk.simulator import Simulator


def service(**custom: Any) -> GeminiImageService:
    return GeminiImageService(AIServiceConfig(provider="gemini", api_key="sim-key", custom_config=custom))


def body(*parts: dict[str, Any], finish: str = "STOP", **usage: Any) -> bytes:
    candidate = {"content": {"parts": list(parts)}, "finishReason": finish}
    return json.dumps({"candidates": [candidate], "usageMetadata": usage}).encode()


def inline(data: bytes, *, urlsafe: bool = False, **more: Any) -> dict[str, Any]:
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    return {"inlineData": {"mimeType": "image/png", "data": encode(data).decode()}, **more}


def read(data: bytes) -> Any:
    return answered(service().steps(ImageGenerationRequest("a fox"), IMAGE), ok(data))


def test_both_alphabets_and_no_thoughts() -> None:
    drawn, draft = picture("#fbefbe", size=(90, 91)), picture("blue")
    for urlsafe in (False, True):
        found = read(body(inline(draft, thought=True), {"text": "Here!"}, inline(drawn, urlsafe=urlsafe)))
        assert [blob.data for blob in found.blobs] == [drawn]
        assert found.metadata["text"] == "Here!"
        assert found.quantities == {"image": 1}


def test_tokens_by_what_they_were_spent_on() -> None:
    details = [{"modality": "IMAGE", "tokenCount": 1120}, {"modality": "TEXT", "tokenCount": 30}]
    usage = {"promptTokenCount": 7, "candidatesTokenCount": 1150, "thoughtsTokenCount": 12}
    found = read(body(inline(picture()), **usage, candidatesTokensDetails=details))
    assert found.quantities == {"input_token": 7, "output_image_token": 1120, "output_token": 42}
    assert read(body(inline(picture()), **usage)).quantities["output_image_token"] == 1150


@pytest.mark.parametrize(
    "finish", ["IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "PROHIBITED_CONTENT"]
)
def test_refusals(finish: str) -> None:
    with pytest.raises(ContentPolicyError, match=finish):
        read(body(finish=finish))


def test_words_instead_of_a_picture() -> None:
    with pytest.raises(EmptyResultError, match="which fox do you mean"):
        read(body({"text": "which fox do you mean?"}))
    with pytest.raises(EmptyResultError, match="NO_IMAGE"):
        read(body(finish="NO_IMAGE"))


@pytest.mark.parametrize(
    "part", [{"inlineData": {"data": "%%%"}}, inline(b"no picture"), {"inlineData": "x"}, {"inlineData": {"data": 5}}]
)
def test_files_that_are_none(part: dict[str, Any]) -> None:
    with pytest.raises(MalformedResponseError):
        read(body(part))


@pytest.mark.parametrize(
    ("wish", "shape"),
    [
        ({}, {"aspectRatio": "1:1"}),
        ({"aspect_ratio": "16:9"}, {"aspectRatio": "16:9"}),
        ({"aspect_ratio": "5:4"}, {"aspectRatio": "4:3"}),
        ({"aspect_ratio": None}, None),
        ({"width": 1500, "height": 1000}, {"aspectRatio": "3:2", "imageSize": "2K"}),
        ({"width": 8000}, {"aspectRatio": "1:1", "imageSize": "4K"}),
    ],
)
def test_shapes(wish: dict[str, Any], shape: dict[str, str] | None) -> None:
    request = ImageGenerationRequest("a fox", **wish)
    assert opened(service().steps(request, IMAGE)).json["generationConfig"].get("imageConfig") == shape
    adjusted = {warning.parameter for warning in service().check(request, IMAGE)}
    expected = {"aspect_ratio"} if wish.get("aspect_ratio") == "5:4" else {"width/height"} if "width" in wish else set()
    assert adjusted == expected


def test_the_oldest_model_has_one_size() -> None:
    request = ImageGenerationRequest("a fox", width=2000, height=2000)
    sent = opened(service().steps(request, "gemini-2.5-flash-image"))
    assert sent.json["generationConfig"]["imageConfig"] == {"aspectRatio": "1:1"}
    assert "one size" in service().check(request, "gemini-2.5-flash-image")[0].message


def test_what_is_adjusted_and_what_is_refused() -> None:
    request = ImageGenerationRequest("a fox", style="oil", negative_prompt="snow", num_images=3, seed=5)
    kinds = [(warning.kind, warning.parameter) for warning in service().check(request, IMAGE)]
    assert kinds == [
        ("unsupported", "negative_prompt"),
        ("adjusted", "style"),
        ("adjusted", "num_images"),
        ("adjusted", "seed"),
    ]
    assert service().quantities(request, IMAGE) == {"input_token": 3 * 17 / 4, "output_image_token": 3 * 1120}
    assert service().quantities(request, "gemini-of-tomorrow-image") == {"image": 3}
    parallel = next(service().steps(request, IMAGE))
    assert isinstance(parallel, Parallel)
    sent = [opened(branch).json for branch in parallel.branches]  # type: ignore[arg-type]
    assert [each["generationConfig"]["seed"] for each in sent] == [5, 6, 7]
    assert sent[0]["contents"][0]["parts"][-1] == {"text": "a fox\n\nStyle: oil"}
    with pytest.raises(UnsupportedCapabilityError, match="mask"):
        service().check(ImageGenerationRequest("a fox", reference_images=picture(), mask=picture()), IMAGE)
    with pytest.raises(UnsupportedCapabilityError, match="reference"):
        service().check(ImageGenerationRequest("a fox", reference_images=picture(kind="GIF")), IMAGE)
    with pytest.raises(UnsupportedCapabilityError, match="vertex:imagen"):
        service().check(ImageGenerationRequest("a fox"), "imagen-4.0-generate-001")


def test_pictures_that_were_paid_for_survive_the_failure_of_others() -> None:
    good = MediaPayload(blobs=[], quantities={"image": 1.0})
    more = MediaPayload(blobs=[], quantities={"image": 1.0, "input_token": 4.0})
    joined = join_pictures([RateLimitError("slow down"), good, more])
    assert joined.quantities == {"image": 2.0, "input_token": 4.0}
    assert "slow down" in joined.warnings[0].message
    with pytest.raises(AuthenticationError):
        join_pictures([AuthenticationError("no"), RateLimitError("slow down")])
    with pytest.raises(KeyError):
        join_pictures([good, KeyError("a bug")])


async def test_drafts_are_skipped_and_faults_are_told(sim: Simulator, gemini: Google) -> None:
    driver = gemini(GeminiImageService)
    found = await driver.call(ImageGenerationRequest("a fox"), PRO_IMAGE)
    assert len(found.blobs) == 1
    sim.faults.add("gemini", "blocked", code="IMAGE_SAFETY", times=1)
    with pytest.raises(ContentPolicyError, match="IMAGE_SAFETY"):
        await driver.call(ImageGenerationRequest("a fox"), IMAGE)
    sim.faults.add("gemini", "empty", times=1)
    with pytest.raises(EmptyResultError):
        await driver.call(ImageGenerationRequest("a fox"), IMAGE)
