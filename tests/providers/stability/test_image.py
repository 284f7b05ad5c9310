"""Pictures by Stability: what is sent by the tables of the vendor's own description, and what may come back."""

from __future__ import annotations

import base64
import contextlib
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.providers.stability.support import (
    CORE,
    LARGE,
    ULTRA,
    Services,
    answered,
    ask,
    ok,
    parts,
    picture,
    service,
)
from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.joining import join_pictures
from viralai_sdk.interfaces.steps import Answer, Send
from viralai_sdk.providers.stability.errors import error_from_answer
from viralai_sdk.providers.stability.image import read
from viralai_sdk.providers.stability.masks import mask_in_grey
from viralai_sdk.providers.stability.models import catalog, route_of
from viralai_sdk.providers.stability.shapes import PRESETS, preset
from viralai_sdk.simulator import Simulator
from viralai_sdk.store.measure import measure

SERVICE = service()
NAMES = ["image", "finish_reason", "seed", "id", "name", "errors", "message"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("CONTENT_FILTERED"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=15,
)


def notes(request: Any, model: str) -> list[tuple[str, str | None]]:
    return [(warning.kind, warning.parameter) for warning in SERVICE.check(request, model)]


@pytest.mark.parametrize(
    ("model", "route", "more"),
    [
        (ULTRA, "generate/ultra", {}),
        ("ultra", "generate/ultra", {}),
        (CORE, "generate/core", {}),
        ("core", "generate/core", {}),
        (LARGE, "generate/sd3", {"model": LARGE, "mode": "text-to-image"}),
        ("sd3.5", "generate/sd3", {"model": LARGE, "mode": "text-to-image"}),
        ("sd4-of-tomorrow", "generate/sd3", {"model": "sd4-of-tomorrow", "mode": "text-to-image"}),
    ],
)
def test_each_model_has_its_route_and_fields(model: str, route: str, more: dict[str, str]) -> None:
    request = ask(negative_prompt="rain", seed=7, style="anime", aspect_ratio="16:9")
    step = next(SERVICE.steps(request, model))
    assert isinstance(step, Send)
    assert step.path == f"/v2beta/stable-image/{route}"
    assert (step.creates, step.accept) == (True, "application/json")
    assert dict(step.fields or ()) == {
        "prompt": "a fox",
        "output_format": "png",
        "aspect_ratio": "16:9",
        "negative_prompt": "rain",
        "seed": "7",
        "style_preset": "anime",
        **more,
    }
    assert [(part.field, part.data) for part in step.files or ()] == [("none", b"")]
    assert notes(request, model) == []


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (ULTRA, {"strength": "0.65"}),
        (LARGE, {"strength": "0.65", "mode": "image-to-image", "model": LARGE}),
        ("structure", {}),
        ("sketch", {}),
        ("style", {}),
    ],
)
def test_from_a_picture(model: str, fields: dict[str, str]) -> None:
    step = next(SERVICE.steps(ask(reference_images=picture()), model))
    assert isinstance(step, Send)
    assert dict(step.fields or ()) == {"prompt": "a fox", "output_format": "png", **fields}
    assert [(part.field, part.media_type) for part in step.files or ()] == [("image", "image/png")]


def test_configuration_gives_defaults_where_a_route_takes_them_and_options_win() -> None:
    made = service(output_format="webp", strength=0.3, cfg_scale=5, grow_mask=4, control_strength=0.9)

    def fields(request: Any, model: str) -> dict[str, str]:
        step = next(made.steps(request, model))
        assert isinstance(step, Send)
        return dict(step.fields or ())

    assert fields(ask(), CORE) == {"prompt": "a fox", "output_format": "webp", "aspect_ratio": "1:1"}
    sd = fields(ask(reference_images=picture(), options={"strength": 0.9}), LARGE)
    assert (sd["strength"], sd["cfg_scale"]) == ("0.9", "5")
    assert fields(ask(reference_images=picture()), "sketch")["control_strength"] == "0.9"
    assert "strength" not in fields(ask(options={"flag": True, "nothing": None}), ULTRA)
    assert fields(ask(options={"flag": True, "nothing": None}), ULTRA)["flag"] == "true"


@pytest.mark.parametrize(
    ("fields", "model", "noted"),
    [
        ({"aspect_ratio": "4:3"}, CORE, [("adjusted", "aspect_ratio")]),
        ({"width": 512, "height": 512}, CORE, [("adjusted", "width/height")]),
        ({"style": "in the manner of Vermeer"}, CORE, [("adjusted", "style")]),
        ({"style": "anime", "reference_images": picture()}, "sketch", [("adjusted", "style")]),
        ({"seed": -1}, CORE, [("adjusted", "seed")]),
        ({"num_images": 2, "seed": 1}, CORE, [("adjusted", "num_images"), ("other", "seed")]),
        ({"reference_images": picture(), "aspect_ratio": "16:9"}, ULTRA, [("unsupported", "aspect_ratio")]),
        ({"reference_images": picture(), "mask": picture()}, ULTRA, [("adjusted", "model")]),
        ({"reference_images": picture(), "mask": picture()}, "inpaint", []),
        ({"options": {"aspect_ratio": "21:9"}}, CORE, []),
    ],
)
def test_check_tells_what_is_adjusted(fields: dict[str, Any], model: str, noted: list[tuple[str, str]]) -> None:
    assert notes(ask(**fields), model) == noted


@pytest.mark.parametrize(
    ("fields", "model", "words"),
    [
        ({"prompt": "x" * 10_001}, CORE, "10,000"),
        ({"reference_images": [picture(), picture()]}, ULTRA, "more than one"),
        ({"reference_images": picture(kind="GIF")}, ULTRA, "image/gif"),
        ({"reference_images": picture() + bytes(11_000_000)}, ULTRA, "10 MiB"),
        ({"reference_images": picture()}, CORE, "stable-image-core"),
        ({}, "inpaint", "without a picture"),
        ({}, "structure", "without a picture"),
    ],
)
def test_what_cannot_be_done_is_refused_before_sending(fields: dict[str, Any], model: str, words: str) -> None:
    with pytest.raises(e.UnsupportedCapabilityError, match=words):
        SERVICE.check(ask(**fields), model)


async def test_multipart_goes_over_the_wire_even_without_files(sim: Simulator, services: Services) -> None:
    payload = await services.image().call(ask(seed=7, aspect_ratio="16:9"), CORE)
    sent = sim.log[0]
    assert sent.headers["content-type"].startswith("multipart/form-data;")
    assert sent.headers["authorization"] == f"Bearer {sim.key}"
    assert parts(sent) == {"prompt": "a fox", "output_format": "png", "aspect_ratio": "16:9", "seed": "7", "none": b""}
    facts = measure(payload.blobs[0].data, "image")
    assert (facts.width, facts.height) == (1344, 768)
    assert payload.metadata == {"seed": 7}
    assert (payload.model, payload.quantities) == (CORE, {"image": 1})
    assert payload.request_id


@pytest.mark.parametrize("model", [ULTRA, LARGE, "sketch", "structure", "style"])
async def test_a_picture_keeps_its_size(services: Services, model: str) -> None:
    payload = await services.image().call(ask(reference_images=picture()), model)
    assert measure(payload.blobs[0].data, "image").width == 96


async def test_a_mask_leaves_the_rest_alone(services: Services) -> None:
    mask = Image.new("L", (96, 64), 0)
    mask.paste(255, (48, 0, 96, 64))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    payload = await services.image().call(ask(reference_images=picture(), mask=buffer.getvalue()), ULTRA)
    image = Image.open(io.BytesIO(payload.blobs[0].data))
    assert image.getpixel((10, 10)) == (255, 0, 0)
    assert image.getpixel((90, 10)) != (255, 0, 0)
    assert payload.model == "inpaint"


def test_a_clear_mask_means_the_same_as_a_white_one() -> None:
    def middle(data: bytes) -> Any:
        image = Image.open(io.BytesIO(mask_in_grey(data)))
        assert image.mode == "L"
        return image.getpixel((32, 32))

    assert middle(picture((0, 0, 0, 0), mode="RGBA")) == 255
    assert middle(picture((0, 0, 0, 255), mode="RGBA")) == 0
    assert middle(picture("white")) == 255
    with pytest.raises(e.InvalidRequestError, match="mask"):
        mask_in_grey(b"no picture")


async def test_several_pictures_are_several_calls_with_seeds_of_their_own(sim: Simulator, services: Services) -> None:
    payload = await services.image().call(ask(num_images=3, seed=5), CORE)
    assert len({blob.data for blob in payload.blobs}) == 3
    assert payload.quantities == {"image": 3}
    assert sorted(payload.metadata["seeds"]) == [5, 6, 7]
    sim.faults.add("stability", status=500, times=1)
    payload = await services.image().call(ask(num_images=2), CORE)
    assert (len(payload.blobs), len(payload.warnings)) == (1, 1)
    assert payload.quantities == {"image": 1}


def test_several_failed_calls_are_the_first_ones_error() -> None:
    with pytest.raises(e.RateLimitError):
        join_pictures([e.RateLimitError("slow down"), e.InvalidRequestError("bad")])


async def test_a_blurred_picture_is_never_given_out(sim: Simulator, services: Services) -> None:
    sim.faults.add("stability", "error_chunk", times=1)
    with pytest.raises(e.ContentPolicyError, match="blurred"):
        await services.image().call(ask(), CORE)
    filtered = ok(picture(), content_type="image/png", finish_reason="CONTENT_FILTERED")
    with pytest.raises(e.ContentPolicyError):
        read(filtered, CORE)


async def test_a_refused_prompt_costs_nothing(sim: Simulator, services: Services) -> None:
    sim.faults.add("stability", "blocked", times=1)
    with pytest.raises(e.ContentPolicyError, match="moderation") as caught:
        await services.image().call(ask(), CORE)
    assert caught.value.billed == "no"


def test_pictures_may_come_as_bytes_too() -> None:
    payload = read(ok(picture(), content_type="image/png", finish_reason="SUCCESS", seed="9"), CORE)
    assert payload.metadata == {"seed": 9}
    assert payload.blobs[0].media_type == "image/png"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, e.EmptyResultError),
        ([], e.MalformedResponseError),
        ({"image": "***"}, e.MalformedResponseError),
        ({"image": base64.b64encode(b"nothing").decode()}, e.MalformedResponseError),
        (b"<html>", e.MalformedResponseError),
    ],
)
def test_answers_without_a_picture_are_errors(body: Any, error: type[e.AIError]) -> None:
    with pytest.raises(error):
        answered(SERVICE.steps(ask(), CORE), ok(body, content_type="application/json; type=image/png"))


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, {"name": "bad_request", "errors": ["seed: bad"]}, e.InvalidRequestError, "seed: bad"),
        (400, {"name": "bad_request", "message": "the old shape"}, e.InvalidRequestError, "the old shape"),
        (401, {"name": "unauthorized", "errors": ["no"]}, e.AuthenticationError, "no"),
        (402, {"name": "payment_required", "errors": ["pay"]}, e.QuotaExceededError, "pay"),
        (403, {"name": "content_moderation", "errors": ["flagged"]}, e.ContentPolicyError, "flagged"),
        (403, {"name": "other", "errors": []}, e.PermissionDeniedError, "403"),
        (413, {"name": "payload_too_large", "errors": ["big"]}, e.InvalidRequestError, "big"),
        (422, {"name": "invalid_language", "errors": ["English only"]}, e.InvalidRequestError, "English only"),
        (422, {"name": "public_figure", "errors": ["face"]}, e.ContentPolicyError, "face"),
        (429, {"name": "rate_limit_exceeded", "errors": ["150 in 10 s"]}, e.RateLimitError, "150 in 10 s"),
        (500, {"name": "internal_error", "errors": ["oops"]}, e.ProviderUnavailableError, "oops"),
        (502, b"<html>", e.ProviderUnavailableError, "502"),
    ],
)
def test_each_refusal_has_its_error(status: int, body: Any, kind: type[e.AIError], words: str) -> None:
    error = error_from_answer(Answer(status, {"x-request-id": "r1"}, ok(body).body))
    assert type(error) is kind
    assert words in str(error)
    assert error.request_id == "r1"


def test_the_vendors_lockout_is_waited_for() -> None:
    error = error_from_answer(Answer(429, {}, b"{}"))
    assert isinstance(error, e.RateLimitError)
    assert error.retry_after == 60
    error = error_from_answer(Answer(429, {"retry-after": "3"}, b"{}"))
    assert isinstance(error, e.RateLimitError)
    assert error.retry_after == 3


@given(st.integers(400, 599), JSON)
def test_any_error_body_makes_an_error(status: int, body: Any) -> None:
    assert error_from_answer(Answer(status, {}, ok(body).body)).status == status


@given(JSON | st.binary(max_size=60), st.sampled_from(["application/json", "image/png", ""]))
def test_only_our_errors_come_out_of_the_reader(body: Any, kind: str) -> None:
    with contextlib.suppress(e.AIError):
        read(ok(body, content_type=kind), CORE)


@pytest.mark.parametrize(
    ("style", "expected"),
    [("Pixel Art", "pixel-art"), ("comic", "comic-book"), ("cinematics", "cinematic"), ("baroque", None)],
)
def test_styles(style: str, expected: str | None) -> None:
    assert preset(style) == expected
    assert all(preset(name) == name for name in PRESETS)


async def test_the_simulator_is_as_strict_as_the_vendor(sim: Simulator, services: Services) -> None:
    with pytest.raises(e.AuthenticationError):
        await services.image(key="other").call(ask(), CORE)
    wrong: list[dict[str, Any]] = [{"sparkle": 1}, {"aspect_ratio": "4:3"}, {"seed": "x"}, {"strength": 0.5}]
    wrong += [{"output_format": "gif"}, {"style_preset": "baroque"}]
    for options in wrong:
        with pytest.raises(e.InvalidRequestError):
            await services.image().call(ask(options=options), ULTRA)
    for request, model in (
        (ask(), "sd3.5-huge"),
        (ask(options={"mode": "image-to-image"}), LARGE),
        (ask(reference_images=picture(), options={"mode": "text-to-image"}), LARGE),
        (ask(reference_images=picture(size=(32, 32))), ULTRA),
        (ask(reference_images=b"\x89PNG\r\n\x1a\n" + bytes(80)), ULTRA),
        (ask(reference_images=picture() + bytes(11_000_000)), ULTRA),
    ):
        with pytest.raises(e.InvalidRequestError):
            await services.image().call(request, model)
    headers = {"authorization": f"Bearer {sim.key}"}
    url = sim.url("stability")
    core = f"{url}/v2beta/stable-image/generate/core"
    assert (await services.client.post(core, json={"prompt": "x"}, headers=headers)).status_code == 400
    assert (await services.client.post(core, files={"prompt": (None, "")}, headers=headers)).status_code == 400
    assert (await services.client.get(f"{url}/v2beta/nothing", headers=headers)).status_code == 404
    answer = await services.client.post(core, files={"prompt": (None, "a fox")}, headers=headers)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["finish-reason"] == "SUCCESS"


async def test_faults_of_the_wire_are_errors(sim: Simulator, services: Services) -> None:
    sim.faults.add("stability", "empty", times=1)
    with pytest.raises(e.EmptyResultError):
        await services.image().call(ask(), CORE)
    sim.faults.add("stability", "wrong_type", times=1)
    with pytest.raises(e.MalformedResponseError):
        await services.image().call(ask(), CORE)


def test_the_catalogs_data_hold_together() -> None:
    rows = catalog()
    default = rows.models[next(iter(rows.defaults.values()))]
    assert default.prices["image"] > 0
    assert default.retires is None
    assert all(model.source and route_of(name) for name, model in rows.models.items())
    assert "removed" in rows.extra["retired_services"]["video"]
    assert set(rows.extra["short_names"].values()) <= rows.models.keys()


async def test_through_the_public_interface(sim: Simulator, tmp_path: Path) -> None:
    provider = {"api_key": sim.key, "base_url": sim.url("stability")}
    config = {
        "providers": {"stability": provider},
        "ai_services": {"image_generation": {"default_provider": "stability"}},
    }
    async with ViralAI(config, home=tmp_path) as ai:
        made = await ai.image("a fox", num_images=2)
        assert made.cost_usd == pytest.approx(0.06)
        edited = await ai.image("a wolf", reference_images=made, mask=picture("white"), provider="stability:ultra")
        assert edited.model_used == "inpaint"
        assert edited.artifacts[0].width == 1024
