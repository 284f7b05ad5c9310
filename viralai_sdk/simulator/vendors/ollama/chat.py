"""POST /api/chat: one JSON object, or one for every piece and a last one with the counts."""

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
from viralai_sdk.simulator.vendors.ollama.desk import OllamaDesk

FIELDS = words_of("ollama", "chat")
ROLES = ("user", "assistant", "system", "tool")
SECOND = 1_000_000_000


async def complete(desk: OllamaDesk, request: Request) -> Response:
    """Answer a conversation, as a stream unless that is declined."""
    body = await desk.json_body(request, FIELDS, ("model",))
    desk.check_model(body["model"])
    prompt = read_turns(desk, body)
    form = read_form(desk, body.get("format"))
    text = "" if desk.fault(request, "empty") else answer(desk, prompt, form)
    if desk.fault(request, "blocked"):
        # The server has no filter of its own: what refuses is the model, in words.
        text = "I can't help with that."
    reply = Reply(desk, body, prompt, text)
    if body.get("stream") is False:
        return JSONResponse(reply.whole())
    broken = line({"error": "an error was encountered while running the model"})
    return desk.stream(request, map(line, reply.parts()), broken, media_type="application/x-ndjson")


def line(data: Mapping[str, Any]) -> str:
    """A line of the stream."""
    return json.dumps(data, ensure_ascii=False) + "\n"


def read_turns(desk: OllamaDesk, body: dict[str, Any]) -> str:
    """The text of the last turn, after all were checked."""
    turns = body.get("messages") or []
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise desk.refuse(400, "json: cannot unmarshal messages")
    for turn in turns:
        if turn.get("role") not in ROLES or not isinstance(turn.get("content", ""), str):
            raise desk.refuse(400, "invalid message: role and content are expected")
        for image in turn.get("images") or ():
            _picture(desk, body["model"], image)
    if not isinstance(body.get("options") or {}, dict):
        raise desk.refuse(400, "json: cannot unmarshal options")
    return str(turns[-1].get("content", "")) if turns else ""


def _picture(desk: OllamaDesk, model: str, image: Any) -> None:
    try:
        base64.b64decode(image, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise desk.refuse(400, "illegal base64 data") from error
    if model not in desk.vision:
        raise desk.refuse(400, f'"{model}" does not support image input')


def read_form(desk: OllamaDesk, form: Any) -> dict[str, Any] | str | None:
    """The answer's form: "json", a schema, or free."""
    if form in (None, "", "json") or isinstance(form, dict):
        return form or None
    raise desk.refuse(400, f'invalid format: {json.dumps(form)}; expected "json" or a valid JSON Schema object')


def answer(desk: OllamaDesk, prompt: str, form: dict[str, Any] | str | None) -> str:
    """The answer's text, in the form that was asked for."""
    if isinstance(form, dict):
        chance = random.Random(f"{desk.state.config.seed}:{prompt}")  # noqa: S311
        return json.dumps(value_for(form, prompt, chance))
    return json.dumps({"answer": echo(prompt)}) if form == "json" else echo(prompt)


class Reply:
    """One answer in both shapes."""

    def __init__(self, desk: OllamaDesk, body: dict[str, Any], prompt: str, text: str) -> None:
        options = body.get("options") or {}
        for word in options.get("stop") or ():
            text = text.partition(word)[0]
        self._parts = list(pieces(text, options.get("num_predict")))
        cut = len("".join(self._parts)) < len(text)
        self._head: dict[str, Any] = {"model": body["model"], "created_at": desk.now().isoformat()}
        if body["model"].endswith("-cloud"):
            self._head |= {"remote_model": body["model"], "remote_host": "https://ollama.com:443"}
        self._end = {
            "done": True,
            "done_reason": "length" if cut else "stop",
            "total_duration": 3 * SECOND,
            "load_duration": SECOND,
            "prompt_eval_count": tokens(prompt),
            "prompt_eval_duration": SECOND,
            "eval_count": tokens("".join(self._parts)),
            "eval_duration": SECOND,
        }

    def whole(self) -> dict[str, Any]:
        """The answer at once."""
        return {**self._head, "message": {"role": "assistant", "content": "".join(self._parts)}, **self._end}

    def parts(self) -> Iterator[dict[str, Any]]:
        """The answer piece by piece."""
        for part in self._parts:
            yield {**self._head, "message": {"role": "assistant", "content": part}, "done": False}
        yield {**self._head, "message": {"role": "assistant", "content": ""}, **self._end}
