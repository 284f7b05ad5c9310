"""LM Studio as a simulated vendor: chat completions and models. It asks for no key unless one is sent; what it does not know it answers
with HTTP 200 and an error text, as it was seen to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from viralai_sdk.simulator.state import State
from viralai_sdk.simulator.vendors.compatible import chat
from viralai_sdk.simulator.vendors.compatible.desk import CompatibleDesk, list_models
from viralai_sdk.simulator.vendors.lmstudio import models
from viralai_sdk.simulator.vendors.openai.desk import Desk, error_body

BASE = "/v1"


class LMStudioDesk(CompatibleDesk):
    """Takes calls without a key, but no wrong ones."""

    def _check_key(self, request: Request) -> None:
        if "authorization" in request.headers:
            super()._check_key(request)


def routes(state: State) -> Sequence[BaseRoute]:
    """The API's routes."""
    desk = LMStudioDesk(state)
    shelf = models.Shelf(desk)
    return [
        *shelf.routes(),
        Route("/v1/chat/completions", desk.serve(chat.complete), methods=["POST"]),
        Route("/v1/models", desk.serve(list_models), methods=["GET"]),
        Route("/{rest:path}", desk.serve(unknown), methods=["GET", "POST", "DELETE", "PATCH", "PUT"]),
    ]


def settings(url: str, key: str) -> Mapping[str, Any]:
    """There is no default model: it is whatever was downloaded."""
    return {"model": "sim-small"}


def refusal(status: int, message: str, code: str | None) -> Mapping[str, Any]:
    """OpenAI's error body."""
    return error_body(status, message, code)


async def unknown(desk: Desk, request: Request) -> Response:
    """Any other route."""
    return JSONResponse({"error": f"Unexpected endpoint or method. ({request.method} {request.url.path})"})
