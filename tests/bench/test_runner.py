"""How calls are made: in turns, at their level or at their time; failures are rows; nothing is paid twice."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench.conftest import Client, answer, planned
from viralai_sdk import bench
from viralai_sdk.bench import runner
from viralai_sdk.bench.rows import LEDGER, Ledger, read_ledger
from viralai_sdk.bench.runs import PLAN
from viralai_sdk.interfaces.errors import (
    AllProvidersFailedError,
    ContentPolicyError,
    InvalidRequestError,
    ProviderTimeoutError,
    StorageError,
)
from viralai_sdk.interfaces.records import Attempt


async def test_every_call_is_a_row_and_the_first_of_each_arm_is_cold(tmp_path: Path) -> None:
    ai = Client(lambda prompt, asked: answer(provider=asked["provider"]))
    seen = []
    run = await bench.run(planned(tmp_path, warm_up=1, repeats=3), ai=ai, on_row=seen.append)  # type: ignore[arg-type]
    assert [row.arm for row in run.rows] == ["openai", "gemini"] * 4
    assert [row.cold for row in run.rows] == [True, True] + [False] * 6
    assert [row.phase for row in run.rows[:3]] == ["warm_up", "warm_up", "closed"]
    assert seen == list(run.rows)
    assert {asked["fallback"] for _, asked in ai.text.asked} == {False}
    row = run.rows[-1]
    assert (row.cost_usd, row.cost_source, row.bytes, row.call_id) == (0.001, "catalog", 6, "call_1")
    assert row.seconds == row.service_seconds
    assert run.summary["state"] == "complete"


async def test_without_warm_up_the_cold_call_is_counted_apart(tmp_path: Path) -> None:
    run = await bench.run(planned(tmp_path, warm_up=0, providers=["openai"], repeats=3), ai=Client(lambda *_: answer()))  # type: ignore[arg-type]
    (arm,) = run.summary["arms"]
    assert arm["cold"]["calls"] == 1
    assert arm["headline"]["latency"]["p50"]["n"] == 2
    assert arm["headline"]["calls"] == 3


async def test_failures_are_rows_with_their_class_and_nothing_is_dropped(tmp_path: Path) -> None:
    errors = [
        ProviderTimeoutError("late"),
        ContentPolicyError("no"),
        RuntimeError("a bug of somebody"),
        AllProvidersFailedError(
            "all",
            attempts=[Attempt(provider="a", outcome="failed", retries=2)],
            errors=[ContentPolicyError("inner")],
        ),
    ]

    def behave(prompt: str, asked: dict[str, Any]) -> Any:
        if errors:
            raise errors.pop(0)
        return answer(cost=None)

    plan = planned(tmp_path, warm_up=0, providers=["openai"], repeats=6)
    run = await bench.run(plan, ai=Client(behave))  # type: ignore[arg-type]
    names = [row.error for row in run.rows]
    assert names == ["ProviderTimeoutError", "ContentPolicyError", "RuntimeError", "ContentPolicyError", None, None]
    assert [row.billed for row in run.rows[:3]] == ["maybe", "no", "maybe"]
    assert run.rows[3].retries == 2
    (arm,) = run.summary["arms"]
    assert arm["failed"] == 4
    assert arm["failures"]["by_class"]["ContentPolicyError"]["calls"] == 2
    assert arm["cost"] == {
        "total_usd": 0,
        "mean_usd": None,
        "unknown": 2,
        "perhaps_charged": 2,
        "sources": {"unknown": 2},
    }
    assert [row["cost"] for row in run.table()] == ["unknown"]


async def test_a_level_keeps_so_many_calls_in_flight(tmp_path: Path) -> None:
    async def slow() -> Any:
        await asyncio.sleep(0.01)
        return answer()

    ai = Client(lambda *_: slow())
    plan = planned(tmp_path, providers=["openai"], repeats=12, concurrency=[3], warm_up=0)
    run = await bench.run(plan, ai=ai)  # type: ignore[arg-type]
    assert ai.text.most == 3
    assert run.summary["arms"][0]["levels"][0]["in_flight"] > 1.5


async def test_the_open_loop_counts_from_the_time_a_call_was_due(tmp_path: Path) -> None:
    """A provider that stops for a while makes every call that was due meanwhile late, not only the one that met the stop."""
    gate = asyncio.Lock()

    async def one_at_a_time() -> Any:
        async with gate:
            await asyncio.sleep(0.05)
        return answer()

    ai = Client(lambda *_: one_at_a_time())
    plan = planned(tmp_path, providers=["openai"], repeats=8, concurrency=[], rate=100.0, warm_up=0)
    run = await bench.run(plan, ai=ai)  # type: ignore[arg-type]
    rows = sorted(run.rows, key=lambda row: row.repeat)
    assert ai.text.most > 1
    gaps = [late.scheduled - early.scheduled for early, late in itertools.pairwise(rows)]
    assert all(0.005 < gap < 0.02 for gap in gaps)
    # Each waits for all before it: 50 ms more, less the 10 ms that it came later.
    assert rows[7].seconds - rows[0].seconds > 5 * 0.04
    assert all(row.seconds >= row.service_seconds for row in rows)
    assert run.summary["arms"][0]["headline"]["open_loop"]


async def test_a_blocked_loop_shows_in_the_open_loops_latency(tmp_path: Path) -> None:
    """Coordinated omission: who measures from the sending sees nothing of the time in which he could not send."""
    import time

    first = True

    def behave(prompt: str, asked: dict[str, Any]) -> Any:
        nonlocal first
        if first:
            first = False
            time.sleep(0.3)
        return answer()

    plan = planned(tmp_path, providers=["openai"], repeats=5, concurrency=[], rate=50.0, warm_up=0)
    run = await bench.run(plan, ai=Client(behave))  # type: ignore[arg-type]
    second = next(row for row in run.rows if row.repeat == 1)
    assert second.seconds - second.service_seconds > 0.2


async def test_the_first_piece_of_a_stream_is_measured(tmp_path: Path) -> None:
    run = await bench.run(planned(tmp_path, stream=True, warm_up=0), ai=Client(lambda *_: answer()))  # type: ignore[arg-type]
    assert all(row.first is not None and row.first < row.seconds - 0.04 for row in run.rows)
    assert run.summary["arms"][0]["headline"]["first"]["p50"]["value"] < 0.05
    assert len(run.latency(first=True).table) == 2


async def test_the_budget_ends_a_run_before_the_call_that_would_break_it(tmp_path: Path) -> None:
    ai = Client(lambda *_: answer(cost=0.1))
    plan = planned(tmp_path, providers=["openai"], repeats=10, warm_up=0, budget_usd=0.35)
    run = await bench.run(plan, ai=ai)  # type: ignore[arg-type]
    assert len(run.rows) == 4  # the price that was expected is far below: 0.3 + a fraction of a cent was still allowed
    assert run.summary["state"] == "partial"
    assert run.summary["reason"] == "budget"
    assert "partial: budget" in repr(run)


async def test_a_stopped_run_keeps_what_it_has_and_goes_on_without_paying_again(tmp_path: Path) -> None:
    folder = tmp_path / "run"

    def behave(prompt: str, asked: dict[str, Any]) -> Any:
        async def slow() -> Any:
            if len(ai.text.asked) == 3:
                (folder / runner.STOP).touch()
                await asyncio.sleep(3 * runner.TICK)
            return answer()

        return slow()

    ai = Client(behave)
    plan = planned(tmp_path, providers=["openai"], repeats=6, warm_up=0)
    run = await bench.run(plan, ai=ai)  # type: ignore[arg-type]
    assert len(run.rows) == 3
    assert run.summary["reason"] == "stopped"

    with pytest.raises(InvalidRequestError, match="holds a run already"):
        await bench.run(plan, ai=ai)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError, match="other parameters"):
        await bench.run(planned(tmp_path, providers=["openai"], repeats=7, resume=True), ai=ai)  # type: ignore[arg-type]
    asked = len(ai.text.asked)
    again = await bench.run(planned(tmp_path, providers=["openai"], repeats=6, warm_up=0, resume=True), ai=ai)  # type: ignore[arg-type]
    assert len(ai.text.asked) - asked == 3
    assert len(again.rows) == 6
    assert again.summary["state"] == "complete"
    starts = [row.started for row in again.rows]
    assert starts == sorted(starts)


async def test_calls_that_outlast_the_grace_of_a_stop_are_cancelled_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "GRACE", 0.05)
    folder = tmp_path / "run"

    async def hang() -> Any:
        (folder / runner.STOP).touch()
        await asyncio.sleep(60)

    plan = planned(tmp_path, providers=["openai"], repeats=4, concurrency=[2], warm_up=0)
    run = await bench.run(plan, ai=Client(lambda *_: hang()))  # type: ignore[arg-type]
    assert [row.outcome for row in run.rows] == ["cancelled", "cancelled"]
    assert run.summary["arms"][0]["failures"]["rate"]["n"] == 0
    assert run.summary["arms"][0]["cancelled"] == 2
    assert run.failures().words == "No call failed."
    assert len(run.timeline().table) == 1


async def test_an_interrupt_leaves_the_tables_of_what_was_measured(tmp_path: Path) -> None:
    count = 0

    async def some() -> Any:
        nonlocal count
        count += 1
        if count > 2:
            await asyncio.sleep(60)
        return answer()

    plan = planned(tmp_path, providers=["openai"], repeats=9, warm_up=0)
    task = asyncio.create_task(bench.run(plan, ai=Client(lambda *_: some())))  # type: ignore[arg-type]
    while count < 3:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    found = bench.load(tmp_path / "run")
    assert [row.outcome for row in found.rows] == ["ok", "ok", "cancelled"]
    assert found.summary["reason"] == "interrupted"


async def test_a_crash_is_resumed_and_the_calls_in_flight_are_named(tmp_path: Path) -> None:
    plan = planned(tmp_path, providers=["openai"], repeats=3, warm_up=0)
    await bench.run(plan, ai=Client(lambda *_: answer()))  # type: ignore[arg-type]
    path = tmp_path / "run" / LEDGER
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]) + '{"id":"torn')  # one row, one call begun, one torn line
    ai = Client(lambda *_: answer())
    plan = planned(tmp_path, providers=["openai"], repeats=3, warm_up=0, resume=True)
    run = await bench.run(plan, ai=ai)  # type: ignore[arg-type]
    assert len(ai.text.asked) == 2
    assert len(run.rows) == 3
    assert run.summary["begun_without_outcome"] == []
    assert run.summary["perhaps_paid_twice"] == [json.loads(lines[2])["begin"]]


async def test_a_ledger_that_cannot_be_written_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Ledger, row: Any) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(Ledger, "add", full)
    with pytest.raises(StorageError, match="disk is full"):
        await bench.run(planned(tmp_path), ai=Client(lambda *_: answer()))  # type: ignore[arg-type]


async def test_nothing_to_resume_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="no run"):
        await bench.run(planned(tmp_path, resume=True), ai=Client(lambda *_: answer()))  # type: ignore[arg-type]


async def test_a_run_without_a_folder_gets_a_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRALAI_HOME", str(tmp_path / "home"))
    plan = planned(tmp_path, out="", repeats=1)
    run = await bench.run(plan, ai=Client(lambda *_: answer()))  # type: ignore[arg-type]
    assert run.folder.parent == tmp_path / "home" / "outputs" / "benchmarks"
    assert run.folder.name.startswith("text_")
    assert {row["file"] for row in run.files()} == {LEDGER, PLAN, "results.parquet", "summary.json"}


async def test_the_chain_steps_in_where_it_is_asked_to(tmp_path: Path) -> None:
    ai = Client(lambda *_: answer(provider="gemini"))
    plan = planned(tmp_path, providers=["openai"], fallback=True, chain=["gemini"], repeats=1, warm_up=0)
    run = await bench.run(plan, ai=ai)  # type: ignore[arg-type]
    assert ai.chain == ["gemini"]
    assert list(run.answered()) == [{"asked": "openai", "answered": "gemini", "attempts": 1, "calls": 1}]


async def test_results_are_measured_while_no_call_is_under_way(tmp_path: Path) -> None:
    ai = Client(lambda *_: answer("One two three. Four five six."))
    run = await bench.run(planned(tmp_path, metrics=True), ai=ai)  # type: ignore[arg-type]
    assert all(row.metrics["words"] == 6 for row in run.rows)
    assert {row["metric"] for row in run.quality()} >= {"words", "sentences"}
    assert len(run.cost("words").table) == 2
    with pytest.raises(InvalidRequestError, match="no metric"):
        run.cost("beauty")
    assert read_ledger(run.folder).rows == list(run.rows)


async def test_a_run_says_how_late_its_own_process_was(tmp_path: Path) -> None:
    import time

    async def block() -> Any:
        await asyncio.sleep(0.02)
        time.sleep(0.3)
        return answer()

    plan = planned(tmp_path, providers=["openai"], repeats=3, warm_up=0)
    run = await bench.run(plan, ai=Client(lambda *_: block()))  # type: ignore[arg-type]
    assert run.summary["host_lag_seconds"] > 0.1
    assert "this machine was busy" in repr(run)
