"""What the chat vendors' test folders share: a simulator, a client, and how two requests are compared."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx2
import pytest

from viralai_sdk.simulator import Recorded, Simulator

ALLOWED_HEADERS = {
    "accept": "every client has its own habit; the servers answer what was asked for, whatever it says",
    "accept-encoding": "chosen by the HTTP library",
    "connection": "chosen by the HTTP library",
    "content-length": "follows from the body, whose JSON spelling may differ",
    "host": "the same server",
    "user-agent": "says who is calling",
}
"""Header → why it may differ or be missing on one side."""
CALLER_HEADERS = ("x-stainless-", "x-fern-")
"""Beginnings of headers that only tell which client calls, and how often it retried."""


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
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=120) as client:
        yield client


def same(theirs: Recorded, ours: Recorded, *, fields: Mapping[str, Any] | None = None) -> None:
    """Assert that two requests ask for the same. `fields`: body field → value that may be spelt out by one side only."""
    assert (ours.method, ours.path, ours.query) == (theirs.method, theirs.path, theirs.query)
    differing = {
        name
        for name in ours.headers.keys() | theirs.headers.keys()
        if ours.headers.get(name) != theirs.headers.get(name) and not name.startswith(CALLER_HEADERS)
    }
    assert differing <= ALLOWED_HEADERS.keys()
    assert {**(fields or {}), **ours.json()} == {**(fields or {}), **theirs.json()}
