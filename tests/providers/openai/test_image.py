"""Pictures: sizes, what is adjusted and said so, edits, and answers."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.providers.by_hand import answered, ok, opened, picture
from tests.providers.openai.support import IMAGE, OLD_IMAGE, Services, config
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.steps import Blob, Compute, Download, MediaPayload, Parallel, Send
from viralai_sdk.providers.openai.forms import form_fields, mask_with_alpha
from viralai_sdk.providers.openai.image import OpenAIImageService
from viralai_sdk.providers.openai.sizes import choose_size, size_warning
from viralai_sdk.simulator import Simulator

SERVICE = OpenAIImageService(config())
FUTURE = "gpt-image-7-comet"


def ask(**fields: Any) -> ImageGenerationRequest:
    return ImageGenerationRequest(**{"prompt": "a fox", **fields})


def answer(*items: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps({"created": 1, "data": list(items), **fields}).encode()


def b64(data: bytes) -> dict[str, str]:
    return {"b64_json": base64.b64encode(data).decode()}


@pytest.mark.parametrize(
    ("model", "fields", "size", "adjusted"),
    [
        (IMAGE, {}, "1024x1024", None),
        (IMAGE, {"aspect_ratio": None}, "auto", None),
        (IMAGE, {"aspect_ratio": "16:9"}, "1024x576", None),
        (IMAGE, {"aspect_ratio": "9:16"}, "576x1024", None),
        (IMAGE, {"aspect_ratio": "4:5"}, "816x1024", None),
        (IMAGE, {"aspect_ratio": "10:1"}, "1024x352", "aspect_ratio"),
        (IMAGE, {"width": 1920, "height": 1088}, "1920x1088", None),
        (IMAGE, {"width": 1920, "height": 1080}, "1920x1088", "width/height"),
        (IMAGE, {"width": 800, "aspect_ratio": "1:1"}, "800x800", None),
        (IMAGE, {"width": 8000, "height": 8000}, "2160x2160", "width/height"),
        (IMAGE, {"width": 7680, "height": 4320}, "3840x2160", "width/height"),
        (FUTURE, {"aspect_ratio": "16:9"}, "1024x576", None),
        (OLD_IMAGE, {}, "1024x1024", None),
        (OLD_IMAGE, {"aspect_ratio": "3:2"}, "1536x1024", None),
        (OLD_IMAGE, {"aspect_ratio": "9:16"}, "1024x1536", "aspect_ratio"),
        (OLD_IMAGE, {"width": 512, "height": 512}, "1024x1024", "width/height"),
        ("gpt-image-1-future", {"aspect_ratio": "16:9"}, "1536x1024", "aspect_ratio"),
        ("someone-elses", {}, "1024x1024", None),
    ],
)
def test_sizes_are_what_the_model_draws_and_changes_are_told(
    model: str, fields: dict[str, Any], size: str, adjusted: str | None
) -> None:
    request = ask(**fields)
    warning = size_warning(request, model)
    assert choose_size(request, model) == size
    assert (warning and warning.parameter) == adjusted
    assert warning is None or size in warning.message


@given(st.integers(16, 8192), st.integers(16, 8192))
def test_every_size_is_one_the_vendor_takes(width: int, height: int) -> None:
    if not 0.1 <= width / height <= 10:
        return
    chosen = choose_size(ask(width=width, height=height), IMAGE)
    wide, high = map(int, chosen.split("x"))
    assert wide % 16 == high % 16 == 0
    assert max(wide, high) <= 3840
    assert 16 <= min(wide, high) <= 2160
    assert 1 / 3 <= wide / high <= 3


def test_check_tells_what_is_dropped_and_what_is_done_instead() -> None:
    request = ask(negative_prompt="dogs", seed=3, style="watercolor", num_images=12, width=100, height=100)
    assert [(w.kind, w.parameter) for w in SERVICE.check(request, IMAGE)] == [
        ("unsupported", "negative_prompt"),
        ("unsupported", "seed"),
        ("adjusted", "style"),
        ("adjusted", "num_images"),
        ("adjusted", "width/height"),
    ]
    assert SERVICE.check(ask(), IMAGE) == []
    assert SERVICE.check(ask(width=100, height=100, options={"size": "auto"}), IMAGE) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "x" * 32_001},
        {"reference_images": [picture()] * 17},
        {"reference_images": [picture(kind="GIF", mode="P", color="red")]},
    ],
)
def test_what_cannot_be_done_is_refused_before_sending(fields: dict[str, Any]) -> None:
    with pytest.raises(e.UnsupportedCapabilityError):
        SERVICE.check(ask(**fields), IMAGE)


def test_no_price_is_made_up_before_sending() -> None:
    assert SERVICE.quantities(ask(num_images=3), IMAGE) == {"image": 3}


def test_the_body_says_only_what_is_needed() -> None:
    body = opened(SERVICE.steps(ask(style="ink", options={"stream": True, "n": 2}), IMAGE)).json
    assert body == {"model": IMAGE, "prompt": "a fox\n\nStyle: ink", "size": "1024x1024", "n": 2}
    assert opened(SERVICE.steps(ask(), "dall-e-3")).json["response_format"] == "b64_json"


def test_an_answer_becomes_pictures_with_their_true_type_and_facts() -> None:
    usage = {
        "input_tokens": 12,
        "input_tokens_details": {"text_tokens": 2, "image_tokens": 10},
        "output_tokens": 50,
        "output_tokens_details": {"image_tokens": 45, "text_tokens": 5},
    }
    items = ({**b64(picture()), "revised_prompt": "a red fox"}, b64(picture(kind="JPEG")))
    body = answer(*items, usage=usage, size="64x48", quality="low")
    payload = answered(SERVICE.steps(ask(num_images=3), IMAGE), ok(body, x_request_id="req_1"))
    assert [blob.media_type for blob in payload.blobs] == ["image/png", "image/jpeg"]
    assert payload.quantities == {
        "input_text_token": 2,
        "input_image_token": 10,
        "output_image_token": 45,
        "output_token": 5,
    }
    assert payload.metadata == {"size": "64x48", "quality": "low", "revised_prompt": "a red fox"}
    assert payload.request_id == "req_1"
    assert "2 of 3" in payload.warnings[0].message


def test_usage_without_details_counts_input_as_text_and_none_counts_pictures() -> None:
    body = answer(b64(picture()), usage={"input_tokens": 3, "output_tokens": 7})
    payload = answered(SERVICE.steps(ask(), IMAGE), ok(body))
    assert payload.quantities == {"input_text_token": 3, "output_image_token": 7}
    assert answered(SERVICE.steps(ask(), IMAGE), ok(answer(b64(picture())))).quantities == {"image": 1}


def test_addresses_are_left_to_the_checked_downloader() -> None:
    steps = SERVICE.steps(ask(), IMAGE)
    next(steps)
    step = steps.send(ok(answer({"url": "https://example.com/a.png"})))
    assert step == Download("https://example.com/a.png")
    with pytest.raises(StopIteration) as done:
        steps.send(Blob(picture(), "image/png"))
    assert len(done.value.value.blobs) == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (answer(), e.EmptyResultError),
        (answer({"b64_json": None, "url": None}), e.EmptyResultError),
        (answer({"b64_json": "!!"}), e.MalformedResponseError),
        (answer({"b64_json": "äöü"}), e.MalformedResponseError),
        (answer({"b64_json": 7}), e.MalformedResponseError),
        (answer(b64(b"no picture")), e.MalformedResponseError),
        (answer(b64(b"RIFF\0\0\0\0WAVE")), e.MalformedResponseError),
        (b'{"error": {"code": "moderation_blocked"}}', e.ContentPolicyError),
        (b"[]", e.MalformedResponseError),
        (b"{", e.MalformedResponseError),
    ],
)
def test_answers_without_pictures_are_errors(body: bytes, kind: type[e.AIError]) -> None:
    with pytest.raises(e.AIError) as caught:
        answered(SERVICE.steps(ask(), IMAGE), ok(body))
    assert type(caught.value) is kind


def parallel(results: list[Any]) -> MediaPayload:
    steps = SERVICE.steps(ask(num_images=13), IMAGE)
    step = next(steps)
    assert isinstance(step, Parallel)
    assert [opened(branch).json["n"] for branch in step.branches] == [7, 6]
    with pytest.raises(StopIteration) as done:
        steps.send(results)
    payload: MediaPayload = done.value.value
    return payload


def test_more_than_ten_pictures_are_several_calls_at_once() -> None:
    def part() -> MediaPayload:
        return MediaPayload(blobs=[Blob(b"x")], quantities={"output_image_token": 5})

    whole = parallel([part(), part()])
    assert len(whole.blobs) == 2
    assert whole.quantities == {"output_image_token": 10}
    half = parallel([e.RateLimitError("slow down"), part()])
    assert len(half.blobs) == 1
    assert "slow down" in half.warnings[0].message
    with pytest.raises(e.RateLimitError):
        parallel([e.RateLimitError("slow down"), e.EmptyResultError("nothing")])
    with pytest.raises(KeyboardInterrupt):
        parallel([part(), KeyboardInterrupt()])


async def test_thirteen_pictures_come_from_the_simulator(sim: Simulator, services: Services) -> None:
    payload = await services.image().call(ask(num_images=13, width=64, height=64), IMAGE)
    assert len(payload.blobs) == 13
    assert len({blob.data for blob in payload.blobs}) > 1
    assert [entry.json()["n"] for entry in sim.log] == [7, 6]


async def test_an_edit_changes_only_what_the_mask_opens(services: Services) -> None:
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (32, 0, 64, 64))
    request = ask(reference_images=picture("red", size=(64, 64)), mask=mask, width=64, height=64)
    payload = await services.image().call(request, IMAGE)
    with Image.open(io.BytesIO(payload.blobs[0].data)) as result:
        assert result.convert("RGB").getpixel((5, 5)) == (255, 0, 0)
        assert result.convert("RGB").getpixel((60, 5)) != (255, 0, 0)


async def test_a_safety_block_and_an_empty_answer(sim: Simulator, services: Services) -> None:
    sim.faults.add("openai", "blocked", times=1)
    with pytest.raises(e.ContentPolicyError, match="safety"):
        await services.image().call(ask(), IMAGE)
    sim.faults.add("openai", "empty", times=1)
    with pytest.raises(e.EmptyResultError):
        await services.image().call(ask(), IMAGE)


def test_masks_get_an_alpha_channel_when_they_have_none() -> None:
    clear = picture("#ff000080", mode="RGBA")
    assert mask_with_alpha(clear) is clear
    for data in (picture("white", mode="L"), picture("white", kind="JPEG")):
        with Image.open(io.BytesIO(mask_with_alpha(data))) as mask:
            assert mask.mode == "RGBA"
            assert mask.getpixel((0, 0))[3] == 0  # type: ignore[index]
    webp = picture("#ff000000", mode="RGBA", kind="WEBP")
    assert mask_with_alpha(webp).startswith(b"\x89PNG")
    with pytest.raises(e.InvalidRequestError, match="mask"):
        mask_with_alpha(b"\x89PNG\r\n\x1a\nnothing")


def test_a_mask_is_prepared_by_the_runner() -> None:
    steps = SERVICE.steps(ask(reference_images=picture(), mask=picture(mode="L", color="white")), IMAGE)
    step = next(steps)
    assert isinstance(step, Compute)
    send = steps.send(b"prepared")
    assert isinstance(send, Send)
    assert [(part.field, part.filename) for part in send.files or ()] == [("image", "input.png"), ("mask", "mask.png")]


def test_form_fields_are_written_as_the_vendors_client_writes_them() -> None:
    body = {"a": 1, "b": True, "c": None, "svg": {"model": "m", "reasoning": {"effort": "low"}}, "l": ["x", 2.5]}
    assert form_fields(body) == [
        ("a", "1"),
        ("b", "true"),
        ("svg[model]", "m"),
        ("svg[reasoning][effort]", "low"),
        ("l[]", "x"),
        ("l[]", "2.5"),
    ]
