"""One simulator for the folder, and Google's service pointed at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from tests.providers.google_tts.support import Services
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
async def services(sim: Simulator) -> AsyncIterator[Services]:
    async with httpx2.AsyncClient(timeout=120) as client:
        yield Services(sim, client)
