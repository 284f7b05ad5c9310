"""GET /models and GET /voices."""

from __future__ import annotations

from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.vendors.gemini.desk import Desk, catalog
from viralai_sdk.simulator.vendors.gemini.generate import VOICES


def _page(
    desk: Desk, request: Request, rows: list[Any], size_name: str, token_name: str
) -> tuple[list[Any], str | None]:
    """The wished part of a list, and where the next one begins."""
    size, token = request.query_params.get(size_name, "50"), request.query_params.get(token_name, "0")
    if not (size.isdigit() and token.isdigit()):
        raise desk.refuse(400, f"Invalid {size_name} or {token_name}.")
    start, end = int(token), int(token) + max(1, int(size))
    return rows[start:end], str(end) if end < len(rows) else None


async def models(desk: Desk, request: Request) -> Response:
    """Models that are not gone."""
    alive = [
        {
            "name": f"models/{name}",
            "displayName": name,
            "version": "001",
            "supportedGenerationMethods": ["createInteraction"]
            if "interactions" in row["flags"]
            else ["generateContent"],
        }
        for name, row in catalog(desk.vendor).items()
        if not row["retires"] or date.fromisoformat(str(row["retires"])) > desk.today()
    ]
    rows, after = _page(desk, request, alive, "pageSize", "pageToken")
    return JSONResponse({"models": rows, **({"nextPageToken": after} if after else {})})


async def voices(desk: Desk, request: Request) -> Response:
    """Voices, all or those of a language."""
    wanted = request.query_params.get("language_code")
    found = [row for row in VOICES if wanted in (None, row["language_code"])]
    rows, after = _page(desk, request, found, "page_size", "page_token")
    return JSONResponse({"voices": rows, **({"next_page_token": after} if after else {})})
