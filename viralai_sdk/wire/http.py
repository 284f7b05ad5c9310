"""The one HTTP layer: sends what a step describes, reads answers and streams, and turns transport failures into our errors."""

from __future__ import annotations

import functools
import json
import ssl
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import httpx2

from viralai_sdk.interfaces.errors import (
    AIError,
    ConfigurationError,
    InvalidRequestError,
    MalformedResponseError,
    ProviderTimeoutError,
    ProviderUnavailableError,
)
from viralai_sdk.interfaces.steps import Answer, Send, StreamEvent
from viralai_sdk.wire.loops import LoopLocal
from viralai_sdk.wire.pools import Pools

CONNECT_TIMEOUT = 5.0
"""Seconds to reach a server: what openai, anthropic and runwayml allow."""

MAX_HEADS = 1024
"""Prepared request heads kept at once; each is one address with one set of headers."""


Origin = tuple[str, str, int]
FAILURES = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ExceptionGroup, OverflowError)
"""What the transport raises. Connecting to several addresses at once fails in a group; a port beyond 65535 is an overflow."""


class Target(Protocol):
    """Where requests of one provider go."""

    base_url: str
    headers: Mapping[str, str]
    params: Mapping[str, str]
    timeout: float


class Http:
    """Sends requests. One connection pool for each event loop; `transport` builds another transport than httpx2's own."""

    def __init__(self, transport: Callable[[], httpx2.AsyncBaseTransport] | None = None) -> None:
        self._transport = transport
        self._lines = LoopLocal(self._make_line, _Line.aclose)
        self._heads: dict[tuple[Any, ...], Head] = {}

    def _make_line(self) -> _Line:
        if self._transport is not None:
            transport = self._transport()
            return _Line(httpx2.AsyncClient(transport=transport), transport)
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=128, keepalive_expiry=30)
        if urllib.request.getproxies():
            return _Line(httpx2.AsyncClient(verify=ssl_context(), limits=limits), None)
        transport = Pools(lambda: httpx2.AsyncHTTPTransport(verify=ssl_context(), limits=limits))
        return _Line(httpx2.AsyncClient(transport=transport), transport)

    @property
    def client(self) -> httpx2.AsyncClient:
        """The running loop's client."""
        return self._lines.get().client

    async def aclose(self) -> None:
        """Close the running loop's connections."""
        await self._lines.aclose()

    async def send(self, step: Send, target: Target) -> Answer:
        """Send a request and read its answer whole, whatever its status.

        Raises:
            ProviderUnavailableError, ProviderTimeoutError: with `billed="no"` when the request certainly did not arrive.
            MalformedResponseError: the body is larger than the step allows, or its encoding is broken.
        """
        try:
            response = await self._open(step, target)
            try:
                headers = _lower(response.headers)
                body = await _read(response, headers, step.max_bytes)
            finally:
                await response.aclose()
        except FAILURES as error:
            raise failure(error) from cause(error)
        return Answer(response.status_code, headers, body)

    @asynccontextmanager
    async def stream(self, step: Send, target: Target) -> AsyncIterator[tuple[Answer, AsyncIterator[Any] | None]]:
        """Open a stream: the answer's head, and the iterator of its events (`sse`), lines (`ndjson`) or chunks (`bytes`).

        For a status of 400 and above the body is in the answer and there is no iterator.
        """
        response = None
        try:
            response = await self._open(step, target)
            headers = _lower(response.headers)
            if response.status_code >= 400:
                body = await _read(response, headers, step.max_bytes)
                yield Answer(response.status_code, headers, body), None
            else:
                yield Answer(response.status_code, headers, b""), _events(response, step)
        except FAILURES as error:
            raise failure(error) from cause(error)
        finally:
            if response is not None:
                await response.aclose()

    async def _open(self, step: Send, target: Target) -> httpx2.Response:
        """Send a request; its answer's body is still to be read.

        An ordinary request goes straight to the transport: what the client would add on the way (cookies, redirects, an auth flow)
        is of no use here and costs as much as our whole pipeline.
        """
        line = self._lines.get()
        if line.transport is None or not _plain(step, target):
            return await line.client.send(_build(line.client, step, target), stream=True)
        key = (step.method, step.json is None, step.path, step.accept, target.base_url, *target.headers.items())
        head = self._heads.get(key)
        if head is None:
            head = Head(_build(line.client, step, target))
            if len(self._heads) >= MAX_HEADS:
                self._heads.clear()
            self._heads[key] = head
        request = head.request(None if step.json is None else _encode(step.json).encode(), target.timeout)
        response = await line.transport.handle_async_request(request)
        response.request = request
        return response


class _Line:
    """One loop's connections: the client, and the transport below it when requests may go to it directly."""

    __slots__ = ("client", "transport")

    def __init__(self, client: httpx2.AsyncClient, transport: httpx2.AsyncBaseTransport | None) -> None:
        self.client = client
        self.transport = transport

    async def aclose(self) -> None:
        await self.client.aclose()


class Head:
    """Everything of a request but its JSON body: made once for each address, since parsing it costs more than sending it."""

    __slots__ = ("_headers", "_method", "_url", "prepared")

    def __init__(self, request: httpx2.Request) -> None:
        """Take the head of a request that httpx2 has built. `prepared` is for a transport to keep its own form of it."""
        self.prepared: Any = None
        self._method = request.method
        self._url = request.url
        self._headers = request.headers

    def request(self, body: bytes | None, seconds: float) -> httpx2.Request:
        """A request with this head, which several threads may use at once: what differs is written into the request's own copy."""
        made = httpx2.Request(
            self._method,
            self._url,
            headers=self._headers,  # copied there
            stream=httpx2.ByteStream(body or b""),
            extensions={"timeout": _timeouts(seconds), "head": self},
        )
        if body is not None:
            made.headers["Content-Length"] = str(len(body))
        return made


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
"""Writes JSON as httpx2 does, without making an encoder for each request."""


def _plain(step: Send, target: Target) -> bool:
    """Whether nothing but the body of a request differs from one call to the next."""
    return (
        step.content is None
        and step.fields is None
        and step.files is None
        and not step.params
        and not step.headers
        and not target.params
        and step.path.startswith("/")
        and "@" not in target.base_url
    )


@functools.lru_cache(64)
def _timeouts(seconds: float) -> dict[str, float | None]:
    return httpx2.Timeout(seconds, connect=min(CONNECT_TIMEOUT, seconds)).as_dict()


async def _events(response: httpx2.Response, step: Send) -> AsyncIterator[Any]:
    try:
        if step.expect == "sse":
            async for event in httpx2.EventSource(response):
                yield StreamEvent.model_construct(name=event.event if event.event != "message" else "", data=event.data)
        elif step.expect == "ndjson":
            async for line in _lines(response, step.max_bytes):
                yield StreamEvent.model_construct(name="", data=line)
        else:
            async for chunk in response.aiter_bytes():
                yield chunk
    except httpx2.SSEError as error:
        raise MalformedResponseError(f"the stream cannot be read: {error}") from error
    except (httpx2.HTTPError, httpx2.StreamError) as error:
        raise failure(error) from error


async def _lines(response: httpx2.Response, limit: int) -> AsyncIterator[str]:
    """Lines of NDJSON that are not blank. Only a line feed ends one: texts may hold what ends lines elsewhere, such as U+2028."""
    pending = bytearray()
    async for chunk in response.aiter_bytes():
        pending += chunk
        if len(pending) > limit:
            raise MalformedResponseError(f"a line of the stream is longer than {limit:,} bytes.")
        if b"\n" in chunk:
            *whole, pending = pending.split(b"\n")
            for line in whole:
                if line.strip():
                    yield _decoded(line)
    if pending.strip():
        yield _decoded(pending)


def _decoded(line: bytearray) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise MalformedResponseError(f"a line of the stream is not UTF-8 (byte {error.start}).") from error


async def _read(response: httpx2.Response, headers: Mapping[str, str], limit: int) -> bytes:
    """Read a body, but no more than the limit: a hostile or broken server must not fill the memory."""
    announced = headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise MalformedResponseError(f"the answer announces {int(announced):,} bytes; at most {limit:,} are read.")
    parts: list[bytes] = []
    size = 0
    encoded = "content-encoding" in headers
    async for chunk in response.aiter_bytes() if encoded else _raw(response):
        size += len(chunk)
        if size > limit:
            raise MalformedResponseError(f"the answer is longer than {limit:,} bytes.")
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _raw(response: httpx2.Response) -> AsyncIterator[bytes]:
    """The body as the transport gives it, past the layers that decode and count."""
    stream = response.stream
    assert isinstance(stream, httpx2.AsyncByteStream)
    return aiter(stream)


def _build(client: httpx2.AsyncClient, step: Send, target: Target) -> httpx2.Request:
    url, own = _address(step, target)
    headers = {"accept": step.accept, **(target.headers if own else {}), **(step.headers or {})}
    body: dict[str, Any] = {}
    if step.json is not None:
        body["json"] = step.json
    elif step.content is not None:
        body["content"] = step.content
    elif step.fields is not None or step.files is not None:
        # As file parts without a name, text fields keep their order and their repetitions.
        parts: list[tuple[str, Any]] = [(name, (None, value.encode())) for name, value in step.fields or ()]
        parts += [(part.field, (part.filename, part.data, part.media_type)) for part in step.files or ()]
        body["files"] = parts
    params = {**(target.params if own else {}), **(step.params or {})}
    timeout = httpx2.Timeout(target.timeout, connect=min(CONNECT_TIMEOUT, target.timeout))
    try:
        return client.build_request(step.method, url, headers=headers, params=params or None, timeout=timeout, **body)
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(error, UnicodeEncodeError):
            raise ConfigurationError(
                "a header cannot be sent: it has a character outside ASCII.",
                hint="Check the key for stray characters, such as a typographic dash.",
            ) from None  # the cause holds the header, which may be the key
        raise InvalidRequestError(
            f"the request cannot be written ({error}).", hint="Check options: they take plain JSON values."
        ) from error


def _address(step: Send, target: Target) -> tuple[str, bool]:
    """Where the request goes, and whether that is the provider itself: the key travels to its own origin only."""
    if not step.path.startswith(("http://", "https://")):
        return target.base_url.rstrip("/") + step.path, True
    return step.path, origin(httpx2.URL(step.path)) == origin(httpx2.URL(target.base_url))


def origin(url: httpx2.URL) -> Origin:
    """Scheme, host and port of a URL."""
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def _lower(headers: httpx2.Headers) -> Mapping[str, str]:
    """Names in lower case; the values of a repeated one are joined by commas."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("utf-8", "replace")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


@functools.cache
def ssl_context() -> ssl.SSLContext:
    """One TLS context for all clients: making it takes longer than many calls."""
    return httpx2.create_ssl_context()


def cause(error: Exception) -> Exception | None:
    """What to chain our error to. A refused header is quoted by the transport, and it may be the key: that chain is cut."""
    return None if isinstance(error, httpx2.LocalProtocolError) else error


def failure(error: Exception) -> AIError:
    """Our error for a failed transport. What decides is whether the request may have been processed."""
    if isinstance(error, ExceptionGroup):
        return failure(error.exceptions[0])
    reason = str(error) or type(error).__name__
    match error:
        case httpx2.ConnectTimeout() | httpx2.PoolTimeout():
            return ProviderTimeoutError("the server could not be reached in time.", billed="no")
        case httpx2.TimeoutException():
            return ProviderTimeoutError("no answer in time.", billed="maybe")
        case httpx2.ConnectError():
            return ProviderUnavailableError(f"the server cannot be reached ({reason}).", billed="no")
        case httpx2.LocalProtocolError():
            # Its words quote the header, which may be the key.
            return ConfigurationError(
                "the request cannot be sent: a header is not valid.", hint="Check the key for stray characters."
            )
        case httpx2.InvalidURL() | httpx2.UnsupportedProtocol() | OverflowError():
            return ConfigurationError(f"the request cannot be sent: {reason.rstrip('.')}.", hint="Check base_url.")
        case httpx2.DecodingError():
            return MalformedResponseError(f"the answer's encoding is broken: {reason}.")
        case httpx2.TransportError():
            return ProviderUnavailableError(f"the connection broke ({reason}).", billed="maybe")
        case _:
            return MalformedResponseError(f"the answer cannot be read: {reason}.")
