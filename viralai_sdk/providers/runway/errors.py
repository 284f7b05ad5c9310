"""Runway's refusals and failed tasks as our errors. The package types neither, so every reading here allows for other shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from viralai_sdk.interfaces.adapter import error_for_status
from viralai_sdk.interfaces.errors import AIError, Billed, ContentPolicyError, JobFailedError, QuotaExceededError
from viralai_sdk.interfaces.steps import Answer

POLICY = ("SAFETY", "MODERATION", "CONTENT_POLICY")
"""Parts of a failure code that mean a refusal of the content."""
POOR = ("enough credits", "insufficient credits", "out of credits")


def error_from_answer(answer: Answer) -> AIError:
    """The error an HTTP refusal means."""
    message, code = _read(answer.body)
    number = answer.headers.get("x-request-id")
    if answer.status < 500 and any(word in message.lower() for word in POOR):
        hint = "Add credits to the Runway account."
        return QuotaExceededError(message, hint=hint, status=answer.status, request_id=number)
    if answer.status < 500 and _is_policy(code):
        return ContentPolicyError(
            message or "the provider refused the content.",
            hint="Change the prompt or the pictures; the provider's rules do not allow this.",
            status=answer.status,
            request_id=number,
        )
    return error_for_status(answer, message, request_id=number)


def error_from_task(task: Mapping[str, Any]) -> AIError:
    """The error a FAILED task means. What it cost is in the task: a refunded one cost nothing."""
    code = str(task.get("failureCode") or "")
    reason = task.get("failure")
    words = reason if isinstance(reason, str) and reason else "the task failed."
    message = f"{words.rstrip('.')} ({code})." if code else words
    if _is_policy(code):
        hint = "Change the prompt or the pictures; the provider's rules do not allow this."
        return ContentPolicyError(message, hint=hint, billed=billed(task))
    return JobFailedError(message, billed=billed(task))


def billed(task: Mapping[str, Any]) -> Billed:
    """Whether an ended task was charged."""
    credits_spent = credits_of(task, "cost")
    if credits_spent is None:
        return "maybe"
    return "yes" if credits_spent else "no"


def credits_of(data: Mapping[str, Any], field: str) -> float | None:
    """The credits in a `cost` or `estimatedCost`."""
    cost = data.get(field)
    value = cost.get("credits") if isinstance(cost, Mapping) else None
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _is_policy(code: str) -> bool:
    return any(word in code.upper() for word in POLICY)


def _read(body: bytes) -> tuple[str, str]:
    """(message, code) of an error body: `{"error": …}`, an object inside it, or `{"message": …}`; wrong fields are in `issues`."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(data, dict):
        return "", ""
    inner = data.get("error")
    source = inner if isinstance(inner, dict) else data
    message = inner if isinstance(inner, str) else source.get("message")
    parts = [message] if isinstance(message, str) else []
    issues = source.get("issues")
    if isinstance(issues, list):
        parts += [_issue(item) for item in issues[:3] if isinstance(item, dict)]
    code = source.get("failureCode") or source.get("code")
    return " ".join(parts), code if isinstance(code, str) else ""


def _issue(item: Mapping[str, Any]) -> str:
    place = item.get("path")
    where = ".".join(map(str, place)) if isinstance(place, list) else ""
    return f"{where}: {item.get('message', 'is wrong')}".removeprefix(": ")
