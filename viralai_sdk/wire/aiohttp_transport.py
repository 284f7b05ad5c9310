"""httpx2 over aiohttp's connections: the same requests, answers and errors, several times as many calls a second.

httpx2's own pool is what limits many calls at once. Chosen by `transport: aiohttp` in the configuration or by $VIRALAI_TRANSPORT; needs
the extra `fast`.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import httpx2
import yarl

from viralai_sdk.wire.http import ssl_context

KEEP_ALIVE = 30.0
"""Seconds that an idle connection is kept, as with httpx2's own transport."""
WHOLE_BODY = 1 << 16
"""A request body up to this size is handed over at once; of a longer one every piece has its own write timeout."""
LONGEST_HEADER = 1 << 16
"""Bytes of one header line: signed addresses in a redirect are longer than aiohttp's usual 8190."""
_NOTHING_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""httpx2 has set its headers already; aiohttp must not add its own."""


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Sends requests through one aiohttp session, made on the first request and bound to that event loop.

    No cookies, no redirects, no decompression, no limit of connections: all of this is the caller's business. Raises what httpx2's own
    transport raises.

    Args:
        context: TLS settings; None takes those that all clients share.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self._session: aiohttp.ClientSession | None = None
        self._proxies = urllib.request.getproxies()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=0, ssl=self._context or ssl_context(), keepalive_timeout=KEEP_ALIVE, ttl_dns_cache=10
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_NOTHING_ADDED,
                auto_decompress=False,
                read_bufsize=1 << 18,
                max_line_size=LONGEST_HEADER,
                max_field_size=LONGEST_HEADER,
            )
        return self._session

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; the answer's body is read from its stream."""
        limits = request.extensions.get("timeout") or {}
        pace = _Pace(limits.get("write"))
        try:
            async with asyncio.timeout(None) as pace.limit:
                answer = await self._send(request, limits, pace)
                pace.end()
        except TimeoutError as error:
            if isinstance(error, httpx2.HTTPError):
                raise
            raise httpx2.WriteTimeout("", request=request) from error
        return httpx2.Response(
            answer.status,
            headers=list(answer.raw_headers),
            stream=_Body(answer, request),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": (answer.reason or "").encode("ascii", "ignore")},
        )

    async def _send(self, request: httpx2.Request, limits: dict[str, Any], pace: _Pace) -> aiohttp.ClientResponse:
        with _translated(request):
            return await self._open().request(
                request.method,
                yarl.URL(str(request.url), encoded=True),
                headers=_headers(request),
                data=_body(request, pace),
                timeout=_timeout(limits.get("connect"), limits.get("read")),
                allow_redirects=False,
                server_hostname=request.extensions.get("sni_hostname"),
                proxy=self._proxy(request.url) if self._proxies else None,
            )

    def _proxy(self, url: httpx2.URL) -> str | None:
        """The environment's proxy for an address, by the rules that httpx2 follows."""
        if urllib.request.proxy_bypass(url.netloc.decode("ascii")):
            return None
        return self._proxies.get(url.scheme) or self._proxies.get("all")

    async def aclose(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class _Pace:
    """The write timeout: every piece of a long body must leave within it."""

    __slots__ = ("_seconds", "limit")

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self.limit: asyncio.Timeout | None = None

    def piece(self) -> None:
        """A piece is on its way."""
        if self.limit is not None and self._seconds is not None and not self.limit.expired():
            self.limit.reschedule(asyncio.get_running_loop().time() + self._seconds)

    def end(self) -> None:
        """Nothing more is written, or nobody waits for it any more."""
        if self.limit is not None and not self.limit.expired():
            self.limit.reschedule(None)
        self.limit = None


class _Body(httpx2.AsyncByteStream):
    """An answer's body as it comes from the socket. Closing it early closes the connection."""

    def __init__(self, answer: aiohttp.ClientResponse, request: httpx2.Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated(self._request):
            read = self._answer.content.readany
            while chunk := await read():
                yield chunk

    async def aclose(self) -> None:
        self._answer.close()


def _headers(request: httpx2.Request) -> list[tuple[str, str]]:
    # With a body of unknown length aiohttp sets this header itself, and refuses to be told.
    raw = [(name, value) for name, value in request.headers.raw if name.lower() != b"transfer-encoding"]
    return [(name.decode("ascii"), value.decode()) for name, value in raw]


def _body(request: httpx2.Request, pace: _Pace) -> Any:
    try:
        content = request.content
    except httpx2.RequestNotRead:
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        return _paced(request.stream, pace)
    if len(content) <= WHOLE_BODY:
        return content or None
    return _paced(_pieces(content), pace)


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    view = memoryview(content)
    for at in range(0, len(view), WHOLE_BODY):
        yield bytes(view[at : at + WHOLE_BODY])


async def _paced(pieces: Any, pace: _Pace) -> AsyncIterator[bytes]:
    async for piece in pieces:
        pace.piece()
        yield piece
    pace.end()


@functools.lru_cache(64)
def _timeout(connect: float | None, read: float | None) -> aiohttp.ClientTimeout:
    # `connect` covers finding the address as well; `sock_connect` is each try at one of several addresses.
    return aiohttp.ClientTimeout(total=None, connect=connect, sock_connect=connect, sock_read=read)


@contextmanager
def _translated(request: httpx2.Request) -> Iterator[None]:
    """aiohttp's errors as httpx2's. What must be right is `ConnectError`: it alone says that the request certainly did not arrive."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx2.ConnectTimeout(str(error), request=request) from error
    except aiohttp.ServerTimeoutError as error:
        raise httpx2.ReadTimeout(str(error), request=request) from error
    except (aiohttp.ClientConnectorError, aiohttp.ServerFingerprintMismatch) as error:
        raise httpx2.ConnectError(str(error), request=request) from error
    except aiohttp.ClientHttpProxyError as error:
        raise httpx2.ProxyError(str(error), request=request) from error
    except aiohttp.ServerDisconnectedError as error:
        raise httpx2.RemoteProtocolError("the server closed the connection without an answer", request=request) from error
    except (aiohttp.ClientPayloadError, aiohttp.ClientResponseError) as error:
        raise httpx2.RemoteProtocolError(str(error), request=request) from error
    except aiohttp.NonHttpUrlClientError as error:
        raise httpx2.UnsupportedProtocol(str(error), request=request) from error
    except (aiohttp.ClientError, OSError) as error:
        if isinstance(error, (TimeoutError, aiohttp.InvalidURL)) and not isinstance(error, aiohttp.ClientError):
            raise
        raise httpx2.ReadError(str(error) or type(error).__name__, request=request) from error
    except ValueError as error:
        raise httpx2.LocalProtocolError(str(error), request=request) from error
