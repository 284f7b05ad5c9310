"""Anthropic as a simulated vendor: messages and the list of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from viralai_sdk.simulator.desk import VendorDesk, models_of
from viralai_sdk.simulator.state import State
from viralai_sdk.simulator.vendors.anthropic import messages
from viralai_sdk.simulator.vendors.anthropic.desk import AnthropicDesk, error_body

BASE = ""


def routes(state: State) -> Sequence[BaseRoute]:
    """The API's routes."""
    desk = AnthropicDesk(state)
    return [
        Route("/v1/messages", desk.serve(messages.create), methods=["POST"]),
        Route("/v1/models", desk.serve(list_models), methods=["GET"]),
        Route("/{rest:path}", desk.serve(unknown), methods=["GET", "POST", "DELETE", "PATCH", "PUT"]),
    ]


def refusal(status: int, message: str, code: str | None) -> Mapping[str, Any]:
    """Anthropic's error body."""
    return error_body(status, message, code)


async def list_models(desk: VendorDesk, request: Request) -> Response:
    """GET /v1/models."""
    today = desk.now().date().isoformat()
    rows = []
    for name, row in models_of("anthropic").items():
        ends = str(row["retires"]) if row["retires"] else None
        state = "active" if ends is None else "retired" if ends <= today else "deprecated"
        dates = {"created_at": "1970-01-01T00:00:00Z", "retires_at": f"{ends}T00:00:00Z" if ends else None}
        rows.append({"id": name, "type": "model", "display_name": name, "lifecycle": state, **dates})
    return JSONResponse({"data": rows, "has_more": False, "first_id": rows[0]["id"], "last_id": rows[-1]["id"]})


async def unknown(desk: VendorDesk, request: Request) -> Response:
    """Any other route."""
    raise desk.refuse(404, "Not found")
