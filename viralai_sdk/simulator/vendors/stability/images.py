"""POST /v2beta/stable-image/…: generations, inpainting, and control by a picture."""

from __future__ import annotations

import asyncio
import base64

from PIL import Image, ImageFilter
from starlette.requests import Request
from starlette.responses import Response

from viralai_sdk.simulator.media import encode_picture
from viralai_sdk.simulator.vendors.stability.desk import Desk

COMMON = {"prompt", "negative_prompt", "seed", "output_format"}
FIELDS = {
    "generate/ultra": COMMON | {"aspect_ratio", "style_preset", "strength"},
    "generate/core": COMMON | {"aspect_ratio", "style_preset"},
    "generate/sd3": COMMON | {"aspect_ratio", "style_preset", "strength", "mode", "model", "cfg_scale"},
    "edit/inpaint": COMMON | {"grow_mask"},
    "control/sketch": COMMON | {"control_strength"},
    "control/structure": COMMON | {"control_strength"},
    "control/style": COMMON | {"fidelity", "aspect_ratio"},
}
"""Route → text fields that it takes."""
SIZES = {
    "1:1": (1024, 1024),
    "16:9": (1344, 768),
    "21:9": (1536, 640),
    "2:3": (832, 1216),
    "3:2": (1216, 832),
    "4:5": (896, 1088),
    "5:4": (1088, 896),
    "9:16": (768, 1344),
    "9:21": (640, 1536),
}
"""Aspect ratio → a size of about a megapixel."""
STYLES = {"enhance", "anime", "photographic", "digital-art", "comic-book", "fantasy-art", "line-art", "analog-film"}
STYLES |= {"neon-punk", "isometric", "low-poly", "origami", "modeling-compound", "cinematic", "3d-model", "pixel-art"}
STYLES |= {"tile-texture"}
MODELS = {"sd3.5-large", "sd3.5-large-turbo", "sd3.5-medium"}


async def draw(desk: Desk, request: Request, *, route: str) -> Response:
    """One picture."""
    files = {"image", "mask"} if route == "edit/inpaint" else set() if route == "generate/core" else {"image"}
    fields, pictures = await desk.form(request, FIELDS[route], files)
    check(desk, fields, pictures, route)
    if desk.fault(request, "blocked"):
        raise desk.refuse(403, "Your request was flagged by our content moderation system.")
    image = await asyncio.to_thread(_draw, desk, fields, pictures)
    filtered = bool(desk.fault(request, "error_chunk"))
    if filtered:
        image = image.filter(ImageFilter.GaussianBlur(40))
    kind = fields.get("output_format", "png")
    data = b"" if desk.fault(request, "empty") else encode_picture(image, kind)
    return _answer(request, data, kind, int(fields.get("seed", "0")) or 424_242, filtered)


def check(desk: Desk, fields: dict[str, str], pictures: dict[str, Image.Image], route: str) -> None:
    """Refuse what the vendor refuses."""
    if not 1 <= len(fields.get("prompt", "")) <= 10_000:
        raise desk.refuse(400, "prompt: must be 1 to 10000 characters")
    for name, allowed in (
        ("aspect_ratio", set(SIZES)),
        ("output_format", {"png", "jpeg", "webp"}),
        ("style_preset", STYLES),
        ("model", MODELS),
        ("mode", {"text-to-image", "image-to-image"}),
    ):
        if name in fields and fields[name] not in allowed:
            raise desk.refuse(400, f"{name}: must be one of {', '.join(sorted(allowed))}")
    for name, high in (
        ("seed", 4_294_967_294),
        ("strength", 1),
        ("control_strength", 1),
        ("fidelity", 1),
        ("cfg_scale", 10),
    ):
        if name in fields and not _number(fields[name], high):
            raise desk.refuse(400, f"{name}: must be a number from 0 to {high}")
    _check_pictures(desk, fields, pictures, route)


def _check_pictures(desk: Desk, fields: dict[str, str], pictures: dict[str, Image.Image], route: str) -> None:
    given = "image" in pictures
    wants = fields.get("mode") == "image-to-image" or route.startswith(("edit/", "control/"))
    if wants and not given:
        raise desk.refuse(400, "image: is required")
    if route.startswith("generate/") and given != ("strength" in fields):
        raise desk.refuse(400, "strength: is required with image, and only with it")
    if route == "generate/sd3" and given and (not wants or "aspect_ratio" in fields):
        raise desk.refuse(400, "image: needs mode image-to-image, which takes no aspect_ratio")


def _number(text: str, high: float) -> bool:
    try:
        return 0 <= float(text) <= high
    except ValueError:
        return False


def _draw(desk: Desk, fields: dict[str, str], pictures: dict[str, Image.Image]) -> Image.Image:
    base = pictures.get("image")
    size = base.size if base else SIZES[fields.get("aspect_ratio", "1:1")]
    fresh = desk.state.media.picture(f"{fields['prompt']} {fields.get('seed', '')}", *size).convert("RGB")
    if base is None:
        return fresh
    if "mask" in pictures:
        return Image.composite(fresh, base.convert("RGB"), pictures["mask"].convert("L").resize(size))
    return Image.blend(base.convert("RGB"), fresh, float(fields.get("strength", "0.5")))


def _answer(request: Request, data: bytes, kind: str, seed: int, filtered: bool) -> Response:
    reason = "CONTENT_FILTERED" if filtered else "SUCCESS"
    if request.headers.get("accept", "image/*").startswith("application/json"):
        encoded = base64.b64encode(data).decode()
        body = f'{{"image": "{encoded}", "finish_reason": "{reason}", "seed": {seed}}}'
        return Response(body, headers={"content-type": f"application/json; type=image/{kind}"})
    headers = {"content-type": f"image/{kind}", "finish-reason": reason, "seed": str(seed)}
    return Response(data, headers=headers)
