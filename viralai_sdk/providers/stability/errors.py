"""Stability's error bodies, `{"id", "name", "errors"}` or the older `{"id", "name", "message"}`, as our errors."""

from __future__ import annotations

import json
from typing import Any

from viralai_sdk.interfaces.adapter import error_for_status
from viralai_sdk.interfaces.errors import AIError, ContentPolicyError, QuotaExceededError
from viralai_sdk.interfaces.steps import Answer

POLICY = ("content_moderation", "public_figure")
LOCKED_OUT = 60.0
"""Seconds for which the vendor refuses everything after too many requests. It names them in its documentation, not in a header."""


def error_from_answer(answer: Answer) -> AIError:
    """The error an HTTP refusal means."""
    name, message, number = _read(answer.body)
    number = answer.headers.get("x-request-id") or number
    if name in POLICY:
        hint = "Change the prompt or the pictures; the provider's rules do not allow this."
        words = message or "the provider refused the content."
        return ContentPolicyError(words, hint=hint, status=answer.status, request_id=number)
    if name in ("payment_required", "insufficient_balance"):
        hint = "Buy credits for the Stability account."
        return QuotaExceededError(message or "no credits are left.", hint=hint, status=answer.status, request_id=number)
    error = error_for_status(answer, message, request_id=number)
    if answer.status == 429 and getattr(error, "retry_after", 0) is None:
        error.retry_after = LOCKED_OUT  # type: ignore[attr-defined]
    return error


def _read(body: bytes) -> tuple[str, str, str | None]:
    """(name, message, id) of an error body; empty where it says nothing."""
    try:
        data: Any = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        return "", "", None
    errors = data.get("errors")
    parts = [part for part in errors if isinstance(part, str)] if isinstance(errors, list) else []
    message = data.get("message")
    words = "; ".join(parts[:3]) or (message if isinstance(message, str) else "")
    name, number = data.get("name"), data.get("id")
    return name if isinstance(name, str) else "", words, number if isinstance(number, str) else None
