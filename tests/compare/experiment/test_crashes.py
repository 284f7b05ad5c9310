"""kill -9 while an experiment runs: nothing that was finished is paid for again, no vote is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.compare.experiment.conftest import Writers
from tests.doubles import KEY, JobServer, client, config, films_config, rows
from viralai_sdk.compare.experiment import Experiment
from viralai_sdk.interfaces.errors import JobLostError
from viralai_sdk.store.rows import JobRow

IMAGES = """
import asyncio, json, sys
from viralai_sdk import ViralAI
async def main():
    ai = ViralAI(json.loads(sys.argv[2]), home=sys.argv[1], progress=False)
    arms = [{"provider": "openai", "name": str(number), "options": {"user": str(number)}} for number in range(3)]
    experiment = ai.experiment("killed", service="image", arms=arms, prompts=[f"fox {number}" for number in range(8)])
    def on_cell(cell):
        print(f"cell {cell.arm} {cell.prompt}", flush=True)
    run = asyncio.create_task(experiment.run(on_cell, concurrency=2))
    print("ready", flush=True)
    await run
    print("finished", flush=True)
    while (pair := experiment.next_pair("ann")) is not None:
        experiment.vote(pair, "left", "ann")
        print(f"vote {pair.id}", flush=True)
asyncio.run(main())
"""


def start(code: str, *given: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    )


def killed_after(child: subprocess.Popen[str], lines: int) -> list[str]:
    """What a child said until it was killed; it is killed after so many lines."""
    assert child.stdout is not None
    said = []
    for line in child.stdout:
        said.append(line.strip())
        if len(said) == lines:
            break
    child.send_signal(signal.SIGKILL)
    said += [line.strip() for line in child.stdout.read().split("\n")[:-1]]
    child.stdout.close()
    if child.stdin is not None:
        child.stdin.close()
    child.wait()
    return said


@pytest.mark.timeout(900)  # it starts many interpreters, which a busy machine may take seconds for
def test_kill_9_again_and_again_makes_each_cell_once_and_loses_no_vote(sim: Any, home: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    chance, told, in_flight = random.Random(seed), [], 0
    for _ in range(12):
        said = killed_after(start(IMAGES, str(home), json.dumps(config(sim))), chance.randint(2, 12))
        told += [line for line in said if line.startswith(("cell", "vote"))]
        in_flight += 2 * ("finished" not in said)
    experiment = client(config(sim), home).experiment("killed")
    before = {cell.key for cell in experiment.cells()}
    assert {tuple(line.split()[1:]) for line in told if line.startswith("cell")} <= {key[:2] for key in before}
    assert {line.split()[1] for line in told if line.startswith("vote")} <= {vote.pair for vote in experiment.votes()}
    # No cell is told twice: what was written down is never made again. A request may repeat only if its kernel died before the answer.
    assert max(Counter(line for line in told if line.startswith("cell")).values()) == 1
    asyncio.run(experiment.run())
    assert len(experiment.cells()) == 24
    # Nothing was sent twice by itself: what a kernel was killed over may have been billed, and is a failure that says so.
    assert len(sim.log) <= 24
    lost = [cell.error for cell in experiment.cells() if cell.error is not None]
    assert len(lost) <= in_flight
    assert {(type(error), error.billed) for error in lost} <= {(JobLostError, "maybe")}
    asyncio.run(experiment.run(retry_failed=True))
    assert all(cell.ok for cell in experiment.cells())
    requests = len(sim.log)
    asyncio.run(experiment.run(retry_failed=True))
    assert len(sim.log) == requests


FILMS = """
import asyncio, json, sys
sys.path.insert(0, sys.argv[3])
from viralai_sdk import ViralAI
from viralai_sdk.providers import registry
from tests.doubles import FILMS
registry.specs()["films"] = FILMS
async def main():
    ai = ViralAI(json.loads(sys.argv[2]), home=sys.argv[1], progress=False)
    arms = [{"provider": "films", "name": "short", "duration": 1}, {"provider": "films", "name": "long", "duration": 2}]
    experiment = ai.experiment("killed", service="video", arms=arms, prompts=[f"fox {number}" for number in range(4)])
    print("ready", flush=True)
    await experiment.run(lambda cell: print(f"cell {cell.arm} {cell.prompt}", flush=True))
asyncio.run(main())
"""


def test_jobs_of_a_killed_kernel_are_collected_and_none_is_submitted_again(films: JobServer, home: Path) -> None:
    films.needed = 1_000_000
    root = str(Path(__file__).parents[3])
    child = start(FILMS, str(home), json.dumps(films_config(films)), root)
    wait_for(lambda: len(films.creates) == 8 and sum(bool(row["remote_id"]) for row in rows(home, "jobs")) == 8)
    killed_after(child, 1)
    films.needed = 1
    experiment = client(films_config(films), home).experiment("killed")
    assert experiment.cells() == []
    summary: Any = asyncio.run(experiment.run())
    assert (summary.made, summary.collected, summary.failed) == (0, 8, 0)
    assert len(films.creates) == 8
    assert all(cell.ok for cell in experiment.cells())
    assert {cell.response.artifacts[0].path for cell in experiment.cells() if cell.response} != set()


def wait_for(condition: Any) -> None:
    for _ in range(3000):
        with contextlib.suppress(Exception):
            if condition():
                return
        time.sleep(0.02)
    raise AssertionError("it never came to that")


# --- what a dead kernel may have left, state by state ------------------------------------------------------------------------------


@pytest.fixture
def experiment(films: JobServer, home: Path) -> Experiment:
    """One prompt for two arms of the job provider."""
    arms = [{"provider": "films", "name": "short", "duration": 1}, {"provider": "films", "name": "long", "duration": 2}]
    return client(films_config(films), home).experiment("first", service="video", arms=arms, prompts=["a fox"])


def leave(experiment: Experiment, row: JobRow | None = None, owner: str = "") -> None:
    """Write down that a dead kernel began the first cell."""
    journal = experiment._manager.runtime.journal
    if row is not None:
        journal.open_job(row)
        if row.remote_id is not None:
            journal.ticket(row.job_id, row.remote_id, {})
    dead = owner or f"{os.uname().nodename}:999999999:dead"
    experiment._ballot.append(
        {"kind": "start", "arm": "short", "prompt": "p001", "repeat": 0, "call": "call_dead", "owner": dead}
    )


def job(state: str = "submitting", remote_id: str | None = None) -> JobRow:
    return JobRow(
        "job_dead",
        "video_generation",
        "films",
        call_id="call_dead",
        state=state,
        remote_id=remote_id,
        request_json={"prompt": "a fox", "duration": 1},
    )


async def test_a_call_that_was_never_sent_is_sent(experiment: Experiment, films: JobServer) -> None:
    leave(experiment)
    summary: Any = await experiment.run()
    assert (summary.made, summary.collected, len(films.creates)) == (2, 0, 2)


async def test_a_job_that_nobody_knows_of_is_a_failed_cell_until_somebody_asks_again(
    experiment: Experiment, films: JobServer
) -> None:
    leave(experiment, job())
    summary: Any = await experiment.run()
    assert (summary.made, summary.collected, summary.failed, len(films.creates)) == (1, 1, 1, 1)
    (failed,) = [cell for cell in experiment.cells() if not cell.ok]
    assert isinstance(failed.error, JobLostError)
    assert failed.error.billed == "maybe"
    again: Any = await experiment.run(retry_failed=True)
    assert (again.made, again.failed, len(films.creates)) == (1, 0, 2)


async def test_a_job_that_failed_is_a_failed_cell_and_one_that_was_cancelled_is_made_again(
    experiment: Experiment, films: JobServer
) -> None:
    leave(experiment, job(remote_id="remote-9"))
    journal = experiment._manager.runtime.journal
    journal.close_job("job_dead", "failed", "too long a fox")
    summary: Any = await experiment.run()
    assert (summary.made, summary.collected, summary.failed) == (1, 1, 1)
    assert "too long a fox" in str(next(cell.error for cell in experiment.cells() if not cell.ok))


async def test_a_cancelled_job_is_made_again(experiment: Experiment, films: JobServer) -> None:
    leave(experiment, job(remote_id="remote-9"))
    experiment._manager.runtime.journal.close_job("job_dead", "cancelled", "by hand")
    summary: Any = await experiment.run()
    assert (summary.made, summary.failed) == (2, 0)


async def test_a_cell_that_another_living_kernel_makes_is_left_to_it(experiment: Experiment, films: JobServer) -> None:
    leave(experiment, owner=f"{os.uname().nodename}:{os.getppid()}:alive")
    summary: Any = await experiment.run()
    assert (summary.made, summary.elsewhere, len(films.creates)) == (1, 1, 1)
    assert "made elsewhere" in repr(summary.table())


async def test_a_job_that_outlasted_its_wait_is_collected_not_submitted_again(films: JobServer, home: Path) -> None:
    films.needed = 1_000_000
    arms = [{"provider": "films", "name": name, "duration": length} for name, length in (("short", 1), ("long", 2))]
    experiment = client(films_config(films), home).experiment(
        "first", service="video", arms=arms, prompts=["a fox"], timeout=2.0
    )
    summary: Any = await experiment.run()
    assert (summary.made, summary.failed, len(films.creates)) == (2, 2, 2)
    films.needed = 1
    again: Any = await experiment.run(retry_failed=True)
    assert (again.made, again.collected, again.failed, len(films.creates)) == (0, 2, 0, 2)
    assert len(again.cells) == 2


def test_the_key_never_enters_the_ballot(writers: Writers, home: Path) -> None:
    ai = client({"providers": {"openai": {"api_key": KEY}}}, home)
    experiment = ai.experiment("first", service="text", arms=["ada", "bob"], prompts=["one"])
    asyncio.run(experiment.run())
    assert all(KEY not in row["payload"] for row in rows(home, "votes"))
