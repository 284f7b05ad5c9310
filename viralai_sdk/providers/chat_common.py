"""What the chat of several vendors has in common: the word JSON, pictures as parts, counted tokens, and how an answer fails.

Each vendor's adapter reads its own fields; here is only what would be the same in all of them. No vendor is known here.
"""

from __future__ import annotations

import base64
from typing import Any, Literal

from viralai_sdk.interfaces.errors import EmptyResultError, MalformedResponseError
from viralai_sdk.interfaces.media import MediaInput
from viralai_sdk.interfaces.records import Usage
from viralai_sdk.interfaces.text import TextGenerationRequest

SHAPE_ERRORS = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)
"""What reading an answer of a wrong shape raises."""

FinishReason = Literal["stop", "length", "tool_calls", "other"]

JSON_ORDER = "Answer with one JSON object."


def mentions_json(request: TextGenerationRequest) -> bool:
    """Whether the word that the vendor insists on for its JSON mode stands anywhere."""
    return any(
        "json" in text.lower() for text in (request.system or "", *(turn["content"] for turn in request.turns()))
    )


def chat_content(request: TextGenerationRequest) -> str | list[dict[str, Any]]:
    """The last user turn: plain text, or parts when pictures go with it."""
    if not request.images:
        return request.prompt
    pictures = [{"type": "image_url", "image_url": {"url": data_uri(image)}} for image in request.images]
    return [{"type": "text", "text": request.prompt}, *pictures]


def data_uri(media: MediaInput) -> str:
    """A file as a data URI."""
    return f"data:{media.media_type};base64,{base64.b64encode(media.data).decode('ascii')}"


def count(value: Any, *path: str) -> int | None:
    """A whole number from 0 up at the end of a path of keys, else None."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def empty(*, cut: bool, usage: Usage) -> EmptyResultError:
    """The error for an answer without a word."""
    spent = f" after {usage.completion_tokens} tokens" if usage.completion_tokens else ""
    if cut:
        hint = "Raise max_tokens: the model spent them before it said anything."
        return EmptyResultError(f"the answer ended{spent} without text.", billed="yes", hint=hint)
    return EmptyResultError(f"the answer ended{spent} without text.")


def broken_off(characters: int) -> MalformedResponseError:
    """The error for a stream that ended in the middle."""
    return MalformedResponseError(f"the stream broke off after {characters} characters, without its closing mark.")
