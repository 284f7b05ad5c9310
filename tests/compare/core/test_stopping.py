"""Comparisons that are stopped, interrupted, taken up again, and awaited from elsewhere."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import TEXT, JobServer, client, config, films_config, rows, text_provider, use
from viralai_sdk import Arm, Comparison
from viralai_sdk.compare.run import ComparisonRun
from viralai_sdk.interfaces.errors import (
    ConfigurationError,
    InvalidRequestError,
    JobCancelledError,
    ProviderUnavailableError,
)
from viralai_sdk.simulator import Simulator


def others() -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


async def until(condition: Any) -> None:
    async with asyncio.timeout(90):
        while not condition():
            await asyncio.sleep(0.005)


async def test_one_arm_can_be_stopped_and_the_others_go_on(sim: Simulator, home: Path) -> None:
    sim.faults.add("openai", "slow", seconds=300)
    async with client(config(sim), home) as ai:
        run = ai.compare.start("text", ["a", "b"], ["openai", "embedded"])
        await until(lambda: all(slot.over for slot in run.cells if slot.arm == "embedded"))
        await until(lambda: all(slot.state == "running" for slot in run.cells if slot.arm == "openai"))
        run.cancel(arm="openai")
        run.cancel(arm=Arm("openai"))
        found = await run
        await until(lambda: others() == set())
    assert [slot.state for slot in run.cells] == ["cancelled", "done"] * 2
    stopped = found.cell("openai", "p001").error
    assert isinstance(stopped, JobCancelledError)
    assert stopped.billed == "maybe"
    assert stopped.provider == "openai"
    assert found.cost_unknown == 2
    assert [(cell.arm, cell.stopped) for cell in found.cells] == [("openai", True), ("embedded", False)] * 2
    assert (len(found.stopped), found.failed) == (2, [])
    assert "2 of 4 stopped" in found.caption()
    assert [row["error"] for row in found.table()] == ["stopped", None] * 2
    assert [row["stopped"] for row in found.rows()] == [True, False] * 2
    found.save(home / "stopped")
    assert len(Comparison.load(home / "stopped").stopped) == 2
    page = found.to_html(home / "stopped.html").read_text("utf-8")
    assert page.count("<strong>Stopped</strong>") == 2
    assert "JobCancelledError" not in page


async def test_one_slot_can_be_stopped_even_before_its_turn(home: Path) -> None:
    async with client({}, home) as ai:
        run = ai.compare.start("text", ["a", "b"], ["embedded"], concurrency=1)
        run.cancel(slot=run.cells[1])
        run.cancel(slot=("embedded", "p002", 0))
        found = await run
        run.cancel()
        for wrong in ({"arm": "nobody"}, {"slot": ("embedded", "p009", 0)}):
            with pytest.raises(InvalidRequestError):
                run.cancel(**wrong)
    assert found.cell("embedded", "a").ok
    error = found.cell("embedded", "b").error
    assert isinstance(error, JobCancelledError)
    assert error.billed == "no"
    assert found.cost_unknown == 0


async def test_stopping_a_film_stops_the_providers_job(films: JobServer, home: Path) -> None:
    films.needed = 10_000
    async with client(films_config(films), home) as ai:
        run = ai.compare.start("video", "a fox", ["films"])
        await until(lambda: films.looks)
        run.cancel()
        found = await run
        await until(lambda: films.cancelled == films.creates)
        await until(lambda: "cancelled at the provider" in str(found.cells[0].error))
    assert rows(home, "jobs")[0]["state"] == "cancelled"


async def test_an_interrupted_cell_stops_everything_and_keeps_what_is_finished(films: JobServer, home: Path) -> None:
    films.needed = 10_000
    async with client(films_config(films), home) as ai:
        cell = asyncio.ensure_future(
            ai.compare.video("a fox", ["films", {"provider": "embedded", "duration": 0.5, "width": 64, "height": 64}])
        )
        await until(lambda: ai.compare.last is not None and films.looks)
        run = ai.compare.last
        assert run is not None
        await until(lambda: run.slot(run.cells[1].arm).over)
        cell.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cell
        await until(lambda: films.cancelled == films.creates)
        await until(lambda: run.done)
        partial = run.comparison
        assert (await run) is partial
        await until(lambda: others() == set())
    assert partial.cells[1].ok
    assert isinstance(partial.cells[0].error, JobCancelledError)


async def test_what_is_finished_is_there_before_the_end(home: Path) -> None:
    use(TEXT, quick=text_provider(lambda request: "x"))
    async with client({}, home) as ai:
        run = ai.compare.start("text", ["a", "b", "c"], ["quick"], concurrency=1)
        counts: list[int] = []
        run.subscribe(lambda slot: counts.append(len(run.comparison.cells)))
        await run
    assert 1 in counts
    assert counts[-1] == 3


async def test_results_of_an_earlier_run_are_not_paid_for_again(home: Path) -> None:
    calls: list[str] = []
    fails = [True]

    def act(request: Any) -> str:
        calls.append(request.prompt)
        if request.prompt == "b" and fails:
            raise ProviderUnavailableError("down", retryable=False)
        return "x"

    use(TEXT, once=text_provider(act))
    async with client({}, home) as ai:
        first = await ai.compare.text(["a", "b"], ["once"], concurrency=1)
        assert not first.cell("once", "b").ok
        fails.clear()
        run = ai.compare.start("text", ["a", "b"], ["once"], done=first.cells)
        second = await run
        assert calls == ["a", "b", "b"]
        assert second.cell("once", "a") is first.cell("once", "a")
        assert second.cell("once", "b").ok
        whole = ai.compare.start("text", ["a", "b"], ["once"], done=second.cells)
        assert whole.done
        assert len((await whole).cells) == 2
    assert len(calls) == 3


# --- loops and threads -------------------------------------------------------------------------------------------------------------


def test_a_client_compares_on_one_loop_after_the_other(sim: Simulator, home: Path) -> None:
    ai = client(config(sim), home)

    async def once() -> Comparison:
        found = await ai.compare.text("hello", ["openai", "embedded"])
        await ai.aclose()
        return found

    assert all(cell.ok for _ in range(2) for cell in asyncio.run(once()).cells)
    assert all(cell.ok for cell in ai.sync.compare.text("hello", ["openai", "embedded"]).cells)
    assert "embedded" in repr(ai.sync.compare.text("hello", ["embedded"], dry_run=True))
    ai.sync.close()
    with pytest.raises(ConfigurationError, match="event loop"):
        ai.compare.start("text", "x", ["embedded"])
    asyncio.run(ai.aclose())


async def test_a_run_can_be_awaited_and_stopped_from_another_loop(sim: Simulator, home: Path) -> None:
    sim.faults.add("openai", "slow", seconds=300)
    async with client(config(sim), home) as ai:
        run = ai.compare.start("text", "a", ["openai", "embedded"])
        await until(lambda: run.cells[0].state == "running" and run.cells[1].over)

        def elsewhere() -> Comparison:
            async def wait() -> Comparison:
                run.cancel(arm="openai")
                return await run

            return asyncio.run(wait())

        found = await asyncio.to_thread(elsewhere)
    assert [cell.ok for cell in found.cells] == [False, True]


def test_a_loop_that_ends_leaves_nothing_behind(sim: Simulator, home: Path) -> None:
    sim.faults.add("openai", "slow", seconds=300)
    ai = client(config(sim), home)
    kept: list[ComparisonRun] = []

    async def main() -> None:
        kept.append(ai.compare.start("text", "a", ["openai"]))
        await until(lambda: kept[0].cells[0].state == "running")
        await ai.aclose()

    asyncio.run(main())
    run = kept[0]
    assert run.done
    assert isinstance(run.comparison.cells[0].error, Exception)
    run.cancel()
    run._post(run.cells[0], run.cells[0].progress)  # type: ignore[arg-type]
    ai.runtime.close()
