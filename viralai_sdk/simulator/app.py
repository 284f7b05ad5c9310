"""The ASGI application: one mounted vendor after the other, behind a front that records requests and strikes them with faults."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from viralai_sdk.simulator import vendors
from viralai_sdk.simulator.faults import Fault
from viralai_sdk.simulator.state import Recorded, SimulatorConfig, State

ABORT = "viralai.abort"
"""Scope key under which the server puts a function that closes the connection without a word."""
BLANK = b" " * 65536


class Vendor(Protocol):
    """What a module in `simulator/vendors/` offers. Its name is the path prefix it is mounted under."""

    BASE: str
    """Path of its API root below the prefix, such as "/v1"; "" when the vendor's SDK adds that itself."""

    def routes(self, state: State) -> Sequence[BaseRoute]:
        """Routes below the prefix. Handlers find a fault they must play themselves with `fault_of`."""

    def refusal(self, status: int, message: str, code: str | None) -> Mapping[str, Any]:
        """The vendor's error body."""


def registry() -> dict[str, Vendor]:
    """The vendors by name: every module of `simulator/vendors/`."""
    names = [module.name for module in pkgutil.iter_modules(vendors.__path__)]
    return {name: importlib.import_module(f"{vendors.__name__}.{name}") for name in names}


def create_app(config: SimulatorConfig | None = None) -> Starlette:
    """The simulator as an application; its `state.sim` is the `State`."""
    state = State(config or SimulatorConfig())
    found = registry()
    app = Starlette(
        routes=[Mount(f"/{name}", routes=list(vendor.routes(state))) for name, vendor in found.items()],
        middleware=[Middleware(Front, state=state, vendors=found)],
    )
    app.state.sim = state
    return app


def fault_of(scope: Mapping[str, Any]) -> Fault | None:
    """The fault that struck this request, for handlers that play "empty", "blocked" and "error_chunk" in their vendor's manner."""
    return scope.get("viralai.fault")


class Front:
    """Reads each request whole, records it, waits, and plays the faults that are the same for all vendors."""

    def __init__(self, app: ASGIApp, state: State, vendors: Mapping[str, Vendor]) -> None:
        self._app = app
        self._state = state
        self._vendors = vendors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        arrived = time.perf_counter()
        body = await _read(receive)
        vendor = scope["path"].lstrip("/").partition("/")[0]
        noted = self._record(vendor, scope, body, arrived)
        try:
            await self._answer(vendor, scope, body, receive, partial(_timed, noted, send))
        finally:
            if noted.seconds is None:  # an answer that a fault broke off, or none at all
                noted.seconds = time.perf_counter() - arrived
            if self._state.on_answer is not None:
                self._state.on_answer(noted)

    async def _answer(self, vendor: str, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        await asyncio.sleep(self._state.faults.wait(vendor))
        fault = self._state.faults.draw(vendor, scope["path"]) if vendor in self._vendors else None
        scope["viralai.fault"] = fault
        replay = partial(_replay, [{"type": "http.request", "body": body, "more_body": False}], receive)
        if fault is None:
            await self._app(scope, replay, send)
        else:
            await self._strike(fault, vendor, scope, replay, send)

    def _record(self, vendor: str, scope: Scope, body: bytes, arrived: float) -> Recorded:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        path = scope["path"].removeprefix(f"/{vendor}")
        noted = Recorded(vendor, scope["method"], path, scope["query_string"].decode(), headers, body, arrived)
        self._state.log.append(noted)
        return noted

    async def _strike(self, fault: Fault, vendor: str, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "status":
            body = self._vendors[vendor].refusal(fault.status, fault.message, fault.code)
            await JSONResponse(body, fault.status, dict(fault.headers))(scope, receive, send)
        elif fault.kind == "wrong_type":
            page = "<html><body><h1>Welcome to the proxy</h1></body></html>"
            await Response(page, media_type="text/html")(scope, receive, send)
        elif fault.kind == "oversize":
            await _oversize(fault.size, send)
        elif fault.kind == "reset":
            await _reset(scope, receive)
        elif fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            await self._app(scope, receive, send)
        elif fault.kind in ("stall", "cut", "malformed"):
            await self._app(scope, receive, Spoiler(fault, receive, send))
        else:
            await self._app(scope, receive, send)


class Spoiler:
    """Stands between an application and the connection and spoils the body on its way."""

    def __init__(self, fault: Fault, receive: Receive, send: Send) -> None:
        self._fault = fault
        self._receive = receive
        self._send = send
        self._left = fault.after
        self._over = False

    async def __call__(self, message: Message) -> None:
        if self._over:
            return
        if message["type"] != "http.response.body":
            if self._fault.kind == "malformed":
                # The length is going to change.
                message["headers"] = [pair for pair in message["headers"] if pair[0].lower() != b"content-length"]
            await self._send(message)
            return
        body: bytes = message.get("body", b"")
        if len(body) < self._left:
            self._left -= len(body)
            await self._send(message)
            return
        await self._spoil(body, bool(message.get("more_body")))

    async def _spoil(self, body: bytes, more: bool) -> None:
        head, tail = body[: self._left], body[self._left :]
        self._left, self._over = 0, self._fault.kind != "stall"
        if self._fault.kind == "malformed":
            await self._send({"type": "http.response.body", "body": head + b'{"oops": [\n\n', "more_body": False})
            return
        await self._send({"type": "http.response.body", "body": head, "more_body": True})
        if self._fault.kind == "stall":
            await _pause(self._receive, self._fault.seconds)
            self._left = 1 << 62
            await self._send({"type": "http.response.body", "body": tail, "more_body": more})
        # A cut body is simply never finished: the server then closes the connection.


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(parts)


async def _timed(noted: Recorded, send: Send, message: Message) -> None:
    """Note the head and the end of an answer. The end is noted as the last piece leaves: whoever has the whole answer finds it in the
    log, and it is never more than the client's own time, however busy the machine is."""
    if message["type"] == "http.response.start":
        noted.status, noted.first = message["status"], time.perf_counter() - noted.arrived
    elif not message.get("more_body"):
        noted.seconds = time.perf_counter() - noted.arrived
    await send(message)


async def _replay(pending: list[Message], receive: Receive) -> Message:
    return pending.pop() if pending else await receive()


async def _pause(receive: Receive, seconds: float) -> None:
    """Wait, but not longer than the client does."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


async def _reset(scope: Scope, receive: Receive) -> None:
    scope["extensions"][ABORT]["close"]()
    await _pause(receive, 5)


async def _oversize(size: int, send: Send) -> None:
    """A JSON answer that does not end: blanks are allowed before a JSON value."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    for _ in range(0, size, len(BLANK)):
        await send({"type": "http.response.body", "body": BLANK, "more_body": True})
    await send({"type": "http.response.body", "body": b"{}", "more_body": False})
