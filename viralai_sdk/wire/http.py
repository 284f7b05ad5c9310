"""The one HTTP layer: sends what a step describes, reads answers and streams, and turns transport failures into our errors."""

from __future__ import annotations

import functools
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import httpx2

from viralai_sdk.interfaces.errors import (
    AIError,
    ConfigurationError,
    MalformedResponseError,
    ProviderTimeoutError,
    ProviderUnavailableError,
)
from viralai_sdk.interfaces.steps import Answer, Send, StreamEvent
from viralai_sdk.wire.loops import LoopLocal

CONNECT_TIMEOUT = 5.0
"""Seconds to reach a server: what openai, anthropic and runwayml allow."""


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
        self._clients = LoopLocal(self._make_client, httpx2.AsyncClient.aclose)

    def _make_client(self) -> httpx2.AsyncClient:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=128, keepalive_expiry=30)
        if self._transport is not None:
            return httpx2.AsyncClient(transport=self._transport())
        return httpx2.AsyncClient(verify=ssl_context(), limits=limits)

    @property
    def client(self) -> httpx2.AsyncClient:
        """The running loop's client."""
        return self._clients.get()

    async def aclose(self) -> None:
        """Close the running loop's connections."""
        await self._clients.aclose()

    async def send(self, step: Send, target: Target) -> Answer:
        """Send a request and read its answer whole, whatever its status.

        Raises:
            ProviderUnavailableError, ProviderTimeoutError: with `billed="no"` when the request certainly did not arrive.
            MalformedResponseError: the body is larger than the step allows, or its encoding is broken.
        """
        client = self._clients.get()
        try:
            request = _build(client, step, target)
            response = await client.send(request, stream=True)
            try:
                body = await _read(response, step.max_bytes)
            finally:
                await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            raise failure(error) from error
        return Answer(response.status_code, _lower(response.headers), body)

    @asynccontextmanager
    async def stream(self, step: Send, target: Target) -> AsyncIterator[tuple[Answer, AsyncIterator[Any] | None]]:
        """Open a stream: the answer's head, and the iterator of its events (`sse`), lines (`ndjson`) or chunks (`bytes`).

        For a status of 400 and above the body is in the answer and there is no iterator.
        """
        client = self._clients.get()
        response = None
        try:
            request = _build(client, step, target)
            response = await client.send(request, stream=True)
            headers = _lower(response.headers)
            if response.status_code >= 400:
                body = await _read(response, step.max_bytes)
                yield Answer(response.status_code, headers, body), None
            else:
                yield Answer(response.status_code, headers, b""), _events(response, step)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            raise failure(error) from error
        finally:
            if response is not None:
                await response.aclose()


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


async def _read(response: httpx2.Response, limit: int) -> bytes:
    """Read a body, but no more than the limit: a hostile or broken server must not fill the memory."""
    announced = response.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise MalformedResponseError(f"the answer announces {int(announced):,} bytes; at most {limit:,} are read.")
    parts: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > limit:
            raise MalformedResponseError(f"the answer is longer than {limit:,} bytes.")
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _build(client: httpx2.AsyncClient, step: Send, target: Target) -> httpx2.Request:
    url = step.path if step.path.startswith(("http://", "https://")) else target.base_url.rstrip("/") + step.path
    headers = {"accept": step.accept, **target.headers, **(step.headers or {})}
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
    params = {**target.params, **(step.params or {})}
    timeout = httpx2.Timeout(target.timeout, connect=min(CONNECT_TIMEOUT, target.timeout))
    return client.build_request(step.method, url, headers=headers, params=params or None, timeout=timeout, **body)


def _lower(headers: httpx2.Headers) -> Mapping[str, str]:
    return dict(headers.items())


@functools.cache
def ssl_context() -> ssl.SSLContext:
    """One TLS context for all clients: making it takes longer than many calls."""
    return httpx2.create_ssl_context()


def failure(error: Exception) -> AIError:
    """Our error for a failed transport. What decides is whether the request may have been processed."""
    reason = str(error) or type(error).__name__
    match error:
        case httpx2.ConnectTimeout() | httpx2.PoolTimeout():
            return ProviderTimeoutError("the server could not be reached in time.", billed="no")
        case httpx2.TimeoutException():
            return ProviderTimeoutError("no answer in time.", billed="maybe")
        case httpx2.ConnectError():
            return ProviderUnavailableError(f"the server cannot be reached ({reason}).", billed="no")
        case httpx2.InvalidURL() | httpx2.UnsupportedProtocol() | httpx2.LocalProtocolError():
            return ConfigurationError(
                f"the request cannot be sent: {reason}.", hint="Check base_url and the key for stray characters."
            )
        case httpx2.DecodingError():
            return MalformedResponseError(f"the answer's encoding is broken: {reason}.")
        case httpx2.TransportError():
            return ProviderUnavailableError(f"the connection broke ({reason}).", billed="maybe")
        case _:
            return MalformedResponseError(f"the answer cannot be read: {reason}.")
