"""OpenAI's error bodies, `{"error": {"message", "type", "code", "param"}}`, as our errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from viralai_sdk.interfaces.adapter import error_for_status
from viralai_sdk.interfaces.errors import AIError, ContentPolicyError, ModelRetiredError, QuotaExceededError
from viralai_sdk.interfaces.steps import Answer

POLICY_CODES = frozenset(
    {
        "bio_policy",
        "content_filter",
        "content_policy_violation",
        "image_content_policy_violation",
        "misalignment_policy_violation",
        "moderation_blocked",
    }
)
"""Codes of a refusal. `moderation_blocked` and the `…_policy…` codes are typed for the Responses API and used alike elsewhere."""

STATUS_OF_CODE = {
    "server_error": 500,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "vector_store_timeout": 504,
    "invalid_api_key": 401,
    "model_not_found": 404,
}
"""The status each code would have had. Errors inside a stream or a failed response come without one."""


def error_from_answer(answer: Answer) -> AIError:
    """The error an HTTP refusal means. A body that is not OpenAI's shape (a proxy's HTML page) leaves it to the status."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str):
        error = {"message": error}
    return _classify(error if isinstance(error, dict) else {}, answer)


def error_from_stream(error: Any) -> AIError:
    """The error that an `error` object inside a stream, or inside a failed response, means. Work may have been done before it."""
    fields = error if isinstance(error, Mapping) else {"message": error if isinstance(error, str) else ""}
    words = (_word(fields, "code"), _word(fields, "type"))
    status = next((STATUS_OF_CODE[word] for word in words if word in STATUS_OF_CODE), None)
    if status is None:
        status = 400 if any(word.startswith(("invalid_", "image_", "unsupported_")) for word in words) else 500
    failure = _classify({"message": "the provider reported an error in its answer.", **fields}, Answer(status, {}, b""))
    # The answer itself came with HTTP 200: the invented status is ours, not the provider's.
    failure.status = None
    if failure.billed == "no":
        failure.billed = "maybe"
    return failure


def _classify(error: Mapping[str, Any], answer: Answer) -> AIError:
    message, code, kind = (_word(error, name) for name in ("message", "code", "type"))
    details: dict[str, Any] = {"request_id": answer.headers.get("x-request-id")}
    if code in POLICY_CODES or kind in POLICY_CODES:
        return ContentPolicyError(
            message or "the provider refused the content.",
            hint="Change the prompt or the pictures; the provider's rules do not allow this.",
            status=answer.status,
            **details,
        )
    if "insufficient_quota" in (code, kind):
        return QuotaExceededError(
            message or "the quota is used up.", hint="Check plan and billing.", status=answer.status, **details
        )
    if answer.status == 404 and code == "model_not_found":
        return ModelRetiredError(
            message or "the model does not exist.",
            hint="It was retired, is misspelt, or this key may not use it; `viralai models list` shows what there is.",
            status=answer.status,
            **details,
        )
    return error_for_status(answer, message, **details)


def _word(error: Mapping[str, Any], name: str) -> str:
    value = error.get(name)
    return value if isinstance(value, str) else ""
