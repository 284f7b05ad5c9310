"""Jobs: nothing that was paid for is lost, nothing is paid twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import KEY, VIDEO, Films, JobServer, client, films_config, rows, use
from viralai_sdk import ViralAI
from viralai_sdk.interfaces.batch import BatchResult
from viralai_sdk.interfaces.errors import (
    AIError,
    JobCancelledError,
    JobFailedError,
    JobLostError,
    MalformedResponseError,
    ProviderTimeoutError,
    StorageError,
)
from viralai_sdk.interfaces.jobs import VideoStatus
from viralai_sdk.services import job_rows, jobs, runtime
from viralai_sdk.store.rows import JobRow

LONG = 60.0
"""Seconds after which a test gives up on something that must happen."""


def states(home: Path) -> list[str]:
    return [row["state"] for row in rows(home, "jobs")]


@pytest.fixture(autouse=True)
def _no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes on behind a stopped call is waited for as long as this machine needs for it."""
    monkeypatch.setattr(runtime, "CLOSE_SECONDS", LONG)
    monkeypatch.setattr(jobs, "CANCEL_SECONDS", LONG)


async def leftovers(ai: ViralAI) -> set[Any]:
    """Tasks that are still there after the client was closed, and do not end either."""
    await ai.aclose()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    return (await asyncio.wait(others, timeout=LONG))[1] if others else set()


async def test_a_film_is_submitted_followed_and_collected(films: JobServer, home: Path) -> None:
    ai = client(films_config(films), home)
    job = await ai.video.submit("a fox", duration=1)
    assert repr(job) == f"JobHandle({job.id!r})"
    updates = [update async for update in job]
    assert updates[-1].status is VideoStatus.COMPLETED
    assert updates[-1].progress == 1.0
    assert any(update.status is VideoStatus.PROCESSING for update in updates)
    response = await job
    assert (response.provider_used, response.job_id, response.status) == ("films", job.id, VideoStatus.COMPLETED)
    assert Path(response.video_path or "").is_file()
    status = await job.status()
    assert status.video_path == str(response.artifacts[0].path)
    assert not await job.cancel()
    assert states(home) == ["completed"]
    assert len(films.creates) == 1
    assert not await leftovers(ai)


async def test_a_plain_call_runs_as_a_job_too(films: JobServer, home: Path) -> None:
    ai = client(films_config(films), home)
    response = await ai.video("a fox", duration=1)
    assert response.job_id
    assert states(home) == ["completed"]
    assert [update.status async for update in ai.jobs(response.job_id)] == [VideoStatus.COMPLETED]


def test_a_fresh_client_finds_and_collects_the_job(films: JobServer, home: Path) -> None:
    films.needed = 1000

    async def start() -> str:
        job = await client(films_config(films), home).video.submit("a fox", duration=1)
        return job.id

    job_id = asyncio.run(start())  # the loop ends with the job still running
    assert films.cancelled == []
    assert states(home) == ["running"]
    films.needed = 1

    async def collect() -> None:
        ai = client(films_config(films), home)
        assert (await ai.jobs.status(job_id)).status is VideoStatus.PROCESSING
        response = await ai.jobs(job_id).wait()
        assert response.job_id == job_id
        again = await client(films_config(films), home).jobs(job_id)
        assert again.artifacts == response.artifacts
        Path(again.artifacts[0].path).unlink()
        with pytest.raises(JobFailedError, match="gone"):
            await client(films_config(films), home).jobs(job_id)
        await ai.aclose()

    asyncio.run(collect())
    assert len(films.creates) == 1


def test_resume_collects_all_and_tells_what_was_lost(films: JobServer, home: Path) -> None:
    films.needed = 1000

    async def start() -> None:
        ai = client(films_config(films), home)
        for name in ("one", "two"):
            await ai.video.submit(name, duration=1)
        row = JobRow("job_half", VIDEO.value, "films", session_id="s", request_json={"prompt": "x", "duration": 1})
        ai.runtime.journal.open_job(row)  # a kernel died between this and the provider's answer

    asyncio.run(start())
    films.needed = 1

    async def resume() -> BatchResult:
        ai = client(films_config(films), home)
        result: BatchResult = await ai.jobs.resume()
        assert await ai.jobs.resume(wait=False) == []
        await ai.aclose()
        return result

    result = asyncio.run(resume())
    assert (len(result.ok), len(result.failed)) == (2, 1)
    assert isinstance(result.failed[0], JobLostError)
    assert result.failed[0].billed == "maybe"
    assert sorted(states(home)) == ["completed", "completed", "lost"]
    assert len(films.creates) == 2


async def test_a_wait_that_ends_leaves_the_job_open_and_asks_nobody_else(films: JobServer, home: Path) -> None:
    films.needed = 1000
    given = films_config(films)
    given["ai_services"]["video_generation"]["fallback_chain"] = ["films", "embedded"]
    ai = client(given, home)
    with pytest.raises(ProviderTimeoutError, match="resume") as caught:
        await ai.video("a fox", duration=1, timeout=1.5)
    assert caught.value.billed == "yes"
    assert states(home) == ["running"]
    films.needed = 1
    fresh = client(given, home)
    # The claim of the first client, which is alive, holds: two clients do not both collect.
    assert await fresh.jobs.resume(wait=False) == []
    with pytest.raises(JobFailedError, match="another kernel"):
        await fresh.jobs(rows(home, "jobs")[0]["job_id"])
    (response,) = (await ai.jobs.resume()).ok
    assert response.provider_used == "films"
    assert (len(films.creates), films.fetched) == (1, 1)


async def test_a_handles_wait_may_end_while_the_job_goes_on(films: JobServer, home: Path) -> None:
    films.needed = 1_000_000
    ai = client(films_config(films), home)
    job = await ai.video.submit("a fox", duration=1)
    with pytest.raises(TimeoutError):
        await job.wait(timeout=0.05)
    service = ai.manager.get_service("video")
    state = await service.wait_for_completion(job.id, 0.05)  # type: ignore[attr-defined]
    assert state.status is VideoStatus.PROCESSING
    films.needed = 1
    assert (await service.wait_for_completion(job.id, LONG)).status is VideoStatus.COMPLETED  # type: ignore[attr-defined]
    assert (await service.check_status(job.id)).over  # type: ignore[attr-defined]


async def test_a_job_that_the_provider_forgot_is_lost(films: JobServer, home: Path) -> None:
    films.forget = True
    ai = client(films_config(films), home)
    with pytest.raises(JobLostError):
        await ai.video("a fox", duration=1)
    assert states(home) == ["lost"]
    with pytest.raises(JobLostError, match="no job"):
        await ai.jobs.status("job_nobody")
    with pytest.raises(JobLostError, match="is lost"):
        await client(films_config(films), home).jobs(rows(home, "jobs")[0]["job_id"])


async def test_a_failed_job_moves_the_chain_on_and_its_handle_goes_along(films: JobServer, home: Path) -> None:
    films.fail = "the model fell over"
    given = films_config(films)
    given["ai_services"]["video_generation"]["fallback_chain"] = ["films", "embedded"]
    ai = client(given, home)
    job = await ai.video.submit("a fox", duration=1, width=64, height=48, fps=8)
    response = await job
    assert response.provider_used == "embedded"
    assert (await job.status()).status is VideoStatus.COMPLETED
    first, second = rows(home, "jobs")
    assert (first["job_id"], first["state"], second["state"]) == (job.id, "failed", "completed")
    assert second["job_id"] in first["message"]


async def test_an_unreadable_film_fails_the_job_and_moves_the_chain_on(films: JobServer, home: Path) -> None:
    films.bytes = b"<html>not a film</html>"
    ai = client(films_config(films), home)
    with pytest.raises(MalformedResponseError):
        await ai.video("a fox", duration=1)
    assert states(home) == ["failed"]
    assert not any((home / ".viralai" / "tmp").iterdir())


async def test_looks_that_fail_are_repeated_and_then_given_up_without_losing_the_job(
    films: JobServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viralai_sdk.services.retry.FIRST_DELAY", 0.001)
    monkeypatch.setattr(jobs, "LONGEST_PAUSE", 0.02)
    films.broken_looks = 5
    ai = client(films_config(films), home)
    await ai.video("a fox", duration=1)
    films.broken_looks = 1000
    with pytest.raises(AIError, match="stays open") as caught:
        await ai.video("a fox", duration=1)
    assert caught.value.billed == "yes"
    assert states(home) == ["completed", "running"]
    films.broken_looks = 0
    (response,) = (await ai.jobs.resume()).ok
    assert response.artifacts
    assert len(films.creates) == 2


@pytest.mark.parametrize("can_cancel", [True, False])
async def test_stopping_a_call_stops_the_provider_and_says_so(can_cancel: bool, films: JobServer, home: Path) -> None:
    films.needed, films.can_cancel = 1000, can_cancel
    ai = client(films_config(films), home)
    told: list[Any] = []
    ai.runtime.hub.post = told.append  # type: ignore[method-assign]
    task = asyncio.create_task(ai.video("a fox", duration=1))
    while not films.looks:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not await leftovers(ai)
    assert (films.cancelled == films.creates) is can_cancel
    assert states(home) == ["cancelled" if can_cancel else "running"]
    said = " ".join(event.message for event in told if event.state == "cancelled")
    assert ("cancelled at the provider" if can_cancel else "cannot cancel") in said
    assert rows(home)[0]["outcome"] == "cancelled"


async def test_stopping_while_the_provider_accepts_still_cancels_the_job(films: JobServer, home: Path) -> None:
    films.create_delay, films.needed = 0.4, 1000
    for submit in (False, True):
        ai = client(films_config(films), home)
        helper = ai.video.submit if submit else ai.video
        task = asyncio.create_task(helper("a fox", duration=1))  # type: ignore[operator]
        while len(films.creates) < 1 + submit:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not await leftovers(ai)
    assert films.cancelled == films.creates
    assert states(home) == ["cancelled", "cancelled"]


async def test_stopping_while_the_provider_hangs_is_told_as_lost(
    films: JobServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "CANCEL_SECONDS", 0.1)
    films.create_delay = LONG
    ai = client(films_config(films), home)
    task = asyncio.create_task(ai.video("a fox", duration=1))
    while not films.creates:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not await leftovers(ai)
    assert states(home) == ["lost"]


async def test_a_handle_cancels(films: JobServer, home: Path) -> None:
    films.needed = 1000
    ai = client(films_config(films), home)
    job = await ai.video.submit("a fox", duration=1)
    assert await job.cancel()
    assert films.cancelled == films.creates
    assert states(home) == ["cancelled"]
    with pytest.raises(JobCancelledError):
        await job
    with pytest.raises(JobCancelledError):
        await client(films_config(films), home).jobs(job.id)
    assert not await job.cancel()


def test_a_job_of_an_earlier_kernel_is_cancelled_at_the_provider(films: JobServer, home: Path) -> None:
    films.needed = 1000

    async def start() -> str:
        return (await client(films_config(films), home).video.submit("a fox", duration=1)).id

    job_id = asyncio.run(start())

    async def cancel() -> bool:
        return await client(films_config(films), home).jobs.cancel(job_id)

    films.can_cancel = False
    assert not asyncio.run(cancel())
    assert states(home) == ["running"]
    films.can_cancel = True
    assert asyncio.run(cancel())
    assert not asyncio.run(cancel())
    assert states(home) == ["cancelled"]


async def test_the_state_of_an_ended_job_is_told_not_raised(films: JobServer, home: Path) -> None:
    films.needed = 1000
    ai = client(films_config(films), home)
    job = await ai.video.submit("a fox", duration=1)
    fresh = client(films_config(films), home)
    films.fail = "fell over"
    assert (await fresh.jobs.status(job.id)).error_message == "fell over"
    with pytest.raises(JobFailedError, match="fell over"):
        await job
    films.fail = None
    other = await ai.video.submit("a fox", duration=1)
    films.cancelled.append(films.creates[1])
    assert (await fresh.jobs.status(other.id)).status is VideoStatus.CANCELLED
    with pytest.raises(JobCancelledError):
        await other


async def test_a_journal_that_fails_after_the_provider_accepted_does_not_lose_the_film(
    films: JobServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ai = client(films_config(films), home)
    await ai.runtime.writable()

    def full(*args: Any, **kwargs: Any) -> Any:
        raise StorageError("the disk is full.")

    for name in ("ticket", "mark", "close_job"):
        monkeypatch.setattr(ai.runtime.journal, name, full)
    response = await ai.video("a fox", duration=1)
    assert Path(response.video_path or "").is_file()
    assert [note.parameter for note in response.warnings] == ["journal", "journal"]


async def test_nothing_is_sent_when_the_job_cannot_be_written_down(
    films: JobServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ai = client(films_config(films), home)
    await ai.runtime.writable()

    def full(*args: Any, **kwargs: Any) -> Any:
        raise StorageError("the disk is full.")

    monkeypatch.setattr(ai.runtime.journal, "open_job", full)
    with pytest.raises(StorageError):
        await ai.video("a fox", duration=1)
    assert films.creates == []


async def test_a_refused_create_closes_the_job(films: JobServer, home: Path) -> None:
    given = films_config(films)
    given["providers"]["films"]["base_url"] = films.url + "/nowhere"
    with pytest.raises(AIError):
        await client(given, home).video.submit("a fox", duration=1)
    assert states(home) == ["failed"]


async def test_a_job_is_reached_from_another_loop(films: JobServer, home: Path) -> None:
    films.needed = 10
    ai = client(films_config(films), home)
    job = await asyncio.to_thread(lambda: ai.sync.video.submit("a fox", duration=1))
    updates = [update async for update in ai.jobs(job.id)]
    assert updates[-1].status is VideoStatus.COMPLETED
    assert (await ai.jobs(job.id)).job_id == job.id
    films.needed = 1000
    other = await asyncio.to_thread(lambda: ai.sync.video.submit("a fox", duration=1))
    assert await ai.jobs(other.id).cancel()
    assert await asyncio.to_thread(lambda: other.status().status) is VideoStatus.CANCELLED
    await asyncio.to_thread(ai.sync.close)


def test_local_films_are_made_again_for_free(home: Path) -> None:
    async def start() -> str:
        ai = client({}, home)
        job = await ai.video.submit("a fox at night", duration=1, width=64, height=48, fps=8)
        return job.id

    job_id = asyncio.run(start())
    assert states(home) == ["running"]

    async def resume() -> Any:
        return await client({}, home).jobs.resume()

    (response,) = asyncio.run(resume()).ok
    assert response.job_id == job_id
    assert states(home) == ["completed"]


def test_local_films_from_given_files_cannot_be_made_again(home: Path) -> None:
    from tests.doubles import png

    async def start() -> str:
        ai = client({}, home)
        job = await ai.video.submit("a fox", duration=1, width=64, height=48, fps=8, image=png())
        return job.id

    job_id = asyncio.run(start())

    async def collect() -> None:
        with pytest.raises(JobLostError, match="run it again") as caught:
            await client({}, home).jobs(job_id)
        assert caught.value.billed == "no"

    asyncio.run(collect())
    assert states(home) == ["lost"]


async def test_local_jobs_can_be_cancelled_and_can_fail(home: Path) -> None:
    ai = client({}, home)
    job = await ai.video.submit("a fox", duration=20, width=640, height=360)
    assert await job.cancel()
    with pytest.raises(AIError):
        await ai.video.submit("a fox", duration=500)
    assert states(home) == ["cancelled"]
    assert not await leftovers(ai)


async def test_a_claim_is_renewed_while_a_job_takes_long(
    films: JobServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "RENEW_SECONDS", 0.02)
    films.needed = 1000
    ai = client(films_config(films), home)
    job = await ai.video.submit("a fox", duration=1)
    before = rows(home, "jobs")[0]["heartbeat"]
    async with asyncio.timeout(LONG):
        while rows(home, "jobs")[0]["heartbeat"] <= before:
            await asyncio.sleep(0.02)
    await job.cancel()


async def test_a_provider_that_no_longer_works_in_jobs_is_told(films: JobServer, home: Path) -> None:
    films.needed = 1000
    ai = client(films_config(films), home)
    job = await ai.video.submit("a fox", duration=1)
    from viralai_sdk.providers.embedded.video import EmbeddedVideoService

    use(VIDEO, films=EmbeddedVideoService)
    with pytest.raises(JobLostError, match="jobs any more"):
        await client(films_config(films), home).jobs.status(job.id)
    use(VIDEO, films=Films)
    await job.cancel()


def test_a_dead_owner_is_known_at_once() -> None:
    host = job_rows.socket.gethostname()
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        child.wait()
    assert job_rows.owner_is_dead(f"{host}:{child.pid}:aa")
    for alive in (f"{host}:{os.getpid()}:aa", f"{host}:1:aa", f"elsewhere:{child.pid}:aa", "odd", None, f"{host}:x:aa"):
        assert not job_rows.owner_is_dead(alive)


def test_shares_of_odd_providers_stay_between_0_and_1() -> None:
    assert [job_rows.share(value) for value in (None, float("nan"), -1, 0.5, 7, float("inf"))] == [
        None,
        None,
        0,
        0.5,
        1,
        1,
    ]


CHILD = """
import asyncio, sys
from viralai_sdk import ViralAI
from viralai_sdk.providers import registry
from tests.doubles import FILMS
registry.specs()["films"] = FILMS
async def main():
    ai = ViralAI({"providers": {"films": {"api_key": sys.argv[3], "base_url": sys.argv[2]}}}, home=sys.argv[1], progress=False)
    print("ready", flush=True)
    sys.stdin.readline()
    while True:
        job = await ai.video.submit("a fox", provider="films", duration=1)
        print(job.id, flush=True)
asyncio.run(main())
"""
ROUNDS = 25


@pytest.mark.timeout(900)  # it starts many interpreters, which a busy machine may take seconds for
def test_kill_9_at_a_random_moment_loses_no_paid_job_and_pays_none_twice(films: JobServer, home: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    films.needed = 1_000_000
    told: list[str] = []
    command = [sys.executable, "-c", CHILD, str(home), films.url, KEY]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    child, window = start(), 0.0
    for number in range(ROUNDS):
        following = start() if number + 1 < ROUNDS else None  # starts while this one is being killed
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.stdin.write("go\n")
        with contextlib.suppress(BrokenPipeError):
            child.stdin.flush()
        if (
            number == 0
        ):  # the first one is let get as far as a job: how long that takes on this machine sets the others' moments
            began = time.monotonic()
            told.append(child.stdout.readline().strip())
            window = 2 * (time.monotonic() - began)
        time.sleep(moments.uniform(0.0, window))
        child.send_signal(signal.SIGKILL)
        told += [line for line in child.stdout.read().split("\n")[:-1] if line]
        child.stdin.close()
        child.stdout.close()
        child.wait()
        if following is not None:
            child = following
    found = rows(home, "jobs")
    created = list(films.creates)
    assert len(told) > 1, "no round but the first got as far as a job"
    known = {row["job_id"]: row for row in found}
    assert all(known[job_id]["remote_id"] for job_id in told)
    # Whoever was killed between the provider's answer and the ticket left a row that says so: no create without a row.
    assert len(created) <= len(found)
    films.needed = 1

    async def resume() -> Any:
        return await client(films_config(films), home).jobs.resume()

    result = asyncio.run(resume())
    assert films.creates == created, "a resume never creates"
    assert len(result.ok) == sum(1 for row in found if row["remote_id"])
    assert {type(error) for error in result.failed} <= {JobLostError}
    assert all(error.billed == "maybe" for error in result.failed)
    assert len(set(created)) == len(created)
