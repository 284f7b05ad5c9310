"""One simulator for the folder, and Vertex's services pointed at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from tests.providers.gemini.support import Google
from viralai_sdk.simulator import Simulator


@pytest.fixture(scope="session")
def running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def sim(running: Simulator) -> Iterator[Simulator]:
    running.log.clear()
    yield running
    running.faults.clear()


@pytest.fixture
async def vertex(sim: Simulator) -> AsyncIterator[Google]:
    async with httpx2.AsyncClient(timeout=120) as client:
        yield Google(sim, client, "vertex", project="p", location="us-central1", access_token=sim.key)
