"""A simulated server of each version for the folder, and a place for files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.providers.comfyui.support import Rig
from viralai_sdk.simulator import Simulator


@pytest.fixture(scope="session")
def running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VIRALAI_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(params=["comfyui", "comfyui_old"])
async def rig(request: pytest.FixtureRequest, running: Simulator, tmp_path: Path) -> AsyncIterator[Rig]:
    """Each test runs against both versions."""
    made = Rig(running, request.param, tmp_path)
    yield made
    await made.aclose()


@pytest.fixture
async def new(running: Simulator, tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(running, "comfyui", tmp_path)
    yield made
    await made.aclose()


@pytest.fixture
async def old(running: Simulator, tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(running, "comfyui_old", tmp_path)
    yield made
    await made.aclose()
