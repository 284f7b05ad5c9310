"""OpenAI as a simulated vendor: chat completions, responses, images, speech and the list of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute, Route

from viralai_sdk.simulator.state import State
from viralai_sdk.simulator.vendors.openai import chat, images, responses, speech
from viralai_sdk.simulator.vendors.openai.desk import Desk, error_body, list_models

BASE = "/v1"


def routes(state: State) -> Sequence[BaseRoute]:
    """The API's routes."""
    desk = Desk(state)
    return [
        Route("/v1/chat/completions", desk.serve(chat.complete), methods=["POST"]),
        Route("/v1/responses", desk.serve(responses.respond), methods=["POST"]),
        Route("/v1/images/generations", desk.serve(images.generate), methods=["POST"]),
        Route("/v1/images/edits", desk.serve(images.edit), methods=["POST"]),
        Route("/v1/audio/speech", desk.serve(speech.speak), methods=["POST"]),
        Route("/v1/models", desk.serve(list_models), methods=["GET"]),
        Route("/v1/{rest:path}", desk.serve(unknown), methods=["GET", "POST", "DELETE", "PATCH", "PUT"]),
    ]


def refusal(status: int, message: str, code: str | None) -> Mapping[str, Any]:
    """OpenAI's error body."""
    return error_body(status, message, code)


async def unknown(desk: Desk, request: Any) -> Any:
    """Any other route."""
    raise desk.refuse(404, f"Invalid URL ({request.method} {request.url.path})")
