"""The short way of ordinary requests gives what the long way gives."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.wire.raw_server import Received, answer, says, serving
from viralai_sdk.interfaces.errors import MalformedResponseError
from viralai_sdk.interfaces.steps import Send
from viralai_sdk.services.runner import Target
from viralai_sdk.wire import http as http_module
from viralai_sdk.wire.aiohttp_transport import AiohttpTransport
from viralai_sdk.wire.http import Head, Http
from viralai_sdk.wire.pools import BUSY, MOST, Pools


@pytest.fixture(params=[None, AiohttpTransport], ids=["httpx2", "aiohttp"])
async def http(request: pytest.FixtureRequest) -> AsyncIterator[Http]:
    made = Http(request.param)
    yield made
    await made.aclose()


@pytest.mark.parametrize(
    "step", [Send("POST", "/p", json={"a": "ü", "b": [1.5, None]}), Send("GET", "/p"), Send("POST", "/p")]
)
async def test_the_short_way_sends_what_httpx2s_client_sends(http: Http, step: Send) -> None:
    async with serving(says(answer(b"{}"))) as server, httpx2.AsyncClient() as client:
        target = Target(server.url("/v1"), {"Authorization": "Bearer k"}, {}, 5)
        for _ in range(2):
            await http.send(step, target)
        body: dict[str, Any] = {} if step.json is None else {"json": step.json}
        headers = {"accept": "application/json", "Authorization": "Bearer k"}
        await client.request(step.method, server.url("/v1/p"), headers=headers, **body)
        short, again, long = server.requests
    assert (short.line, short.headers, short.body) == (long.line, long.headers, long.body)
    assert (again.line, again.headers, again.body) == (long.line, long.headers, long.body)


async def test_another_key_or_accept_makes_another_head(http: Http) -> None:
    async with serving(says(answer(b"{}"))) as server:
        for key, accept in (("a", "x/y"), ("b", "x/y"), ("b", "z/z"), ("a", "x/y")):
            step = Send("POST", "/p", json={}, accept=accept)
            await http.send(step, Target(server.url("/v1"), {"Authorization": key}, {}, 5))
    sent = [(request.headers["authorization"], request.headers["accept"]) for request in server.requests]
    assert sent == [("a", "x/y"), ("b", "x/y"), ("b", "z/z"), ("a", "x/y")]


def test_a_head_in_use_by_two_threads_gives_each_body_its_own_length(monkeypatch: pytest.MonkeyPatch) -> None:
    head = Head(httpx2.Request("POST", "http://localhost/p", json={}))
    real, others = httpx2.Request, []

    def interrupted(*args: Any, **details: Any) -> httpx2.Request:
        if not others:  # another thread comes in between
            others.append(None)
            others[0] = head.request(b"a longer body", 1.0)
        return real(*args, **details)

    monkeypatch.setattr(http_module.httpx2, "Request", interrupted)
    assert head.request(b"short", 1.0).headers["content-length"] == "5"
    assert others[0].headers["content-length"] == "13"


async def test_requests_with_parameters_go_the_long_way(http: Http) -> None:
    async with serving(says(answer(b"{}"))) as server:
        target = Target(server.url("/v1"), {}, {"key": "k"}, 5)
        await http.send(Send("GET", "/p", params={"page": 2}), target)
        assert server.requests[0].line == "GET /v1/p?key=k&page=2 HTTP/1.1"


async def test_an_environments_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(says(answer(b'"proxied"'))) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url())
        made = Http()
        got = await made.send(Send("POST", "/p", json={}), Target("http://provider.test", {}, {}, 5))
        await made.aclose()
    assert got.json() == "proxied"
    assert proxy.requests[0].line == "POST http://provider.test/p HTTP/1.1"


async def test_no_more_heads_are_kept_than_allowed(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "MAX_HEADS", 3)
    async with serving(says(answer(b"{}"))) as server:
        for number in range(8):
            await http.send(Send("GET", f"/jobs/{number}"), Target(server.url(""), {}, {}, 5))
        assert len(http._heads) <= 3
        assert [request.line.split()[1] for request in server.requests] == [f"/jobs/{number}" for number in range(8)]


async def test_answers_are_read_plain_and_compressed_and_never_beyond_the_limit(http: Http) -> None:
    packed = gzip.compress(b"x" * 5000)
    async with serving(says(answer(packed, content_encoding="gzip", X_Two="a", x_two="b"))) as server:
        target = Target(server.url(""), {}, {}, 5)
        got = await http.send(Send("POST", "/p", json={}), target)
        assert got.body == b"x" * 5000
        with pytest.raises(MalformedResponseError):
            await http.send(Send("POST", "/p", json={}, max_bytes=4000), target)
    async with serving(says(answer(b"y" * 5000))) as server:
        target = Target(server.url(""), {}, {}, 5)
        assert (await http.send(Send("POST", "/p", json={}), target)).body == b"y" * 5000
        with pytest.raises(MalformedResponseError):
            await http.send(Send("POST", "/p", json={}, max_bytes=4000), target)


async def test_repeated_headers_are_joined(http: Http) -> None:
    raw = b"HTTP/1.1 200 OK\r\nX-Two: a\r\nx-two: b\r\ncontent-length: 2\r\n\r\n{}"
    async with serving(says(raw)) as server:
        got = await http.send(Send("GET", "/p"), Target(server.url(""), {}, {}, 5))
    assert got.headers["x-two"] == "a, b"


async def test_many_requests_spread_over_small_pools_and_share_them_again() -> None:
    together = asyncio.Event()
    made: list[httpx2.AsyncHTTPTransport] = []

    def make() -> httpx2.AsyncHTTPTransport:
        made.append(httpx2.AsyncHTTPTransport())
        return made[-1]

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Received) -> None:
        if len(server.requests) >= 3 * BUSY:
            together.set()
        await together.wait()
        writer.write(answer(b"ok"))

    async with serving(wait) as server, httpx2.AsyncClient(transport=Pools(make)) as client:
        answers = await asyncio.gather(*(client.get(server.url()) for _ in range(3 * BUSY)))
        assert {each.content for each in answers} == {b"ok"}
        assert len(made) == 3
        for _ in range(5):
            await client.get(server.url())
        assert len(made) == 3
        assert server.connections == 3 * BUSY


async def test_a_failed_request_frees_its_place() -> None:
    class Broken(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            raise httpx2.ConnectError("no")

    made: list[Broken] = []

    def make() -> Broken:
        made.append(Broken())
        return made[-1]

    pools = Pools(make)
    for _ in range(3 * BUSY):
        with pytest.raises(httpx2.ConnectError):
            await pools.handle_async_request(httpx2.Request("GET", "http://x.test"))
    assert len(made) == 1


async def test_there_are_not_endlessly_many_pools() -> None:
    made: list[httpx2.AsyncBaseTransport] = []

    def make() -> httpx2.AsyncBaseTransport:
        made.append(httpx2.MockTransport(lambda request: httpx2.Response(200, stream=httpx2.ByteStream(b"ok"))))
        return made[-1]

    pools = Pools(make)
    request = httpx2.Request("GET", "http://x.test")
    held = [await pools.handle_async_request(request) for _ in range(BUSY * MOST + 5)]
    assert len(made) == MOST
    for response in held:
        await response.aclose()
        await response.aclose()
    await pools.aclose()
