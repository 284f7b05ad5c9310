"""Runway as a simulated vendor: tasks for pictures, films and speech, and the signed addresses of their results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from starlette.routing import BaseRoute, Route

from viralai_sdk.simulator.state import State
from viralai_sdk.simulator.vendors.runway import create, tasks
from viralai_sdk.simulator.vendors.runway.desk import Desk, error_body

BASE = ""


def routes(state: State) -> Sequence[BaseRoute]:
    """The API's routes, and the storage whose addresses it hands out."""
    desk, shelf = Desk(state), tasks.Shelf(state)
    made = [
        Route(f"/v1/{name}", desk.serve(partial(create.create, shelf=shelf, route=name)), methods=["POST"])
        for name in create.ROUTES
    ]
    return [
        *made,
        Route("/v1/tasks/{task_id}", desk.serve(partial(tasks.show, shelf=shelf)), methods=["GET"]),
        Route("/v1/tasks/{task_id}", desk.serve(partial(tasks.delete, shelf=shelf)), methods=["DELETE"]),
        Route("/files/{task_id}/{name}", partial(tasks.fetch, shelf=shelf), methods=["GET"]),
        Route("/{rest:path}", desk.serve(unknown), methods=["GET", "POST", "DELETE", "PATCH", "PUT"]),
    ]


def refusal(status: int, message: str, code: str | None) -> Mapping[str, Any]:
    """Runway's error body."""
    return error_body(message, code)


async def unknown(desk: Desk, request: Any) -> Any:
    """Any other route."""
    raise desk.refuse(404, "Not found")
