"""Anthropic's error bodies, `{"type": "error", "error": {"type", "message", "details"}, "request_id"}`, as our errors."""

from __future__ import annotations

import json
from typing import Any

from viralai_sdk.interfaces.adapter import error_for_status
from viralai_sdk.interfaces.errors import AIError, ModelRetiredError, ProviderTimeoutError, QuotaExceededError
from viralai_sdk.interfaces.steps import Answer

STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "api_error": 500,
    "overloaded_error": 529,
}
"""The status of each type. Errors inside a stream come without one."""
SPENT = frozenset({"contract_spend_limit_reached", "enforced_spend_limit_reached"})
"""Codes under HTTP 429 that mean money, not pace: waiting a moment does not help."""
CLIENT_CLOSED = 499


def error_from_answer(answer: Answer) -> AIError:
    """The error an HTTP refusal means. A body of another shape (a proxy's HTML page) leaves it to the status."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = None
    return _classify(body, answer)


def error_from_stream(body: Any) -> AIError:
    """The error that an `error` event, or an error body under HTTP 200, means. Work may have been done before it."""
    kind = _word(_table(_table(body).get("error")), "type")
    failure = _classify(body, Answer(STATUS_OF_TYPE.get(kind, 500), {}, b""))
    # The answer itself came with HTTP 200: the invented status is ours, not the provider's.
    failure.status = None
    if failure.billed == "no":
        failure.billed = "maybe"
    return failure


def _classify(body: Any, answer: Answer) -> AIError:
    error = _table(_table(body).get("error"))
    details = _table(error.get("details"))
    message, kind, code = _word(error, "message"), _word(error, "type"), _word(details, "error_code")
    named: dict[str, Any] = {
        "request_id": answer.headers.get("request-id") or _word(_table(body), "request_id") or None
    }
    if code in SPENT or kind == "billing_error":
        hint = "Raise the account's spend limit, or add credit."
        return QuotaExceededError(
            message or "the account may not spend more.", hint=hint, status=answer.status, **named
        )
    if kind == "not_found_error" and "model" in message.lower():
        return ModelRetiredError(
            message,
            hint="It was retired, is misspelt, or this key may not use it; `viralai models list` shows what there is.",
            status=answer.status,
            **named,
        )
    if answer.status == CLIENT_CLOSED:
        return ProviderTimeoutError(message or "the provider gave the request up.", status=answer.status, **named)
    return error_for_status(answer, message, **named)


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _word(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
