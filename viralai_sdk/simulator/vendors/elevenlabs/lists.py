"""GET /v2/voices, /v1/voices and /v1/models."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.vendors.elevenlabs.desk import Desk, voices
from viralai_sdk.simulator.vendors.elevenlabs.desk import models as all_models

QUERY = (
    "page_size",
    "next_page_token",
    "search",
    "sort",
    "sort_direction",
    "voice_type",
    "category",
    "fine_tuning_state",
    "collection_id",
    "gender",
    "age",
    "language",
    "accent",
    "use_cases",
    "voice_ids",
    "include_total_count",
)


async def search(desk: Desk, request: Request) -> Response:
    """A page of the voices that match."""
    query = request.query_params
    if unknown := sorted(set(query) - set(QUERY)):
        raise desk.wrong_field("unexpected query parameter", "query", unknown[0])
    size, start = query.get("page_size", "10"), query.get("next_page_token", "0")
    if not size.isdigit() or not 1 <= int(size) <= 100:
        raise desk.wrong_field("Input should be between 1 and 100", "query", "page_size")
    if not start.isdigit():
        raise desk.refuse(400, "Invalid page token", "invalid_page_token")
    found = [row for row in voices() if _matches(row, query)]
    page = found[int(start) : int(start) + int(size)]
    after = int(start) + int(size)
    more = after < len(found)
    answer = {"voices": page, "has_more": more, "total_count": len(found)}
    return JSONResponse({**answer, "next_page_token": str(after) if more else None})


async def everyone(desk: Desk, request: Request) -> Response:
    """All voices at once."""
    return JSONResponse({"voices": voices()})


async def models(desk: Desk, request: Request) -> Response:
    """An array, and not an object: so does the vendor. It ends with a model that only changes voices."""
    rows = [
        {
            "model_id": name,
            "name": name,
            "can_do_text_to_speech": True,
            "languages": [{"language_id": "en", "name": "English"}],
        }
        for name, row in all_models().items()
        if "provider_wire" in row["source"]
    ]
    return JSONResponse([*rows, {"model_id": "sim_voice_changer", "name": "changer", "can_do_text_to_speech": False}])


def _matches(row: dict[str, Any], query: Any) -> bool:
    languages = {row["labels"].get("language"), *(item["language"] for item in row["verified_languages"] or ())}
    return (
        query.get("search", "").lower() in row["name"].lower()
        and query.get("language", "") in ("", *languages)
        and query.get("gender", "") in ("", row["labels"].get("gender"))
        and query.get("category", "") in ("", row["category"])
    )
