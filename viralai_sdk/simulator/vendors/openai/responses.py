"""POST /responses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.answers import tokens
from viralai_sdk.simulator.vendors.openai.chat import answer, check_picture, check_schema, cut
from viralai_sdk.simulator.vendors.openai.desk import Desk, fields

FIELDS = fields("responses")
ROLES = ("developer", "system", "user", "assistant")


async def respond(desk: Desk, request: Request) -> Response:
    """Answer an input, whole or as a stream of events."""
    body = await desk.json_body(request, FIELDS, ("model", "input"))
    desk.check_model(body["model"], "text")
    desk.check_number(body, "temperature", 0, 2)
    desk.check_number(body, "top_p", 0, 1)
    desk.check_number(body, "max_output_tokens", 1, 2**31, whole=True)
    prompt = read_input(desk, body["input"])
    desk.check_block(request, "content_policy_violation")
    form = (body.get("text") or {}).get("format") or {"type": "text"}
    desk.check_choice(form, "type", ("text", "json_object", "json_schema"))
    wanted = form if form["type"] == "json_schema" else None
    if wanted is not None:
        check_schema(desk, wanted, "text.format")
    text = "" if desk.fault(request, "empty") else answer(desk, prompt, form["type"], wanted)
    parts, finish = cut(text, body.get("max_output_tokens"), None)
    reply = Reply(desk, body, prompt, parts, finish)
    if body.get("stream"):
        return desk.events(request, ((event["type"], event) for event in reply.events()), done=False)
    return JSONResponse(reply.whole())


def read_input(desk: Desk, given: Any) -> str:
    """The text of the last turn, after all were checked."""
    if isinstance(given, str):
        return given
    if not isinstance(given, list):
        raise desk.refuse(400, "Invalid type for 'input'.", code="invalid_type", param="input")
    for number, item in enumerate(given):
        if not isinstance(item, dict) or item.get("role") not in ROLES:
            raise desk.refuse(400, f"Invalid value for 'input[{number}].role'.", code="invalid_value", param="input")
        for part in item["content"] if isinstance(item.get("content"), list) else ():
            if part.get("type") == "input_image":
                if part.get("detail") not in ("auto", "low", "high", "original"):
                    raise desk.refuse(
                        400, f"Missing required parameter: 'input[{number}].content.detail'.", param="input"
                    )
                check_picture(desk, part.get("image_url"))
            elif part.get("type") != "input_text":
                raise desk.refuse(
                    400, f"Invalid content part in 'input[{number}]'.", code="invalid_value", param="input"
                )
    content = given[-1]["content"]
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "input_text")


class Reply:
    """One response in both shapes."""

    def __init__(self, desk: Desk, body: dict[str, Any], prompt: str, parts: list[str], finish: str) -> None:
        self._parts = parts
        self._text = "".join(parts)
        self._cut = finish == "length"
        self._item = desk.state.new_id("msg_")
        asked, spent = tokens(prompt), tokens(self._text)
        self._usage = {
            "input_tokens": asked,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": spent,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked + spent,
        }
        self._head: dict[str, Any] = {
            "id": desk.state.new_id("resp_"),
            "object": "response",
            "created_at": desk.now(),
            "model": body["model"],
            "error": None,
            "instructions": body.get("instructions"),
            "metadata": body.get("metadata") or {},
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "temperature": body.get("temperature"),
            "top_p": body.get("top_p"),
        }

    def whole(self) -> dict[str, Any]:
        """The response when it is over."""
        details = {"reason": "max_output_tokens"} if self._cut else None
        status = "incomplete" if self._cut else "completed"
        output = [self._message(status, [self._part(self._text)])] if self._text else []
        return {**self._head, "status": status, "incomplete_details": details, "output": output, "usage": self._usage}

    def events(self) -> Iterator[dict[str, Any]]:
        """The response event by event."""
        for number, event in enumerate(self._events()):
            yield {**event, "sequence_number": number}

    def _events(self) -> Iterator[dict[str, Any]]:
        begun = {**self._head, "status": "in_progress", "incomplete_details": None, "output": [], "usage": None}
        place = {"item_id": self._item, "output_index": 0, "content_index": 0}
        yield {"type": "response.created", "response": begun}
        yield {"type": "response.in_progress", "response": begun}
        if self._text:
            yield {"type": "response.output_item.added", "output_index": 0, "item": self._message("in_progress", [])}
            yield {"type": "response.content_part.added", **place, "part": self._part("")}
            for part in self._parts:
                yield {"type": "response.output_text.delta", **place, "delta": part, "logprobs": []}
            yield {"type": "response.output_text.done", **place, "text": self._text, "logprobs": []}
            yield {"type": "response.content_part.done", **place, "part": self._part(self._text)}
            done = self._message("completed", [self._part(self._text)])
            yield {"type": "response.output_item.done", "output_index": 0, "item": done}
        last = self.whole()
        yield {"type": f"response.{last['status']}", "response": last}

    def _message(self, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self._item, "type": "message", "role": "assistant", "status": status, "content": content}

    @staticmethod
    def _part(text: str) -> dict[str, Any]:
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
