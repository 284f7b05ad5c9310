"""POST /chat/completions."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.answers import echo, pieces, tokens, value_for
from viralai_sdk.simulator.vendors.openai.desk import Desk, fields

FIELDS = fields("chat")
ROLES = ("developer", "system", "user", "assistant", "tool")
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


async def complete(desk: Desk, request: Request) -> Response:
    """Answer a conversation, whole or as a stream."""
    body = await desk.json_body(request, FIELDS, ("model", "messages"))
    desk.check_model(body["model"], "text", flag="responses_only")
    check_settings(desk, body)
    prompt = read_messages(desk, body["messages"])
    desk.check_block(request, "content_policy_violation")
    form = body.get("response_format") or {"type": "text"}
    desk.check_choice(form, "type", ("text", "json_object", "json_schema"))
    wanted = form.get("json_schema") if form["type"] == "json_schema" else None
    if wanted is not None:
        check_schema(desk, wanted, "response_format")
    if form["type"] == "json_object" and "json" not in json.dumps(body["messages"]).lower():
        raise desk.refuse(400, "'messages' must contain the word 'json' in some form.", param="messages")
    text = "" if desk.fault(request, "empty") else answer(desk, prompt, form["type"], wanted)
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    completion = Completion(desk, body, prompt, *cut(text, limit, body.get("stop")))
    if body.get("stream"):
        return desk.events(request, ((None, chunk) for chunk in completion.chunks()), done=True)
    return JSONResponse(completion.whole())


def check_settings(desk: Desk, body: dict[str, Any]) -> None:
    """The plain settings."""
    desk.check_number(body, "temperature", 0, 2)
    desk.check_number(body, "top_p", 0, 1)
    desk.check_number(body, "n", 1, 128, whole=True)
    desk.check_number(body, "seed", -(2**63), 2**63 - 1, whole=True)
    for name in ("max_completion_tokens", "max_tokens"):
        desk.check_number(body, name, 1, 2**31, whole=True)
    desk.check_choice(body, "reasoning_effort", EFFORTS)
    stops = body.get("stop")
    if isinstance(stops, list) and not (len(stops) <= 4 and all(isinstance(stop, str) for stop in stops)):
        raise desk.refuse(400, "Invalid 'stop': at most 4 strings.", param="stop")
    if body.get("stream_options") is not None and not body.get("stream"):
        raise desk.refuse(
            400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )


def read_messages(desk: Desk, messages: Any) -> str:
    """The text of the last turn, after all were checked."""
    if not isinstance(messages, list):
        raise desk.refuse(400, "Invalid type for 'messages': expected an array.", code="invalid_type", param="messages")
    for number, message in enumerate(messages):
        place = f"messages[{number}]"
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise desk.refuse(400, f"Invalid value for '{place}.role'.", code="invalid_value", param=f"{place}.role")
        content = message.get("content")
        if not isinstance(content, str):
            _check_parts(desk, content, message["role"], place)
    content = messages[-1]["content"]
    return (
        content if isinstance(content, str) else "\n".join(part["text"] for part in content if part["type"] == "text")
    )


def _check_parts(desk: Desk, parts: Any, role: str, place: str) -> None:
    if not isinstance(parts, list) or not parts:
        raise desk.refuse(400, f"Invalid type for '{place}.content'.", code="invalid_type", param=f"{place}.content")
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            continue
        if kind == "image_url" and role == "user":
            check_picture(desk, (part.get("image_url") or {}).get("url"))
        elif kind not in ("input_audio", "file") or role != "user":
            raise desk.refuse(
                400, f"Invalid content part in '{place}'.", code="invalid_value", param=f"{place}.content"
            )


def check_picture(desk: Desk, url: Any) -> None:
    """Refuse what is neither a web address nor a data URI of a picture."""
    if not isinstance(url, str) or not re.match(
        r"https?://|data:image/(png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+=*$", url
    ):
        raise desk.refuse(400, "Invalid image: expected a URL or a base64-encoded data URI.", code="invalid_image_url")


def check_schema(desk: Desk, wanted: dict[str, Any], param: str) -> None:
    """Refuse a schema that strict mode does not allow, as the vendor does."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", str(wanted.get("name", ""))):
        raise desk.refuse(
            400, f"Invalid '{param}.name': letters, digits, _ and - only, at most 64.", param=f"{param}.name"
        )
    schema = wanted.get("schema")
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise _bad_schema(desk, param, "schema must be of 'type: \"object\"'")
    if wanted.get("strict"):
        for node in _objects(schema):
            if node.get("additionalProperties") is not False:
                raise _bad_schema(desk, param, "'additionalProperties' is required to be supplied and to be false")
            if set(node.get("required", ())) != set(node.get("properties", {})):
                raise _bad_schema(desk, param, "'required' must list every key in properties")


def _bad_schema(desk: Desk, param: str, what: str) -> Exception:
    return desk.refuse(400, f"Invalid schema for {param}: {what}.", code="invalid_json_schema", param=param)


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        for value in node.values():
            yield from _objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from _objects(value)


def answer(desk: Desk, prompt: str, form: str, wanted: dict[str, Any] | None) -> str:
    """The answer's text, in the form that was asked for."""
    if wanted is not None:
        chance = random.Random(f"{desk.state.config.seed}:{prompt}")  # noqa: S311
        return json.dumps(value_for(wanted["schema"], prompt, chance))
    return json.dumps({"answer": echo(prompt)}) if form == "json_object" else echo(prompt)


def cut(text: str, limit: int | None, stop: Any) -> tuple[list[str], str]:
    """The answer's pieces and why it ended."""
    for word in [stop] if isinstance(stop, str) else stop or ():
        text = text.partition(word)[0]
    kept = list(pieces(text, limit))
    return kept, "stop" if len("".join(kept)) == len(text) else "length"


class Completion:
    """One answer in both shapes."""

    def __init__(self, desk: Desk, body: dict[str, Any], prompt: str, parts: list[str], finish: str) -> None:
        self._parts = parts
        self._finish = finish
        self._choices = int(body.get("n") or 1)
        self._with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        self._head = {"id": desk.state.new_id("chatcmpl-"), "created": desk.now(), "model": body["model"]}
        spent, asked = tokens("".join(parts)), tokens(prompt)
        self._usage = {
            "prompt_tokens": asked,
            "completion_tokens": spent * self._choices,
            "total_tokens": asked + spent * self._choices,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }

    def whole(self) -> dict[str, Any]:
        """The answer at once."""
        message: dict[str, Any] = {
            "role": "assistant",
            "content": "".join(self._parts),
            "refusal": None,
            "annotations": [],
        }
        choices = [
            {"index": index, "message": message, "logprobs": None, "finish_reason": self._finish}
            for index in range(self._choices)
        ]
        return {
            **self._head,
            "object": "chat.completion",
            "choices": choices,
            "usage": self._usage,
            "service_tier": "default",
        }

    def chunks(self) -> Iterator[dict[str, Any]]:
        """The answer piece by piece; usage comes last, with no choice, and only when asked for."""
        for index in range(self._choices):
            yield self._chunk(index, {"role": "assistant", "content": "", "refusal": None})
            for part in self._parts:
                yield self._chunk(index, {"content": part})
            yield self._chunk(index, {}, self._finish)
        if self._with_usage:
            yield {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": self._usage}

    def _chunk(self, index: int, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        chunk = {**self._head, "object": "chat.completion.chunk", "choices": [choice]}
        return {**chunk, "usage": None} if self._with_usage else chunk
