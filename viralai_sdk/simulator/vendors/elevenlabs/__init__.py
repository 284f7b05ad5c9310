"""ElevenLabs as a simulated vendor: speech in four forms, voices and models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute, Route

from viralai_sdk.simulator.state import State
from viralai_sdk.simulator.vendors.elevenlabs import lists, speech
from viralai_sdk.simulator.vendors.elevenlabs.desk import Desk, error_body

BASE = ""


def routes(state: State) -> Sequence[BaseRoute]:
    """The API's routes."""
    desk = Desk(state)
    say = "/v1/text-to-speech/{voice_id}"
    return [
        Route(say, desk.serve(speech.convert), methods=["POST"]),
        Route(f"{say}/stream", desk.serve(speech.stream), methods=["POST"]),
        Route(f"{say}/with-timestamps", desk.serve(speech.convert_timed), methods=["POST"]),
        Route(f"{say}/stream/with-timestamps", desk.serve(speech.stream_timed), methods=["POST"]),
        Route("/v2/voices", desk.serve(lists.search), methods=["GET"]),
        Route("/v1/voices", desk.serve(lists.everyone), methods=["GET"]),
        Route("/v1/models", desk.serve(lists.models), methods=["GET"]),
        Route("/{rest:path}", desk.serve(unknown), methods=["GET", "POST", "DELETE", "PATCH", "PUT"]),
    ]


def refusal(status: int, message: str, code: str | None) -> Mapping[str, Any]:
    """ElevenLabs' error body."""
    return error_body(message, code)


async def unknown(desk: Desk, request: Any) -> Any:
    """Any other route."""
    raise desk.refuse(404, "Not Found", "not_found")
