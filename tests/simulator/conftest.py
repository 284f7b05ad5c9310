"""One simulator for the folder, clean for each test, and a client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from viralai_sdk.simulator import Simulator


@pytest.fixture(scope="package")
def running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def sim(running: Simulator) -> Iterator[Simulator]:
    running.log.clear()
    yield running
    running.faults.clear()


@pytest.fixture
async def http(sim: Simulator) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"authorization": f"Bearer {sim.key}"}
    async with httpx2.AsyncClient(base_url=sim.url("openai"), headers=headers, timeout=120) as client:
        yield client
