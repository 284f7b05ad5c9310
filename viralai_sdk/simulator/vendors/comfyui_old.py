"""ComfyUI 0.3.64 as a simulated server: no `/api/jobs`, any prompt id, choices in the newer notation unchecked."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from viralai_sdk.simulator.state import State
from viralai_sdk.simulator.vendors.comfyui import BASE, refusal, server_of
from viralai_sdk.simulator.vendors.comfyui.routes import build

__all__ = ["BASE", "refusal", "routes"]


def routes(state: State) -> Sequence[BaseRoute]:
    """The routes of the older version."""
    return build(server_of(state, "comfyui_old"))
