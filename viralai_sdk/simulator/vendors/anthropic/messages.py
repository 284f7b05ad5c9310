"""POST /v1/messages."""

from __future__ import annotations

import base64
import binascii
import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.answers import echo, pieces, tokens, value_for
from viralai_sdk.simulator.desk import words_of
from viralai_sdk.simulator.vendors.anthropic.desk import AnthropicDesk, error_body

FIELDS = words_of("anthropic", "messages")
PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
EFFORTS = ("low", "medium", "high", "xhigh", "max")
ENFORCED = words_of("anthropic", "schema")
"""Schema words that are understood; any other is refused."""


async def create(desk: AnthropicDesk, request: Request) -> Response:
    """Answer a conversation, whole or as a stream."""
    body = await desk.json_body(request, FIELDS, ("model", "messages", "max_tokens"))
    desk.check_model(body["model"])
    desk.check_number(body, "max_tokens", 1, 128_000, whole=True)
    prompt = read_turns(desk, body)
    schema = read_schema(desk, body.get("output_config"))
    blocked = desk.fault(request, "blocked") is not None
    text = "" if blocked or desk.fault(request, "empty") else answer(desk, prompt, schema)
    message = Message(desk, body, prompt, text, refused=blocked)
    if not body.get("stream"):
        return JSONResponse(message.whole())
    broken = line("error", error_body(529, "Overloaded"))
    events = (line(data["type"], data) for data in message.events())
    return desk.stream(request, events, broken, media_type="text/event-stream")


def line(name: str, data: Mapping[str, Any]) -> str:
    """A named event."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def answer(desk: AnthropicDesk, prompt: str, schema: dict[str, Any] | None) -> str:
    """The answer's text; a value when a schema was given."""
    if schema is None:
        return echo(prompt)
    chance = random.Random(f"{desk.state.config.seed}:{prompt}")  # noqa: S311
    return json.dumps(value_for(schema, prompt, chance))


def read_turns(desk: AnthropicDesk, body: dict[str, Any]) -> str:
    """The text of the last user turn, after all were checked."""
    turns = body["messages"]
    if not isinstance(turns, list):
        raise desk.refuse(400, "messages: a list is expected")
    if not isinstance(body.get("system", ""), (str, list)):
        raise desk.refuse(400, "system: text or a list of text blocks is expected")
    prompt = ""
    for number, turn in enumerate(turns):
        if not isinstance(turn, dict) or turn.get("role") not in ("user", "assistant", "system"):
            raise desk.refuse(400, f"messages.{number}.role: user, assistant or system is expected")
        text = _content(desk, turn.get("content"), f"messages.{number}.content")
        prompt = text if turn["role"] == "user" else prompt
    if turns[0]["role"] != "user" or turns[-1]["role"] != "user":
        raise desk.refuse(400, "messages: the conversation must begin and end with a user turn")
    return prompt


def _content(desk: AnthropicDesk, content: Any, place: str) -> str:
    if isinstance(content, str) and content.strip():
        return content
    if not isinstance(content, list) or not content:
        raise desk.refuse(400, f"{place}: text content blocks must be non-empty")
    texts = []
    for block in content:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "text" and isinstance(block.get("text"), str):
            texts.append(block["text"])
        elif kind == "image" and isinstance(block.get("source"), dict):
            _picture(desk, block["source"], place)
        elif kind not in ("document", "tool_use", "tool_result", "thinking"):
            raise desk.refuse(400, f"{place}: input tag {kind!r} does not match any of the expected tags")
    return "\n".join(texts)


def _picture(desk: AnthropicDesk, source: dict[str, Any], place: str) -> None:
    if source.get("type") in ("url", "file"):
        return
    if source.get("type") != "base64" or source.get("media_type") not in PICTURES:
        raise desk.refuse(400, f"{place}.source: a base64 JPEG, PNG, GIF or WebP is expected")
    try:
        base64.b64decode(source.get("data", ""), validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise desk.refuse(400, f"{place}.source.data: invalid base64 data") from error


def read_schema(desk: AnthropicDesk, config: Any) -> dict[str, Any] | None:
    """The schema of a structured answer, after it was checked."""
    if config is None:
        return None
    if not isinstance(config, dict) or config.keys() - {"effort", "format"}:
        raise desk.refuse(400, "output_config: effort and format are expected")
    if config.get("effort") not in (None, *EFFORTS):
        raise desk.refuse(400, f"output_config.effort: one of {', '.join(EFFORTS)} is expected")
    form = config.get("format")
    if form is None:
        return None
    if not isinstance(form, dict) or form.keys() != {"type", "schema"} or form["type"] != "json_schema":
        raise desk.refuse(400, "output_config.format: {type: json_schema, schema} is expected")
    _check_schema(desk, form["schema"])
    schema: dict[str, Any] = form["schema"]
    return schema


def _check_schema(desk: AnthropicDesk, node: Any) -> None:
    place = "output_config.format.schema"
    if not isinstance(node, dict):
        raise desk.refuse(400, f"{place}: every part must be an object")
    if unknown := sorted(node.keys() - ENFORCED):
        raise desk.refuse(400, f"{place}: '{unknown[0]}' is not supported")
    if node.get("type") == "object" and node.get("additionalProperties") is not False:
        raise desk.refuse(400, f"{place}: for 'object' type, 'additionalProperties' must be explicitly set to false")
    parts = [*node.get("properties", {}).values(), *node.get("$defs", {}).values()]
    parts += [*node.get("anyOf", ()), *node.get("allOf", ()), *([node["items"]] if "items" in node else ())]
    for part in parts:
        _check_schema(desk, part)


class Message:
    """One answer in both shapes."""

    def __init__(self, desk: AnthropicDesk, body: dict[str, Any], prompt: str, text: str, *, refused: bool) -> None:
        self._stop: str | None = None
        self._reason = "refusal" if refused else "end_turn"
        for word in body.get("stop_sequences") or ():
            if word in text:
                text, self._stop, self._reason = text.partition(word)[0], word, "stop_sequence"
        self._parts = list(pieces(text, body["max_tokens"]))
        if len("".join(self._parts)) < len(text):
            self._stop, self._reason = None, "max_tokens"
        self._details = (
            {"type": "refusal", "category": "general_harms", "explanation": "The simulator was told to refuse."}
            if refused
            else None
        )
        self._head = {"id": desk.state.new_id("msg_"), "type": "message", "role": "assistant", "model": body["model"]}
        self._usage = {
            "input_tokens": tokens(prompt),
            "output_tokens": tokens(text),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "service_tier": "standard",
        }

    def whole(self) -> dict[str, Any]:
        """The answer at once."""
        blocks = [{"type": "text", "text": "".join(self._parts)}] if self._parts else []
        return {**self._head, "content": blocks, **self._end(), "usage": self._usage}

    def _end(self) -> dict[str, Any]:
        return {"stop_reason": self._reason, "stop_sequence": self._stop, "stop_details": self._details}

    def events(self) -> Iterator[dict[str, Any]]:
        """The answer piece by piece."""
        nothing: dict[str, Any] = {"stop_reason": None, "stop_sequence": None, "stop_details": None}
        start = {**self._head, "content": [], **nothing, "usage": {**self._usage, "output_tokens": 1}}
        yield {"type": "message_start", "message": start}
        yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        yield {"type": "ping"}
        for part in self._parts:
            yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": part}}
        yield {"type": "content_block_stop", "index": 0}
        yield {
            "type": "message_delta",
            "delta": self._end(),
            "usage": {"output_tokens": self._usage["output_tokens"]},
        }
        yield {"type": "message_stop"}
