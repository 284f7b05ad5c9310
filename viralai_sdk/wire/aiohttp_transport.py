"""httpx2 over aiohttp's connections: the same requests, answers and errors, several times as many calls a second.

httpx2's own pool is what limits many calls at once. Chosen by `transport: aiohttp` in the configuration or by $VIRALAI_TRANSPORT; needs
the extra `fast`.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
import urllib.request
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import httpx2
import multidict
import yarl

from viralai_sdk.wire.http import Head, ssl_context

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
        try:
            content = _content(request)
            if content is not None:
                answer = await self._send(request, limits, content or None)
            else:
                answer = await self._send_slowly(request, limits)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise translated(error, request) from error
        reason = (answer.reason or "").encode("ascii", "ignore")
        return httpx2.Response(
            answer.status,
            headers=list(answer.raw_headers),
            stream=_Body(answer, request),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": reason},
        )

    async def _send(self, request: httpx2.Request, limits: Mapping[str, Any], body: Any) -> aiohttp.ClientResponse:
        url, headers = _prepared(request)
        return await self._open().request(
            request.method,
            url,
            headers=headers,
            data=body,
            timeout=_timeout(limits.get("connect"), limits.get("read")),
            allow_redirects=False,
            server_hostname=request.extensions.get("sni_hostname"),
            proxy=self._proxy(request.url) if self._proxies else None,
        )

    async def _send_slowly(self, request: httpx2.Request, limits: Mapping[str, Any]) -> aiohttp.ClientResponse:
        """Send a long body, each piece within the write timeout, which aiohttp does not have."""
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        pace = _Pace(limits.get("write"))
        try:
            async with asyncio.timeout(None) as pace.limit:
                try:
                    return await self._send(request, limits, pace.paced(request.stream))
                finally:
                    pace.end()
        except TimeoutError as error:
            if isinstance(error, aiohttp.ClientError):
                raise
            raise httpx2.WriteTimeout("the request could not be written in time", request=request) from error

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

    async def paced(self, stream: httpx2.AsyncByteStream) -> AsyncIterator[bytes]:
        """The pieces of a body; taking the next one shows that the last one has left."""
        async for chunk in stream:
            for at in range(0, len(chunk), WHOLE_BODY):
                self._set(self._seconds)
                yield chunk[at : at + WHOLE_BODY]
        self._set(None)

    def _set(self, seconds: float | None) -> None:
        if self.limit is not None and not self.limit.expired():
            self.limit.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)

    def end(self) -> None:
        """The answer has begun, or nobody waits for it any more; the body may still be on its way."""
        self._set(None)
        self.limit = None


class _Body(httpx2.AsyncByteStream):
    """An answer's body as it comes from the socket. Closing it early closes the connection."""

    def __init__(self, answer: aiohttp.ClientResponse, request: httpx2.Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = self._answer.content.readany
        try:
            while chunk := await read():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise translated(error, self._request) from error

    async def aclose(self) -> None:
        self._answer.close()


def _prepared(request: httpx2.Request) -> tuple[yarl.URL, multidict.CIMultiDict[str]]:
    """Address and headers as aiohttp wants them; made once for a head that is used again."""
    head = request.extensions.get("head")
    if isinstance(head, Head) and head.prepared is not None:
        kept: tuple[yarl.URL, multidict.CIMultiDict[str]] = head.prepared
        return kept
    made = yarl.URL(str(request.url), encoded=True), multidict.CIMultiDict(_headers(request))
    if isinstance(head, Head):
        made[1].pop("content-length", None)  # the one header that differs; aiohttp sets it by the body
        head.prepared = made
    return made


def _headers(request: httpx2.Request) -> list[tuple[str, str]]:
    raw = request.headers.raw
    values = b"".join([value for _, value in raw])
    if b"\n" in values or b"\r" in values or b"\0" in values:
        # aiohttp would look only after it has connected.
        raise httpx2.LocalProtocolError("a header holds a line break", request=request)
    # With a body of unknown length aiohttp sets transfer-encoding itself, and refuses to be told.
    return [(name.decode("ascii"), value.decode()) for name, value in raw if name.lower() != b"transfer-encoding"]


def _content(request: httpx2.Request) -> bytes | None:
    """The body when it is short and in memory, else None."""
    if not isinstance(request.stream, httpx2.ByteStream):
        return None
    content = request.read()
    return content if len(content) <= WHOLE_BODY else None


@functools.lru_cache(64)
def _timeout(connect: float | None, read: float | None) -> aiohttp.ClientTimeout:
    # `connect` covers finding the address as well; `sock_connect` is each try at one of several addresses.
    return aiohttp.ClientTimeout(total=None, connect=connect, sock_connect=connect, sock_read=read)


def translated(error: Exception, request: httpx2.Request) -> Exception:
    """aiohttp's error as httpx2's. What must be right is `ConnectError`: it says that the request certainly did not arrive."""
    reason = str(error) or type(error).__name__
    for kinds, own in _ERRORS:
        if isinstance(error, kinds):
            return own(reason, request=request)
    return httpx2.ReadError(reason, request=request)


_ERRORS: tuple[tuple[tuple[type[Exception], ...], type[httpx2.RequestError]], ...] = (
    ((aiohttp.ConnectionTimeoutError,), httpx2.ConnectTimeout),
    ((aiohttp.ServerTimeoutError,), httpx2.ReadTimeout),
    ((aiohttp.ClientConnectorError, aiohttp.ServerFingerprintMismatch), httpx2.ConnectError),
    ((aiohttp.ClientHttpProxyError,), httpx2.ProxyError),
    ((aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError), httpx2.RemoteProtocolError),
    ((aiohttp.ClientResponseError,), httpx2.RemoteProtocolError),
    ((aiohttp.NonHttpUrlClientError,), httpx2.UnsupportedProtocol),
    ((ValueError,), httpx2.LocalProtocolError),
)
"""In this order: what stands first is the narrower meaning. Everything else broke a connection that was in use."""
