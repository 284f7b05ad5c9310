"""ElevenLabs' error bodies, whose `detail` is an object, a list of wrong fields, or a sentence, as our errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from viralai_sdk.interfaces.adapter import error_for_status
from viralai_sdk.interfaces.errors import (
    AIError,
    AuthenticationError,
    ContentPolicyError,
    ModelRetiredError,
    QuotaExceededError,
    RateLimitError,
)
from viralai_sdk.interfaces.steps import Answer

QUOTA = ("quota_exceeded", "insufficient_credits", "payment_required")
KEY = ("invalid_api_key", "missing_api_key", "needs_authorization")
CROWD = ("too_many_concurrent_requests", "rate_limit_exceeded", "system_busy")
POLICY = ("content_policy", "moderation", "blocked", "safety", "prohibited")
"""Parts of a refusal's word. The package types none of these words, so whole words cannot be relied on."""
GONE = ("model_not_found", "model_deprecated", "model_retired")


def error_from_answer(answer: Answer) -> AIError:
    """The error an HTTP refusal means. The vendor's word decides before the status: an exhausted quota comes as HTTP 401."""
    word, message = _read(answer.body)
    details: dict[str, Any] = {"status": answer.status, "request_id": request_id(answer)}
    if word in QUOTA:
        hint = "Add credit, or wait for the next billing period."
        return QuotaExceededError(message or "the quota is used up.", hint=hint, **details)
    if word in KEY:
        hint = "Check the key; `viralai doctor` shows which one is used."
        return AuthenticationError(message or "the key is not accepted.", hint=hint, **details)
    if word in CROWD:
        return RateLimitError(message or "too many requests at once.", **details)
    if answer.status < 500 and any(part in word for part in POLICY):
        hint = "Change the text; the provider's rules do not allow this."
        return ContentPolicyError(message or "the provider refused the text.", hint=hint, **details)
    if word in GONE:
        hint = "`viralai models list` shows what there is."
        return ModelRetiredError(message or "the model does not exist.", hint=hint, **details)
    return error_for_status(answer, message, request_id=details["request_id"])


def request_id(answer: Answer) -> str | None:
    """The vendor's id of a request."""
    return answer.headers.get("request-id") or answer.headers.get("x-request-id")


def _read(body: bytes) -> tuple[str, str]:
    """(word, message) of an error body; empty where it says nothing."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    detail = data.get("detail", data) if isinstance(data, dict) else data
    if isinstance(detail, str):
        return "", detail
    if isinstance(detail, list):
        return "", "; ".join(_field(item) for item in detail[:3] if isinstance(item, dict))
    if not isinstance(detail, dict):
        return "", ""
    word = next((str(detail[name]) for name in ("status", "code", "type") if isinstance(detail.get(name), str)), "")
    message = detail.get("message")
    return word.lower(), message if isinstance(message, str) else ""


def _field(item: Mapping[str, Any]) -> str:
    place = item.get("loc")
    where = ".".join(str(part) for part in place) if isinstance(place, list) else ""
    return f"{where}: {item.get('msg', 'is wrong')}".removeprefix(": ")
