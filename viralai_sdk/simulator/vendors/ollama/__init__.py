"""Ollama as a simulated vendor: chat, and what tells clients which models there are. It asks for no key, as at home."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from viralai_sdk.simulator.state import State
from viralai_sdk.simulator.vendors.ollama import chat, models
from viralai_sdk.simulator.vendors.ollama.desk import OllamaDesk

BASE = ""
VERSION = "0.33.0"


def routes(state: State) -> Sequence[BaseRoute]:
    """The API's routes."""
    desk = OllamaDesk(state)
    return [
        Route("/api/chat", desk.serve(chat.complete), methods=["POST"]),
        Route("/api/tags", desk.serve(tags), methods=["GET"]),
        Route("/api/ps", desk.serve(models.running), methods=["GET"]),
        Route("/api/pull", desk.serve(models.pull), methods=["POST"]),
        Route("/api/generate", desk.serve(models.generate), methods=["POST"]),
        Route("/api/delete", desk.serve(models.delete), methods=["DELETE"]),
        Route("/api/version", desk.serve(version), methods=["GET"]),
        Route("/", desk.serve(greet), methods=["GET", "HEAD"]),
        Route("/{rest:path}", desk.serve(unknown), methods=["GET", "POST", "DELETE", "PATCH", "PUT"]),
    ]


def refusal(status: int, message: str, code: str | None) -> Mapping[str, Any]:
    """Ollama's error body."""
    return {"error": message}


async def tags(desk: OllamaDesk, request: Request) -> Response:
    """GET /api/tags."""
    return JSONResponse({"models": [desk.describe(name) for name in desk.models]})


async def version(desk: OllamaDesk, request: Request) -> Response:
    """GET /api/version."""
    return JSONResponse({"version": VERSION})


async def greet(desk: OllamaDesk, request: Request) -> Response:
    """GET /."""
    return PlainTextResponse("Ollama is running")


async def unknown(desk: OllamaDesk, request: Request) -> Response:
    """Any other route."""
    return PlainTextResponse("404 page not found", 404)
