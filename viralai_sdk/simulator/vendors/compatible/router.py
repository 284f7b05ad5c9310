"""llama.cpp's server in router mode: its models, beside the OpenAI-compatible side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from viralai_sdk.simulator.vendors.compatible.desk import MODELS
from viralai_sdk.simulator.vendors.openai.desk import Desk

TOTAL, BYTES_PER_SECOND, LOAD_SECONDS = 2_000_000, 2_000_000, 0.5
PULLABLE = ("sim/tiny-GGUF:Q4_K_M",)
PRESET = MODELS[0]
"""Stands in a preset, so that it cannot be deleted."""
Handler = Callable[[Desk, Request], Awaitable[Response]]


class Router:
    """Its models and what is going on with them."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.models: dict[str, str] = dict.fromkeys(MODELS, "unloaded")
        self.since: dict[str, float] = {}
        """Model → when its load or download began."""
        self.partial: dict[str, int] = {}
        self.failed: set[str] = set()

    def routes(self) -> Sequence[BaseRoute]:
        """The routes below the server's root."""
        table: tuple[tuple[str, str, Handler], ...] = (
            ("GET", "/models", self.list),
            ("POST", "/models", self.download),
            ("DELETE", "/models", self.delete),
            ("POST", "/models/load", self.load),
            ("POST", "/models/unload", self.unload),
        )
        return [Route(path, self.desk.serve(handler), methods=[method]) for method, path, handler in table]

    async def list(self, desk: Desk, request: Request) -> Response:
        """GET /models."""
        broken = desk.fault(request, "error_chunk") is not None
        rows = [self._row(name, broken) for name in list(self.models)]
        if desk.fault(request, "empty"):
            # A server that was started with one model: it says nothing of states.
            rows = [{"id": PRESET, "object": "model", "owned_by": "llamacpp", "meta": {"size": 10**9}}]
        return JSONResponse({"object": "list", "data": rows})

    def _row(self, name: str, broken: bool) -> dict[str, Any]:
        status: dict[str, Any] = {"value": self._now(name, broken)}
        if status["value"] == "downloading":
            file = {"done": self._done(name), "total": TOTAL}
            status["progress"] = {f"https://hub.example/{name}.gguf": file}
        if name in self.failed:
            status |= {"failed": True, "exit_code": 1}
        row = {"id": name, "object": "model", "path": f"/cache/{name.replace('/', '_')}.gguf", "status": status}
        if status["value"] == "loaded":
            row["meta"] = {"size": 10**9, "n_ctx_train": 32768, "n_ctx": 4096}
        return {**row, "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]}}

    def _now(self, name: str, broken: bool) -> str:
        """The state by now: what was going on may be over."""
        state, passed = self.models[name], self.desk.state.clock.now() - self.since.get(name, 0.0)
        if broken and state in ("loading", "downloading"):
            self.failed.add(name)
            self.models[name] = "unloaded"
        elif (state == "loading" and passed >= LOAD_SECONDS) or (state == "downloading" and self._done(name) >= TOTAL):
            self.models[name] = "loaded" if state == "loading" else "unloaded"
        return self.models[name]

    def _done(self, name: str) -> int:
        passed = self.desk.state.clock.now() - self.since[name]
        return min(self.partial.get(name, 0) + int(passed * BYTES_PER_SECOND), TOTAL)

    async def _named(self, desk: Desk, request: Request) -> str:
        body = await desk.json_body(request, frozenset({"model"}), ("model",))
        return str(body["model"])

    async def download(self, desk: Desk, request: Request) -> Response:
        """POST /models."""
        name = await self._named(desk, request)
        if name not in PULLABLE:
            raise desk.refuse(400, "model validation failed, unable to download")
        if name not in self.models:
            self.models[name], self.since[name] = "downloading", desk.state.clock.now()
        return JSONResponse({"success": True})

    async def load(self, desk: Desk, request: Request) -> Response:
        """POST /models/load."""
        name = await self._named(desk, request)
        self._need(desk, name)
        self.failed.discard(name)
        self.models[name], self.since[name] = "loading", desk.state.clock.now()
        return JSONResponse({"success": True})

    async def unload(self, desk: Desk, request: Request) -> Response:
        """POST /models/unload, which also stops a download."""
        name = await self._named(desk, request)
        self._need(desk, name)
        if self.models[name] == "downloading":
            self.partial[name] = self._done(name)
            del self.models[name]
        else:
            self.models[name] = "unloaded"
        return JSONResponse({"success": True})

    async def delete(self, desk: Desk, request: Request) -> Response:
        """DELETE /models?model=…"""
        name = request.query_params.get("model", "")
        self._need(desk, name)
        if name == PRESET:
            raise desk.refuse(400, "only models in the cache can be deleted")
        del self.models[name]
        return JSONResponse({"success": True})

    def _need(self, desk: Desk, name: str) -> None:
        if name not in self.models:
            raise desk.refuse(404, f"model {name} is not found", code="not_found_error")
