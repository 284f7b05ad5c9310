"""/interactions: films, made in the background. Names are in snake_case here, unlike everywhere else."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.answers import tokens
from viralai_sdk.simulator.films import SIDES, film, size_of
from viralai_sdk.simulator.vendors.gemini.desk import Desk, fields

QUEUED, READY = 3.0, 12.0
"""Seconds after which a film leaves the queue, and is finished, by the simulator's clock."""
TASKS = ("text_to_video", "image_to_video", "reference_to_video", "edit", "extend", "upscale")
LONGEST = 60.0


async def create(desk: Desk, request: Request) -> Response:
    """POST /interactions."""
    body = await desk.json_body(request)
    desk.check_fields(body, fields("interaction"), "")
    model = str(body.get("model") or "")
    row = desk.find_model(model)
    if "video" not in row["services"] or "interactions" not in row["flags"]:
        raise desk.refuse(400, f"The simulator's interactions serve film models only, not {model}.")
    if body.get("background") is not True or body.get("store") is False:
        raise desk.refuse(400, f"{model} works in the background only: set background and store.")
    prompt, pictures = read_input(desk, body.get("input"))
    form = read_format(desk, body.get("response_format") or {"type": "video"})
    settings = body.get("generation_config") or {}
    task = (settings.get("video_config") or {}).get("task")
    if task is not None and task not in TASKS:
        raise desk.refuse(400, f"Invalid value at 'video_config.task': {task!r}.")
    if task == "image_to_video" and not pictures:
        raise desk.refuse(400, "image_to_video needs an image.")
    desk.check_number(settings, "seed", -(2**31), 2**31 - 1, whole=True)
    number = desk.state.new_id("interaction-")
    spoiled = next((kind for kind in ("blocked", "empty", "error_chunk") if desk.fault(request, kind)), "")
    desk.jobs[number] = {
        "model": model,
        "prompt": prompt,
        "pictures": pictures,
        "form": form,
        "began": desk.state.clock.now(),
        "cancelled": False,
        "spoiled": spoiled,
    }
    return JSONResponse(await show(desk, request, number))


async def look(desk: Desk, request: Request) -> Response:
    """GET /interactions/{id}."""
    if request.query_params.get("stream") not in (None, "false"):
        raise desk.refuse(400, "The simulator's films cannot be streamed.")
    return JSONResponse(await show(desk, request, _known(desk, request)))


async def cancel(desk: Desk, request: Request) -> Response:
    """POST /interactions/{id}/cancel."""
    number = _known(desk, request)
    if status(desk, desk.jobs[number]) not in ("queued", "in_progress"):
        raise desk.refuse(400, "Only interactions that are in progress can be cancelled.")
    desk.jobs[number]["cancelled"] = True
    return JSONResponse(await show(desk, request, number))


async def download(desk: Desk, request: Request) -> Response:
    """GET /files/{id}:download."""
    name, _, method = str(request.path_params["name"]).partition(":")
    if method != "download" or request.query_params.get("alt") != "media" or name not in desk.stored:
        raise desk.refuse(404, f"File {name} is not found.")
    return Response(desk.stored[name], media_type="video/mp4")


def read_input(desk: Desk, given: Any) -> tuple[str, list[Any]]:
    """Text and pictures of an input: words alone, or steps of the user."""
    if isinstance(given, str) and given:
        return given, []
    if not isinstance(given, list) or not given:
        raise desk.refuse(400, "input is required.")
    texts, pictures = [], []
    for step in given:
        if (
            not isinstance(step, Mapping)
            or step.get("type") != "user_input"
            or not isinstance(step.get("content"), list)
        ):
            raise desk.refuse(400, "input: a list of steps is expected.")
        for item in step["content"]:
            if item.get("type") == "text":
                texts.append(str(item["text"]))
            elif item.get("type") == "image":
                pictures.append(desk.picture(item.get("data"), item.get("mime_type")))
            else:
                raise desk.refuse(400, f"input: unsupported content type {item.get('type')!r}.")
    return "\n".join(texts), pictures


def read_format(desk: Desk, form: Any) -> dict[str, Any]:
    """The wished film, after it was checked."""
    desk.check_fields(form, fields("video_format"), "response_format")
    if form.get("type") != "video":
        raise desk.refuse(400, f"response_format: {form.get('type')!r} is not what this model makes.")
    desk.check_choice(form, "aspect_ratio", ("16:9", "9:16"))
    desk.check_choice(form, "resolution", SIDES)
    desk.check_choice(form, "delivery", ("inline", "uri"))
    if desk.vendor == "vertex" and form.get("delivery") == "uri" and not form.get("gcs_uri"):
        raise desk.refuse(400, "response_format.gcs_uri is required when delivery is uri.")
    match = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(form.get("duration") or "8s"))
    if match is None or not 0 < float(match[1]) <= LONGEST:
        raise desk.refuse(400, "response_format.duration: a number of seconds such as 8s is expected.")
    return {"aspect_ratio": "16:9", "resolution": "720p", "delivery": "inline", **form, "seconds": float(match[1])}


def status(desk: Desk, job: Mapping[str, Any]) -> str:
    """State of a film by the clock."""
    if job["cancelled"]:
        return "cancelled"
    passed = desk.state.clock.now() - job["began"]
    if passed < READY:
        return "queued" if passed < QUEUED else "in_progress"
    return "failed" if job["spoiled"] in ("blocked", "error_chunk") else "completed"


async def show(desk: Desk, request: Request, number: str) -> dict[str, Any]:
    """An interaction as it is now."""
    job = desk.jobs[number]
    now = status(desk, job)
    value: dict[str, Any] = {
        "id": number,
        "object": "interaction",
        "status": now,
        "model": job["model"],
        "created": desk.stamp(job["began"]),
        "updated": desk.stamp(desk.state.clock.now()),
        "steps": [],
    }
    if now == "failed":
        blocked = job["spoiled"] == "blocked"
        code = "prohibited_content" if blocked else "internal"
        message = "The content was blocked by the safety policy." if blocked else "The film could not be made."
        value["errors"] = [{"code": code, "message": message}]
    elif now == "completed":
        content = [] if job["spoiled"] == "empty" else [await _film(desk, request, number)]
        value["steps"] = [{"type": "model_output", "content": content}]
        asked = tokens(job["prompt"])
        made = round(job["form"]["seconds"] * 100)
        value["usage"] = {
            "total_input_tokens": asked,
            "total_output_tokens": made,
            "total_tokens": asked + made,
            "output_tokens_by_modality": [{"modality": "video", "tokens": made}],
        }
    return value


async def _film(desk: Desk, request: Request, number: str) -> dict[str, Any]:
    job = desk.jobs[number]
    if number not in desk.stored:
        desk.stored[number] = await asyncio.to_thread(_make, desk, job)
    if job["form"]["delivery"] == "uri":
        if desk.vendor == "vertex":
            return {
                "type": "video",
                "mime_type": "video/mp4",
                "uri": f"{job['form']['gcs_uri'].rstrip('/')}/{number}.mp4",
            }
        version = request.path_params["version"]
        base = str(request.base_url).rstrip("/").removesuffix(f"/{desk.vendor}")
        uri = f"{base}/{desk.vendor}/{version}/files/{number}:download?alt=media"
        return {"type": "video", "mime_type": "video/mp4", "uri": uri}
    return {"type": "video", "mime_type": "video/mp4", "data": base64.b64encode(desk.stored[number]).decode("ascii")}


def _make(desk: Desk, job: Mapping[str, Any]) -> bytes:
    size = size_of(job["form"]["aspect_ratio"], job["form"]["resolution"])
    still = job["pictures"][0].convert("RGB").resize(size) if job["pictures"] else None
    sound = desk.state.media.samples(job["prompt"], voice="film", speed=1.0)
    return film(still or desk.state.media.picture(job["prompt"], *size), job["form"]["seconds"], sound=sound)


def _known(desk: Desk, request: Request) -> str:
    number = str(request.path_params["number"])
    if number not in desk.jobs:
        raise desk.refuse(404, f"Interaction {number} is not found.")
    return number
