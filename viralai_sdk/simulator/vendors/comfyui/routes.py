"""The simulated server's routes, each with and without the prefix `/api`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from viralai_sdk.simulator.vendors.comfyui.checks import Crash
from viralai_sdk.simulator.vendors.comfyui.server import Server

Handler: TypeAlias = "Callable[[Server, Request], Awaitable[Response]]"
TYPES = {
    "png": "image/png",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
}


def build(server: Server) -> list[BaseRoute]:
    """All routes of one server."""
    both: list[tuple[str, str, Handler]] = [
        ("POST", "/prompt", post_prompt),
        ("GET", "/prompt", get_prompt),
        ("GET", "/queue", get_queue),
        ("POST", "/queue", post_queue),
        ("GET", "/history/{prompt_id}", get_history),
        ("GET", "/history", get_history),
        ("POST", "/history", post_history),
        ("POST", "/interrupt", interrupt),
        ("GET", "/object_info/{name}", object_info),
        ("GET", "/object_info", object_info),
        ("GET", "/system_stats", system_stats),
        ("GET", "/view", view),
        ("POST", "/upload/image", upload),
        ("POST", "/free", free),
        ("GET", "/models/{folder}", models),
    ]
    found: list[BaseRoute] = [
        Route(prefix + path, _endpoint(server, handler), methods=[method])
        for method, path, handler in both
        for prefix in ("", "/api")
    ]
    if server.new:
        found += [
            Route("/api/jobs", _endpoint(server, list_jobs), methods=["GET"]),
            Route("/api/jobs/{prompt_id}", _endpoint(server, get_job), methods=["GET"]),
            Route("/api/jobs/{prompt_id}/cancel", _endpoint(server, cancel_job), methods=["POST"]),
        ]
    return [*found, WebSocketRoute("/ws", server.serve), WebSocketRoute("/api/ws", server.serve)]


def _endpoint(server: Server, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return await handler(server, request)
        except (Crash, ValueError, KeyError, TypeError, AttributeError):
            return PlainTextResponse("500 Internal Server Error\n\nServer got itself in trouble", 500)

    return endpoint


async def post_prompt(server: Server, request: Request) -> Response:
    """Queue a graph."""
    status, body = server.accept(json.loads(await request.body()))
    if status == 500:
        raise Crash
    if status == 400 and server.quirks.empty_errors:
        return Response(status_code=400)
    return JSONResponse(body, status)


async def get_prompt(server: Server, request: Request) -> Response:
    """How many jobs there are."""
    return JSONResponse({"exec_info": {"queue_remaining": server.remaining}})


async def get_queue(server: Server, request: Request) -> Response:
    """Waiting jobs in heap order, and the running one."""
    running = [list(server.running)] if server.running else []
    return JSONResponse({"queue_running": running, "queue_pending": [list(row) for row in server.pending]})


async def post_queue(server: Server, request: Request) -> Response:
    """Delete waiting jobs."""
    body = json.loads(await request.body())
    server.delete([row[1] for row in server.pending] if body.get("clear") else list(body.get("delete") or ()))
    return Response()


async def get_history(server: Server, request: Request) -> Response:
    """Finished jobs; empty for all others."""
    prompt_id = request.path_params.get("prompt_id")
    if prompt_id is None:
        return JSONResponse(server.history)
    entry = server.history.get(prompt_id)
    return JSONResponse({prompt_id: entry} if entry is not None else {})


async def post_history(server: Server, request: Request) -> Response:
    """Forget finished jobs."""
    body = json.loads(await request.body())
    for prompt_id in list(server.history) if body.get("clear") else list(body.get("delete") or ()):
        server.history.pop(prompt_id, None)
    return Response()


async def interrupt(server: Server, request: Request) -> Response:
    """Stop the running job."""
    text = await request.body()
    server.interrupt(json.loads(text).get("prompt_id") if text else None)
    return Response()


async def object_info(server: Server, request: Request) -> Response:
    """Classes, all or one."""
    if server.quirks.without_object_info:
        return Response(status_code=403)
    name = request.path_params.get("name")
    if name is None:
        return JSONResponse(server.classes)
    return JSONResponse({name: server.classes[name]} if name in server.classes else {})


async def system_stats(server: Server, request: Request) -> Response:
    """Version and memory."""
    system = {"os": "linux" if server.new else "posix", "comfyui_version": server.version, "python_version": "3.11"}
    return JSONResponse({"system": system, "devices": [{"name": "cpu", "type": "cpu", "index": None}]})


async def view(server: Server, request: Request) -> Response:
    """A stored file."""
    query = request.query_params
    name, folder, kind = query.get("filename", ""), query.get("subfolder", ""), query.get("type", "output")
    if ".." in name or name.startswith("/") or kind not in ("output", "input", "temp"):
        return Response(status_code=400)
    if ".." in folder:
        return Response(status_code=403)
    data = server.files.get((kind, folder, name))
    if data is None:
        return Response(status_code=404)
    return Response(data, media_type=TYPES.get(name.rpartition(".")[2], "application/octet-stream"))


async def upload(server: Server, request: Request) -> Response:
    """Keep a file; another one of the same name gets a number."""
    async with request.form() as form:
        file = form.get("image")
        if not isinstance(file, UploadFile) or not file.filename:
            return Response(status_code=400)
        kind, folder = str(form.get("type") or "input"), str(form.get("subfolder") or "")
        data = await file.read()
        name = file.filename
        stem, _, ending = name.rpartition(".")
        number = 1
        while server.files.get((kind, folder, name), data) != data and form.get("overwrite") not in ("true", "1"):
            name, number = f"{stem} ({number}).{ending}", number + 1
    server.files[kind, folder, name] = data
    return JSONResponse({"name": name, "subfolder": folder, "type": kind})


async def free(server: Server, request: Request) -> Response:
    """Forget results of earlier runs."""
    if json.loads(await request.body()).get("free_memory"):
        server.cache.clear()
    return Response()


async def models(server: Server, request: Request) -> Response:
    """Model files of a folder."""
    names = server.classes["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0]
    return JSONResponse(names if request.path_params["folder"] == "checkpoints" else [])


async def list_jobs(server: Server, request: Request) -> Response:
    """Jobs by state."""
    wanted = (request.query_params.get("status") or "pending,in_progress,completed,failed,cancelled").split(",")
    ids = [row[1] for row in server.pending] + ([server.running[1]] if server.running else []) + list(server.history)
    rows: list[Any] = [row for prompt_id in ids if (row := server.view(prompt_id)) and row["status"] in wanted]
    return JSONResponse(
        {"jobs": rows, "pagination": {"offset": 0, "limit": None, "total": len(rows), "has_more": False}}
    )


async def get_job(server: Server, request: Request) -> Response:
    """One job."""
    found = server.view(request.path_params["prompt_id"])
    return JSONResponse({"error": "Job not found"}, 404) if found is None else JSONResponse(found)


async def cancel_job(server: Server, request: Request) -> Response:
    """Stop one job."""
    prompt_id = request.path_params["prompt_id"]
    found = server.view(prompt_id)
    live = found is not None and found["status"] in ("pending", "in_progress")
    server.delete([prompt_id])
    server.interrupt(prompt_id)
    return JSONResponse({"cancelled": live})
