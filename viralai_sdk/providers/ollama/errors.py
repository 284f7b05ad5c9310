"""An Ollama server's errors, `{"error": "text"}`, as ours."""

from __future__ import annotations

import json
import re
from typing import Any

from viralai_sdk.interfaces.adapter import error_for_status
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError, UnsupportedCapabilityError
from viralai_sdk.interfaces.steps import Answer

NO_MODEL = re.compile(r"model ['\"]?(?P<name>[^'\"]+?)['\"]? not found")


def error_from_answer(answer: Answer) -> AIError:
    """The error an HTTP refusal means. A body of another shape leaves it to the status."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = None
    return _classify(body.get("error") if isinstance(body, dict) else None, answer)


def error_from_stream(words: Any) -> AIError:
    """The error that a line `{"error": …}` under HTTP 200 means: once a stream has begun, the status cannot change any more."""
    failure = _classify(words, Answer(500, {}, b""))
    # The answer itself came with HTTP 200: the invented status is ours, not the server's.
    failure.status = None
    if failure.billed == "no":
        failure.billed = "maybe"
    return failure


def _classify(words: Any, answer: Answer) -> AIError:
    message = words if isinstance(words, str) else ""
    if missing := NO_MODEL.search(message):
        # Not retired: this server never had it.
        hint = f"Fetch it with `viralai models pull {missing['name']} --provider ollama`, or name one that is there."
        return InvalidRequestError(message, hint=hint, status=answer.status)
    if "does not support" in message:
        return UnsupportedCapabilityError(message, hint="Choose a model that can.", status=answer.status)
    return error_for_status(answer, message)
