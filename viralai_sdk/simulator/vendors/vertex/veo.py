"""models/{model}:predictLongRunning and :fetchPredictOperation: Veo."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.films import film, size_of
from viralai_sdk.simulator.vendors.gemini.desk import Desk, camel, fields
from viralai_sdk.simulator.vendors.vertex.predict import one_instance

READY = 30.0
"""Seconds after which a film is finished, by the simulator's clock."""
REASON = "Veo could not generate videos because the input might violate the usage guidelines. Support codes: 58061214."


async def start(desk: Desk, request: Request, model: str, parent: str) -> Response:
    """Take an order; the answer is the operation's name."""
    row = desk.find_model(model, "video")
    if "interactions" in row["flags"]:
        raise desk.refuse(400, f"models/{model} does not support predictLongRunning.")
    body = camel(await desk.json_body(request))
    desk.check_fields(body, frozenset({"instances", "labels", "parameters"}), "")
    instance = one_instance(desk, body, fields("veo_instance"))
    settings = body.get("parameters") or {}
    desk.check_fields(settings, fields("veo"), "parameters")
    check_settings(desk, row, settings)
    still = check_pictures(desk, row, instance)
    name = f"{parent}/models/{model}/operations/{desk.state.new_id('')}"
    desk.jobs[name] = {
        "prompt": instance["prompt"],
        "settings": settings,
        "still": still,
        "silent": "silent" in row["flags"] or settings.get("generateAudio") is False,
        "began": desk.state.clock.now(),
        "spoiled": next((kind for kind in ("blocked", "empty", "error_chunk") if desk.fault(request, kind)), ""),
    }
    return JSONResponse({"name": name})


def check_settings(desk: Desk, row: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """The settings of a film."""
    limits = row["limits"]
    desk.check_number(settings, "sampleCount", 1, 4, whole=True)
    desk.check_number(settings, "durationSeconds", 1, 60, whole=True)
    desk.check_number(settings, "seed", 0, 2**32 - 1, whole=True)
    desk.check_number(settings, "fps", 1, 60, whole=True)
    desk.check_choice(settings, "aspectRatio", ("16:9", "9:16"))
    desk.check_choice(settings, "resolution", limits["resolutions"])
    desk.check_choice(settings, "personGeneration", ("dont_allow", "allow_adult"))
    seconds = settings.get("durationSeconds")
    if seconds is not None and seconds not in limits.get("durations", (seconds,)):
        raise desk.refuse(400, f"Unsupported output video duration {seconds} seconds.")
    if "silent" in row["flags"] and settings.get("generateAudio"):
        raise desk.refuse(400, "generateAudio is not supported by this model.")


def check_pictures(desk: Desk, row: Mapping[str, Any], instance: Mapping[str, Any]) -> Any:
    """The picture a film starts from, after all were checked."""
    first = desk.bytes_picture(instance["image"], "image") if instance.get("image") else None
    if instance.get("lastFrame"):
        desk.bytes_picture(instance["lastFrame"], "lastFrame")
        if first is None:
            raise desk.refuse(400, "lastFrame needs image.")
    listed = instance.get("referenceImages") or ()
    if listed and (first is not None or instance.get("video")):
        raise desk.refuse(400, "referenceImages cannot be combined with image, video or lastFrame.")
    if listed and "references" not in row["flags"]:
        raise desk.refuse(400, "referenceImages are not supported by this model.")
    kinds = [str(item.get("referenceType")).upper() for item in listed]
    if len(kinds) > 3 or set(kinds) - {"ASSET", "STYLE"} or kinds.count("STYLE") > 1 or len(set(kinds)) > 1:
        raise desk.refuse(400, "referenceImages: up to 3 ASSET images or 1 STYLE image.")
    for item in listed:
        desk.bytes_picture(item.get("image"), "referenceImages")
    return first


async def look(desk: Desk, request: Request, parent: str) -> Response:
    """The operation as it is now."""
    body = camel(await desk.json_body(request))
    name = body.get("operationName")
    if not isinstance(name, str) or not name.startswith(f"{parent}/models/"):
        raise desk.refuse(400, "operationName does not belong to this model.")
    job = desk.jobs.get(name)
    if job is None:
        raise desk.refuse(404, f"The operation {name} is not found.")
    if desk.state.clock.now() - job["began"] < READY:
        return JSONResponse({"name": name})
    if job["spoiled"] == "error_chunk":
        return JSONResponse({"name": name, "done": True, "error": {"code": 13, "message": "Internal error."}})
    kind = "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"
    response: dict[str, Any] = {"@type": kind, "raiMediaFilteredCount": 0}
    count = job["settings"].get("sampleCount") or 1
    if job["spoiled"] == "blocked":
        response |= {"raiMediaFilteredCount": count, "raiMediaFilteredReasons": [REASON]}
    elif not job["spoiled"]:
        response["videos"] = [await _film(desk, name, number) for number in range(count)]
    return JSONResponse({"name": name, "done": True, "response": response})


async def _film(desk: Desk, name: str, number: int) -> dict[str, str]:
    job = desk.jobs[name]
    if storage := job["settings"].get("storageUri"):
        return {
            "gcsUri": f"{storage.rstrip('/')}/{name.rpartition('/')[2]}/sample_{number}.mp4",
            "mimeType": "video/mp4",
        }
    key = f"{name}#{number}"
    if key not in desk.stored:
        desk.stored[key] = await asyncio.to_thread(_make, desk, job, number)
    return {"bytesBase64Encoded": base64.b64encode(desk.stored[key]).decode("ascii"), "mimeType": "video/mp4"}


def _make(desk: Desk, job: Mapping[str, Any], number: int) -> bytes:
    settings = job["settings"]
    size = size_of(settings.get("aspectRatio") or "16:9", settings.get("resolution") or "720p")
    still = job["still"].convert("RGB").resize(size) if job["still"] is not None else None
    sound = None if job["silent"] else desk.state.media.samples(job["prompt"], voice="film", speed=1.0)
    picture = still or desk.state.media.picture(f"{job['prompt']} {number}", *size)
    return film(picture, settings.get("durationSeconds") or 8, fps=settings.get("fps") or 24, sound=sound)
