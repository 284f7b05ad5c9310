"""POST /v2/chat."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.answers import echo, pieces, tokens, value_for
from viralai_sdk.simulator.desk import VendorDesk, words_of

FIELDS = words_of("cohere", "chat")
OWN_WORDS = 60
"""Tokens that the vendor adds to a prompt and does not bill."""
PICTURE = re.compile(r"https?://|data:image/(png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+=*$")
ROLES = ("user", "assistant", "system", "tool")


async def complete(desk: VendorDesk, request: Request) -> Response:
    """Answer a conversation, whole or as a stream."""
    body = await desk.json_body(request, FIELDS, ("model", "messages"))
    check_settings(desk, body)
    prompt = read_turns(desk, body["messages"])
    if desk.fault(request, "blocked"):
        raise desk.refuse(400, "the prompt was refused by the safety system")
    form = read_form(desk, body)
    text = "" if desk.fault(request, "empty") else answer(desk, prompt, form)
    message = Message(desk, body, prompt, text)
    if not body.get("stream"):
        return JSONResponse(message.whole())
    broken = line(
        {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "The simulator was told to fail."}}
    )
    return desk.stream(request, map(line, message.events()), broken, media_type="text/event-stream")


def line(data: Mapping[str, Any]) -> str:
    """A typed event."""
    return f"event: {data['type']}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def check_settings(desk: VendorDesk, body: dict[str, Any]) -> None:
    """The plain settings."""
    desk.check_model(body["model"])
    desk.check_number(body, "max_tokens", 1, 2**31, whole=True)
    desk.check_number(body, "temperature", 0, 2)
    desk.check_number(body, "p", 0.01, 0.99)
    desk.check_number(body, "k", 0, 500, whole=True)
    desk.check_number(body, "seed", 0, 2**64 - 1, whole=True)
    stops = body.get("stop_sequences") or []
    if not isinstance(stops, list) or len(stops) > 5 or not all(isinstance(stop, str) for stop in stops):
        raise desk.refuse(400, "stop_sequences: at most 5 strings are expected")


def read_turns(desk: VendorDesk, turns: Any) -> str:
    """The text of the last turn, after all were checked."""
    if not isinstance(turns, list):
        raise desk.refuse(400, "messages: a list is expected")
    for number, turn in enumerate(turns):
        if not isinstance(turn, dict) or turn.get("role") not in ROLES:
            raise desk.refuse(400, f"messages[{number}]: unknown role")
        if not isinstance(turn.get("content"), str):
            _check_parts(desk, turn.get("content"), number)
    content = turns[-1]["content"]
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def _check_parts(desk: VendorDesk, parts: Any, number: int) -> None:
    known = isinstance(parts, list) and parts and all(isinstance(part, dict) and _is_part(part) for part in parts)
    if not known:
        raise desk.refuse(400, f"messages[{number}]: invalid content")


def _is_part(part: dict[str, Any]) -> bool:
    if part.get("type") == "text":
        return isinstance(part.get("text"), str)
    return part.get("type") == "image_url" and bool(PICTURE.match(str((part.get("image_url") or {}).get("url"))))


def read_form(desk: VendorDesk, body: dict[str, Any]) -> dict[str, Any]:
    """How the answer is to be formed, after it was checked."""
    form = body.get("response_format") or {"type": "text"}
    if not isinstance(form, dict) or form.get("type") not in ("text", "json_object"):
        raise desk.refuse(400, "response_format: type must be text or json_object")
    if form.keys() - {"type", "json_schema"} or (form["type"] == "text" and "json_schema" in form):
        raise desk.refuse(400, "response_format: json_schema goes with json_object only")
    if not isinstance(form.get("json_schema", {}), dict):
        raise desk.refuse(400, "response_format: json_schema must be an object")
    return form


def answer(desk: VendorDesk, prompt: str, form: dict[str, Any]) -> str:
    """The answer's text, in the form that was asked for."""
    if form.get("json_schema"):
        chance = random.Random(f"{desk.state.config.seed}:{prompt}")  # noqa: S311
        return json.dumps(value_for(form["json_schema"], prompt, chance))
    return json.dumps({"answer": echo(prompt)}) if form["type"] == "json_object" else echo(prompt)


class Message:
    """One answer in both shapes."""

    def __init__(self, desk: VendorDesk, body: dict[str, Any], prompt: str, text: str) -> None:
        reason = "COMPLETE"
        for word in body.get("stop_sequences") or ():
            if word in text:
                text, reason = text.partition(word)[0], "STOP_SEQUENCE"
        self._parts = list(pieces(text, body.get("max_tokens")))
        if len("".join(self._parts)) < len(text):
            reason = "MAX_TOKENS"
        self._id = desk.state.new_id("chat-")
        billed = {"input_tokens": float(tokens(prompt)), "output_tokens": float(tokens(text))}
        used = {**billed, "input_tokens": billed["input_tokens"] + OWN_WORDS}
        self._end = {"finish_reason": reason, "usage": {"billed_units": billed, "tokens": used, "cached_tokens": 0.0}}

    def whole(self) -> dict[str, Any]:
        """The answer at once."""
        content = [{"type": "text", "text": "".join(self._parts)}]
        return {"id": self._id, "message": {"role": "assistant", "content": content}, **self._end}

    def events(self) -> Iterator[dict[str, Any]]:
        """The answer piece by piece."""
        nothing: dict[str, Any] = {
            "role": "assistant",
            "content": [],
            "tool_plan": "",
            "tool_calls": [],
            "citations": [],
        }
        yield {"type": "message-start", "id": self._id, "delta": {"message": nothing}}
        start = {"message": {"content": {"type": "text", "text": ""}}}
        yield {"type": "content-start", "index": 0, "delta": start}
        for part in self._parts:
            yield {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": part}}}}
        yield {"type": "content-end", "index": 0}
        yield {"type": "message-end", "delta": self._end}
