"""ComfyUI 0.3.64 as a simulated server: no `/api/jobs`, any prompt id, choices in the newer notation unchecked."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from viralai_sdk.simulator.state import State
from viralai_sdk.simulator.vendors.comfyui import BASE, SURPRISES, refusal, server_of
from viralai_sdk.simulator.vendors.comfyui import surprise as _surprise
from viralai_sdk.simulator.vendors.comfyui.routes import build

__all__ = ["BASE", "SURPRISES", "refusal", "routes", "surprise"]


def surprise(state: State, name: str, times: int | None = None) -> None:
    """Switch one of `SURPRISES` on.

    Raises:
        ValueError: there is no such surprise.
    """
    _surprise(state, name, times, "comfyui_old")


def routes(state: State) -> Sequence[BaseRoute]:
    """The routes of the older version."""
    return build(server_of(state, "comfyui_old"))
