"""Messages as they come back: the whole answer, and the stream of named events."""

from __future__ import annotations

import json
from typing import Any

from viralai_sdk.interfaces.errors import AIError, ContentPolicyError, MalformedResponseError
from viralai_sdk.interfaces.records import Usage
from viralai_sdk.interfaces.steps import Answer, StreamEvent, TextPayload
from viralai_sdk.providers.anthropic.errors import error_from_stream
from viralai_sdk.providers.chat_common import SHAPE_ERRORS, FinishReason, broken_off, count, empty

FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
}


def read(answer: Answer) -> TextPayload:
    """The payload of a whole message.

    Raises:
        ContentPolicyError, EmptyResultError, MalformedResponseError: there is no text to give.
    """
    data = answer.json()
    gathered = Gathered()
    try:
        if data.get("type") == "error":
            raise error_from_stream(data)
        gathered.head(data)
        gathered.end(data)
        for index, block in enumerate(data["content"]):
            gathered.start(index, block)
    except AIError:
        # Some of ours are ValueErrors too.
        raise
    except (*SHAPE_ERRORS, RecursionError) as error:
        raise MalformedResponseError(f"the answer is no message ({error!r}).") from error
    payload = gathered.payload()
    payload.request_id = answer.headers.get("request-id")
    return payload


class Gathered:
    """What is known of a message so far."""

    def __init__(self) -> None:
        self._texts: dict[int, list[str]] = {}
        self._thoughts: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._usage: dict[str, Any] = {}
        self._model: Any = None
        self._id: Any = None
        self._stopped: dict[str, Any] = {}
        self.reason: str | None = None

    @property
    def characters(self) -> int:
        """Length of the text so far."""
        return sum(len(part) for parts in self._texts.values() for part in parts)

    def head(self, message: dict[str, Any]) -> None:
        """Take in id, model and the first count of tokens."""
        self._model, self._id = message.get("model"), message.get("id")
        self._count(message.get("usage"))

    def start(self, index: Any, block: dict[str, Any]) -> str | None:
        """Take in a content block, whole or at its beginning; returns the text it adds."""
        index, kind = int(index), block["type"]
        if kind == "text":
            return self._say(index, block.get("text") or "")
        if kind == "thinking":
            self._thoughts.append(str(block.get("thinking") or ""))
        elif kind == "tool_use":
            given = block.get("input")
            arguments = json.dumps(given) if given else ""
            self._calls[index] = {"id": block.get("id"), "name": str(block.get("name")), "arguments": arguments}
        return None

    def add(self, index: Any, delta: dict[str, Any]) -> str | None:
        """Take in a piece of a block; returns the text it adds."""
        index, kind = int(index), delta["type"]
        if kind == "text_delta":
            return self._say(index, delta["text"])
        if kind == "thinking_delta":
            self._thoughts.append(str(delta["thinking"]))
        elif kind == "input_json_delta":
            self._calls[index]["arguments"] += delta["partial_json"]
        return None

    def end(self, fields: dict[str, Any]) -> None:
        """Take in why the message ended. `usage` counts from the beginning, whenever it comes."""
        if reason := fields.get("stop_reason"):
            self.reason = str(reason)
        details = fields.get("stop_details")
        self._stopped = details if isinstance(details, dict) else self._stopped
        self._count(fields.get("usage"))

    def _say(self, index: int, text: Any) -> str | None:
        if not isinstance(text, str):
            raise TypeError("text is not text")
        if text:
            self._texts.setdefault(index, []).append(text)
        return text or None

    def _count(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self._usage |= {name: value for name, value in usage.items() if value is not None}

    def payload(self) -> TextPayload:
        """The result, or the error that its absence means."""
        usage, quantities = read_usage(self._usage)
        if self.reason == "refusal":
            raise refused(self._stopped)
        text = "".join("".join(self._texts[index]) for index in sorted(self._texts))
        if not text.strip() and not self._calls:
            raise empty(cut=FINISH.get(self.reason or "") == "length", usage=usage)
        metadata: dict[str, Any] = {}
        if isinstance(self._id, str):
            metadata["response_id"] = self._id
        if self._calls:
            metadata["tool_calls"] = [
                {**self._calls[index], "arguments": self._calls[index]["arguments"] or "{}"}
                for index in sorted(self._calls)
            ]
        if thoughts := "".join(self._thoughts):
            metadata["reasoning"] = thoughts
        return TextPayload(
            model=self._model if isinstance(self._model, str) else None,
            text=text,
            usage=usage,
            quantities=quantities,
            finish_reason=FINISH.get(self.reason or "", "other"),
            metadata=metadata,
        )


class Reader:
    """Reads the events of a streamed message."""

    def __init__(self) -> None:
        self._gathered = Gathered()
        self._done = False

    def feed(self, event: StreamEvent) -> str | None:
        """The text that an event adds. Unknown events are passed over: the vendor adds new ones.

        Raises:
            AIError: the event reports an error, or is none.
        """
        if self._done:
            return None
        try:
            return self._take(event.name, json.loads(event.data))
        except AIError:
            # Some of ours are ValueErrors too.
            raise
        except (*SHAPE_ERRORS, RecursionError) as error:
            start = event.data[:80]
            raise MalformedResponseError(f"the stream holds something that is no event: {start!r}.") from error

    def _take(self, name: str, data: dict[str, Any]) -> str | None:
        kind = data.get("type") or name
        gathered = self._gathered
        if kind == "content_block_delta":
            return gathered.add(data["index"], data["delta"])
        if kind == "content_block_start":
            return gathered.start(data["index"], data["content_block"])
        if kind == "message_start":
            gathered.head(data["message"])
        elif kind == "message_delta":
            gathered.end({**data["delta"], "usage": data.get("usage")})
        elif kind == "message_stop":
            self._done = True
        elif kind == "error":
            raise error_from_stream(data)
        return None

    def finish(self) -> TextPayload:
        """The whole answer, after the stream's end.

        Raises:
            MalformedResponseError: the stream broke off: neither a reason to stop nor `message_stop` came.
        """
        if self._gathered.reason is None and not self._done:
            raise broken_off(self._gathered.characters)
        return self._gathered.payload()


def read_usage(usage: Any) -> tuple[Usage, dict[str, float]]:
    """Tokens of a call, and what is billed. The vendor counts cached tokens apart from `input_tokens`; ours are all of the prompt."""
    fresh, made = count(usage, "input_tokens"), count(usage, "output_tokens")
    cached = count(usage, "cache_read_input_tokens")
    written = count(usage, "cache_creation_input_tokens")
    prompt = None if fresh is None else fresh + (cached or 0) + (written or 0)
    counted = Usage(
        prompt_tokens=prompt,
        completion_tokens=made,
        total_tokens=None if prompt is None or made is None else prompt + made,
        cached_tokens=cached,
        reasoning_tokens=count(usage, "output_tokens_details", "thinking_tokens"),
    )
    if fresh is None or made is None:
        return counted, {}
    quantities: dict[str, float] = {"input_token": fresh, "output_token": made}
    # Cached tokens have prices of their own. Where the catalog has none, the price of the call is unknown.
    quantities |= {"cached_input_token": cached} if cached else {}
    quantities |= {"cache_write_token": written} if written else {}
    return counted, quantities


def refused(details: dict[str, Any]) -> ContentPolicyError:
    """The error for a refusal, which comes, and is charged, as a success."""
    words = details.get("explanation")
    category = details.get("category")
    message = words.strip() if isinstance(words, str) and words.strip() else "the model refused to answer."
    if isinstance(category, str) and category:
        message = f"{message.rstrip('.')} (category: {category})."
    return ContentPolicyError(message, billed="yes", hint="Change the prompt; the provider's rules do not allow this.")
