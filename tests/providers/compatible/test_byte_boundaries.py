"""A stream that is cut into pieces anywhere gives the same text, for every chat vendor and through the real wire layer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.providers.byte_server import ByteServer, byte_server
from viralai_sdk.interfaces.adapter import StreamingAdapter
from viralai_sdk.interfaces.errors import AIError, MalformedResponseError
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import END, Send
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.anthropic.text import AnthropicTextService
from viralai_sdk.providers.cohere.text import CohereTextService
from viralai_sdk.providers.compatible.text import CompatibleTextService
from viralai_sdk.providers.lmstudio.text import LMStudioTextService
from viralai_sdk.providers.ollama.text import OllamaTextService
from viralai_sdk.services.runner import Target
from viralai_sdk.wire.http import Http

PARTS = ("fox é🦊\n", "\u2028\u0085\u000b end")
"""Letters of two, three and four bytes, and characters that end a line for some readers, but not in these formats."""
WHOLE = "".join(PARTS)


def compact(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def sse(*events: dict[str, Any], named: bool, done: bool = False, end: str = "\n") -> bytes:
    heads = [f"event: {event['type']}{end}" if named else "" for event in events]
    text = "".join(f"{head}data: {compact(event)}{end}{end}" for head, event in zip(heads, events, strict=True))
    return (text + (f"data: [DONE]{end}{end}" if done else "")).encode()


def anthropic() -> bytes:
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": part}} for part in PARTS
    ]
    return sse(*deltas, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, named=True)


def cohere() -> bytes:
    deltas = [{"type": "content-delta", "delta": {"message": {"content": {"text": part}}}} for part in PARTS]
    return sse(*deltas, {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}, named=True, end="\r\n")


def dialect() -> bytes:
    return sse(*({"choices": [{"delta": {"content": part}}]} for part in PARTS), named=False, done=True, end="\r")


def ollama() -> bytes:
    lines = [{"message": {"content": part}, "done": False} for part in PARTS]
    return "".join(compact(line) + "\n" for line in [*lines, {"done": True, "done_reason": "stop"}]).encode()


CASES: list[Any] = [
    pytest.param(AnthropicTextService, anthropic, id="anthropic"),
    pytest.param(CohereTextService, cohere, id="cohere"),
    pytest.param(CompatibleTextService, dialect, id="compatible"),
    pytest.param(LMStudioTextService, dialect, id="lmstudio"),
    pytest.param(OllamaTextService, ollama, id="ollama"),
]


async def read(http: Http, server: ByteServer, adapter: StreamingAdapter) -> tuple[list[str], Any]:
    """The pieces and the payload of one streamed answer."""
    steps = adapter.stream(TextGenerationRequest("hello"), "m")
    opening = next(steps)
    assert isinstance(opening, Send)
    server.media_type = "application/x-ndjson" if opening.expect == "ndjson" else "text/event-stream"
    pieces: list[Any] = []
    async with http.stream(opening, Target(server.url, {}, {}, 10)) as (_, events):
        assert events is not None
        pieces += [steps.send(event) async for event in events]
    try:
        steps.send(END)
    except StopIteration as done:
        return [piece for piece in pieces if piece], done.value
    raise AssertionError("the stream did not end")


@pytest.mark.parametrize(("service", "stream"), CASES)
async def test_every_cut_gives_the_same_text(service: type[Any], stream: Callable[[], bytes]) -> None:
    adapter, body, http = service(AIServiceConfig("vllm")), stream(), Http()
    async with byte_server() as server:
        try:
            for place in range(len(body)):
                server.pieces = (body[:place], body[place:])
                pieces, payload = await read(http, server, adapter)
                assert (pieces, payload.text) == (list(PARTS), WHOLE), place
            server.pieces = [body[place : place + 1] for place in range(len(body))]
            assert (await read(http, server, adapter))[1].text == WHOLE
        finally:
            await http.aclose()


async def test_lines_that_are_no_text_or_have_no_end_are_errors() -> None:
    adapter, http = OllamaTextService(AIServiceConfig("ollama")), Http()
    async with byte_server() as server:
        try:
            server.pieces = (b'{"message": {"content": "\xff"}}\n',)
            with pytest.raises(MalformedResponseError, match="UTF-8"):
                await read(http, server, adapter)
            server.pieces = (ollama().rstrip(b"\n"),)
            assert (await read(http, server, adapter))[1].text == WHOLE
            server.pieces = [b" " * 1024] * 5
            steps = adapter.stream(TextGenerationRequest("hello"), "m")
            opening = next(steps)
            assert isinstance(opening, Send)
            opening.max_bytes = 4000
            async with http.stream(opening, Target(server.url, {}, {}, 10)) as (_, events):
                assert events is not None
                with pytest.raises(MalformedResponseError, match="longer than 4,000"):
                    await anext(events)
        finally:
            await http.aclose()


@pytest.mark.parametrize(("service", "stream"), CASES)
async def test_every_truncation_is_an_error_or_the_whole_text(service: type[Any], stream: Callable[[], bytes]) -> None:
    adapter, body, http = service(AIServiceConfig("vllm")), stream(), Http()
    async with byte_server() as server:
        try:
            for place in range(0, len(body), 3):
                server.pieces = (body[:place],)
                try:
                    payload = (await read(http, server, adapter))[1]
                except AIError:
                    continue
                assert payload.text == WHOLE, place
        finally:
            await http.aclose()
