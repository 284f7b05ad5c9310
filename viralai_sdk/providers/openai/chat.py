"""Chat completions as they come back: the whole answer, and the stream of chunks."""

from __future__ import annotations

import json
from typing import Any

from viralai_sdk.interfaces.errors import AIError, ContentPolicyError, EmptyResultError, MalformedResponseError
from viralai_sdk.interfaces.records import Usage
from viralai_sdk.interfaces.steps import Answer, StreamEvent, TextPayload
from viralai_sdk.providers.chat_common import SHAPE_ERRORS, FinishReason, broken_off, count, empty
from viralai_sdk.providers.openai.errors import error_from_stream

FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


def read(answer: Answer) -> TextPayload:
    """The payload of a whole chat completion.

    Raises:
        ContentPolicyError, EmptyResultError, MalformedResponseError: there is no text to give.
    """
    data = answer.json()
    if isinstance(data, dict) and data.get("error"):
        raise error_from_stream(data["error"])
    gathered = Gathered()
    try:
        if not data["choices"]:
            raise EmptyResultError("the answer holds no choice.")
        for choice in data["choices"]:
            gathered.add(choice, choice["message"])
        gathered.model = data.get("model")
        gathered.usage = data.get("usage")
        gathered.response_id = data.get("id")
    except AIError:
        # Some of ours are ValueErrors too.
        raise
    except SHAPE_ERRORS as error:
        raise MalformedResponseError(f"the answer is no chat completion ({error!r}).") from error
    payload = gathered.payload()
    payload.request_id = answer.headers.get("x-request-id")
    return payload


class Gathered:
    """What is known of a completion so far. `add` takes a message or a delta of one: both have the same fields."""

    def __init__(self) -> None:
        self.texts: dict[int, list[str]] = {}
        self.refusal: list[str] = []
        self.thoughts: list[str] = []
        self.calls: dict[int, dict[str, Any]] = {}
        self.finish: str | None = None
        self.model: Any = None
        self.usage: Any = None
        self.response_id: Any = None

    def add(self, choice: dict[str, Any], part: dict[str, Any]) -> str | None:
        """Take in one piece; returns the text it adds to the first choice."""
        index = choice.get("index", 0)
        content = part.get("content")
        if content is not None and not isinstance(content, str):
            raise TypeError("content is not text")
        if content:
            self.texts.setdefault(int(index), []).append(content)
        if index:
            return None
        # Not OpenAI's own: servers of its dialect name it either way, by model and version.
        thought = part.get("reasoning_content") or part.get("reasoning")
        if isinstance(thought, str):
            self.thoughts.append(thought)
        if refusal := part.get("refusal"):
            self.refusal.append(str(refusal))
        for position, call in enumerate(part.get("tool_calls") or ()):
            self._add_call(call.get("index", position), call)
        if reason := choice.get("finish_reason"):
            self.finish = str(reason)
        return content or None

    def _add_call(self, index: Any, piece: dict[str, Any]) -> None:
        call = self.calls.setdefault(int(index), {"id": None, "name": "", "arguments": ""})
        call["id"] = piece.get("id") or call["id"]
        function = piece.get("function") or {}
        call["name"] += function.get("name") or ""
        call["arguments"] += function.get("arguments") or ""

    def payload(self) -> TextPayload:
        """The result, or the error that its absence means."""
        text = "".join(self.texts.get(0, ()))
        usage = read_usage(self.usage)
        if self.refusal or self.finish == "content_filter":
            raise refused("".join(self.refusal))
        if not text.strip() and not self.calls:
            raise empty(cut=self.finish == "length", usage=usage)
        finish = FINISH.get(self.finish or "", "other")
        metadata: dict[str, Any] = {}
        if isinstance(self.response_id, str):
            metadata["response_id"] = self.response_id
        if self.calls:
            metadata["tool_calls"] = [self.calls[index] for index in sorted(self.calls)]
        if thoughts := "".join(self.thoughts):
            metadata["reasoning"] = thoughts
        if others := ["".join(self.texts[index]) for index in sorted(self.texts) if index]:
            # Paid for through `options={"n": …}`, so kept.
            metadata["alternatives"] = others
        return TextPayload(
            model=self.model if isinstance(self.model, str) else None,
            text=text,
            usage=usage,
            finish_reason=finish,
            metadata=metadata,
        )


class Reader:
    """Reads the chunks of a streamed chat completion."""

    def __init__(self) -> None:
        self._gathered = Gathered()
        self._done = False

    def feed(self, event: StreamEvent) -> str | None:
        """The text that a chunk adds.

        Raises:
            AIError: the chunk reports an error, or is none.
        """
        if event.data.startswith("[DONE]"):
            self._done = True
        if self._done:
            return None
        try:
            chunk = json.loads(event.data)
            if chunk.get("error"):
                raise error_from_stream(chunk["error"])
            gathered = self._gathered
            if gathered.model is None:
                gathered.model, gathered.response_id = chunk.get("model"), chunk.get("id")
            gathered.usage = chunk.get("usage") or gathered.usage
            added = [gathered.add(choice, choice.get("delta") or {}) for choice in chunk.get("choices") or ()]
            return "".join(text for text in added if text) or None
        except AIError:
            # Some of ours are ValueErrors too.
            raise
        except (*SHAPE_ERRORS, RecursionError) as error:
            raise MalformedResponseError(
                f"the stream holds something that is no chunk: {event.data[:80]!r}."
            ) from error

    def finish(self) -> TextPayload:
        """The whole answer, after the stream's end.

        Raises:
            MalformedResponseError: the stream broke off: neither a reason to finish nor `[DONE]` came.
        """
        if self._gathered.finish is None and not self._done:
            raise broken_off(sum(len(part) for part in self._gathered.texts.get(0, ())))
        return self._gathered.payload()


def read_usage(usage: Any) -> Usage:
    """Tokens of a call. A count that is missing or no count stays None: a paid text is not thrown away for it."""
    prompt, completion = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=count(usage, "total_tokens"),
        cached_tokens=count(usage, "prompt_tokens_details", "cached_tokens"),
        reasoning_tokens=count(usage, "completion_tokens_details", "reasoning_tokens"),
    )


def refused(words: str) -> ContentPolicyError:
    """The error for a refusal inside an answer that came, and was charged, as a success."""
    return ContentPolicyError(
        words.strip() or "the provider's content filter stopped the answer.",
        billed="yes",
        hint="Change the prompt; the provider's rules do not allow this.",
    )
