"""ComfyUI 0.27.0 as a simulated server: HTTP and WebSocket, real media from simple graphs. `vendors/comfyui_old.py` is 0.3.64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from starlette.routing import BaseRoute

from viralai_sdk.simulator.state import State
from viralai_sdk.simulator.vendors.comfyui.routes import build
from viralai_sdk.simulator.vendors.comfyui.server import Server
from viralai_sdk.simulator.vendors.comfyui.surprises import SURPRISES, Quirks, switch

__all__ = ["BASE", "SURPRISES", "Quirks", "Server", "refusal", "routes", "server_of", "surprise"]

BASE = ""
VERSIONS = {"comfyui": "0.27.0", "comfyui_old": "0.3.64"}
_servers: WeakKeyDictionary[State, dict[str, Server]] = WeakKeyDictionary()


def server_of(state: State, vendor: str = "comfyui") -> Server:
    """The simulated server itself, for tests that look into it or let it misbehave."""
    made = _servers.setdefault(state, {})
    if vendor not in made:
        made[vendor] = Server(state, VERSIONS[vendor])
    return made[vendor]


def surprise(state: State, name: str, times: int | None = None, vendor: str = "comfyui") -> None:
    """Switch one of `SURPRISES` on.

    Raises:
        ValueError: there is no such surprise.
    """
    switch(server_of(state, vendor).quirks, name, times)


def routes(state: State) -> Sequence[BaseRoute]:
    """The routes of the newer version."""
    return build(server_of(state))


def refusal(status: int, message: str, code: str | None) -> Mapping[str, Any]:
    """An error body; ComfyUI's own are often plain text or empty."""
    return {
        "error": {"type": code or "simulated", "message": message, "details": "", "extra_info": {}},
        "node_errors": {},
    }
