"""Google's error bodies, `{"error": {"code", "message", "status", "details"}}`, as our errors."""

from __future__ import annotations

import json
import re
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

STATUS_OF_CODE = {1: 499, 3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 9: 400, 11: 400, 12: 501, 13: 500, 14: 503, 16: 401}
"""HTTP status of each google.rpc code. Long-running operations report the latter."""
POLICY_PHRASES = ("responsible ai", "usage guidelines", "safety polic", "prohibited content")
"""What the message of a refused prompt says; Google gives these refusals no code of their own."""
POLICY_HINT = "Change the prompt or the pictures; the provider's rules do not allow this."
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")


def error_from_answer(answer: Answer) -> AIError:
    """The error an HTTP refusal means. A body that is not Google's shape (a proxy's HTML page) leaves it to the status."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = None
    return _classify(error_object(body), answer)


def error_object(body: Any) -> Mapping[str, Any]:
    """The `error` object of a body, which may be wrapped in a list of one; empty when there is none."""
    if isinstance(body, list) and body:
        body = body[0]
    error = body.get("error") if isinstance(body, Mapping) else None
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, Mapping) else {}


def error_from_object(error: Any) -> AIError:
    """The error that an `error` object inside a successful answer means: in a stream, or in a finished operation. Work may have been
    done."""
    fields = error if isinstance(error, Mapping) else {"message": str(error)[:200]}
    code = fields.get("code")
    number = code if isinstance(code, int) and not isinstance(code, bool) else 500
    status = number if number >= 400 else STATUS_OF_CODE.get(number, 500)
    failure = _classify({"message": "the provider reported an error in its answer.", **fields}, Answer(status, {}, b""))
    # The answer itself came with HTTP 200: the status is the error object's, not the answer's.
    failure.status = None
    if failure.billed == "no":
        failure.billed = "maybe"
    return failure


def _classify(error: Mapping[str, Any], answer: Answer) -> AIError:
    message = _word(error, "message")
    details = [item for item in error.get("details") or () if isinstance(item, Mapping)] if _listed(error) else []
    reasons = {item["reason"] for item in details if isinstance(item.get("reason"), str)}
    status = answer.status
    if "API_KEY_INVALID" in reasons or (status == 400 and "API key not valid" in message):
        # The Developer API says 400 to a wrong key.
        return AuthenticationError(
            message, hint="Check the key; `viralai doctor` shows which one is used.", status=status
        )
    if status in (400, 403) and is_refusal(message):
        return ContentPolicyError(message, hint=POLICY_HINT, status=status)
    if status == 404 and "model" in message.lower():
        return ModelRetiredError(
            message,
            hint="It was retired, is misspelt, or is not served here; `viralai models list` shows what there is.",
            status=status,
        )
    if status == 429:
        return _too_many(message, details, answer)
    return error_for_status(answer, message)


def is_refusal(message: str) -> bool:
    """Whether a message says that content was refused."""
    return any(phrase in message.lower() for phrase in POLICY_PHRASES)


def _too_many(message: str, details: list[Mapping[str, Any]], answer: Answer) -> AIError:
    """A quota for the day will not be free again in a moment; one for the minute is."""
    violations = [violation for item in details if _listed(item) for violation in item.get("violations") or ()]
    named = " ".join(str(item.get("quotaId", "")) for item in violations if isinstance(item, Mapping))
    if "PerDay" in named:
        return QuotaExceededError(message or "the quota is used up.", hint="Check plan and billing.", status=429)
    failure = error_for_status(answer, message)
    wishes = [_SECONDS.fullmatch(item["retryDelay"]) for item in details if isinstance(item.get("retryDelay"), str)]
    wish = next((float(match[1]) for match in wishes if match), None)
    if isinstance(failure, RateLimitError) and failure.retry_after is None:
        failure.retry_after = wish
    return failure


def _listed(fields: Mapping[str, Any]) -> bool:
    return all(isinstance(fields.get(name) or [], list) for name in ("details", "violations"))


def _word(error: Mapping[str, Any], name: str) -> str:
    value = error.get(name)
    return value if isinstance(value, str) else ""
