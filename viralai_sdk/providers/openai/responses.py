"""Answers of the Responses API: the whole response, and the stream of its events."""

from __future__ import annotations

import json
from typing import Any

from viralai_sdk.interfaces.errors import AIError, JobCancelledError, MalformedResponseError
from viralai_sdk.interfaces.records import Usage
from viralai_sdk.interfaces.steps import Answer, StreamEvent, TextPayload
from viralai_sdk.providers.chat_common import SHAPE_ERRORS, FinishReason, broken_off, count, empty
from viralai_sdk.providers.openai.chat import refused
from viralai_sdk.providers.openai.errors import error_from_stream

LAST_EVENTS = ("response.completed", "response.incomplete", "response.failed")
"""Events that end a stream; each carries the whole response."""


def read(answer: Answer) -> TextPayload:
    """The payload of a whole response.

    Raises:
        ContentPolicyError, EmptyResultError, MalformedResponseError: there is no text to give; other errors as the response names them.
    """
    payload = payload_of(answer.json())
    payload.request_id = answer.headers.get("x-request-id")
    return payload


def payload_of(response: Any) -> TextPayload:
    """The result of a response object, or the error that its state means."""
    try:
        if response.get("error"):
            raise error_from_stream(response["error"])
        status = response["status"]
        reason = (response.get("incomplete_details") or {}).get("reason")
        texts, refusals, calls = _parts(response.get("output") or ())
        usage = _usage(response.get("usage"))
    except AIError:
        # Some of ours are ValueErrors too.
        raise
    except SHAPE_ERRORS as error:
        raise MalformedResponseError(f"the answer is no response object ({error!r}).") from error
    if status == "failed":
        raise error_from_stream({})
    if status == "cancelled":
        raise JobCancelledError("the provider says the response was cancelled.")
    if status not in ("completed", "incomplete"):
        raise MalformedResponseError(
            f"the response is still {status!r}, though it was not asked for in the background."
        )
    if refusals or reason == "content_filter":
        raise refused("".join(refusals))
    text, cut = "".join(texts), reason == "max_output_tokens"
    if not text.strip() and not calls:
        raise empty(cut=cut, usage=usage)
    finish: FinishReason = "length" if cut else "other" if status == "incomplete" else "tool_calls" if calls else "stop"
    metadata: dict[str, Any] = {"tool_calls": calls} if calls else {}
    if isinstance(response.get("id"), str):
        metadata["response_id"] = response["id"]
    model = response.get("model")
    return TextPayload(
        model=model if isinstance(model, str) else None,
        text=text,
        usage=usage,
        finish_reason=finish,
        metadata=metadata,
    )


def _parts(output: Any) -> tuple[list[str], list[str], list[dict[str, Any]]]:
    """Texts, refusals and function calls of a response, in order."""
    texts: list[str] = []
    refusals: list[str] = []
    calls: list[dict[str, Any]] = []
    for item in output:
        if item["type"] == "function_call":
            calls.append({"id": item.get("call_id"), "name": item["name"], "arguments": item["arguments"]})
        for part in (item.get("content") or ()) if item["type"] == "message" else ():
            if part["type"] == "output_text":
                texts.append(_text(part["text"]))
            elif part["type"] == "refusal":
                refusals.append(_text(part["refusal"]))
    return texts, refusals, calls


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _usage(usage: Any) -> Usage:
    return Usage(
        prompt_tokens=count(usage, "input_tokens"),
        completion_tokens=count(usage, "output_tokens"),
        total_tokens=count(usage, "total_tokens"),
        cached_tokens=count(usage, "input_tokens_details", "cached_tokens"),
        reasoning_tokens=count(usage, "output_tokens_details", "reasoning_tokens"),
    )


class Reader:
    """Reads the events of a streamed response. The type stands in the JSON; the SSE event name only repeats it."""

    def __init__(self) -> None:
        self._characters = 0
        self._response: Any = None

    def feed(self, event: StreamEvent) -> str | None:
        """The text that an event adds.

        Raises:
            AIError: the event reports an error, or is none.
        """
        if event.data.startswith("[DONE]"):
            return None
        try:
            data = json.loads(event.data)
            kind = data["type"]
            if kind == "error" or data.get("error"):
                # The event itself has code and message; an `error` object is the other vendor form.
                raise error_from_stream(data.get("error") or data)
            if kind == "response.output_text.delta":
                delta = _text(data["delta"])
                self._characters += len(delta)
                return delta or None
            if kind in LAST_EVENTS:
                self._response = data["response"]
        except AIError:
            # Some of ours are ValueErrors too.
            raise
        except (*SHAPE_ERRORS, RecursionError) as error:
            raise MalformedResponseError(
                f"the stream holds something that is no event: {event.data[:80]!r}."
            ) from error
        return None

    def finish(self) -> TextPayload:
        """The whole answer, after the stream's end. The final event carries it; the deltas only came earlier.

        Raises:
            MalformedResponseError: the stream broke off before its last event.
        """
        if self._response is None:
            raise broken_off(self._characters)
        return payload_of(self._response)
