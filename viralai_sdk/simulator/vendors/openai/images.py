"""POST /images/generations and /images/edits."""

from __future__ import annotations

import asyncio
import base64
import io
import re
from collections.abc import Mapping
from typing import Any

from PIL import Image, UnidentifiedImageError
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.answers import tokens
from viralai_sdk.simulator.media import encode_picture
from viralai_sdk.simulator.vendors.openai.desk import Desk, catalog, fields

GENERATE_FIELDS = fields("generations")
EDIT_FIELDS = fields("edits")
WHOLE_NUMBERS = ("n", "output_compression", "partial_images", "frame_count", "frame_duration_ms")
SIZES = ("auto", "1024x1024", "1536x1024", "1024x1536")
TILE = 64
"""Pixels of a picture's side that count as one token's worth here; the vendor's own table is not public in its package."""


async def generate(desk: Desk, request: Request) -> Response:
    """Pictures from words."""
    body = await desk.json_body(request, GENERATE_FIELDS, ("prompt", "model"))
    check(desk, body)
    desk.check_block(request, "moderation_blocked")
    return await _answer(desk, request, body, [], None, "image_generation")


async def edit(desk: Desk, request: Request) -> Response:
    """Pictures from pictures and words."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data;"):
        raise desk.refuse(400, "This API method only accepts 'multipart/form-data'.")
    async with request.form() as form:
        texts: dict[str, Any] = {}
        uploads: dict[str, list[UploadFile]] = {}
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                uploads.setdefault(name, []).append(value)
            else:
                texts[name] = value
        desk.check_fields(
            {re.sub(r"\[.*", "", name): value for name, value in texts.items()}, EDIT_FIELDS, ("prompt", "model")
        )
        if extra := sorted(uploads.keys() - {"image", "image[]", "mask", "markup"}):
            raise desk.refuse(400, f"Unknown parameter: '{extra[0]}'.", code="unknown_parameter", param=extra[0])
        body = {name: _number(desk, name, value) if name in WHOLE_NUMBERS else value for name, value in texts.items()}
        check(desk, body)
        sources = [
            await _open(desk, upload, "image") for name in ("image", "image[]") for upload in uploads.get(name, ())
        ]
        masks = [await _open(desk, upload, "mask") for upload in uploads.get("mask", ())]
    check_uploads(desk, sources, masks, len(uploads.get("image", ())))
    desk.check_block(request, "moderation_blocked")
    return await _answer(desk, request, body, sources, masks[0] if masks else None, "image_edit")


def check(desk: Desk, body: Mapping[str, Any]) -> None:
    """The settings both routes share."""
    desk.check_model(body["model"], "image")
    if len(body["prompt"]) > 32_000:
        raise desk.refuse(400, "Invalid 'prompt': string too long.", code="string_above_max_length", param="prompt")
    desk.check_number(body, "n", 1, 10, whole=True)
    desk.check_number(body, "output_compression", 0, 100, whole=True)
    desk.check_number(body, "partial_images", 0, 3, whole=True)
    desk.check_choice(body, "quality", ("low", "medium", "high", "xhigh", "max", "auto"))
    desk.check_choice(body, "background", ("transparent", "opaque", "auto"))
    desk.check_choice(body, "output_format", ("png", "webp", "jpeg"))
    desk.check_choice(body, "moderation", ("low", "auto"))
    desk.check_choice({"stream": str(body.get("stream") or False).lower()}, "stream", ("true", "false"))
    check_size(desk, body["model"], body.get("size"))


def check_size(desk: Desk, model: str, size: Any) -> None:
    """Refuse sizes that the model does not draw."""
    if size is None or size in SIZES:
        return
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", str(size))
    if match and "any_size" in catalog()[model]["flags"]:
        width, height = int(match[1]), int(match[2])
        inside = max(width, height) <= 3840 and min(width, height) <= 2160 and 1 / 3 <= width / height <= 3
        if width % 16 == 0 and height % 16 == 0 and inside:
            return
    raise desk.refuse(400, f"Invalid size '{size}' for {model}.", code="invalid_value", param="size")


def check_uploads(desk: Desk, sources: list[Image.Image], masks: list[Image.Image], singles: int) -> None:
    """Refuse missing pictures, too many, and masks that do not lie on the first one."""
    if not sources:
        raise desk.refuse(400, "Missing required parameter: 'image'.", code="missing_required_parameter", param="image")
    if len(sources) > 16 or singles > 1:
        raise desk.refuse(400, "Too many images: use 'image[]' for several, at most 16.", param="image")
    if masks and (masks[0].size != sources[0].size or "A" not in masks[0].getbands()):
        raise desk.refuse(400, "Invalid mask image: it must have an alpha channel and the image's size.", param="mask")


def _number(desk: Desk, name: str, value: str) -> int:
    if not value.isdigit():
        raise desk.refuse(400, f"Invalid type for '{name}': expected an integer.", code="invalid_type", param=name)
    return int(value)


async def _open(desk: Desk, upload: UploadFile, field: str) -> Image.Image:
    allowed = ("image/png",) if field == "mask" else ("image/png", "image/webp", "image/jpeg")
    if upload.content_type not in allowed or not upload.filename:
        message = f"Invalid file '{upload.filename}': unsupported mimetype ('{upload.content_type}')."
        raise desk.refuse(400, message, code="unsupported_file_mimetype", param=field)
    try:
        image = Image.open(io.BytesIO(await upload.read()))
        image.load()
    except (UnidentifiedImageError, OSError) as error:
        raise desk.refuse(400, "Invalid image file.", code="invalid_image_file", param=field) from error
    return image


async def _answer(
    desk: Desk,
    request: Request,
    body: dict[str, Any],
    sources: list[Image.Image],
    mask: Image.Image | None,
    event: str,
) -> Response:
    """Pictures whole, or as events whose names begin with `event`."""
    size = body.get("size") or "auto"
    width, height = (1024, 1024) if size == "auto" else tuple(map(int, size.split("x")))
    count, kind = body.get("n") or 1, body.get("output_format") or "png"
    pictures = await asyncio.to_thread(_draw, desk, body["prompt"], (width, height), count, sources, mask)
    facts = {
        "background": "opaque",
        "output_format": kind,
        "quality": "low" if body.get("quality") in (None, "auto") else body["quality"],
        "size": f"{width}x{height}",
    }
    asked, seen = tokens(body["prompt"]), sum(_cost(source.size) for source in sources)
    made = count * _cost((width, height))
    usage = {
        "input_tokens": asked + seen,
        "input_tokens_details": {"text_tokens": asked, "image_tokens": seen},
        "output_tokens": made,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": made},
        "total_tokens": asked + seen + made,
    }
    empty = desk.fault(request, "empty") is not None
    if body.get("stream") in (True, "true"):
        partials = 0 if empty else body.get("partial_images") or 0
        events = await asyncio.to_thread(_events, pictures, kind, partials, event)
        for item in events:
            item |= {"created_at": desk.now(), **facts}
            if item["type"].endswith(".completed"):
                item |= {"usage": usage} | ({"b64_json": ""} if empty else {})
        return desk.events(request, [(item["type"], item) for item in events], done=False)
    data = [] if empty else [{"b64_json": await asyncio.to_thread(_encoded, picture, kind)} for picture in pictures]
    return JSONResponse({"created": desk.now(), "data": data, **facts, "usage": usage})


def _events(pictures: list[Image.Image], kind: str, partials: int, event: str) -> list[dict[str, Any]]:
    """For each picture, coarse states that become finer, and the whole."""
    found = []
    for picture in pictures:
        for index in range(partials):
            coarse = [max(1, side >> (partials - index + 3)) for side in picture.size]
            blurred = picture.resize((coarse[0], coarse[1])).resize(picture.size, Image.Resampling.BILINEAR)
            encoded = _encoded(blurred, kind)
            found.append({"type": f"{event}.partial_image", "b64_json": encoded, "partial_image_index": index})
        found.append({"type": f"{event}.completed", "b64_json": _encoded(picture, kind)})
    return found


def _encoded(picture: Image.Image, kind: str) -> str:
    return base64.b64encode(encode_picture(picture, kind)).decode()


def _cost(size: tuple[int, int]) -> int:
    return max(1, size[0] // TILE) * max(1, size[1] // TILE)


def _draw(
    desk: Desk, prompt: str, size: tuple[int, int], count: int, sources: list[Image.Image], mask: Image.Image | None
) -> list[Image.Image]:
    """Fresh pictures, or the first source with new content: where the mask is open, else half blended."""
    drawn = [desk.state.media.picture(f"{prompt} {number}".removesuffix(" 0"), *size) for number in range(count)]
    if not sources:
        return drawn
    base = sources[0].convert("RGB").resize(size)
    if mask is None:
        return [Image.blend(base, picture, 0.5) for picture in drawn]
    kept = mask.convert("RGBA").getchannel("A").resize(size)
    return [Image.composite(base, picture, kept) for picture in drawn]
