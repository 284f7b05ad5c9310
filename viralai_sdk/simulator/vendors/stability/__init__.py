"""Stability AI as a simulated vendor: the stable-image routes, which take multipart only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from starlette.routing import BaseRoute, Route

from viralai_sdk.simulator.state import State
from viralai_sdk.simulator.vendors.stability import images
from viralai_sdk.simulator.vendors.stability.desk import Desk, error_body

BASE = ""


def routes(state: State) -> Sequence[BaseRoute]:
    """The API's routes."""
    desk = Desk(state)
    made = [
        Route(f"/v2beta/stable-image/{name}", desk.serve(partial(images.draw, route=name)), methods=["POST"])
        for name in images.FIELDS
    ]
    return [*made, Route("/{rest:path}", desk.serve(unknown), methods=["GET", "POST", "DELETE", "PATCH", "PUT"])]


def refusal(status: int, message: str, code: str | None) -> Mapping[str, Any]:
    """Stability's error body."""
    return error_body(status, message, code)


async def unknown(desk: Desk, request: Any) -> Any:
    """Any other route."""
    raise desk.refuse(404, "There is no such route.", "not_found")
