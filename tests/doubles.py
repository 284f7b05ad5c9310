"""Stand-ins of the core's tests: clients on a temporary home, providers that misbehave on purpose, and a job provider with its server."""

from __future__ import annotations

import asyncio
import io
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.media_files import film
from viralai_sdk import ViralAI
from viralai_sdk.interfaces.adapter import ImageAdapter, JobAdapter, ProviderSpec, TextAdapter, VideoAdapter
from viralai_sdk.interfaces.errors import JobFailedError, JobLostError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.service import AIService
from viralai_sdk.interfaces.steps import (
    Answer,
    Blob,
    Download,
    JobProgress,
    JobTicket,
    MediaPayload,
    Report,
    Send,
    Steps,
    TextPayload,
)
from viralai_sdk.providers import registry
from viralai_sdk.simulator import Simulator

TEXT, IMAGE = AIServiceType.TEXT_GENERATION, AIServiceType.IMAGE_GENERATION
VIDEO, SPEECH = AIServiceType.VIDEO_GENERATION, AIServiceType.SPEECH_SYNTHESIS
KEY = "sk-live-0123456789abcdefSECRET"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home; no key, no configuration of this machine, no provider that another test registered."""
    for spec in registry.specs().values():
        for name in (*spec.key_env, spec.base_url_env, *spec.option_env):
            if name:
                monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("VIRALAI_CONFIG", raising=False)
    monkeypatch.delenv("VIRALAI_HOME", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(registry, "_by_hand", {})
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator() as running:
        yield running


def config(sim: Simulator, **blocks: Any) -> dict[str, Any]:
    """A configuration whose OpenAI is the simulator; `openai` adds to its block, everything else is a block of its own."""
    provider = {"api_key": sim.key, "base_url": sim.url("openai"), **blocks.pop("openai", {})}
    return {"providers": {"openai": provider}, **blocks}


def chain(*names: str, service: str = "text_generation") -> dict[str, Any]:
    """The block that makes a chain of providers."""
    return {service: {"default_provider": names[0], "fallback_chain": list(names)}}


def rows(home: Path, table: str = "calls") -> list[dict[str, Any]]:
    """The journal's rows, in order, read without the SDK."""
    with sqlite3.connect(home / ".viralai" / "journal.db") as db:
        db.row_factory = sqlite3.Row
        found = [dict(row) for row in db.execute(f"SELECT * FROM {table} ORDER BY 1")]
    db.close()
    return found


def png(width: int = 48, height: int = 32) -> bytes:
    """A small real picture."""
    buffer = io.BytesIO()
    Image.radial_gradient("L").resize((width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def text_provider(act: Callable[[Any], Any], name: str = "Odd") -> type[TextAdapter]:
    """A text adapter that does one thing: `act(request)` returns text or a payload, or raises."""

    class Odd(TextAdapter):
        def steps(self, request: Any, model: str) -> Steps[Any]:
            yield Report(0.5, "thinking")
            given = act(request)
            return TextPayload(text=given) if isinstance(given, str) else given

    Odd.__name__ = name
    return Odd


def image_provider(*blobs: bytes) -> type[ImageAdapter]:
    """An image adapter that always answers with the same bytes."""

    class Odd(ImageAdapter):
        def steps(self, request: Any, model: str) -> Steps[Any]:
            yield Report(0.5, "painting")
            return MediaPayload(blobs=[Blob(data) for data in blobs])

    return Odd


def use(kind: AIServiceType, **providers: type[AIService]) -> None:
    """Register classes as providers."""
    for name, made in providers.items():
        registry.register(kind, name, made)


class JobServer:
    """A provider of films that works in jobs. What it does is set from the test's thread; what it was asked stands in `creates`, `looks`
    and `cancelled`."""

    def __init__(self, folder: Path) -> None:
        self.film = film(folder / "served.mp4", (64, 48), 6, 6).read_bytes()
        self.creates: list[str] = []
        self.looks: list[str] = []
        self.cancelled: list[str] = []
        self.fetched = 0
        self.needed = 2
        """So many looks until a job is done."""
        self.forget = False
        self.fail: str | None = None
        self.broken_looks = 0
        self.create_delay = 0.0
        self.can_cancel = True
        self.bytes = self.film
        routes = [
            Route("/jobs", self._create, methods=["POST"]),
            Route("/jobs/{id}", self._look),
            Route("/jobs/{id}/cancel", self._cancel, methods=["POST"]),
            Route("/files/{id}", self._file),
        ]
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off"))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        while not self._server.started:
            threading.Event().wait(0.005)

    def _serve(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._server.serve(sockets=[self._socket]))

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    async def _create(self, request: HttpRequest) -> Response:
        name = f"remote-{len(self.creates) + 1}"
        self.creates.append(name)
        end = time.monotonic() + self.create_delay
        while time.monotonic() < end and not self._server.should_exit:
            await asyncio.sleep(0.01)
        return JSONResponse({"id": name})

    async def _look(self, request: HttpRequest) -> Response:
        name = request.path_params["id"]
        self.looks.append(name)
        if self.broken_looks:
            self.broken_looks -= 1
            return Response("<html>oops</html>", 502)
        if self.forget or name not in self.creates:
            return JSONResponse({"error": "unknown"}, 404)
        if name in self.cancelled:
            return JSONResponse({"state": "cancelled"})
        if self.fail:
            return JSONResponse({"state": "failed", "why": self.fail})
        done = self.looks.count(name) >= self.needed
        return JSONResponse(
            {"state": "done" if done else "running", "share": min(1.0, self.looks.count(name) / self.needed)}
        )

    async def _cancel(self, request: HttpRequest) -> Response:
        if self.can_cancel:
            self.cancelled.append(request.path_params["id"])
        return JSONResponse({"stopped": self.can_cancel})

    async def _file(self, request: HttpRequest) -> Response:
        self.fetched += 1
        return Response(self.bytes, media_type="video/mp4")


class Films(VideoAdapter, JobAdapter):
    """The adapter of the job server."""

    first_poll = 0.03

    def submit(self, request: Any, model: str) -> Steps[JobTicket]:
        answer = yield Send("POST", "/jobs", json={"prompt": request.prompt}, creates=True)
        return JobTicket(answer.json()["id"], {"made_for": "tests"})

    def poll(self, ticket: JobTicket) -> Steps[JobProgress]:
        answer: Answer = yield Send("GET", f"/jobs/{ticket.remote_id}")
        found = answer.json()
        if found["state"] == "failed":
            raise JobFailedError(found["why"])
        over = {"done": "done", "cancelled": "cancelled"}.get(found["state"], "")
        return JobProgress(over, found.get("share"), "filming", poll_after=0.03)  # type: ignore[arg-type]

    def collect(self, ticket: JobTicket, progress: JobProgress) -> Steps[Any]:
        blob = yield Download(f"{self.config.base_url}/files/{ticket.remote_id}", authorised=True)
        return MediaPayload(blobs=[blob], quantities={"second": 1})

    def cancel(self, ticket: JobTicket) -> Steps[bool]:
        answer = yield Send("POST", f"/jobs/{ticket.remote_id}/cancel")
        return bool(answer.json()["stopped"])

    def error(self, answer: Answer) -> Any:
        if answer.status == 404:
            return JobLostError("the provider does not know the job.", status=404)
        return super().error(answer)


FILMS = ProviderSpec("films", "Films", {VIDEO: "tests.doubles:Films"}, key_env=("FILMS_API_KEY",))


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobServer]:
    """The job server, and its provider "films" in the registry."""
    monkeypatch.setitem(registry.specs(), "films", FILMS)
    server = JobServer(tmp_path)
    yield server
    server.stop()


def films_config(server: JobServer, **blocks: Any) -> dict[str, Any]:
    """A configuration with the job provider as default for films."""
    block = {"video_generation": {"default_provider": "films"}}
    return {"providers": {"films": {"api_key": KEY, "base_url": server.url}}, "ai_services": block, **blocks}


def client(given: Any, home: Path, **details: Any) -> ViralAI:
    """A quiet client."""
    return ViralAI(given, home=home, progress=False, **details)
