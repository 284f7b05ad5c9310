"""The faster transport behaves as httpx2's own: same answers, same errors, nothing added and nothing kept."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.wire.raw_server import RawServer, Received, answer, says, serving
from tests.wire.tls import client_context, server_context
from viralai_sdk.interfaces.errors import ProviderTimeoutError, ProviderUnavailableError
from viralai_sdk.interfaces.steps import FilePart, Send
from viralai_sdk.services.runner import Target
from viralai_sdk.wire.aiohttp_transport import AiohttpTransport, translated
from viralai_sdk.wire.http import Http


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=AiohttpTransport(), timeout=60) as made:
        yield made


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    made = Http(AiohttpTransport)
    yield made
    await made.aclose()


def target(server: RawServer, timeout: float = 5.0) -> Target:
    return Target(server.url("").rstrip("/"), {"Authorization": "Bearer k"}, {}, timeout)


async def test_an_answer_comes_back_as_it_was_sent(client: httpx2.AsyncClient) -> None:
    async with serving(says(answer(b'{"a": 1}', 201, x_request_id="r1"))) as server:
        response = await client.post(server.url("/p%20q?x=1%2F2"), json={"b": "ü"}, headers={b"X-Own": "é".encode()})
        request = server.requests[0]
    assert (response.status_code, response.json(), response.headers["x-request-id"]) == (201, {"a": 1}, "r1")
    assert request.line == "POST /p%20q?x=1%2F2 HTTP/1.1"
    assert json.loads(request.body) == {"b": "ü"}
    assert response.http_version == "HTTP/1.1"
    assert response.reason_phrase == "Word"


async def test_headers_are_httpx2s_and_no_others(client: httpx2.AsyncClient) -> None:
    async with serving(says(answer(b"ok"))) as server, httpx2.AsyncClient() as plain:
        for each in (client, plain):
            await each.post(server.url(), json={"a": 1})
            await each.get(server.url())
        mine, others = server.requests[:2], server.requests[2:]
    assert [(one.line, one.headers, one.body) for one in mine] == [(one.line, one.headers, one.body) for one in others]


async def test_a_compressed_answer_is_left_to_httpx2(client: httpx2.AsyncClient) -> None:
    packed = gzip.compress(b"hello" * 100)
    async with serving(says(answer(packed, content_encoding="gzip"))) as server:
        assert (await client.get(server.url())).content == b"hello" * 100
        async with client.stream("GET", server.url()) as response:
            assert b"".join([part async for part in response.aiter_raw()]) == packed


async def test_cookies_are_neither_kept_nor_sent(http: Http) -> None:
    async with serving(says(answer(b"{}", set_cookie="a=b"))) as server:
        for _ in range(2):
            await http.send(Send("POST", "/x", json={}), target(server))
        assert all("cookie" not in request.headers for request in server.requests)


async def test_a_redirect_is_not_followed(client: httpx2.AsyncClient) -> None:
    async with serving(says(answer(b"", 302, location="http://127.0.0.1:1/" + "s" * 20_000))) as server:
        response = await client.get(server.url())
    assert response.status_code == 302
    assert len(response.headers["location"]) > 20_000


async def test_a_stream_arrives_piece_by_piece(client: httpx2.AsyncClient) -> None:
    go_on = asyncio.Event()

    async def two_pieces(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Received) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        await writer.drain()
        await go_on.wait()
        writer.write(b"3\r\ntwo\r\n0\r\n\r\n")

    async with serving(two_pieces) as server, client.stream("GET", server.url()) as response:
        parts = aiter(response.aiter_bytes())
        assert await anext(parts) == b"one"
        go_on.set()
        assert await anext(parts) == b"two"
        with pytest.raises(StopAsyncIteration):
            await anext(parts)


async def test_a_connection_is_used_again_once_its_answer_is_read(client: httpx2.AsyncClient) -> None:
    async with serving(says(answer(b"ok"))) as server:
        for _ in range(5):
            await client.get(server.url())
        assert server.connections == 1


async def test_a_stream_that_is_left_early_closes_its_connection(client: httpx2.AsyncClient) -> None:
    async with serving(says(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\npart")) as server:
        async with client.stream("GET", server.url()) as response:
            assert await anext(aiter(response.aiter_bytes())) == b"part"
        async with asyncio.timeout(5):
            await server.closed.wait()


async def test_a_cancelled_request_closes_its_connection(client: httpx2.AsyncClient) -> None:
    async with serving(says(b"")) as server:
        task = asyncio.create_task(client.post(server.url(), json={}))
        while not server.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            await server.closed.wait()


async def test_many_calls_at_once_have_a_connection_each(client: httpx2.AsyncClient) -> None:
    arrived = asyncio.Event()

    async def together(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Received) -> None:
        if len(server.requests) == 150:
            arrived.set()
        await arrived.wait()
        writer.write(answer(request.body))

    async with serving(together) as server:
        bodies = [f"{number}".encode() for number in range(150)]
        answers = await asyncio.gather(*(client.post(server.url(), content=body) for body in bodies))
    assert [one.content for one in answers] == bodies


@pytest.mark.parametrize("size", [0, 10, 70_000, 1_000_000])
async def test_bodies_of_any_size_arrive_whole(client: httpx2.AsyncClient, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    async with serving(says(answer(b"ok"))) as server:
        await client.post(server.url(), content=body)
        assert server.requests[0].body == body
        assert server.requests[0].headers["content-length"] == str(size)


async def test_a_body_of_unknown_length_is_sent_in_chunks(client: httpx2.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"a" * 100_000
        yield b"b"

    async with serving(says(answer(b"ok"))) as server:
        await client.post(server.url(), content=pieces())
        assert server.requests[0].body == b"a" * 100_000 + b"b"
        assert server.requests[0].headers["transfer-encoding"] == "chunked"


async def test_files_are_sent_as_multipart(http: Http) -> None:
    step = Send("POST", "/edits", fields=[("n", "2")], files=[FilePart("image", "a.png", b"PNG" * 50_000, "image/png")])
    async with serving(says(answer(b"{}"))) as server:
        await http.send(step, target(server))
        assert b"PNG" * 50_000 in server.requests[0].body
        assert server.requests[0].headers["content-type"].startswith("multipart/form-data")


async def test_a_refused_connection_was_certainly_not_processed(http: Http) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ProviderUnavailableError) as caught:
        await http.send(Send("POST", "/x", json={}), Target(f"http://127.0.0.1:{port}", {}, {}, 5))
    assert caught.value.billed == "no"
    assert isinstance(caught.value.__cause__, httpx2.ConnectError)


async def test_an_unknown_host_was_certainly_not_reached(client: httpx2.AsyncClient) -> None:
    with pytest.raises(httpx2.ConnectError):
        await client.get("http://no-such-host.invalid/")


async def test_a_server_that_hangs_up_may_have_processed_the_request(http: Http) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Received) -> None:
        writer.close()

    async with serving(hang_up) as server:
        with pytest.raises(ProviderUnavailableError) as caught:
            await http.send(Send("POST", "/x", json={}), target(server))
        assert caught.value.billed == "maybe"
        assert isinstance(caught.value.__cause__, httpx2.RemoteProtocolError)
        assert len(server.requests) == 1


async def test_a_reset_while_waiting_is_a_read_error(client: httpx2.AsyncClient) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Received) -> None:
        linger = b"\1\0\0\0\0\0\0\0"
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    async with serving(reset) as server:
        with pytest.raises((httpx2.ReadError, httpx2.RemoteProtocolError)):
            await client.post(server.url(), json={})


async def test_an_answer_that_is_cut_off_is_told_from_a_whole_one(client: httpx2.AsyncClient) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Received) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\npart")
        await writer.drain()
        writer.close()

    async with serving(cut) as server:
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.get(server.url())


async def test_something_that_is_not_http_is_a_protocol_error(client: httpx2.AsyncClient) -> None:
    async with serving(says(b"220 mail server\r\n\r\n")) as server:
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.get(server.url())


async def test_no_answer_in_time_is_a_read_timeout_that_may_have_been_billed(http: Http) -> None:
    async with serving(says(b"")) as server:
        with pytest.raises(ProviderTimeoutError) as caught:
            await http.send(Send("POST", "/x", json={}), target(server, timeout=1.0))
        assert caught.value.billed == "maybe"
        assert isinstance(caught.value.__cause__, httpx2.ReadTimeout)


async def test_a_body_that_stops_coming_is_a_read_timeout(client: httpx2.AsyncClient) -> None:
    async with serving(says(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\npart")) as server:
        with pytest.raises(httpx2.ReadTimeout):
            await client.get(server.url(), timeout=httpx2.Timeout(60, read=0.05))


async def test_a_server_that_does_not_read_is_a_write_timeout(client: httpx2.AsyncClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        with pytest.raises(httpx2.WriteTimeout):
            await client.post(url, content=b"x" * (32 << 20), timeout=httpx2.Timeout(None, write=0.2))


async def test_an_early_refusal_of_a_long_body_is_an_answer(client: httpx2.AsyncClient) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(b"too large", 413, connection="close"))
        await writer.drain()
        while await reader.read(1 << 16):
            pass
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    response = await client.post(url, content=b"x" * 500_000)
    assert (response.status_code, response.content) == (413, b"too large")
    server.close()


async def test_a_pinned_address_is_asked_for_the_name_it_was_checked_for() -> None:
    async with (
        serving(says(answer(b"ok")), server_context()) as server,
        httpx2.AsyncClient(transport=AiohttpTransport(client_context())) as client,
    ):
        response = await client.get(server.url(scheme="https"), extensions={"sni_hostname": "provider.test"})
        assert response.content == b"ok"
        assert server.server_names == ["provider.test"]
        with pytest.raises(httpx2.ConnectError):
            await client.get(server.url(scheme="https"), extensions={"sni_hostname": "other.test"})


async def test_an_untrusted_certificate_is_refused_before_anything_is_sent(http: Http) -> None:
    async with serving(says(answer(b"ok")), server_context()) as server:
        with pytest.raises(ProviderUnavailableError) as caught:
            await http.send(Send("POST", "/x", json={}), Target(server.url("", "https"), {}, {}, 5))
        assert caught.value.billed == "no"
        assert server.requests == []


async def test_an_environments_proxy_is_used_but_not_for_excepted_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(says(answer(b"from the proxy"))) as proxy, serving(says(answer(b"direct"))) as server:
        monkeypatch.setenv("http_proxy", proxy.url())
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        async with httpx2.AsyncClient(transport=AiohttpTransport()) as client:
            assert (await client.get("http://provider.test/x")).content == b"from the proxy"
            assert (await client.get(server.url())).content == b"direct"
        assert proxy.requests[0].line == "GET http://provider.test/x HTTP/1.1"


async def test_what_cannot_be_a_request_is_not_sent(client: httpx2.AsyncClient) -> None:
    with pytest.raises(httpx2.LocalProtocolError):
        await client.get("http://127.0.0.1:1/", headers={b"x-key": b"a\r\nevil: b"})
    with pytest.raises(httpx2.UnsupportedProtocol):
        await client.get("ftp://127.0.0.1:1/")


def test_an_unknown_failure_counts_as_a_broken_connection() -> None:
    request = httpx2.Request("GET", "http://x.test")
    assert isinstance(translated(OSError(5, "input/output error"), request), httpx2.ReadError)


async def test_a_closed_transport_opens_again_and_closing_twice_is_harmless() -> None:
    transport = AiohttpTransport()
    await transport.aclose()
    async with serving(says(answer(b"ok"))) as server:
        for _ in range(2):
            response = await transport.handle_async_request(httpx2.Request("GET", server.url()))
            assert await response.aread() == b"ok"
            await transport.aclose()
            await transport.aclose()
