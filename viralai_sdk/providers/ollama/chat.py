"""Chat answers as they come back: the whole, and the stream of lines."""

from __future__ import annotations

import json
from typing import Any

from viralai_sdk.interfaces.errors import AIError, MalformedResponseError
from viralai_sdk.interfaces.records import Usage
from viralai_sdk.interfaces.steps import Answer, StreamEvent, TextPayload
from viralai_sdk.providers.chat_common import SHAPE_ERRORS, FinishReason, broken_off, count, empty
from viralai_sdk.providers.ollama.errors import error_from_stream

FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length"}
NANOSECONDS = 1e9


def read(answer: Answer) -> TextPayload:
    """The payload of a whole chat answer.

    Raises:
        EmptyResultError, MalformedResponseError: there is no text to give.
    """
    data = answer.json()
    gathered = Gathered()
    try:
        gathered.add(data)
    except AIError:
        # Some of ours are ValueErrors too.
        raise
    except (*SHAPE_ERRORS, RecursionError) as error:
        raise MalformedResponseError(f"the answer is no chat message ({error!r}).") from error
    return gathered.payload()


class Gathered:
    """What is known of an answer so far."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._calls: list[dict[str, Any]] = []
        self._last: dict[str, Any] | None = None

    @property
    def done(self) -> bool:
        """Whether the closing line came."""
        return self._last is not None

    def add(self, part: dict[str, Any]) -> str | None:
        """Take in a line; returns the text it adds.

        Raises:
            AIError: the line reports an error.
        """
        if part.get("error"):
            raise error_from_stream(part["error"])
        if part.get("done") is True:
            self._last = part
        elif "message" not in part:
            raise KeyError("message")
        message = part.get("message") or {}
        if thought := message.get("thinking"):
            self._thoughts.append(str(thought))
        for call in message.get("tool_calls") or ():
            function = call["function"]
            arguments = json.dumps(function.get("arguments") or {})
            self._calls.append({"id": call.get("id"), "name": str(function["name"]), "arguments": arguments})
        text = message.get("content")
        if text is not None and not isinstance(text, str):
            raise TypeError("content is not text")
        if text:
            self._texts.append(text)
        return text or None

    def payload(self) -> TextPayload:
        """The result, or the error that its absence means.

        Raises:
            MalformedResponseError: the closing line is missing: the answer broke off.
        """
        text, last = "".join(self._texts), self._last
        if last is None:
            raise broken_off(len(text))
        prompt, made = count(last, "prompt_eval_count"), count(last, "eval_count")
        total = None if prompt is None or made is None else prompt + made
        usage = Usage(prompt_tokens=prompt, completion_tokens=made, total_tokens=total)
        reason = last.get("done_reason")
        if not text.strip() and not self._calls:
            raise empty(cut=reason == "length", usage=usage)
        finish: FinishReason = "tool_calls" if self._calls else FINISH.get(str(reason), "other")
        model = last.get("model")
        return TextPayload(
            model=model if isinstance(model, str) else None,
            text=text,
            usage=usage,
            finish_reason=finish,
            metadata=self._metadata(last, made),
        )

    def _metadata(self, last: dict[str, Any], made: int | None) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        if self._calls:
            facts["tool_calls"] = self._calls
        if thoughts := "".join(self._thoughts):
            facts["reasoning"] = thoughts
        if isinstance(last.get("remote_host"), str) and last["remote_host"]:
            facts["remote_host"] = last["remote_host"]
        load, spent = count(last, "load_duration"), count(last, "eval_duration")
        if load is not None:
            facts["load_seconds"] = load / NANOSECONDS
        if made and spent:
            facts["tokens_per_second"] = made / spent * NANOSECONDS
        return facts


class Reader:
    """Reads the lines of a streamed answer."""

    def __init__(self) -> None:
        self._gathered = Gathered()

    def feed(self, event: StreamEvent) -> str | None:
        """The text that a line adds.

        Raises:
            AIError: the line reports an error, or is none.
        """
        if self._gathered.done or not event.data.strip():
            return None
        try:
            return self._gathered.add(json.loads(event.data))
        except AIError:
            # Some of ours are ValueErrors too.
            raise
        except (*SHAPE_ERRORS, RecursionError) as error:
            start = event.data[:80]
            raise MalformedResponseError(f"the stream holds something that is no answer: {start!r}.") from error

    def finish(self) -> TextPayload:
        """The whole answer, after the stream's end. Raises as `Gathered.payload`."""
        return self._gathered.payload()
