"""Several runs of one experiment, in one kernel or several: each cell is claimed before it is paid for, and paid for once."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.compare.experiment.conftest import Writers
from tests.compare.experiment.test_crashes import start
from tests.doubles import JobServer, client, config, films_config
from viralai_sdk import ViralAI
from viralai_sdk.compare.experiment import Experiment
from viralai_sdk.compare.making import Maker
from viralai_sdk.compare.votes import Ballot, Start
from viralai_sdk.store.rows import JobRow

TWO: dict[str, Any] = {"service": "text", "arms": ["ada", "bob"], "prompts": ["one", "two", "three"]}
KEY = ("ada", "p001", 0)


def another_kernel() -> str:
    """An owner on this machine that is alive and not this process."""
    return f"{os.uname().nodename}:{os.getppid()}:alive"


async def test_a_run_that_comes_while_a_cell_is_being_written_down_leaves_it_alone(
    ai: ViralAI, writers: Writers, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = ai.experiment("first", **TWO), client({}, home).experiment("first", **TWO)
    answered, go_on = threading.Event(), threading.Event()
    append = Ballot.append

    def slow(self: Ballot, entry: Any) -> None:
        if entry["kind"] == "cell" and self is one._ballot:
            answered.set()
            go_on.wait(60)
        append(self, entry)

    monkeypatch.setattr(Ballot, "append", slow)
    first = asyncio.create_task(one.run(concurrency=1))
    await asyncio.to_thread(answered.wait, 60)
    second: Any = await other.run()
    go_on.set()
    summary: Any = await first
    assert (summary.made, second.made, second.elsewhere) == (1, 5, 1)
    assert max(Counter(writers.asked).values()) == 1


async def test_a_cell_that_another_run_made_since_this_one_began_is_not_made_again(
    ai: ViralAI, writers: Writers, home: Path
) -> None:
    one, other = ai.experiment("first", **TWO), client({}, home).experiment("first", **TWO)
    began, seen = asyncio.Event(), []

    def hold(cell: Any) -> None:
        seen.append(cell)
        began.set()

    slow = asyncio.create_task(one.run(hold, concurrency=1))
    await began.wait()
    await other.run()
    await slow
    assert len(writers.asked) == 6


async def test_many_runs_at_once_in_one_kernel_make_each_cell_once(ai: ViralAI, writers: Writers, home: Path) -> None:
    several = [ai.experiment("first", **TWO)] + [client({}, home).experiment("first", **TWO) for _ in range(3)]
    done: list[Any] = await asyncio.gather(*(one.run() for one in [*several, *several]))
    assert len(writers.asked) == 6
    assert sum(summary.made for summary in done) == 6
    assert all(summary.made + summary.elsewhere <= 6 for summary in done)


RUNS = """
import asyncio, json, sys
from viralai_sdk import ViralAI
ai = ViralAI(json.loads(sys.argv[2]), home=sys.argv[1], progress=False)
arms = [{"provider": "openai", "name": str(number), "options": {"user": str(number)}} for number in range(3)]
experiment = ai.experiment("shared", service="image", arms=arms, prompts=[f"fox {number}" for number in range(6)])
print("ready", flush=True)
sys.stdin.readline()
print(asyncio.run(experiment.run()).made, flush=True)
"""


def test_several_kernels_at_once_pay_for_each_cell_once(sim: Any, home: Path) -> None:
    kernels = [start(RUNS, str(home), json.dumps(config(sim))) for _ in range(3)]
    for kernel in kernels:
        assert kernel.stdout is not None
        assert kernel.stdout.readline() == "ready\n"
    made = [int(kernel.communicate("go\n", timeout=400)[0]) for kernel in kernels]
    assert sum(made) == 18
    assert len(sim.log) == 18


@pytest.fixture
def experiment(films: JobServer, home: Path) -> Experiment:
    """One prompt for two arms of the job provider."""
    arms = [{"provider": "films", "name": "short", "duration": 1}, {"provider": "films", "name": "long", "duration": 2}]
    return client(films_config(films), home).experiment("first", service="video", arms=arms, prompts=["a fox"])


def claim(experiment: Experiment, arm: str, call: str, owner: str, kind: str = "start") -> None:
    experiment._ballot.append(
        {"kind": kind, "arm": arm, "prompt": experiment.prompts[0].id, "repeat": 0, "call": call, "owner": owner}
    )


async def test_the_job_of_a_kernel_that_came_later_and_died_is_collected(
    experiment: Experiment, films: JobServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = Maker._find_jobs
    first = True

    async def then_another_kernel_dies(self: Maker, keys: Any) -> None:
        nonlocal first
        await looked(self, keys)
        if first:
            first = False
            journal = experiment._manager.runtime.journal
            journal.open_job(
                JobRow(
                    "job_dead",
                    "video_generation",
                    "films",
                    call_id="call_dead",
                    state="submitting",
                    request_json={"prompt": "a fox", "duration": 2},
                )
            )
            journal.ticket("job_dead", "remote-9", {})
            journal.close_job("job_dead", "failed", "too long a fox")
            claim(experiment, "long", "call_dead", f"{os.uname().nodename}:999999999:dead")

    monkeypatch.setattr(Maker, "_find_jobs", then_another_kernel_dies)
    summary: Any = await experiment.run()
    assert (summary.made, summary.collected, len(films.creates)) == (1, 1, 1)


async def test_a_claim_that_a_living_kernel_gave_up_holds_nobody_back(
    ai: ViralAI, writers: Writers, home: Path
) -> None:
    experiment = ai.experiment("first", **TWO)
    claim(experiment, "ada", "call_alive", another_kernel())
    assert (await run(experiment)).elsewhere == 1
    claim(experiment, "ada", "call_alive", another_kernel(), kind="end")
    assert (await run(experiment)).made == 1


async def test_a_stopped_run_gives_its_claims_up(ai: ViralAI, writers: Writers, home: Path) -> None:
    experiment = ai.experiment("first", **TWO)
    stop, held = asyncio.Event(), asyncio.Event()

    async def never(*args: Any, **named: Any) -> None:
        stop.set()
        await held.wait()

    experiment._manager.run_call = never  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(experiment.run())
    await stop.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: (starts := claims(experiment)) and all(one.over for one in starts))


async def test_a_claim_that_reaches_the_disk_after_its_run_was_stopped_is_given_up_too(
    ai: ViralAI, writers: Writers, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = ai.experiment("first", **TWO)
    reached, go_on = threading.Event(), threading.Event()
    append = Ballot.append

    def slow(self: Ballot, entry: Any) -> None:
        if entry["kind"] == "start":
            reached.set()
            go_on.wait(60)
        append(self, entry)

    monkeypatch.setattr(Ballot, "append", slow)
    task = asyncio.create_task(experiment.run(concurrency=1))
    await asyncio.to_thread(reached.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert claims(experiment) == []
    go_on.set()
    await until(lambda: [one.over for one in claims(experiment)] == [True])
    assert writers.asked == []


def claims(experiment: Experiment) -> list[Start]:
    return [one for found in experiment._ballot.refresh().starts.values() for one in found]


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.005)


async def test_open_comparisons_are_found_while_another_thread_adds_results(
    ai: ViralAI, writers: Writers, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = ai.experiment("first", **TWO)
    await experiment.run()
    cells, real = experiment._ballot.cells, experiment._pairs.state

    def meanwhile(key: Any) -> str:
        cells.setdefault(("ada", "p001", len(cells)), cells[KEY])  # what a thread that reads the ballot does
        return real(key)

    monkeypatch.setattr(experiment._pairs, "state", meanwhile)
    assert len(experiment.open_slots("human", "ann")) == 3


async def test_a_failure_that_comes_late_does_not_end_the_claim_of_a_later_call(ai: ViralAI, writers: Writers) -> None:
    experiment = ai.experiment("first", **TWO)
    claim(experiment, "ada", "call_early", another_kernel())
    claim(experiment, "ada", "call_later", another_kernel())
    failed = {"error": {"kind": "ServerError", "message": "no"}, "response": None, "call": "call_early"}
    experiment._ballot.append({"kind": "cell", "arm": "ada", "prompt": "p001", "repeat": 0, **failed})
    assert [one.call_id for one in experiment._ballot.starts[KEY]] == ["call_later"]


async def run(experiment: Experiment) -> Any:
    return await experiment.run()
