"""What generateContent answers: whole, and as a stream of fragments of the same shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from viralai_sdk.interfaces.errors import AIError, ContentPolicyError, EmptyResultError, MalformedResponseError
from viralai_sdk.interfaces.records import Usage
from viralai_sdk.interfaces.steps import Answer, StreamEvent, TextPayload
from viralai_sdk.providers.google_common.errors import POLICY_HINT, error_from_object, error_object
from viralai_sdk.providers.google_common.reading import SHAPE_ERRORS, count, word

REFUSALS = frozenset(
    {
        "BLOCKLIST",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "IMAGE_SAFETY",
        "MODEL_ARMOR",
        "PROHIBITED_CONTENT",
        "RECITATION",
        "SAFETY",
        "SPII",
    }
)
"""Reasons to finish that mean: the provider's rules do not allow this."""
FinishReason = Literal["stop", "length", "tool_calls", "other"]
FINISH: dict[str, FinishReason] = {"STOP": "stop", "MAX_TOKENS": "length"}


@dataclass(slots=True)
class Gathered:
    """What is known of an answer so far. Fragments of a stream are added one after the other."""

    texts: dict[int, list[str]] = field(default_factory=dict)
    """Visible text of each candidate; what the model only thought is not in it."""
    files: list[Mapping[str, Any]] = field(default_factory=list)
    """`inlineData` of the first candidate, undecoded."""
    calls: list[Mapping[str, Any]] = field(default_factory=list)
    finish: str | None = None
    finish_message: str | None = None
    block: str | None = None
    block_message: str | None = None
    model: str | None = None
    response_id: str | None = None
    usage: Any = None

    def add(self, data: Any) -> str | None:
        """Take in an answer or a fragment of one; returns the text it adds to the first candidate.

        Raises:
            AIError: it reports an error, or has a wrong shape.
        """
        try:
            if not isinstance(data, dict):
                raise TypeError("no object")
            if data.get("error"):
                raise error_from_object(error_object(data))
            added = [self._candidate(candidate) for candidate in data.get("candidates") or ()]
            feedback = data.get("promptFeedback") or {}
            self.block = word(feedback.get("blockReason")) or self.block
            self.block_message = word(feedback.get("blockReasonMessage")) or self.block_message
            self.model = word(data.get("modelVersion")) or self.model
            self.response_id = word(data.get("responseId")) or self.response_id
            self.usage = data.get("usageMetadata") or self.usage
        except AIError:
            # Some of ours are ValueErrors too.
            raise
        except SHAPE_ERRORS as error:
            raise MalformedResponseError(f"the answer is no generated content ({error!r}).") from error
        return "".join(text for text in added if text) or None

    def _candidate(self, candidate: dict[str, Any]) -> str:
        index = int(candidate.get("index") or 0)
        parts = [part for part in (candidate.get("content") or {}).get("parts") or () if not part.get("thought")]
        written = [part["text"] for part in parts if part.get("text") is not None]
        text = "".join(written)
        self.texts.setdefault(index, []).append(text)
        if index:
            return ""
        self.files += [_mapping(part["inlineData"]) for part in parts if part.get("inlineData")]
        self.calls += [_mapping(part["functionCall"]) for part in parts if part.get("functionCall")]
        self.finish = word(candidate.get("finishReason")) or self.finish
        self.finish_message = word(candidate.get("finishMessage")) or self.finish_message
        return text

    @property
    def text(self) -> str:
        """Text of the first candidate."""
        return "".join(self.texts.get(0, ()))

    def check_refusal(self) -> None:
        """Raises:
        ContentPolicyError: the prompt or the answer was blocked.
        """
        if self.block:
            reason = self.block_message or f"the prompt was blocked ({self.block})."
            raise ContentPolicyError(reason, billed="maybe", hint=POLICY_HINT)
        if self.finish in REFUSALS:
            reason = self.finish_message or f"the answer was blocked ({self.finish})."
            raise ContentPolicyError(reason, billed="yes", hint=POLICY_HINT)

    def text_payload(self) -> TextPayload:
        """The text, or the error that its absence means."""
        self.check_refusal()
        usage = read_usage(self.usage)
        text = self.text
        if not text.strip() and not self.calls:
            raise self.empty("text", usage)
        metadata: dict[str, Any] = {"response_id": self.response_id} if self.response_id else {}
        if self.calls:
            metadata["tool_calls"] = self.calls
        if others := ["".join(self.texts[index]) for index in sorted(self.texts) if index]:
            # Paid for through `options={"generationConfig": {"candidateCount": …}}`, so kept.
            metadata["alternatives"] = others
        finish: FinishReason = "tool_calls" if self.calls else FINISH.get(self.finish or "", "other")
        return TextPayload(model=self.model, text=text, usage=usage, finish_reason=finish, metadata=metadata)

    def empty(self, what: str, usage: Usage) -> EmptyResultError:
        """The error for an answer without what was asked for."""
        spent = f" after {usage.completion_tokens} tokens" if usage.completion_tokens else ""
        reason = f" ({self.finish_message or self.finish})" if self.finish not in (None, "STOP") else ""
        if self.finish == "MAX_TOKENS":
            hint = "Raise max_tokens: the model spent them before it said anything."
            return EmptyResultError(f"the answer ended{spent} without {what}.", billed="yes", hint=hint)
        said = f" The model wrote instead: {self.text.strip()[:200]!r}." if self.text.strip() else ""
        return EmptyResultError(f"the answer ended{spent} without {what}{reason}.{said}")

    def token_quantities(self, made: str) -> dict[str, float]:
        """Billed tokens: what went in, what came out as `made` ("image" or "audio"), and what came out as text or thoughts."""
        asked, answered = count(self.usage, "promptTokenCount"), count(self.usage, "candidatesTokenCount")
        if asked is None or answered is None:
            return {}
        details = self.usage.get("candidatesTokensDetails")
        rows = [row for row in details if isinstance(row, dict)] if isinstance(details, list) else []
        produced = sum(count(row, "tokenCount") or 0 for row in rows if row.get("modality") == made.upper())
        produced = min(produced, answered) if rows else answered
        written = answered - produced + (count(self.usage, "thoughtsTokenCount") or 0)
        amounts: dict[str, float] = {"input_token": asked, f"output_{made}_token": produced}
        return amounts | ({"output_token": written} if written else {})


def read(answer: Answer) -> Gathered:
    """A whole answer.

    Raises:
        AIError: it reports an error, or cannot be read.
    """
    gathered = Gathered()
    gathered.add(answer.json())
    return gathered


class Reader:
    """Reads the fragments of a streamed answer."""

    def __init__(self) -> None:
        self._gathered = Gathered()

    def feed(self, event: StreamEvent) -> str | None:
        """The text that a fragment adds.

        Raises:
            AIError: the fragment reports an error, or is none.
        """
        try:
            fragment = json.loads(event.data)
        except (ValueError, RecursionError) as error:
            raise MalformedResponseError(f"the stream holds something that is no JSON: {event.data[:80]!r}.") from error
        return self._gathered.add(fragment)

    def finish(self) -> TextPayload:
        """The whole answer, after the stream's end. There is no closing mark: the last fragment says why the answer ended.

        Raises:
            MalformedResponseError: the stream broke off.
        """
        gathered = self._gathered
        if gathered.finish is None and gathered.block is None:
            raise MalformedResponseError(
                f"the stream broke off after {len(gathered.text)} characters, without a reason to finish."
            )
        return gathered.text_payload()


def read_usage(usage: Any) -> Usage:
    """Tokens of a call. What the model thought is billed as output and counted with it."""
    written, thought = count(usage, "candidatesTokenCount"), count(usage, "thoughtsTokenCount")
    return Usage(
        prompt_tokens=count(usage, "promptTokenCount"),
        completion_tokens=None if written is None and thought is None else (written or 0) + (thought or 0),
        total_tokens=count(usage, "totalTokenCount"),
        cached_tokens=count(usage, "cachedContentTokenCount"),
        reasoning_tokens=thought,
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("no object")
    return value
