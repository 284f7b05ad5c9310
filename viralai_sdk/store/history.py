"""What the journal knows of a call, in words and plain values."""

from __future__ import annotations

import datetime
import json
from typing import Any

from viralai_sdk.store.rows import CallRow


def told(row: CallRow) -> dict[str, Any]:
    """One recorded call.

    `text` is the answer of a text call, None for any other and for one that failed; `rejected` are answers that came, may have been paid
    for, and were no result (provider, model, text). `started` is local time; `cost_usd` None means unknown.
    """
    came = cell_value(row.response_json, {})
    return {
        "call_id": row.call_id,
        "started": datetime.datetime.fromtimestamp(row.started).astimezone().isoformat(timespec="seconds"),
        "service": row.service,
        "provider": row.provider,
        "model": row.model,
        "outcome": row.outcome,
        "error": row.error,
        "message": row.message,
        "seconds": row.seconds,
        "cost_usd": row.cost_usd,
        "prompt": _prompt(row),
        "text": _text(came),
        "rejected": came.get("rejected", []),
        "files": [str(item["path"]) for item in cell_value(row.artifacts_json, [])],
    }


def text_of(row: CallRow) -> str | None:
    """The answer of a text call as it came; a value that came without text, as JSON."""
    return _text(cell_value(row.response_json, {}))


def cell_value(cell: Any, empty: Any) -> Any:
    """What a JSON cell of a row holds; `empty` when there is nothing in it."""
    return (json.loads(cell) if isinstance(cell, str) else cell) or empty


def _text(came: dict[str, Any]) -> str | None:
    answer = came.get("answer")
    if answer is None:
        return None
    return str(answer["text"]) if answer["text"] else json.dumps(answer.get("parsed"), ensure_ascii=False)


def _prompt(row: CallRow) -> str:
    asked = cell_value(row.request_json, {})
    return str(asked.get("prompt") or asked.get("text") or "")
