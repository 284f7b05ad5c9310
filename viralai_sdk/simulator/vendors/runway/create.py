"""POST /v1/text_to_video, /v1/image_to_video, /v1/text_to_image and /v1/text_to_speech."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

from PIL import Image, UnidentifiedImageError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.vendors.runway.desk import Desk, catalog
from viralai_sdk.simulator.vendors.runway.tasks import Shelf

ROUTES = ("text_to_video", "image_to_video", "text_to_image", "text_to_speech")
CREDITS = {"text_to_image": 5, "text_to_speech": 1}
CREDITS_A_SECOND = 12
"""Made up: the package does not say what a task costs."""
LONGEST_URI = 5 * 1024 * 1024


async def create(desk: Desk, request: Request, *, shelf: Shelf, route: str) -> Response:
    """Start a task."""
    body = await desk.json_body(request, _all_fields(route))
    taken = _limits(desk, body, route)
    _check_fields(desk, body, taken)
    pictures = _pictures(desk, body)
    if route == "text_to_speech":
        _check_voice(desk, body)
    price = CREDITS.get(route) or CREDITS_A_SECOND * int(_seconds(body))
    fate = next((kind for kind in ("blocked", "empty", "error_chunk") if desk.fault(request, kind)), None)
    task = shelf.add(route, body, pictures, price, fate)
    return JSONResponse({"id": task.number, "estimatedCost": {"credits": price}})


def _all_fields(route: str) -> set[str]:
    rows = [row["limits"][route] for row in catalog()["models"].values() if route in row["limits"]]
    return {"model", *(name for row in rows for name in row["fields"])}


def _limits(desk: Desk, body: dict[str, Any], route: str) -> dict[str, Any]:
    row = catalog()["models"].get(body.get("model"))
    if row is None or route not in row["limits"]:
        raise desk.wrong("model", "Invalid discriminator value.")
    found: dict[str, Any] = row["limits"][route]
    return found


def _check_fields(desk: Desk, body: dict[str, Any], taken: dict[str, Any]) -> None:
    if unknown := sorted(body.keys() - {"model", *taken["fields"]}):
        raise desk.wrong(unknown[0], "Unrecognized key.")
    for name in taken["required"]:
        if body.get(name) in (None, "", []):
            raise desk.wrong(name, "Required")
    for field, name in (("ratio", "ratios"), ("resolution", "resolutions"), ("outputFormat", "formats")):
        if body.get(field) is not None and taken.get(name) and body[field] not in taken[name]:
            raise desk.wrong(field, "Invalid enum value.")
    _check_numbers(desk, body, taken)
    text = body.get("promptText")
    if text is not None and not isinstance(text, str):
        raise desk.wrong("promptText", "Expected a string.")
    if "prompt" in taken and len((text or "").encode("utf-16-le")) > 2 * taken["prompt"]:
        raise desk.wrong("promptText", f"String must contain at most {taken['prompt']} character(s).")


def _check_numbers(desk: Desk, body: dict[str, Any], taken: dict[str, Any]) -> None:
    seconds = body.get("duration")
    if seconds is not None and seconds != "auto":
        low, high = taken.get("seconds", (1, 60))
        if not isinstance(seconds, int) or not desk.number(seconds, low, high):
            raise desk.wrong("duration", f"Expected an integer from {low} to {high}.")
        if taken.get("durations") and seconds not in taken["durations"]:
            raise desk.wrong("duration", "Invalid literal value.")
    if body.get("seed") is not None and not isinstance(body["seed"], int):
        raise desk.wrong("seed", "Expected an integer.")
    if body.get("speed") is not None and not desk.number(body["speed"], *taken.get("speeds", (0.0, 10.0))):
        raise desk.wrong("speed", "Number out of range.")


def _check_voice(desk: Desk, body: dict[str, Any]) -> None:
    voice = body.get("voice")
    if body["model"] == "seed_audio":
        return
    if not isinstance(voice, dict) or voice.get("type") != "runway-preset":
        raise desk.wrong("voice", "Invalid discriminator value.")
    if voice.get("presetId") not in catalog()["voices"]:
        raise desk.wrong("voice", "Invalid enum value.")


def _pictures(desk: Desk, body: dict[str, Any]) -> list[Image.Image]:
    """The pictures a body brings along, the first frame first."""
    given = body.get("promptImage") or []
    items = [given] if isinstance(given, str) else [item.get("uri") for item in given]
    items += [item.get("uri") for item in body.get("referenceImages") or ()]
    items += [body["maskUri"]] if body.get("maskUri") else []
    return [_picture(desk, item) for item in items]


def _picture(desk: Desk, uri: Any) -> Image.Image:
    head, _, encoded = str(uri).partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64") or len(str(uri)) > LONGEST_URI:
        raise desk.wrong("promptImage", "Only data URIs up to 5 MB are simulated.")
    try:
        image = Image.open(io.BytesIO(base64.b64decode(encoded, validate=True)))
        image.load()
    except (binascii.Error, UnidentifiedImageError, OSError) as error:
        raise desk.wrong("promptImage", "Invalid image.") from error
    return image


def _seconds(body: dict[str, Any]) -> float:
    given = body.get("duration")
    return float(given) if isinstance(given, int) else 5.0
