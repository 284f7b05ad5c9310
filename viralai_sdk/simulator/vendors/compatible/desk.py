"""A compatible server's models and key."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.desk import words_of
from viralai_sdk.simulator.vendors.openai.desk import Desk

MODELS = tuple(sorted(words_of("compatible", "models")))
THINKER = "sim-thinker"
"""Thinks aloud before it answers."""


class CompatibleDesk(Desk):
    """Knows two models, whatever the service."""

    def check_model(self, model: Any, service: str, *, flag: str | None = None) -> None:
        """Refuse models that are not there."""
        if model not in MODELS:
            raise self.refuse(404, f"The model `{model}` does not exist.", code="model_not_found")


async def list_models(desk: Desk, request: Request) -> Response:
    """GET /models."""
    rows = [{"id": name, "object": "model", "created": 0, "owned_by": "simulator"} for name in MODELS]
    return JSONResponse({"object": "list", "data": rows})


async def unknown(desk: Desk, request: Request) -> Response:
    """Any other route."""
    raise desk.refuse(404, "Not Found")
