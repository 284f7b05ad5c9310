"""A metric may be anybody's code: it hangs, or wants to end the process, and the comparison that was paid for is there all the same."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.compare.core.test_run import measured
from tests.doubles import client
from viralai_sdk.compare import run
from viralai_sdk.compare.metrics import register_metric, unregister_metric
from viralai_sdk.compare.own_thread import in_own_thread


async def test_a_metric_that_hangs_costs_its_values_and_nothing_else(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MEASURE_SECONDS", 0.2)
    hung = threading.Event()

    def hangs(response: Any, request: Any, words: str) -> Any:
        hung.wait()

    async with client({}, home) as ai:
        found = await asyncio.wait_for(await measured(ai, hangs), 20)
    assert all(cell.ok and cell.metrics == {} for cell in found.cells)
    warnings = [one.message for cell in found.cells if cell.response is not None for one in cell.response.warnings]
    assert any("not measured: it took longer than 0.2 s" in one for one in warnings)
    hung.set()


@pytest.mark.parametrize("ending", [SystemExit, KeyboardInterrupt])
async def test_a_metric_that_wants_to_end_the_process_does_not(home: Path, ending: type[BaseException]) -> None:
    def leaves(sample: Any) -> int:
        raise ending("enough")

    register_metric("leaves", "text", leaves, about="gives up")
    try:
        async with client({}, home) as ai:
            found = await ai.compare.text("a fox", providers=["embedded"])
    finally:
        unregister_metric("leaves")
    (cell,) = found.cells
    assert cell.ok
    assert cell.response is not None
    assert any(ending.__name__ in one.message for one in cell.response.warnings)


async def test_what_is_left_behind_disturbs_nobody() -> None:
    go_on = threading.Event()

    def slow() -> int:
        go_on.wait()
        return 1

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(in_own_thread(slow), 0.05)
    go_on.set()
    assert await in_own_thread(lambda: 2) == 2
