"""What an old attempt, call or waiter still does must not touch what has taken its place. Every test forces the order of events."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import (
    IMAGE,
    TEXT,
    VIDEO,
    Films,
    JobServer,
    client,
    films_config,
    image_provider,
    png,
    rows,
    text_provider,
    use,
)
from viralai_sdk import blocking
from viralai_sdk.interfaces.adapter import ImageAdapter
from viralai_sdk.interfaces.errors import JobFailedError
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.jobs import VideoStatus
from viralai_sdk.interfaces.steps import Announce, Blob, Compute, JobTicket, MediaPayload, Send, Steps
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.progress.events import ProgressEvent
from viralai_sdk.services import jobs
from viralai_sdk.services.cache import Cache
from viralai_sdk.services.factory import AIServiceFactory
from viralai_sdk.store.artifacts import ArtifactStore
from viralai_sdk.store.journal import Journal
from viralai_sdk.store.rows import JobRow

LONG = 60.0
"""Seconds after which a test gives up on something that must happen."""


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(LONG):
        while not true():
            await asyncio.sleep(0.005)


def waited(true: Callable[[], object]) -> None:
    """The same in a thread."""
    tick = threading.Event()
    for _ in range(int(LONG / 0.005)):
        if true():
            return
        tick.wait(0.005)
    raise TimeoutError


# --- threads of an attempt that is over


async def test_a_stopped_thread_does_not_clear_away_the_file_of_the_next_provider(home: Path) -> None:
    let_go, folders = threading.Event(), []

    def stuck(report: Any, workspace: Path) -> None:
        folders.append(workspace)
        (workspace / "half.png").write_bytes(b"half")
        let_go.wait(LONG)

    def painted(report: Any, workspace: Path) -> Path:
        (workspace / "whole.png").write_bytes(png())
        return workspace / "whole.png"

    def cleared(report: Any, workspace: Path) -> None:
        let_go.set()
        waited(lambda: not any(folder.exists() for folder in folders))

    class Slow(ImageAdapter):
        def steps(self, request: Any, model: str) -> Steps[Any]:
            yield Compute(stuck)

    class Next(ImageAdapter):
        def steps(self, request: Any, model: str) -> Steps[Any]:
            path = yield Compute(painted)
            yield Compute(cleared)
            return MediaPayload(blobs=[Blob(path=path)])

    use(IMAGE, slow=Slow, next=Next)
    block = {
        "default_provider": "slow",
        "fallback_chain": ["slow", "next"],
        "provider_configs": {"slow": {"timeout": 0.05}},
    }
    ai = client({"ai_services": {"image_generation": block}}, home)
    response = await ai.image("a fox")
    assert [attempt.error for attempt in response.attempts] == ["ProviderTimeoutError", None]
    assert response.artifacts[0].path.is_file()
    await ai.aclose()
    assert not any(ai.runtime.spool.iterdir())


async def test_what_a_stopped_thread_wrote_after_its_call_was_cleared_goes_too(home: Path) -> None:
    let_go = threading.Event()

    def stuck(report: Any, workspace: Path) -> None:
        let_go.wait(LONG)
        workspace.mkdir(parents=True, exist_ok=True)
        (workspace / "late.png").write_bytes(b"late")

    class Slow(ImageAdapter):
        def steps(self, request: Any, model: str) -> Steps[Any]:
            yield Compute(stuck)

    use(IMAGE, slow=Slow)
    ai = client({}, home)
    task = asyncio.ensure_future(ai.image("a fox", provider="slow"))
    await until(lambda: ai.runtime.spool.is_dir() and any(ai.runtime.spool.iterdir()))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    let_go.set()
    await until(lambda: not ai.runtime._running)
    assert not any(ai.runtime.spool.iterdir())


async def test_progress_that_was_on_its_way_does_not_revive_a_stopped_call(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    telling, go_on, through = threading.Event(), threading.Event(), threading.Event()

    def post(event: ProgressEvent) -> None:
        if event.stage == "late":
            telling.set()
            go_on.wait(LONG)
        told.append(event.state)

    def paint(report: Any, workspace: Path) -> None:
        try:
            report(0.5, "late")
            report(0.6, "later")
        finally:
            through.set()

    class Slow(ImageAdapter):
        def steps(self, request: Any, model: str) -> Steps[Any]:
            yield Compute(paint)

    use(IMAGE, slow=Slow)
    ai = client({}, home)
    monkeypatch.setattr(ai.runtime.hub, "post", post)
    task = asyncio.ensure_future(ai.image("a fox", provider="slow"))
    await until(telling.is_set)
    task.cancel()
    # Longer than a stopped call waits for its thread: had the call not waited for the report, it would be over by then.
    threading.Timer(0.5, go_on.set).start()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(through.is_set)
    assert told[-1] == "cancelled"
    assert "cancelled" not in told[:-1]


async def test_what_goes_on_behind_a_call_that_is_over_shows_no_progress(home: Path) -> None:
    use(TEXT, fine=text_provider(lambda request: "fine"))
    ai, told = client({}, home), []
    call = ai.manager.call(
        TEXT, TextGenerationRequest("x"), provider="fine", post=lambda event: told.append(event.state)
    )
    await ai.manager.run_call(call)
    call.report(None, "trying again in 1.0 s")
    assert told[-1] == "done"


# --- jobs


class Announcing(Films):
    """Chooses its job's id itself and has a live channel, as ComfyUI does."""

    opened = 0

    def submit(self, request: Any, model: str) -> Steps[JobTicket]:
        yield Compute(_first)
        yield Announce(JobTicket("remote-1"))
        answer = yield Send("POST", "/jobs", json={"prompt": request.prompt}, creates=True)
        return JobTicket(answer.json()["id"])


_reached, _go_on = threading.Event(), threading.Event()


def _first(report: Any, workspace: Path) -> None:
    _reached.set()
    _go_on.wait(LONG)


async def test_a_stopped_call_that_hears_of_its_job_later_opens_no_channel(
    films: JobServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _reached.clear()
    _go_on.clear()
    asked: list[JobTicket] = []
    monkeypatch.setattr(Announcing, "listen", lambda self, ticket: asked.append(ticket), raising=False)
    monkeypatch.setattr(jobs, "CANCEL_SECONDS", LONG)
    monkeypatch.setattr("viralai_sdk.services.runtime.CLOSE_SECONDS", LONG)
    use(VIDEO, films=Announcing)
    ai = client(films_config(films), home)
    task = asyncio.ensure_future(ai.video("a fox", duration=1))
    await until(_reached.is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    _go_on.set()
    await ai.aclose()
    assert films.cancelled == films.creates == ["remote-1"]
    assert asked == []


async def test_a_job_that_is_written_down_after_its_call_was_stopped_is_closed_all_the_same(
    films: JobServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = threading.Event(), threading.Event()
    real = Journal.open_job

    def slow(self: Journal, row: JobRow) -> None:
        reached.set()
        go_on.wait(LONG)
        real(self, row)

    monkeypatch.setattr(Journal, "open_job", slow)
    ai = client(films_config(films), home)
    task = asyncio.ensure_future(ai.video("a fox", duration=1))
    await until(reached.is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await until(lambda: [row["state"] for row in rows(home, "jobs")] == ["cancelled"])
    assert films.creates == []
    assert await ai.jobs.resume(wait=False) == []
    await ai.aclose()


def _left_behind(films: JobServer, home: Path) -> str:
    """The id of a job that an earlier kernel has left at the provider."""
    films.needed = 1_000_000

    async def start() -> str:
        return (await client(films_config(films), home).video.submit("a fox", duration=1)).id

    job_id = asyncio.run(start())
    films.needed = 1
    return job_id


def test_a_job_that_two_wait_for_is_collected_once(films: JobServer, home: Path) -> None:
    job_id = _left_behind(films, home)

    async def both() -> None:
        ai = client(films_config(films), home)
        first, second, resumed = await asyncio.gather(
            ai.jobs(job_id).wait(), ai.jobs(job_id).wait(), ai.jobs.resume(), return_exceptions=True
        )
        assert not isinstance(first, BaseException), first
        assert not isinstance(second, BaseException), second
        assert not isinstance(resumed, BaseException), resumed
        assert first.artifacts == second.artifacts
        assert not resumed.failed
        await ai.aclose()

    asyncio.run(both())
    assert films.fetched == 1
    assert len(rows(home)) == 1 + 1  # the first kernel's call, and the one that collected


async def test_resuming_leaves_alone_what_another_call_of_this_client_is_doing(
    films: JobServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films.needed, films.create_delay = 1_000_000, 0.2
    monkeypatch.setattr("viralai_sdk.services.runtime.CLOSE_SECONDS", LONG)
    ai = client(films_config(films), home)
    task = asyncio.ensure_future(ai.video("a fox", duration=1))
    await until(lambda: films.creates)
    # While the provider has not answered the journal knows no ticket: a dead kernel's job of that kind would be lost.
    assert len(await ai.jobs.resume()) == 0
    await until(lambda: [row["state"] for row in rows(home, "jobs")] == ["running"])
    assert len(await ai.jobs.resume()) == 0
    with pytest.raises(JobFailedError, match="another call works on job"):
        await ai.jobs(rows(home, "jobs")[0]["job_id"])
    films.needed = 1
    response = await task
    assert (response.status, films.fetched, len(films.creates)) == (VideoStatus.COMPLETED, 1, 1)
    assert [row["state"] for row in rows(home, "jobs")] == ["completed"]
    await ai.aclose()


def test_who_waits_for_a_job_of_a_loop_that_ends_goes_on_with_it(films: JobServer, home: Path) -> None:
    films.needed = 1_000_000
    ai = client(films_config(films), home)
    ids: list[str] = []
    waiting, outcome = threading.Event(), []

    async def wait() -> None:
        task = asyncio.ensure_future(ai.jobs(ids[0]).wait())
        await asyncio.sleep(0)
        waiting.set()
        outcome.append(await task)
        await ai.aclose()

    other = threading.Thread(target=lambda: asyncio.run(wait()))

    async def begin() -> None:
        ids.append((await ai.video.submit("a fox", duration=1)).id)
        other.start()
        await until(waiting.is_set)
        looks = len(films.looks)
        await until(lambda: len(films.looks) > looks)

    asyncio.run(begin())  # this loop ends with the job still running, and with somebody of another loop waiting for it
    films.needed = 1
    other.join(LONG)
    assert [found.job_id for found in outcome] == ids
    assert (len(films.creates), films.fetched, films.cancelled) == (1, 1, [])


async def test_a_look_at_a_job_leaves_no_progress_behind(
    films: JobServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films.needed = 1_000_000
    told: list[Any] = []
    ai = client(films_config(films), home)
    job = await ai.video.submit("a fox", duration=1)
    fresh = client(films_config(films), home)
    monkeypatch.setattr(fresh.runtime.hub, "post", told.append)
    films.broken_looks = 1  # this look is tried again, and that is told while it is waited
    assert (await fresh.jobs.status(job.id)).status is VideoStatus.PROCESSING
    assert told == []
    await job.cancel()
    await fresh.aclose()
    await ai.aclose()


async def test_resuming_leaves_alone_what_is_being_stored(
    films: JobServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = threading.Event(), threading.Event()
    real = ArtifactStore.keep

    def slow(self: ArtifactStore, *args: Any, **details: Any) -> Any:
        reached.set()
        go_on.wait(LONG)
        return real(self, *args, **details)

    monkeypatch.setattr(ArtifactStore, "keep", slow)
    films.needed = 1
    ai = client(films_config(films), home)
    task = asyncio.ensure_future(ai.video("a fox", duration=1))
    await until(reached.is_set)
    assert len(await ai.jobs.resume()) == 0
    go_on.set()
    await task
    assert (films.fetched, [row["state"] for row in rows(home, "jobs")]) == (1, ["completed"])
    assert not ai.runtime.works_on(rows(home, "jobs")[0]["job_id"])
    await ai.aclose()


# --- one of each


def test_two_threads_that_ask_at_once_share_one_service(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(TEXT, fine=text_provider(lambda request: "fine"))
    ai, made, given = client({}, home), AIServiceFactory.create, []
    both = threading.Barrier(2)

    def slow(service: Any, config: Any) -> Any:
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.3)  # both make one, unless they take turns
        return made(service, config)

    monkeypatch.setattr(AIServiceFactory, "create", slow)
    threads = [threading.Thread(target=lambda: given.append(ai.runtime.factory.service(TEXT, "fine"))) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert given[0] is given[1]


# --- blocking


def test_a_stream_that_the_garbage_collector_closes_in_the_loops_own_thread_is_closed() -> None:
    closed = threading.Event()

    async def pieces() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.set()

    stream = iter(blocking.Blocking(pieces, lambda: None)())
    assert next(stream) == 1

    async def collect() -> None:
        stream.close()

    asyncio.run_coroutine_threadsafe(collect(), blocking._LOOP.get()).result(LONG)
    assert closed.wait(LONG)


# --- answers from memory


async def test_a_kept_answer_that_another_thread_throws_out_is_still_given(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(IMAGE, good=image_provider(png()))
    ai = client({"enable_caching": True}, home)
    response, kept = await ai.image("a fox", provider="good"), Cache(ai.runtime)

    async def asked() -> Any:
        call = ai.manager.call(IMAGE, ImageGenerationRequest("a fox"), provider="good")
        return await kept(call, lambda _: asyncio.sleep(0, response))

    assert not (await asked()).cached
    real = Path.is_file

    def meanwhile(self: Path) -> bool:
        kept._entries.clear()
        return real(self)

    monkeypatch.setattr("viralai_sdk.services.cache.Path.is_file", meanwhile)
    assert (await asked()).cached
    await ai.aclose()
