"""models/{model}:predict: Imagen."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

from PIL import Image
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.media import encode_picture
from viralai_sdk.simulator.vendors.gemini.desk import Desk, camel, fields
from viralai_sdk.simulator.vendors.gemini.generate import dimensions

RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9")
MOST = 4
REASON = "Unable to show generated images, because they violated the usage guidelines. Support codes: 29310472."


async def predict(desk: Desk, request: Request, model: str) -> Response:
    """Draw, or edit."""
    row = desk.find_model(model, "image")
    if "predict" not in row["flags"]:
        raise desk.refuse(400, f"models/{model} does not support predict.")
    body = camel(await desk.json_body(request))
    desk.check_fields(body, frozenset({"instances", "labels", "parameters"}), "")
    instance = one_instance(desk, body, fields("imagen_instance"))
    settings = body.get("parameters") or {}
    desk.check_fields(settings, fields("imagen"), "parameters")
    check_settings(desk, model, row, settings)
    source, mask = references(desk, row, instance)
    count = settings.get("sampleCount") or 1
    kind = (settings.get("outputOptions") or {}).get("mimeType") or "image/png"
    reasoned = bool(settings.get("includeRaiReason"))
    if fault := desk.fault(request, "blocked"):
        # With code "partial" only the first picture is filtered.
        filtered = 1 if fault.code == "partial" else count
    elif desk.fault(request, "empty"):
        return JSONResponse({})
    else:
        filtered = 0
    drawn = await asyncio.to_thread(_draw, desk, instance["prompt"], settings, count - filtered, source, mask)
    predictions: list[dict[str, Any]] = [{"raiFilteredReason": REASON}] * filtered if reasoned else []
    for picture in drawn:
        data = base64.b64encode(encode_picture(picture, kind.removeprefix("image/"))).decode("ascii")
        predictions.append({"bytesBase64Encoded": data, "mimeType": kind})
    return JSONResponse({"predictions": predictions} if predictions else {})


def one_instance(desk: Desk, body: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """The one instance of a body, with a prompt."""
    instances = body.get("instances")
    if not isinstance(instances, list) or len(instances) != 1:
        raise desk.refuse(400, "Exactly one instance is expected.")
    instance = instances[0]
    desk.check_fields(instance, known, "instances")
    if not isinstance(instance.get("prompt"), str) or not instance["prompt"]:
        raise desk.refuse(400, "Text prompt is missing.")
    found: dict[str, Any] = instance
    return found


def check_settings(desk: Desk, model: str, row: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """The settings of a drawing."""
    desk.check_number(settings, "sampleCount", 1, MOST, whole=True)
    desk.check_number(settings, "seed", 1, 2**31 - 1, whole=True)
    desk.check_choice(settings, "aspectRatio", RATIOS)
    desk.check_choice(settings, "sampleImageSize", row["limits"]["image_sizes"])
    desk.check_choice(settings, "personGeneration", ("DONT_ALLOW", "ALLOW_ADULT", "ALLOW_ALL"))
    desk.check_choice(settings.get("outputOptions") or {}, "mimeType", ("image/png", "image/jpeg"))
    if settings.get("seed") is not None and settings.get("addWatermark") is not False:
        raise desk.refuse(400, "Seed is not supported when watermark is enabled.")


def references(
    desk: Desk, row: Mapping[str, Any], instance: Mapping[str, Any]
) -> tuple[Image.Image | None, Image.Image | None]:
    """The picture to edit and its mask."""
    listed = instance.get("referenceImages")
    if not listed:
        if "edit" in row["flags"]:
            raise desk.refuse(400, "Reference images are required.")
        return None, None
    if "edit" not in row["flags"]:
        raise desk.refuse(400, "This model does not support reference images.")
    found: dict[str, Image.Image] = {}
    for item in listed:
        kind = item.get("referenceType")
        if kind not in ("REFERENCE_TYPE_RAW", "REFERENCE_TYPE_MASK") or not isinstance(item.get("referenceId"), int):
            raise desk.refuse(400, f"Unsupported reference {kind!r}.")
        found.setdefault(kind, desk.bytes_picture(item.get("referenceImage"), "referenceImage"))
        if (
            kind == "REFERENCE_TYPE_MASK"
            and item.get("maskImageConfig", {}).get("maskMode") != "MASK_MODE_USER_PROVIDED"
        ):
            raise desk.refuse(400, "maskImageConfig.maskMode: the simulator takes masks of the user only.")
    raw, mask = found.get("REFERENCE_TYPE_RAW"), found.get("REFERENCE_TYPE_MASK")
    if raw is None or (mask is not None and mask.size != raw.size):
        raise desk.refuse(400, "A raw reference image is needed, and a mask must have its size.")
    return raw, mask


def _draw(
    desk: Desk,
    prompt: str,
    settings: Mapping[str, Any],
    count: int,
    source: Image.Image | None,
    mask: Image.Image | None,
) -> list[Image.Image]:
    size = dimensions(settings.get("aspectRatio") or "1:1", settings.get("sampleImageSize") or "1K")
    pictures = [desk.state.media.picture(f"{prompt} {number}", *size) for number in range(count)]
    if source is None:
        return pictures
    base = source.convert("RGB").resize(size)
    if mask is None:
        return [Image.blend(base, picture, 0.5) for picture in pictures]
    opened = mask.convert("L").resize(size)
    return [Image.composite(picture, base, opened) for picture in pictures]
