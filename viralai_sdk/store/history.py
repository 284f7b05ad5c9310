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
    answer = _values(row.response_json, {})
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
        "text": text_of(row),
        "rejected": answer.get("rejected", []),
        "files": [str(item["path"]) for item in _values(row.artifacts_json, [])],
    }


def text_of(row: CallRow) -> str | None:
    """The answer of a text call as it came; a value that came without text, as JSON."""
    answer = _values(row.response_json, {}).get("answer")
    if answer is None:
        return None
    return str(answer["text"]) if answer["text"] else json.dumps(answer.get("parsed"), ensure_ascii=False)


def _prompt(row: CallRow) -> str:
    asked = _values(row.request_json, {})
    return str(asked.get("prompt") or asked.get("text") or "")


def _values(cell: Any, empty: Any) -> Any:
    """A cell of JSON; `empty` when there is none."""
    return (json.loads(cell) if isinstance(cell, str) else cell) or empty
