"""Cohere as a simulated vendor: v2 chat and the list of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from viralai_sdk.simulator.desk import VendorDesk, models_of
from viralai_sdk.simulator.state import State
from viralai_sdk.simulator.vendors.cohere import chat

BASE = ""


class CohereDesk(VendorDesk):
    """Cohere's error body has a message and nothing else."""

    vendor = "cohere"
    request_id_header = "x-debug-trace-id"

    def error_body(self, status: int, message: str, code: str | None = None) -> Mapping[str, Any]:
        return refusal(status, message, code)


def routes(state: State) -> Sequence[BaseRoute]:
    """The API's routes."""
    desk = CohereDesk(state)
    return [
        Route("/v2/chat", desk.serve(chat.complete), methods=["POST"]),
        Route("/v1/models", desk.serve(list_models), methods=["GET"]),
        Route("/{rest:path}", desk.serve(unknown), methods=["GET", "POST", "DELETE", "PATCH", "PUT"]),
    ]


def refusal(status: int, message: str, code: str | None) -> Mapping[str, Any]:
    """Cohere's error body."""
    return {"message": message}


async def list_models(desk: VendorDesk, request: Request) -> Response:
    """GET /v1/models."""
    rows = [
        {"name": name, "is_deprecated": False, "endpoints": ["chat"], "finetuned": False, "context_length": 128_000}
        for name in models_of("cohere")
    ]
    return JSONResponse({"models": rows, "next_page_token": None})


async def unknown(desk: VendorDesk, request: Request) -> Response:
    """Any other route."""
    raise desk.refuse(404, "page not found")
