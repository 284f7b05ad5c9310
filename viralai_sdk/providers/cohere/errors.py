"""Cohere's error bodies, by convention `{"message": "…"}`, as our errors."""

from __future__ import annotations

import json
import re
from typing import Any

from viralai_sdk.interfaces.adapter import error_for_status
from viralai_sdk.interfaces.errors import (
    AIError,
    AuthenticationError,
    ContentPolicyError,
    ModelRetiredError,
    ProviderTimeoutError,
    ProviderUnavailableError,
)
from viralai_sdk.interfaces.steps import Answer

INVALID_TOKEN, CLIENT_CLOSED = 498, 499
POLICY = re.compile(r"safety|content (policy|filter)|harmful|toxic|blocked (prompt|content|output)", re.IGNORECASE)
"""The vendor has no code for a refusal, only words."""
NO_MODEL = re.compile(r"model\b.*\b(not found|does not exist|removed|deprecated|retired)", re.IGNORECASE | re.DOTALL)


def error_from_answer(answer: Answer) -> AIError:
    """The error an HTTP refusal means. A body of another shape leaves it to the status."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = None
    found = body.get("message") if isinstance(body, dict) else None
    message = found if isinstance(found, str) else ""
    details: dict[str, Any] = {"status": answer.status, "request_id": answer.headers.get("x-debug-trace-id")}
    if 400 <= answer.status < 500 and POLICY.search(message):
        return ContentPolicyError(message, hint="Change the prompt; the provider's rules do not allow this.", **details)
    if answer.status == INVALID_TOKEN:
        return AuthenticationError(message or "the key is not valid.", hint="Check the key.", **details)
    if answer.status == CLIENT_CLOSED:
        return ProviderTimeoutError(message or "the provider gave the request up.", **details)
    if answer.status == 404 and NO_MODEL.search(message):
        hint = "It was retired, is misspelt, or this key may not use it; `viralai models list` shows what there is."
        return ModelRetiredError(message, hint=hint, **details)
    return error_for_status(answer, message, request_id=details["request_id"])


def error_of_end(reason: str, words: Any) -> AIError:
    """The error that an answer ended with, under HTTP 200: finish reason ERROR or TIMEOUT."""
    message = words.strip() if isinstance(words, str) else ""
    if POLICY.search(message):
        hint = "Change the prompt; the provider's rules do not allow this."
        return ContentPolicyError(message, billed="maybe", hint=hint)
    if reason == "TIMEOUT":
        return ProviderTimeoutError(message or "the provider ran out of time.")
    return ProviderUnavailableError(message or "the provider broke the answer off with an error.", billed="maybe")
