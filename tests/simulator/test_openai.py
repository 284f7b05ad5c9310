"""The simulated OpenAI refuses what OpenAI refuses."""

from __future__ import annotations

import io
from typing import Any

import httpx2
import pytest
from PIL import Image

CHAT = {"model": "gpt-6-luna", "messages": [{"role": "user", "content": "hello"}]}
RESPONSES = {"model": "gpt-6-luna", "input": "hello"}
PICTURE = {"model": "gpt-image-2", "prompt": "a fox", "size": "64x64"}
SPEECH = {"model": "tts-1", "input": "hello", "voice": "alloy"}
OPEN_SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
LOOSE = {**OPEN_SCHEMA, "additionalProperties": False}


def turn(content: Any, role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content}]}


def form(schema: Any, name: str = "a") -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": True}}}


@pytest.mark.parametrize(
    ("path", "body", "status", "part"),
    [
        ("/chat/completions", {**CHAT, "sparkle": 1}, 400, "Unknown parameter: 'sparkle'"),
        ("/chat/completions", {"messages": CHAT["messages"]}, 400, "'model'"),
        ("/chat/completions", {"model": "gpt-6-luna", "messages": []}, 400, "'messages'"),
        ("/chat/completions", {**CHAT, "model": "gpt-9"}, 404, "does not exist"),
        ("/chat/completions", {**CHAT, "model": "gpt-4"}, 404, "does not exist"),
        ("/chat/completions", {**CHAT, "model": "gpt-5.5-pro"}, 404, "not supported"),
        ("/chat/completions", {**CHAT, "model": "gpt-image-2"}, 404, "not supported"),
        ("/chat/completions", {**CHAT, "temperature": 3}, 400, "temperature"),
        ("/chat/completions", {**CHAT, "temperature": "hot"}, 400, "temperature"),
        ("/chat/completions", {**CHAT, "n": 0}, 400, "'n'"),
        ("/chat/completions", {**CHAT, "n": True}, 400, "'n'"),
        ("/chat/completions", {**CHAT, "stop": list("abcde")}, 400, "stop"),
        ("/chat/completions", {**CHAT, "reasoning_effort": "huge"}, 400, "huge"),
        ("/chat/completions", {**CHAT, "stream_options": {}}, 400, "stream_options"),
        ("/chat/completions", {**CHAT, "messages": "hi"}, 400, "array"),
        ("/chat/completions", {**CHAT, **turn("hi", "robot")}, 400, "role"),
        ("/chat/completions", {**CHAT, **turn([])}, 400, "content"),
        ("/chat/completions", {**CHAT, **turn([{"type": "video"}])}, 400, "content part"),
        ("/chat/completions", {**CHAT, **turn([{"type": "image_url", "image_url": {"url": "x"}}])}, 400, "image"),
        ("/chat/completions", {**CHAT, "response_format": {"type": "json_object"}}, 400, "'json'"),
        ("/chat/completions", {**CHAT, "response_format": {"type": "yaml"}}, 400, "yaml"),
        ("/chat/completions", {**CHAT, **form(OPEN_SCHEMA)}, 400, "additionalProperties"),
        ("/chat/completions", {**CHAT, **form(LOOSE)}, 400, "required"),
        ("/chat/completions", {**CHAT, **form({"type": "array"})}, 400, "object"),
        ("/chat/completions", {**CHAT, **form(OPEN_SCHEMA, "a b")}, 400, "name"),
        ("/responses", {**RESPONSES, "seed": 1}, 400, "seed"),
        ("/responses", {**RESPONSES, "input": 5}, 400, "input"),
        ("/responses", {**RESPONSES, "input": [{"role": "tool"}]}, 400, "role"),
        ("/responses", {**RESPONSES, "input": [{"role": "user", "content": [{"type": "text"}]}]}, 400, "part"),
        ("/responses", {**RESPONSES, "input": [{"role": "user", "content": [{"type": "input_image"}]}]}, 400, "detail"),
        ("/images/generations", {**PICTURE, "n": 11}, 400, "'n'"),
        ("/images/generations", {**PICTURE, "size": "100x100"}, 400, "size"),
        ("/images/generations", {**PICTURE, "size": "big"}, 400, "size"),
        ("/images/generations", {**PICTURE, "model": "gpt-image-1.5"}, 400, "size"),
        ("/images/generations", {**PICTURE, "model": "dall-e-3"}, 404, "does not exist"),
        ("/images/generations", {**PICTURE, "response_format": "url"}, 400, "response_format"),
        ("/images/generations", {**PICTURE, "prompt": "x" * 32_001}, 400, "prompt"),
        ("/audio/speech", {**SPEECH, "voice": "darth"}, 400, "darth"),
        ("/audio/speech", {**SPEECH, "input": "x" * 4097}, 400, "4096"),
        ("/audio/speech", {**SPEECH, "speed": 9}, 400, "speed"),
        ("/audio/speech", {**SPEECH, "response_format": "ogg"}, 400, "ogg"),
        ("/audio/speech", {**SPEECH, "stream_format": "sse"}, 400, "sse"),
        ("/audio/speech", {**SPEECH, "instructions": "Whisper."}, 400, "instructions"),
        ("/chat/completions", [], 400, "object"),
    ],
)
async def test_wrong_requests_are_refused(
    http: httpx2.AsyncClient, path: str, body: Any, status: int, part: str
) -> None:
    answer = await http.post(path, json=body)
    assert answer.status_code == status
    assert part in answer.json()["error"]["message"]
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert answer.headers["x-request-id"].startswith("req_")


async def test_the_key_and_the_body_must_be_right(http: httpx2.AsyncClient) -> None:
    for key in ("Bearer other", "Basic sim-key", ""):
        assert (await http.post("/chat/completions", json=CHAT, headers={"authorization": key})).status_code == 401
    for kind, content in (("text/plain", b"{}"), ("application/json", b"{")):
        answer = await http.post("/chat/completions", content=content, headers={"content-type": kind})
        assert answer.status_code == 400


async def test_models_are_listed_with_their_end(http: httpx2.AsyncClient) -> None:
    rows = {row["id"]: row for row in (await http.get("/models")).json()["data"]}
    assert rows["tts-1"]["shutdown_date"] == "2027-01-06"
    assert rows["gpt-6-luna"]["shutdown_date"] is None


async def test_limits_and_stops_end_an_answer(http: httpx2.AsyncClient) -> None:
    answer = (await http.post("/chat/completions", json={**CHAT, "max_completion_tokens": 2})).json()
    assert answer["choices"][0]["finish_reason"] == "length"
    answer = (await http.post("/chat/completions", json={**CHAT, "stop": "to:", "n": 2})).json()
    assert [choice["message"]["content"] for choice in answer["choices"]] == ["simulated answer "] * 2
    answer = (await http.post("/responses", json={**RESPONSES, "max_output_tokens": 2})).json()
    assert (answer["status"], answer["incomplete_details"]["reason"]) == ("incomplete", "max_output_tokens")


async def test_pictures_may_lie_in_any_turn(http: httpx2.AsyncClient) -> None:
    url = "data:image/png;base64,aGk="
    parts = [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": url}}]
    assert (await http.post("/chat/completions", json={**CHAT, **turn(parts)})).status_code == 200
    parts = [{"type": "input_text", "text": "what?"}, {"type": "input_image", "detail": "low", "image_url": url}]
    body = {**RESPONSES, "input": [{"role": "user", "content": parts}]}
    assert "what?" in (await http.post("/responses", json=body)).text


def png(mode: str = "RGB", size: tuple[int, int] = (32, 32)) -> tuple[str, bytes, str]:
    buffer = io.BytesIO()
    Image.new(mode, size, "red").save(buffer, "PNG")
    return "input.png", buffer.getvalue(), "image/png"


EDIT = {"model": "gpt-image-2", "prompt": "a fox", "size": "64x64"}


@pytest.mark.parametrize(
    ("fields", "files", "part"),
    [
        (EDIT, [("sparkle", png())], "sparkle"),
        ({**EDIT, "sparkle": "1"}, [("image", png())], "sparkle"),
        ({**EDIT, "n": "many"}, [("image", png())], "'n'"),
        (EDIT, [("mask", png("RGBA"))], "'image'"),
        (EDIT, [("image", png()), ("image", png())], "image[]"),
        (EDIT, [("image", png()), ("mask", png())], "alpha"),
        (EDIT, [("image", png()), ("mask", png("RGBA", (16, 16)))], "size"),
        (EDIT, [("image", ("input.png", b"x", "image/png"))], "Invalid image file"),
        (EDIT, [("image", ("input.bin", b"x", "application/octet-stream"))], "mimetype"),
        ({"model": "gpt-image-2"}, [("image", png())], "'prompt'"),
    ],
)
async def test_wrong_edits_are_refused(http: httpx2.AsyncClient, fields: dict[str, str], files: Any, part: str) -> None:
    answer = await http.post("/images/edits", data=fields, files=files)
    assert answer.status_code == 400
    assert part in answer.json()["error"]["message"]


async def test_an_edit_must_be_a_form(http: httpx2.AsyncClient) -> None:
    assert (await http.post("/images/edits", json=EDIT)).status_code == 400
    answer = await http.post("/images/edits", data={**EDIT, "n": "2"}, files=[("image", png())])
    assert len(answer.json()["data"]) == 2
