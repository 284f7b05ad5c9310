"""POST /images/generations and /audio/speech."""

from __future__ import annotations

import asyncio
import base64
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.desk import words_of
from viralai_sdk.simulator.media import encode_audio, encode_picture
from viralai_sdk.simulator.vendors.openai.desk import Desk

DRAW_FIELDS, SPEAK_FIELDS = words_of("compatible", "images"), words_of("compatible", "speech")
KINDS = {"mp3": "audio/mpeg", "wav": "audio/wav", "opus": "audio/ogg", "flac": "audio/flac"}
SIDE = 256


async def draw(desk: Desk, request: Request) -> Response:
    """Pictures from words, by size, by ratio or square."""
    body = await desk.json_body(request, DRAW_FIELDS, ("prompt", "model"))
    desk.check_model(body["model"], "image")
    desk.check_number(body, "n", 1, 10, whole=True)
    desk.check_choice(body, "response_format", ("b64_json", "url"))
    desk.check_block(request, "content_filter")
    width, height = measure(desk, body)
    wanted = 0 if desk.fault(request, "empty") else body.get("n") or 1
    data = []
    for number in range(wanted):
        picture = desk.state.media.picture(f"{body['prompt']} {number}", width, height)
        encoded = await asyncio.to_thread(encode_picture, picture, "png")
        data.append({"b64_json": base64.b64encode(encoded).decode(), "url": None})
    return JSONResponse({"created": desk.now(), "data": data})


def measure(desk: Desk, body: dict[str, Any]) -> tuple[int, int]:
    """Width and height, in whatever way they are asked for."""
    if body.get("width") and body.get("height"):
        return int(body["width"]), int(body["height"])
    sized = re.fullmatch(r"(\d{2,4})x(\d{2,4})", str(body.get("size", "256x256")))
    ratio = re.fullmatch(r"(\d{1,2}):(\d{1,2})", str(body.get("aspect_ratio", "1:1")))
    if sized is None or ratio is None:
        raise desk.refuse(400, "Invalid size or aspect ratio.", code="invalid_value", param="size")
    if "aspect_ratio" in body:
        return SIDE, max(1, round(SIDE * int(ratio[2]) / int(ratio[1])))
    return int(sized[1]), int(sized[2])


async def speak(desk: Desk, request: Request) -> Response:
    """A recording of the input, in any voice that has a name."""
    body = await desk.json_body(request, SPEAK_FIELDS, ("input", "model", "voice"))
    desk.check_model(body["model"], "speech")
    desk.check_choice(body, "response_format", KINDS)
    desk.check_number(body, "speed", 0.25, 4)
    desk.check_block(request, "content_filter")
    kind = body.get("response_format") or "wav"
    samples = desk.state.media.samples(body["input"], voice=str(body["voice"]), speed=body.get("speed") or 1.0)
    data = b"" if desk.fault(request, "empty") else await asyncio.to_thread(encode_audio, samples, kind)
    return Response(data, headers={"content-type": KINDS[kind]})
