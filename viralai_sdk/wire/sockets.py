"""The one place that opens WebSockets: live channels, which are read to their end whatever happens.

A server that sends events one after another to all its clients stands still for everybody when one of them does not read. So a socket
here always has a task that drains it, and it is closed, and seen to be closed, before another one takes its place.

The library is `websockets` (extra `ws`): draining 21,000 messages took it 0.12 s of CPU
time and httpx2's own client 0.82 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import httpx2

from viralai_sdk.wire.http import ssl_context

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

log = logging.getLogger(__name__)


def _mute() -> logging.Logger:
    """A logger of nobody's: at DEBUG the library writes down handshakes, with the key in them, and every message.

    It is in no registry, so that no configuration of logging can give it a level or a handler.
    """
    mute = logging.Logger(f"{__name__}.mute", logging.CRITICAL + 1)
    mute.addHandler(logging.NullHandler())
    mute.propagate = False
    mute.disabled = True
    return mute


MAX_MESSAGE = 64 * 1024 * 1024
"""Largest message taken, in bytes. A preview of 512 pixels is some 50 kB; a picture sent over the socket may be large."""
PING_SECONDS = 20.0
"""A server that sends nothing during a long model load still answers pings."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between attempts to connect again."""
CLOSE_SECONDS = 1.0


def available() -> bool:
    """True when the `websockets` library is installed."""
    return importlib.util.find_spec("websockets") is not None


class SocketReader:
    """Keeps one WebSocket open and hands on what comes. Connects again after a drop, until it is closed.

    Args:
        url: http(s) or ws(s) address.
        take: gets each message, in the loop's thread; it must be quick.
        lost: told when a connection that stood is gone.
    """

    def __init__(
        self,
        url: str,
        *,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        first: Sequence[str],
        take: Callable[[str | bytes], None],
        lost: Callable[[], None],
    ) -> None:
        address = httpx2.URL(url).copy_merge_params(dict(params))
        self._secure = address.scheme in ("https", "wss")
        self._url = str(address.copy_with(scheme="wss" if self._secure else "ws"))
        self._headers = dict(headers)
        self._first = list(first)
        self._take = take
        self._lost = lost
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.connected = False

    async def open(self, seconds: float) -> bool:
        """Start reading. True as soon as the socket stands, False when it does not after `seconds` or cannot; it goes on trying."""
        if not available():
            log.debug("no live progress: the websockets library (extra 'ws') is not installed")
            return False
        self._task = asyncio.create_task(self._run(), name="viralai live channel")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        return self.connected

    async def aclose(self) -> None:
        """Stop reading and close the socket."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task], timeout=2 * CLOSE_SECONDS)
        self._task = None

    async def _run(self) -> None:
        from websockets.exceptions import InvalidHandshake, InvalidURI, WebSocketException

        failed = 0
        while True:
            try:
                await self._read()
                failed = 0
            except InvalidURI as error:
                log.debug("no live progress: %s", error)
                self._ready.set()
                return
            except (OSError, TimeoutError, EOFError, InvalidHandshake, WebSocketException) as error:
                log.debug("the live channel broke: %r", error)
            stood, self.connected = self.connected, False
            self._ready.set()
            if stood:
                failed = 0
                self._lost()
            pause = min(FIRST_PAUSE * 2**failed, LONGEST_PAUSE)
            failed += 1
            # Spread out: all clients of a server that restarts lose their sockets at the same moment.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311

    async def _read(self) -> None:
        socket = await self._connect()
        try:
            for greeting in self._first:
                await socket.send(greeting)
            self.connected = True
            self._ready.set()
            async for message in socket:
                self._take(message)
        finally:
            # Seen to be closed before anybody connects again: of two sockets with one client id a server may serve neither.
            await asyncio.shield(_close(socket))

    async def _connect(self) -> ClientConnection:
        from websockets.asyncio.client import connect

        # Redirects are not followed: the headers may hold a key. Compression costs more than it saves on pictures.
        options: dict[str, Any] = {"ssl": ssl_context()} if self._secure else {}

        class Straight(connect):
            def process_redirect(self, exc: Exception) -> Exception:
                return exc

        return await Straight(
            self._url,
            additional_headers=self._headers,
            compression=None,
            max_size=MAX_MESSAGE,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS * 3,
            close_timeout=CLOSE_SECONDS,
            open_timeout=10,
            user_agent_header="viralai-sdk",
            logger=_mute(),
            **options,
        )


async def _close(socket: ClientConnection) -> None:
    await socket.close()
    await socket.wait_closed()
