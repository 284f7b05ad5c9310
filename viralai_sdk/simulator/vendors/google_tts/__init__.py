"""Google Cloud Text-to-Speech as a simulated vendor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute, Route

from viralai_sdk.simulator.state import State
from viralai_sdk.simulator.vendors.google_tts import speech
from viralai_sdk.simulator.vendors.google_tts.desk import Desk, error_body

BASE = ""


def routes(state: State) -> Sequence[BaseRoute]:
    """The API's routes."""
    desk = Desk(state)
    return [
        Route("/v1/text:synthesize", desk.serve(speech.synthesize), methods=["POST"]),
        Route("/v1/voices", desk.serve(speech.voices), methods=["GET"]),
        Route("/{rest:path}", desk.serve(unknown), methods=["GET", "POST", "DELETE", "PATCH", "PUT"]),
    ]


def refusal(status: int, message: str, code: str | None) -> Mapping[str, Any]:
    """Google's error body."""
    return error_body(status, message, code)


async def unknown(desk: Desk, request: Any) -> Any:
    """Any other route."""
    raise desk.refuse(404, "Requested entity was not found.")
