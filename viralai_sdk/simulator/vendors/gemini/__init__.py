"""The Gemini API as a simulated vendor: generated content, films by interactions, models and voices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from viralai_sdk.simulator.state import State
from viralai_sdk.simulator.vendors.gemini import interactions, lists
from viralai_sdk.simulator.vendors.gemini.desk import Desk, error_body
from viralai_sdk.simulator.vendors.gemini.generate import generate

BASE = ""


def routes(state: State) -> Sequence[BaseRoute]:
    """The API's routes."""
    desk = Desk(state)
    return [
        Route("/{version}/models/{name}", desk.serve(call_model), methods=["POST"]),
        Route("/{version}/models", desk.serve(lists.models), methods=["GET"]),
        Route("/{version}/voices", desk.serve(lists.voices), methods=["GET"]),
        Route("/{version}/interactions", desk.serve(interactions.create), methods=["POST"]),
        Route("/{version}/interactions/{number}", desk.serve(interactions.look), methods=["GET"]),
        Route("/{version}/interactions/{number}/cancel", desk.serve(interactions.cancel), methods=["POST"]),
        Route("/{version}/files/{name}", desk.serve(interactions.download), methods=["GET"]),
        Route("/{version}/{rest:path}", desk.serve(unknown), methods=["GET", "POST", "DELETE", "PATCH", "PUT"]),
    ]


def refusal(status: int, message: str, code: str | None) -> Mapping[str, Any]:
    """Google's error body."""
    return error_body(status, message, code)


async def call_model(desk: Desk, request: Request) -> Response:
    """A method of a model."""
    name, _, method = str(request.path_params["name"]).rpartition(":")
    if method not in ("generateContent", "streamGenerateContent"):
        # Imagen's and Veo's methods are gone from here.
        raise desk.refuse(404, f"Method {method!r} of model {name} is not found.")
    return await generate(desk, request, name, stream=method == "streamGenerateContent")


async def unknown(desk: Desk, request: Request) -> Response:
    """Any other route."""
    raise desk.refuse(404, f"Not found: {request.url.path}")
