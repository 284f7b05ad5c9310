"""The simulator as a server: uvicorn in a thread, on a free loopback port."""

from __future__ import annotations

import asyncio
import socket
import threading
from types import TracebackType
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from viralai_sdk.simulator.app import ABORT, create_app, registry
from viralai_sdk.simulator.faults import Faults
from viralai_sdk.simulator.state import Clock, Recorded, SimulatorConfig, State

START_SECONDS = 20
"""How long the server may take to come up on a slow machine."""


class Simulator:
    """A running simulator.

    with Simulator() as sim:
        sim.url("openai")            # what one would give the vendor's own SDK as base URL
        sim.faults.add("openai", status=429, headers={"retry-after": "1"}, rate=0.3)
        sim.log[-1].json()
    """

    def __init__(self, config: SimulatorConfig | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.app = create_app(config)
        self._host = host
        self._port = port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None

    @property
    def state(self) -> State:
        """What its vendors share."""
        state: State = self.app.state.sim
        return state

    @property
    def key(self) -> str:
        """The key its vendors accept."""
        return self.state.config.key

    @property
    def log(self) -> list[Recorded]:
        """Requests so far, in order of arrival."""
        return self.state.log

    @property
    def faults(self) -> Faults:
        """What goes wrong; see `Faults.add`."""
        return self.state.faults

    @property
    def clock(self) -> Clock:
        """The vendors' clock."""
        return self.state.clock

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        if self._socket is None:
            raise RuntimeError("the simulator is not running; use it as a context manager")
        return f"http://{self._host}:{self._socket.getsockname()[1]}"

    def url(self, vendor: str) -> str:
        """The base URL of a vendor, as one would give it to the vendor's own SDK.

        Raises:
            KeyError: no such vendor is simulated.
        """
        return f"{self.origin}/{vendor}{registry()[vendor].BASE}"

    def surprise(self, vendor: str, name: str, times: int | None = None) -> None:
        """Switch on what only this vendor's servers do wrong; ComfyUI's are in `vendors/comfyui/surprises.py`.

        Raises:
            ValueError: no such vendor, or it has no such surprise.
        """
        switch = getattr(registry().get(vendor), "surprise", None)
        if switch is None:
            raise ValueError(f"the simulated vendor {vendor!r} has no surprises of its own")
        switch(self.state, name, times)

    def start(self) -> None:
        """Listen. Returns when requests are answered.

        Raises:
            OSError: the port is taken.
        """
        self._socket = socket.create_server((self._host, self._port))
        # asyncio does this only for sockets that name their protocol, which `create_server` does not; without it every answer in two
        # parts (head, body) waits 40 ms for the client's delayed acknowledgement. Accepted connections inherit it.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        settings = uvicorn.Config(
            self.app,
            http=_Protocol,
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._serve, args=(self._server, self._socket), daemon=True)
        self._thread.start()
        waiting = threading.Event()
        for _ in range(START_SECONDS * 200):
            if self._server.started:
                return
            waiting.wait(0.005)
        self.stop()
        raise RuntimeError("the simulator did not start")

    def stop(self) -> None:
        """Close all connections and the port. May be called twice."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
            self._server = self._thread = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @staticmethod
    def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
        with asyncio.Runner() as runner:
            runner.run(server.serve(sockets=[listener]))

    def __enter__(self) -> Simulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Protocol(H11Protocol):
    """Lets the application close the connection before it answers, which ASGI has no word for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        inner = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[ABORT] = {"close": self.transport.abort}
            await inner(scope, receive, send)

        self.app = app
