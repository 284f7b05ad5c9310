"""LM Studio's REST API v1 for models, and the older v0, which only lists."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from viralai_sdk.simulator.vendors.compatible.desk import MODELS
from viralai_sdk.simulator.vendors.openai.desk import Desk

GIGABYTE = 1_000_000_000
TOTAL, BYTES_PER_SECOND = 2_000_000, 2_000_000
PULLABLE = ("qwen/qwen3-4b", "google/gemma-3-1b")
LOAD = frozenset({"model", "context_length", "eval_batch_size", "flash_attention", "echo_load_config"})
UNLOAD, DOWNLOAD = frozenset({"instance_id"}), frozenset({"model", "quantization"})
Handler = Callable[[Desk, Request], Awaitable[Response]]


class Shelf:
    """What has been downloaded and what is loaded."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.models = dict.fromkeys(MODELS, GIGABYTE)
        self.loaded: dict[str, tuple[str, int]] = {}
        """Instance → its model and context length."""
        self.jobs: dict[str, tuple[str, float]] = {}
        """Download → its model and when it began."""

    def routes(self) -> Sequence[BaseRoute]:
        """The routes below the server's root."""
        table: tuple[tuple[str, str, Handler], ...] = (
            ("GET", "/api/v1/models", self.list),
            ("POST", "/api/v1/models/load", self.load),
            ("POST", "/api/v1/models/unload", self.unload),
            ("POST", "/api/v1/models/download", self.download),
            ("GET", "/api/v1/models/download/status/{job}", self.status),
            ("GET", "/api/v0/models", self.list_old),
        )
        return [Route(path, self.desk.serve(handler), methods=[method]) for method, path, handler in table]

    def refuse(self, status: int, kind: str, message: str) -> Response:
        """An error in this API's shape."""
        return JSONResponse({"error": {"type": kind, "message": message}}, status)

    async def list(self, desk: Desk, request: Request) -> Response:
        """GET /api/v1/models."""
        return JSONResponse({"models": [self._row(name) for name in self.models]})

    def _row(self, name: str) -> dict[str, Any]:
        instances = [
            {"id": instance, "config": {"context_length": context}}
            for instance, (model, context) in self.loaded.items()
            if model == name
        ]
        return {
            "type": "llm",
            "publisher": "sim",
            "key": name,
            "display_name": name,
            "architecture": "sim",
            "quantization": {"name": "Q4_K_M", "bits_per_weight": 4},
            "size_bytes": self.models[name],
            "params_string": "1B",
            "loaded_instances": instances,
            "max_context_length": 32768,
            "format": "gguf",
            "capabilities": {"vision": False, "trained_for_tool_use": True},
        }

    async def list_old(self, desk: Desk, request: Request) -> Response:
        """GET /api/v0/models."""
        loaded = {model for model, _ in self.loaded.values()}
        rows: list[dict[str, Any]] = [
            {
                "id": name,
                "object": "model",
                "type": "llm",
                "arch": "sim",
                "quantization": "Q4_K_M",
                "state": "loaded" if name in loaded else "not-loaded",
                "max_context_length": 32768,
            }
            for name in self.models
        ]
        return JSONResponse({"object": "list", "data": rows})

    async def load(self, desk: Desk, request: Request) -> Response:
        """POST /api/v1/models/load. The first instance has the model's name, the next ones a number."""
        body = await desk.json_body(request, LOAD, ("model",))
        model = body["model"]
        if model not in self.models:
            return self.refuse(404, "model_not_found", f"Model {model} not found")
        number = sum(name == model for name, _ in self.loaded.values()) + 1
        instance = model if number == 1 else f"{model}:{number}"
        self.loaded[instance] = (model, int(body.get("context_length") or 4096))
        done = {"type": "llm", "instance_id": instance, "load_time_seconds": 0.5, "status": "loaded"}
        return JSONResponse(done)

    async def unload(self, desk: Desk, request: Request) -> Response:
        """POST /api/v1/models/unload, by instance."""
        body = await desk.json_body(request, UNLOAD, ("instance_id",))
        if self.loaded.pop(body["instance_id"], None) is None:
            return self.refuse(404, "model_not_found", f"No loaded instance {body['instance_id']}")
        return JSONResponse({"instance_id": body["instance_id"]})

    async def download(self, desk: Desk, request: Request) -> Response:
        """POST /api/v1/models/download. Asked again while it runs, it is the same job."""
        body = await desk.json_body(request, DOWNLOAD, ("model",))
        model = body["model"]
        if model in self.models:
            return JSONResponse({"status": "already_downloaded", "total_size_bytes": self.models[model]})
        if model not in PULLABLE:
            return self.refuse(404, "model_not_found", f"Model {model} not found in the catalog")
        job = next((job for job, (name, _) in self.jobs.items() if name == model), None)
        if job is None:
            job = desk.state.new_id("job_")
            self.jobs[job] = (model, desk.state.clock.now())
        return JSONResponse(self._state(job, failed=False))

    async def status(self, desk: Desk, request: Request) -> Response:
        """GET /api/v1/models/download/status/{job}."""
        job = request.path_params["job"]
        if job not in self.jobs:
            return self.refuse(404, "job_not_found", f"No download {job}")
        return JSONResponse(self._state(job, failed=desk.fault(request, "error_chunk") is not None))

    def _state(self, job: str, *, failed: bool) -> dict[str, Any]:
        model, begun = self.jobs[job]
        done = min(int((self.desk.state.clock.now() - begun) * BYTES_PER_SECOND), TOTAL)
        facts: dict[str, Any] = {"job_id": job, "total_size_bytes": TOTAL, "started_at": "2026-11-22T00:00:00Z"}
        if failed:
            del self.jobs[job]
            return {**facts, "status": "failed"}
        if done >= TOTAL:
            self.models[model] = TOTAL
            return {**facts, "status": "completed", "downloaded_bytes": TOTAL}
        return {**facts, "status": "downloading", "downloaded_bytes": done, "bytes_per_second": BYTES_PER_SECOND}
