"""A server that speaks OpenAI's dialect, as strict as one that knows the common part only: system role, max_tokens, no extras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute, Route

from viralai_sdk.simulator.desk import words_of
from viralai_sdk.simulator.state import State
from viralai_sdk.simulator.vendors.compatible import chat, media, router
from viralai_sdk.simulator.vendors.compatible.desk import CompatibleDesk, list_models, unknown
from viralai_sdk.simulator.vendors.openai.desk import error_body

BASE = "/v1"
PROVIDERS = tuple(sorted(words_of("compatible", "providers")))


def routes(state: State) -> Sequence[BaseRoute]:
    """The API's routes."""
    desk = CompatibleDesk(state)
    return [
        *router.Router(desk).routes(),
        Route("/v1/chat/completions", desk.serve(chat.complete), methods=["POST"]),
        Route("/v1/images/generations", desk.serve(media.draw), methods=["POST"]),
        Route("/v1/audio/speech", desk.serve(media.speak), methods=["POST"]),
        Route("/v1/models", desk.serve(list_models), methods=["GET"]),
        Route("/{rest:path}", desk.serve(unknown), methods=["GET", "POST", "DELETE", "PATCH", "PUT"]),
    ]


def settings(url: str, key: str) -> Mapping[str, Any]:
    """There are no default models and voices among strangers."""
    return {"model": "sim-small", "voice": "sim-voice"}


def refusal(status: int, message: str, code: str | None) -> Mapping[str, Any]:
    """OpenAI's error body, which these servers copied."""
    return error_body(status, message, code)
