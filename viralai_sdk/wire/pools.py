"""httpx2's transport, several times over.

A pool of httpx2 looks at each of its connections on every request, so that at 64 requests at once a third of the time goes into
looking. Small pools have little to look at.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx2

BUSY = 8
"""Requests at once before the next pool is opened."""
MOST = 32
"""Pools at most; from there on the least busy one takes the request."""


class Pools(httpx2.AsyncBaseTransport):
    """Hands each request to the first pool with a free place, so that few calls share few warm connections."""

    def __init__(self, make: Callable[[], httpx2.AsyncBaseTransport]) -> None:
        self._make = make
        self._pools: list[_Pool] = []

    def _free(self) -> _Pool:
        for pool in self._pools:
            if pool.running < BUSY:
                return pool
        if len(self._pools) == MOST:
            return min(self._pools, key=lambda pool: pool.running)
        self._pools.append(_Pool(self._make()))
        return self._pools[-1]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; its place is free again when the answer is closed."""
        pool = self._free()
        pool.running += 1
        try:
            response = await pool.transport.handle_async_request(request)
        except BaseException:
            pool.running -= 1
            raise
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Body(response.stream, pool)
        return response

    async def aclose(self) -> None:
        """Close all pools."""
        pools, self._pools = self._pools, []
        for pool in pools:
            await pool.transport.aclose()


class _Pool:
    __slots__ = ("running", "transport")

    def __init__(self, transport: httpx2.AsyncBaseTransport) -> None:
        self.transport = transport
        self.running = 0


class _Body(httpx2.AsyncByteStream):
    """An answer's body, whose end frees the place."""

    __slots__ = ("_pool", "_stream")

    def __init__(self, stream: httpx2.AsyncByteStream, pool: _Pool) -> None:
        self._stream = stream
        self._pool: _Pool | None = pool

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

    async def aclose(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.running -= 1
        await self._stream.aclose()
