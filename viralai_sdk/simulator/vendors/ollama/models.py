"""Ollama's models: downloaded line by line, loaded and unloaded by requests without a prompt, deleted."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from viralai_sdk.simulator.desk import words_of
from viralai_sdk.simulator.vendors.ollama.chat import line
from viralai_sdk.simulator.vendors.ollama.desk import OllamaDesk, Running

LAYERS = (600_000, 400_000)
"""Bytes of a pulled model's layers."""
STEP = 100_000
KEEP = timedelta(minutes=5)
FOREVER = timedelta(days=365 * 292)
CONTEXT = 4096
_UNITS = {"s": 1, "m": 60, "h": 3600}


async def running(desk: OllamaDesk, request: Request) -> Response:
    """GET /api/ps."""
    rows = []
    for name, run in desk.loaded.items():
        if run.expires > desk.now():
            size = desk.models[name] + 1000 * run.context
            facts = {"expires_at": run.expires.isoformat(), "size": size, "size_vram": 0, "context_length": run.context}
            rows.append({**desk.describe(name), **facts})
    return JSONResponse({"models": rows})


async def pull(desk: OllamaDesk, request: Request) -> Response:
    """POST /api/pull: a stream of lines unless that is declined. What goes wrong after the first one comes under HTTP 200."""
    body = await desk.json_body(request, ("model", "stream", "insecure"), ("model",))
    name = body["model"] if ":" in body["model"] else f"{body['model']}:latest"
    fault = desk.fault(request, "error_chunk")
    if body.get("stream") is False:
        async for _ in _download(desk, name, False):
            pass
        return JSONResponse({"status": "success"})
    return StreamingResponse(_download(desk, name, fault is not None), media_type="application/x-ndjson")


async def _download(desk: OllamaDesk, name: str, fails: bool) -> AsyncIterator[str]:
    yield line({"status": "pulling manifest"})
    if name not in words_of("ollama", "pullable"):
        yield line({"error": "pull model manifest: file does not exist"})
        return
    for number, total in enumerate(LAYERS):
        digest = hashlib.sha256(f"{name}{number}".encode()).hexdigest()
        status: dict[str, Any] = {"status": f"pulling {digest[:12]}", "digest": f"sha256:{digest}", "total": total}
        done = desk.partial.get(digest, 0)
        # The first line of a layer lacks the count while nothing has come.
        yield line({**status, "completed": done} if done else status)
        while done < total:
            await asyncio.sleep(desk.state.config.chunk_pause)
            if fails and done >= STEP:
                yield line({"error": "max retries exceeded: unexpected EOF"})
                return
            done = desk.partial[digest] = min(done + STEP, total)
            yield line({**status, "completed": done})
    for words in ("verifying sha256 digest", "writing manifest"):
        yield line({"status": words})
    desk.models[name] = sum(LAYERS)
    yield line({"status": "success"})


async def generate(desk: OllamaDesk, request: Request) -> Response:
    """POST /api/generate without a prompt: loads a model, or with keep_alive 0 unloads it."""
    body = await desk.json_body(request, (), ("model",))
    if body.get("prompt"):
        raise desk.refuse(400, "the simulator generates by /api/chat only")
    name = desk.find(body["model"])
    if name is None:
        raise desk.refuse(404, f"model '{body['model']}' not found")
    until = _expiry(desk, body.get("keep_alive"))
    if desk.fault(request, "error_chunk"):
        return JSONResponse({"error": "model requires more system memory (8.0 GiB) than is available (4.0 GiB)"})
    if until is None:
        desk.loaded.pop(name, None)
    else:
        desk.loaded[name] = Running(until, int((body.get("options") or {}).get("num_ctx", CONTEXT)))
    reason = "unload" if until is None else "load"
    head = {"model": body["model"], "created_at": desk.now().isoformat(), "response": ""}
    return JSONResponse({**head, "done": True, "done_reason": reason})


def _expiry(desk: OllamaDesk, keep: Any) -> datetime | None:
    """When a model is unloaded by itself: None is at once."""
    if isinstance(keep, str):
        match = re.fullmatch(r"(-?\d+)([smh]?)", keep)
        if match is None:
            raise desk.refuse(400, f"invalid duration {keep!r}")
        keep = int(match[1]) * _UNITS[match[2] or "s"]
    if keep == 0:
        return None
    if keep is not None and keep < 0:
        return desk.now() + FOREVER
    return desk.now() + (KEEP if keep is None else timedelta(seconds=keep))


async def delete(desk: OllamaDesk, request: Request) -> Response:
    """DELETE /api/delete, with a body. What is loaded stays in memory, as in the real server."""
    body = await desk.json_body(request, ("model",), ("model",))
    name = desk.find(body["model"])
    if name is None:
        raise desk.refuse(404, f"model '{body['model']}' not found")
    del desk.models[name]
    desk.loaded.pop(name, None)
    return Response(status_code=200)
