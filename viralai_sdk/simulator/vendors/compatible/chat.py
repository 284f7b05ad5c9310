"""POST /chat/completions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.desk import words_of
from viralai_sdk.simulator.vendors.compatible.desk import THINKER
from viralai_sdk.simulator.vendors.openai import chat as common
from viralai_sdk.simulator.vendors.openai.desk import Desk

FIELDS = words_of("compatible", "chat")
THOUGHT = "Let me see."
COST = 0.00042
"""US dollars, stated with the usage as OpenRouter does."""


async def complete(desk: Desk, request: Request) -> Response:
    """Answer a conversation, whole or as a stream."""
    body = await desk.json_body(request, FIELDS, ("model", "messages"))
    desk.check_model(body["model"], "text")
    common.check_settings(desk, body)
    prompt = common.read_messages(desk, body["messages"])
    if any(turn["role"] == "developer" for turn in body["messages"]):
        raise desk.refuse(400, "Unexpected role 'developer'.", param="messages")
    desk.check_block(request, "content_filter")
    form = body.get("response_format") or {"type": "text"}
    desk.check_choice(form, "type", ("text", "json_object", "json_schema"))
    wanted = form.get("json_schema") if form["type"] == "json_schema" else None
    if wanted is not None:
        common.check_schema(desk, wanted, "response_format")
    text = "" if desk.fault(request, "empty") else common.answer(desk, prompt, form["type"], wanted)
    limit = body.get("max_tokens") or body.get("max_completion_tokens")
    completion = Completion(desk, body, prompt, *common.cut(text, limit, body.get("stop")))
    if body.get("stream"):
        return desk.events(request, ((None, chunk) for chunk in completion.chunks()), done=True)
    return JSONResponse(completion.whole())


class Completion(common.Completion):
    """An answer with a price and, from one model, with thoughts."""

    def __init__(self, desk: Desk, body: dict[str, Any], prompt: str, parts: list[str], finish: str) -> None:
        super().__init__(desk, body, prompt, parts, finish)
        self._usage["cost"] = COST
        self._thinks = body["model"] == THINKER

    def whole(self) -> dict[str, Any]:
        answer = super().whole()
        if self._thinks:
            answer["choices"][0]["message"]["reasoning_content"] = THOUGHT
        return answer

    def chunks(self) -> Iterator[dict[str, Any]]:
        if self._thinks:
            yield self._chunk(0, {"role": "assistant", "reasoning": THOUGHT})
        yield from super().chunks()
