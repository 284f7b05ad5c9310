"""Chat answers as they come back: the whole, and the stream of typed events."""

from __future__ import annotations

import json
import math
from typing import Any

from viralai_sdk.interfaces.errors import AIError, MalformedResponseError
from viralai_sdk.interfaces.records import Usage
from viralai_sdk.interfaces.steps import Answer, StreamEvent, TextPayload
from viralai_sdk.providers.chat_common import SHAPE_ERRORS, FinishReason, broken_off, empty
from viralai_sdk.providers.cohere.errors import error_of_end

FINISH: dict[str, FinishReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
}
FAILED = ("ERROR", "TIMEOUT")


def read(answer: Answer) -> TextPayload:
    """The payload of a whole chat answer.

    Raises:
        ContentPolicyError, EmptyResultError, MalformedResponseError, ProviderUnavailableError: there is no text to give.
    """
    data = answer.json()
    gathered = Gathered()
    try:
        gathered.response_id = data.get("id")
        message = data["message"]
        for part in message.get("content") or ():
            gathered.say(part)
        for position, call in enumerate(message.get("tool_calls") or ()):
            gathered.call(position, call)
        gathered.end(data)
    except AIError:
        # Some of ours are ValueErrors too.
        raise
    except SHAPE_ERRORS as error:
        raise MalformedResponseError(f"the answer is no chat message ({error!r}).") from error
    payload = gathered.payload()
    payload.request_id = answer.headers.get("x-debug-trace-id")
    return payload


class Gathered:
    """What is known of an answer so far."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.response_id: Any = None
        self.reason: str | None = None
        self._thoughts: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._usage: Any = None

    def say(self, part: dict[str, Any]) -> str | None:
        """Take in content; returns the text it adds."""
        if thought := part.get("thinking"):
            self._thoughts.append(str(thought))
        text = part.get("text")
        if text is not None and not isinstance(text, str):
            raise TypeError("text is not text")
        if text:
            self.texts.append(text)
        return text or None

    def call(self, index: Any, piece: dict[str, Any]) -> None:
        """Take in a tool call, or a piece of one."""
        call = self._calls.setdefault(int(index), {"id": None, "name": "", "arguments": ""})
        call["id"] = piece.get("id") or call["id"]
        function = piece.get("function") or {}
        call["name"] += function.get("name") or ""
        call["arguments"] += function.get("arguments") or ""

    def end(self, fields: dict[str, Any]) -> None:
        """Take in why the answer ended, and what it used.

        Raises:
            AIError: it ended with an error.
        """
        self.reason = str(fields["finish_reason"])
        self._usage = fields.get("usage")
        if self.reason in FAILED or fields.get("error"):
            raise error_of_end(self.reason, fields.get("error"))

    def payload(self) -> TextPayload:
        """The result, or the error that its absence means."""
        usage, quantities = read_usage(self._usage)
        text = "".join(self.texts)
        if not text.strip() and not self._calls:
            raise empty(cut=self.reason == "MAX_TOKENS", usage=usage)
        metadata: dict[str, Any] = {}
        if isinstance(self.response_id, str):
            metadata["response_id"] = self.response_id
        if self._calls:
            metadata["tool_calls"] = [self._calls[index] for index in sorted(self._calls)]
        if thoughts := "".join(self._thoughts):
            metadata["reasoning"] = thoughts
        finish = FINISH.get(self.reason or "", "other")
        return TextPayload(text=text, usage=usage, quantities=quantities, finish_reason=finish, metadata=metadata)


class Reader:
    """Reads the events of a streamed answer."""

    def __init__(self) -> None:
        self._gathered = Gathered()

    def feed(self, event: StreamEvent) -> str | None:
        """The text that an event adds. Kinds that are not known are passed over: the vendor adds new ones.

        Raises:
            AIError: the event reports an error, or is none.
        """
        # A closing mark is tolerated, not needed.
        if self._gathered.reason is not None or event.data.startswith("[DONE]"):
            return None
        try:
            return self._take(json.loads(event.data))
        except AIError:
            # Some of ours are ValueErrors too.
            raise
        except (*SHAPE_ERRORS, RecursionError) as error:
            start = event.data[:80]
            raise MalformedResponseError(f"the stream holds something that is no event: {start!r}.") from error

    def _take(self, data: dict[str, Any]) -> str | None:
        kind, gathered = data.get("type"), self._gathered
        if kind in ("content-start", "content-delta"):
            return gathered.say(data["delta"]["message"]["content"])
        if kind == "message-start":
            gathered.response_id = data.get("id")
        elif kind in ("tool-call-start", "tool-call-delta"):
            gathered.call(data["index"], data["delta"]["message"]["tool_calls"])
        elif kind == "message-end":
            gathered.end(data["delta"])
        return None

    def finish(self) -> TextPayload:
        """The whole answer, after the stream's end.

        Raises:
            MalformedResponseError: the stream broke off: no `message-end` came.
        """
        if self._gathered.reason is None:
            raise broken_off(sum(map(len, self._gathered.texts)))
        return self._gathered.payload()


def read_usage(usage: Any) -> tuple[Usage, dict[str, float]]:
    """Tokens of a call, and the units that the vendor bills, which are fewer: its own additions to the prompt are free."""
    prompt, made = _count(usage, "tokens", "input_tokens"), _count(usage, "tokens", "output_tokens")
    counted = Usage(
        prompt_tokens=prompt,
        completion_tokens=made,
        total_tokens=None if prompt is None or made is None else prompt + made,
        cached_tokens=_count(usage, "cached_tokens"),
    )
    asked, answered = _count(usage, "billed_units", "input_tokens"), _count(usage, "billed_units", "output_tokens")
    if asked is None or answered is None:
        return counted, {}
    return counted, {"input_token": asked, "output_token": answered}


def _count(value: Any, *path: str) -> int | None:
    """A count at the end of a path of keys; the vendor writes them as decimals."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        return None
    return int(value)
