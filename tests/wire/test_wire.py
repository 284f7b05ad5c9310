"""HTTP, downloads and what belongs to a loop: failures by what they may have cost, keys to their own origin only."""

from __future__ import annotations

import asyncio
import gc
import gzip
import socket
import threading
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.doubles import KEY, png
from viralai_sdk.interfaces.errors import (
    ConfigurationError,
    InvalidRequestError,
    MalformedResponseError,
    PermissionDeniedError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    StorageError,
)
from viralai_sdk.interfaces.steps import Answer, Download, FilePart, Send
from viralai_sdk.wire import download as downloads
from viralai_sdk.wire.download import download, is_public
from viralai_sdk.wire.http import Http, failure
from viralai_sdk.wire.loops import LoopLocal

SEEN: list[Request] = []


@dataclass
class Place:
    base_url: str
    headers: Mapping[str, str] = field(default_factory=lambda: {"authorization": f"Bearer {KEY}"})
    params: Mapping[str, str] = field(default_factory=lambda: {"key": KEY})
    timeout: float = 2.0


async def echo(request: Request) -> Response:
    SEEN.append(request)
    return PlainTextResponse(await request.body(), headers={"X-Case": "Kept"})


async def bomb(request: Request) -> Response:
    return Response(gzip.compress(bytes(1 << 22)), headers={"content-encoding": "gzip"})


async def broken(request: Request) -> Response:
    return Response(b"not gzip", headers={"content-encoding": "gzip"})


async def endless(request: Request) -> Response:
    async def chunks() -> Any:
        for _ in range(64):
            yield bytes(1 << 16)
            await asyncio.sleep(0)

    return StreamingResponse(chunks())


async def cut(request: Request) -> Response:
    async def chunks() -> Any:
        yield png()[:50]
        raise ConnectionAbortedError

    return StreamingResponse(chunks(), headers={"content-length": "100"})


async def lines(request: Request) -> Response:
    kind = request.query_params["kind"]
    body = {"ndjson": b'{"a": 1}\n\n{"a": 2}\n', "sse": b"event: x\ndata: 1\n\ndata: 2\n\n", "bytes": b"abc"}[kind]
    return Response(body, media_type={"sse": "text/event-stream"}.get(kind, "text/plain"))


async def away(request: Request) -> Response:
    return RedirectResponse(request.query_params.get("to", "/away"))


async def picture(request: Request) -> Response:
    SEEN.append(request)
    return Response(png())


class _Server:
    def __init__(self) -> None:
        pages = {"echo": echo, "bomb": bomb, "broken": broken, "endless": endless, "cut": cut, "lines": lines}
        pages |= {"away": away, "picture.png": picture}
        routes = [Route(f"/{name}", page, methods=["GET", "POST"]) for name, page in pages.items()]
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off"))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        while not self._server.started:
            threading.Event().wait(0.005)

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._server.serve(sockets=[self._socket]))

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join()
        self._socket.close()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = _Server()
    yield server.url
    server.stop()


async def test_a_request_carries_what_its_step_says(url: str) -> None:
    http = Http()
    answer = await http.send(Send("POST", "/echo", json={"a": "ä"}, params={"b": 1}), Place(url + "/"))
    assert (answer.status, answer.headers["x-case"], answer.json()) == (200, "Kept", {"a": "ä"})
    seen = SEEN[-1]
    assert (seen.headers["authorization"], dict(seen.query_params)) == (f"Bearer {KEY}", {"key": KEY, "b": "1"})
    raw = await http.send(Send("POST", "/echo", content=b"raw", headers={"content-type": "x/y"}), Place(url))
    assert raw.body == b"raw"
    with pytest.raises(MalformedResponseError, match="not JSON"):
        raw.json()
    form = Send("POST", "/echo", fields=[("n", "1"), ("n", "2")], files=[FilePart("f", "f.png", png(), "image/png")])
    body = (await http.send(form, Place(url))).body
    assert body.index(b"\r\n\r\n1") < body.index(b"\r\n\r\n2") < body.index(b'filename="f.png"')
    await http.aclose()


async def test_the_key_travels_to_its_own_origin_only(url: str) -> None:
    http = Http()
    await http.send(Send("GET", f"{url}/echo"), Place(url))
    assert "authorization" in SEEN[-1].headers
    await http.send(Send("GET", f"{url}/echo"), Place("https://api.example.test"))
    assert "authorization" not in SEEN[-1].headers
    assert not SEEN[-1].query_params
    await http.aclose()


@pytest.mark.parametrize(
    ("path", "limit", "expected"),
    [
        ("/bomb", 1 << 20, MalformedResponseError),
        ("/endless", 1 << 20, MalformedResponseError),
        ("/picture.png", 10, MalformedResponseError),
        ("/broken", 1 << 20, MalformedResponseError),
        ("/cut", 1 << 20, ProviderUnavailableError),
    ],
)
async def test_answers_that_cannot_be_read_whole(path: str, limit: int, expected: type[Exception], url: str) -> None:
    http = Http()
    with pytest.raises(expected):
        await http.send(Send("GET", path, max_bytes=limit), Place(url))
    await http.aclose()


@pytest.mark.parametrize("base", ["", "ftp://x", "http://[::1", "http://localhost:99999", "http://"])
async def test_an_address_that_cannot_be_one_is_a_configuration_error(base: str) -> None:
    http = Http()
    with pytest.raises((ConfigurationError, ProviderUnavailableError)) as caught:
        await http.send(Send("GET", "/x"), Place(base))
    assert caught.value.billed == "no"
    await http.aclose()


@pytest.mark.parametrize("header", [f"{KEY}\nx", f"{KEY}\r\nx: y", f"{KEY}é", f"{KEY}\x00"])
async def test_a_key_that_breaks_its_header_never_shows(header: str, url: str) -> None:
    http = Http()
    with pytest.raises(ConfigurationError) as caught:
        await http.send(Send("GET", "/echo"), Place(url, headers={"authorization": header}))
    assert KEY not in "".join(traceback.format_exception(caught.value))
    await http.aclose()


async def test_a_body_that_json_cannot_hold_is_the_callers_mistake(url: str) -> None:
    http = Http()
    for body in ({"x": object()}, {"x": "\ud800"}):
        with pytest.raises((InvalidRequestError, ConfigurationError)):
            await http.send(Send("POST", "/echo", json=body), Place(url))
    await http.aclose()


@pytest.mark.parametrize("kind", ["sse", "ndjson", "bytes"])
async def test_streams_are_read_event_by_event(kind: Any, url: str) -> None:
    http = Http()
    step = Send("GET", "/lines", params={"kind": kind}, expect=kind)
    async with http.stream(step, Place(url)) as (answer, events):
        assert answer.status == 200
        assert events is not None
        found = [event if kind == "bytes" else (event.name, event.data) async for event in events]
    wanted = {"sse": [("x", "1"), ("", "2")], "ndjson": [("", '{"a": 1}'), ("", '{"a": 2}')], "bytes": [b"abc"]}
    assert found == wanted[kind]
    async with http.stream(Send("GET", "/nowhere", expect="sse"), Place(url)) as (answer, events):
        assert (answer.status, events) == (404, None)
    with pytest.raises(ProviderUnavailableError):
        async with http.stream(Send("GET", "/cut", expect="bytes"), Place(url)) as (answer, events):
            assert events is not None
            async for _ in events:
                pass
    with pytest.raises(MalformedResponseError):
        async with http.stream(Send("GET", "/echo", expect="sse"), Place(url)) as (answer, events):
            assert events is not None
            async for _ in events:
                pass
    with pytest.raises(ProviderUnavailableError):
        async with http.stream(Send("GET", "/x", expect="sse"), Place("http://127.0.0.1:9")):
            pass
    await http.aclose()


@pytest.mark.parametrize(
    ("error", "kind", "billed"),
    [
        (httpx2.ConnectTimeout("x"), ProviderTimeoutError, "no"),
        (httpx2.PoolTimeout("x"), ProviderTimeoutError, "no"),
        (httpx2.ReadTimeout(""), ProviderTimeoutError, "maybe"),
        (httpx2.WriteTimeout("x"), ProviderTimeoutError, "maybe"),
        (httpx2.ConnectError("x"), ProviderUnavailableError, "no"),
        (httpx2.ReadError("x"), ProviderUnavailableError, "maybe"),
        (httpx2.RemoteProtocolError("x"), ProviderUnavailableError, "maybe"),
        (httpx2.LocalProtocolError(KEY), ConfigurationError, "no"),
        (httpx2.DecodingError("x"), MalformedResponseError, "maybe"),
        (OverflowError("port"), ConfigurationError, "no"),
        (ExceptionGroup("g", [httpx2.ConnectError("x")]), ProviderUnavailableError, "no"),
        (httpx2.StreamError("x"), MalformedResponseError, "maybe"),
    ],
)
def test_what_decides_is_whether_the_request_may_have_been_processed(error: Any, kind: Any, billed: str) -> None:
    found = failure(error)
    assert type(found) is kind
    assert found.billed == billed
    assert KEY not in str(found)


# --- downloads


async def fetch(step: Download, base: str, folder: Path, *, private: bool = False) -> Any:
    http = Http()
    try:
        return await download(http, step, Place(base), folder, allow_private=private)
    finally:
        await http.aclose()


async def test_a_file_is_fetched_from_the_providers_own_place(url: str, tmp_path: Path) -> None:
    blob = await fetch(Download(f"{url}/picture.png", authorised=True), url, tmp_path)
    assert (blob.media_type, blob.path.read_bytes()) == ("image/png", png())
    assert SEEN[-1].headers["authorization"] == f"Bearer {KEY}"
    await fetch(Download(f"{url}/picture.png"), url, tmp_path)
    assert "authorization" not in SEEN[-1].headers
    await fetch(Download(f"{url}/away?to=/picture.png", authorised=True), url, tmp_path)
    other = url.replace("127.0.0.1", "localhost")
    await fetch(Download(f"{url}/picture.png", authorised=True), other, tmp_path, private=True)
    assert "authorization" not in SEEN[-1].headers, "no key leaves its origin"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("URL/picture.png", PermissionDeniedError),
        ("http://localhost/x", PermissionDeniedError),
        ("http://169.254.169.254/latest", PermissionDeniedError),
        ("http://[::ffff:10.0.0.1]/x", PermissionDeniedError),
        ("http://0.0.0.0/x", PermissionDeniedError),
        ("file:///etc/passwd", MalformedResponseError),
        ("picture.png", MalformedResponseError),
        ("http://host:port/x", MalformedResponseError),
        ("", MalformedResponseError),
    ],
)
async def test_no_answer_can_point_us_into_the_private_network(
    address: str, expected: Any, url: str, tmp_path: Path
) -> None:
    with pytest.raises(expected):
        await fetch(Download(address.replace("URL", url)), "https://api.example.test", tmp_path)
    assert list(tmp_path.iterdir()) == []


async def test_a_redirect_is_checked_like_the_first_address(url: str, tmp_path: Path) -> None:
    for to in ("http://localhost:1/x", "http://10.0.0.1/x"):
        with pytest.raises(PermissionDeniedError):
            await fetch(Download(f"{url}/away?to={to}"), url, tmp_path)
    with pytest.raises(MalformedResponseError, match="redirects"):
        await fetch(Download(f"{url}/away"), url, tmp_path)


async def test_the_connection_goes_to_the_address_that_was_checked(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "is_public", lambda text: True)
    port = url.rpartition(":")[2]
    await fetch(Download(f"http://localhost:{port}/picture.png", authorised=True), "https://api.example.test", tmp_path)
    assert SEEN[-1].headers["host"] == f"localhost:{port}"
    assert "authorization" not in SEEN[-1].headers


@pytest.mark.parametrize("path", ["/nowhere", "/cut", "/endless"])
async def test_a_download_that_fails_leaves_nothing(path: str, url: str, tmp_path: Path) -> None:
    with pytest.raises((InvalidRequestError, ProviderUnavailableError, MalformedResponseError)):
        await fetch(Download(f"{url}{path}", max_bytes=1 << 20), url, tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(StorageError) as caught:
        await fetch(Download(f"{url}/picture.png"), url, tmp_path / "file" / "folder")
    assert caught.value.billed == "yes"
    with pytest.raises(ProviderUnavailableError):
        await fetch(Download("http://127.0.0.1:9/x"), "http://127.0.0.1:9", tmp_path)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("10.1.2.3", False),
        ("224.0.0.1", False),
        ("2606:4700::1111", True),
        ("fe80::1", False),
        ("::ffff:127.0.0.1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


# --- loops


def test_every_loop_has_its_own_value_and_closes_it() -> None:
    made: list[int] = []
    closed: list[int] = []

    async def close(value: int) -> None:
        closed.append(value)

    local: LoopLocal[int] = LoopLocal(lambda: made.append(len(made)) or len(made), close)

    async def use() -> int:
        assert local.get() == local.get() == local.peek()
        return local.get()

    assert local.peek() is None
    assert [asyncio.run(use()), asyncio.run(use())] == [1, 2]
    assert closed == [1, 2]
    assert len(local._values) == 0, "a loop and its value are let go"

    async def again() -> None:
        await local.aclose()
        first = local.get()
        await local.aclose()
        assert local.peek() is None
        assert local.get() != first

    asyncio.run(again())
    assert closed == [1, 2, 3, 4]


def test_a_value_without_a_close_goes_with_its_loop() -> None:
    local: LoopLocal[list[int]] = LoopLocal(list)

    async def use() -> None:
        local.get().append(1)
        await local.aclose()
        assert local.get() == [1]

    asyncio.run(use())
    gc.collect()
    assert len(local._values) == 0


def test_answers_are_plain_values() -> None:
    assert Answer(200, {}, b'{"a": 1}').json() == {"a": 1}
