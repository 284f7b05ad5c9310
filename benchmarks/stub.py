"""A provider on loopback that costs next to nothing: canned bytes from one asyncio protocol, in a process of its own.

What it does is chosen by the first part of the path, so that a base URL is all a benchmark sets:

    /fast/v1         answers at once                    /wait-20/v1     answers after 20 ms
    /faulty-30/v1    fails 30 % of requests in one of seven ways
    /spaced/v1       streams with one write for each chunk; everywhere else the whole stream comes in one piece
    /jobs            starts and reports video jobs that never end
    /blob-300        a film of 300 MB, see FILM_VARIABLE
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import os
import random
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

CHUNKS = 200
"""Text chunks in a streamed answer."""
PICTURE_SIDE = 1450
"""Side of the noise picture in pixels; as base64 it is 8.4 MB."""
HANG_SECONDS = 4.0
"""How long a hanging request is left without an answer; callers set shorter timeouts."""

FILM_VARIABLE = "VIRALAI_BENCH_FILM"
"""Environment variable with the path of a real film, which is padded to the size that is asked for."""

ANSWER = {
    "id": "chatcmpl-bench",
    "object": "chat.completion",
    "created": 1780000000,
    "model": "gpt-bench",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "The quick brown fox jumps over the lazy dog. " * 8},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 20, "completion_tokens": 90, "total_tokens": 110},
}


def head(status: int, size: int | None, kind: str = "application/json", more: str = "") -> bytes:
    """The head of an answer; without a size it is chunked."""
    length = "transfer-encoding: chunked" if size is None else f"content-length: {size}"
    return f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{length}\r\nx-request-id: req_bench\r\n{more}\r\n".encode()


def whole(status: int, value: object, more: str = "") -> bytes:
    """An answer of JSON."""
    body = json.dumps(value).encode()
    return head(status, len(body), more=more) + body


def sse_pieces() -> list[bytes]:
    """The transfer chunks of a streamed answer, head first."""
    base = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1780000000, "model": "gpt-bench"}
    events: list[dict[str, object]] = [
        {**base, "choices": [{"index": 0, "delta": {"content": f" word{number}"}, "finish_reason": None}]}
        for number in range(CHUNKS)
    ]
    events.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    usage = {"prompt_tokens": 20, "completion_tokens": CHUNKS, "total_tokens": 20 + CHUNKS}
    events.append({**base, "choices": [], "usage": usage})
    texts = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in events] + [b"data: [DONE]\n\n"]
    framed = [b"%x\r\n%s\r\n" % (len(text), text) for text in texts]
    return [head(200, None, "text/event-stream"), *framed, b"0\r\n\r\n"]


def picture_answer() -> bytes:
    """An image answer with a noise picture in base64."""
    from PIL import Image

    pixels = random.Random(7).randbytes(PICTURE_SIDE * PICTURE_SIDE * 3)
    buffer = io.BytesIO()
    Image.frombytes("RGB", (PICTURE_SIDE, PICTURE_SIDE), pixels).save(buffer, "PNG", compress_level=1)
    text = base64.b64encode(buffer.getvalue()).decode()
    usage = {"input_tokens": 10, "output_tokens": 4000, "input_tokens_details": {"text_tokens": 10, "image_tokens": 0}}
    return whole(200, {"created": 1780000000, "data": [{"b64_json": text}], "usage": usage})


class Canned:
    """All answers, made once."""

    def __init__(self) -> None:
        self.chat = whole(200, ANSWER)
        self.stream = sse_pieces()
        self.stream_joined = b"".join(self.stream)
        self.picture = b""
        self.jobs = 0
        self.job = whole(200, {"id": "task_bench", "status": "running", "progress": 0.4})
        empty = {**ANSWER, "choices": [{"index": 0, "message": {"role": "assistant", "content": ""}}]}
        self.faults: list[tuple[str, bytes]] = [
            ("error 500", whole(500, {"error": {"message": "boom"}})),
            ("error 503", whole(503, {"error": {"message": "busy"}}, "retry-after: 0\r\n")),
            ("error 429", whole(429, {"error": {"message": "slow down"}}, "retry-after: 0\r\n")),
            ("malformed", head(200, 9) + b'{"choices'),
            ("empty", whole(200, empty)),
            ("cut", self.chat[: len(self.chat) // 2]),
            ("hang", b""),
        ]


class Connection(asyncio.Protocol):
    """One keep-alive connection. Requests are small and come one at a time."""

    def __init__(self, canned: Canned, chance: random.Random) -> None:
        self._canned = canned
        self._chance = chance
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._resume: Callable[[], None] | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self._buffer.lower().find(b"content-length:", 0, end)
        size = int(self._buffer[at + 15 : self._buffer.find(b"\r", at)]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + size:
            return
        path = self._buffer[: self._buffer.find(b"\r")].split(b" ")[1].decode()
        body, self._buffer = self._buffer[end + 4 : end + 4 + size], b""
        self._answer(path, body)

    def _answer(self, path: str, body: bytes) -> None:
        mode, _, value = path.split("/", 2)[1].partition("-")
        if mode == "wait":
            asyncio.get_running_loop().call_later(int(value) / 1000, self._write, self._plain(path, body))
        elif mode == "faulty" and self._chance.random() * 100 < int(value):
            self._fail()
        elif mode == "blob":
            self._send_film(int(value) << 20)
        elif mode == "spaced":
            self._send_spaced(iter(self._canned.stream))
        else:
            self._write(self._plain(path, body))

    def _plain(self, path: str, body: bytes) -> bytes:
        if path == "/jobs":
            self._canned.jobs += 1
            return whole(200, {"id": f"task_{self._canned.jobs:06d}"})
        if path.startswith("/jobs/"):
            return self._canned.job
        if path.endswith("/images/generations"):
            self._canned.picture = self._canned.picture or picture_answer()
            return self._canned.picture
        return self._canned.stream_joined if b'"stream":true' in body.replace(b" ", b"") else self._canned.chat

    def _fail(self) -> None:
        name, data = self._chance.choice(self._canned.faults)
        if name == "hang":
            asyncio.get_running_loop().call_later(HANG_SECONDS, self._close)
            return
        self._write(data)
        if name == "cut":
            self._close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _send_spaced(self, pieces: Iterator[bytes]) -> None:
        """Write one piece, let the loop turn, go on: each arrives by itself."""
        piece = next(pieces, None)
        if piece is not None:
            self._write(piece)
            asyncio.get_running_loop().call_later(0.0005, self._send_spaced, pieces)

    def _send_film(self, size: int) -> None:
        """A real film, padded by a `free` box, which every reader skips."""
        film = Path(os.environ[FILM_VARIABLE]).read_bytes()
        start = film + struct.pack(">I4s", size - len(film), b"free")
        self._write(head(200, size, "video/mp4") + start)
        left, block = size - len(start), bytes(1 << 18)

        def more() -> None:
            nonlocal left
            while left and not self._paused:
                part = min(left, len(block))
                left -= part
                self._write(block[:part])
            self._resume = more if left else None

        more()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._resume is not None:
            self._resume()


async def serve() -> None:
    """Serve until standard input closes, that is until the benchmark ends."""
    loop = asyncio.get_running_loop()
    canned, chance = Canned(), random.Random(20261122)
    server = await loop.create_server(lambda: Connection(canned, chance), "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


class Stub:
    """The stub as a context manager: `with Stub() as stub: stub.url("fast")`."""

    def __enter__(self) -> Stub:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.stub"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self._process.stdout is not None
        self.origin = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def url(self, mode: str) -> str:
        """The base URL of a mode, as one would give it to OpenAI's SDK."""
        return f"{self.origin}/{mode}/v1"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._process.kill()
        self._process.stdout.close()


if __name__ == "__main__":
    asyncio.run(serve())
