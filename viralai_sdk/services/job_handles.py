"""Jobs as a caller sees them: a handle that is found again by its id, in this kernel or a fresh one."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import AsyncIterator, Generator
from typing import TYPE_CHECKING, Any, TypeVar

from viralai_sdk.interfaces.adapter import Adapter, JobAdapter
from viralai_sdk.interfaces.batch import BatchResult
from viralai_sdk.interfaces.errors import AIError, ContentPolicyError, JobCancelledError, JobFailedError, JobLostError
from viralai_sdk.interfaces.jobs import JobStatus, VideoStatus
from viralai_sdk.interfaces.names import AIServiceType, service_type
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.steps import JobProgress
from viralai_sdk.progress.events import ProgressEvent
from viralai_sdk.services.call import Call, Route
from viralai_sdk.services.job_rows import (
    ending_of,
    owner_is_dead,
    request_of,
    response_of,
    share,
    status_of,
    ticket_of,
    values,
)
from viralai_sdk.services.jobs import LOCAL, QUICK_CANCEL
from viralai_sdk.services.live_jobs import Live, being_stopped
from viralai_sdk.services.runner import Runner
from viralai_sdk.store.rows import JobRow

if TYPE_CHECKING:
    from viralai_sdk.services.manager import AIServiceManager

T = TypeVar("T")
OPEN = ("submitting", "running", "collecting")


class JobHandle:
    """A long call. `await job.wait()` gives its response; `async for update in job` follows it; the id finds it again in a fresh kernel."""

    def __init__(self, jobs: Jobs, job_id: str) -> None:
        self._jobs = jobs
        self.id = job_id

    def __repr__(self) -> str:
        return f"JobHandle({self.id!r})"

    async def status(self) -> JobStatus:
        """The job's state now.

        Raises:
            JobLostError: no job has this id.
        """
        return await self._jobs.status(self.id)

    async def wait(self, timeout: float | None = None) -> Response:
        """Wait for the response, taking the job over when no living kernel works on it.

        Raises:
            TimeoutError: not finished after `timeout` seconds; the job goes on.
            AIError: the job's own failure.
        """
        return await self._jobs.result(self.id, timeout)

    def __await__(self) -> Generator[Any, None, Response]:
        return self.wait().__await__()

    async def cancel(self) -> bool:
        """Stop the job, at the provider too. False when it was over already, or goes on because the provider cannot stop it."""
        return await self._jobs.cancel(self.id)

    async def __aiter__(self) -> AsyncIterator[JobStatus]:
        async for update in self._jobs.follow(self.id):
            yield update


class Jobs:
    """All jobs of a project: `ai.jobs`."""

    def __init__(self, manager: AIServiceManager) -> None:
        self._manager = manager
        self._live: dict[str, Live] = {}
        self._moved: dict[str, str] = {}
        self._taking = threading.Lock()

    @property
    def _journal(self) -> Any:
        return self._manager.runtime.journal

    def __call__(self, job_id: str) -> JobHandle:
        """The handle of a job by its id."""
        return JobHandle(self, job_id)

    async def list(self, *, open_only: bool = False) -> list[JobRow]:
        """Jobs in the journal, the newest first."""
        rows: list[JobRow] = await asyncio.to_thread(self._journal.jobs, OPEN if open_only else None)
        return sorted(rows, key=lambda row: row.created, reverse=True)

    async def submit(self, service: AIServiceType, request: Request, **details: Any) -> JobHandle:
        """Start a call as a job and come back as soon as it is accepted.

        Raises:
            AIError: it was not accepted.
        """
        accepted: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        live = Live()

        def on_job(job_id: str) -> None:
            if accepted.done() and accepted.result() != job_id:
                self._went_on(accepted.result(), job_id)
            self._live[job_id] = live
            if not accepted.done():
                accepted.set_result(job_id)

        call = self._manager.call(service, request, on_job=on_job, **details)
        task = self._start(call, live)
        try:
            waiting: list[asyncio.Future[Any]] = [accepted, task]
            with self._manager.runtime.heartbeat:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            call.cancel_remotely = True
            task.cancel()
            await asyncio.wait([task], timeout=QUICK_CANCEL)
            raise
        if accepted.done():
            return JobHandle(self, accepted.result())
        await task
        raise AssertionError("a call that was never accepted cannot succeed")

    def _went_on(self, old: str, new: str) -> None:
        """The first provider's job failed and the chain went on: who holds the old id finds the new one."""
        self._moved[old] = new
        row = self._journal.job(old)
        self._journal.close_job(old, "failed", f"{row.message if row else 'failed'}; it went on as {new}")

    def _start(self, call: Call, live: Live) -> asyncio.Task[Response]:
        loop, post = live.loop, call.post

        def told(event: ProgressEvent) -> None:
            if post is not None:
                post(event)
            if not loop.is_closed():
                loop.call_soon_threadsafe(live.hear, event)

        call.post, call.detached = told, True
        live.call = call
        live.task = asyncio.create_task(self._manager.run_call(call), name=f"viralai {call.id}")
        self._manager.runtime.keep_running(live.task)
        live.task.add_done_callback(lambda task: self._ended(task, live))
        return live.task

    def _ended(self, task: asyncio.Task[Response], live: Live) -> None:
        if not task.cancelled():
            task.exception()  # whoever waits gets it; without a waiter it is in the journal
        elif live.gone:
            # Its loop ended under it. The job itself goes on, and the next who asks takes it over.
            for job_id in [job_id for job_id, other in list(self._live.items()) if other is live]:
                self._live.pop(job_id, None)
        live.changed.set()

    def _found(self, job_id: str) -> tuple[str, Live | None]:
        """The id under which a job goes on, and the job itself when this kernel works on it or has its result."""
        job_id = self._moved.get(job_id, job_id)
        live = self._live.get(job_id)
        if live is not None and live.gone:
            self._live.pop(job_id, None)
            live = None
        return job_id, live

    async def status(self, job_id: str) -> JobStatus:
        """State of a job. One that nobody works on here is looked up at its provider.

        Raises:
            JobLostError: no job has this id.
        """
        job_id, live = self._found(job_id)
        row = await self._row(job_id)
        if live is not None or row.state not in ("running", "collecting") or row.remote_id in (None, LOCAL):
            return status_of(row, live.latest if live else None)
        state, (runner, adapter) = status_of(row, None), self._runner(row)
        try:
            with self._manager.runtime.heartbeat:
                progress: JobProgress = await runner.drive(adapter.poll(ticket_of(row)))
        except (JobFailedError, ContentPolicyError) as error:
            return state.model_copy(update={"status": VideoStatus.FAILED, "error_message": error.message})
        return state.model_copy(
            update={
                "status": VideoStatus.CANCELLED if progress.over == "cancelled" else state.status,
                "progress": share(progress.fraction),
                "stage": progress.stage,
                "queue_position": progress.queue_position,
            }
        )

    async def wait(self, job_id: str, timeout: float) -> JobStatus:
        """Wait at most `timeout` seconds for a job; its state then, whatever it is."""
        with contextlib.suppress(TimeoutError, AIError):
            await self.result(job_id, timeout)
        return await self.status(job_id)

    async def result(self, job_id: str, timeout: float | None = None) -> Response:
        """The response of a job; see `JobHandle.wait`."""
        found = await self._here(job_id)
        with self._manager.runtime.heartbeat:
            async with asyncio.timeout(timeout):
                while isinstance(found, Live):
                    try:
                        return await found.there(found.outcome())
                    except (asyncio.CancelledError, concurrent.futures.CancelledError):
                        if being_stopped():
                            raise
                    await found.ended()
                    if not found.gone:
                        raise JobCancelledError(f"job {job_id} was cancelled.", job_id=job_id)
                    # The loop that had it has ended, such as another thread's. The job goes on, and is taken over here.
                    found = await self._here(job_id)
        return found

    async def _here(self, job_id: str) -> Live | Response:
        """A job that this kernel works on from now on, if it did not before; the response of one that is completed."""
        job_id, live = self._found(job_id)
        if live is not None:
            return live
        row = await self._row(job_id)
        return response_of(row) if row.state == "completed" else await self._take_over(row)

    async def cancel(self, job_id: str) -> bool:
        """Stop a job; see `JobHandle.cancel`."""
        job_id, live = self._found(job_id)
        if live is not None:
            if not live.working:
                return False
            with self._manager.runtime.heartbeat:
                await live.there(live.stop())
            return (await self._row(job_id)).state == "cancelled"
        row = await self._row(job_id)
        if row.over or row.remote_id is None:
            return False
        if row.remote_id != LOCAL:
            runner, adapter = self._runner(row)
            with self._manager.runtime.heartbeat:
                if not await runner.drive(adapter.cancel(ticket_of(row))):
                    return False
        await asyncio.to_thread(self._journal.close_job, job_id, "cancelled", "cancelled by hand")
        return True

    async def follow(self, job_id: str) -> AsyncIterator[JobStatus]:
        """Updates of a job until it is over, the last one included."""
        job_id, live = self._found(job_id)
        row = await self._row(job_id)
        if live is None and not row.over:
            live = await self._take_over(row)
        while live is not None and live.working:
            seen = live.latest
            if seen is not None:
                yield status_of(row, seen)
            with self._manager.runtime.heartbeat:
                try:
                    await live.there(live.change(seen))
                except (asyncio.CancelledError, concurrent.futures.CancelledError):
                    if being_stopped():
                        raise
                    await live.ended()
            if live.gone:
                row = await self._row(job_id)
                live = None if row.over else await self._take_over(row)
        yield await self.status(job_id)

    async def resume(self, *, wait: bool = True) -> Any:
        """Pick up jobs that a dead kernel left behind.

        Args:
            wait: True gives a BatchResult with every job's response or error; False gives handles at once.
        """
        handles, results = [], []
        for row in reversed(await self.list(open_only=True)):
            if row.job_id in self._live or not await self._claim(row):
                continue
            try:
                await self._take_over(row, claimed=True)
            except AIError as error:
                results.append(error)
                continue
            handles.append(JobHandle(self, row.job_id))
        if not wait:
            return handles
        outcomes = await asyncio.gather(*(handle.wait() for handle in handles), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, AIError):
                raise outcome
        return BatchResult([*results, *outcomes])  # type: ignore[list-item]

    async def _take_over(self, row: JobRow, *, claimed: bool = False) -> Live:
        """Work on a job here. Whoever else here has taken it over meanwhile shares his work: it is collected once."""
        if row.over:
            raise ending_of(row)
        if not claimed and not await self._claim(row):
            if (live := self._live.get(row.job_id)) is not None and not live.gone:
                return live
            where = "another call" if self._manager.runtime.works_on(row.job_id) else "another kernel"
            raise JobFailedError(
                f"{where} works on job {row.job_id}.",
                job_id=row.job_id,
                billed="yes",
                hint="Ask again when it has ended.",
            )
        row = await self._row(row.job_id)  # as it is now that nobody else changes it
        if row.remote_id is None:
            message = "the kernel ended before the provider's answer came; whether the job was started is unknown"
            await asyncio.to_thread(self._journal.close_job, row.job_id, "lost", message)
            raise JobLostError(
                message + ".", job_id=row.job_id, provider=row.provider, service=row.service, billed="maybe"
            )
        told = values(row.state_json)
        if row.remote_id == LOCAL and not told.get("repeatable"):
            free = bool(told.get("free", False))
            message = "the kernel ended " + (
                "while it made this from files that were given; nothing was paid; run it again"
                if free
                else "before the provider's answer came; whether it was billed is unknown"
            )
            await asyncio.to_thread(self._journal.close_job, row.job_id, "lost", message)
            raise JobLostError(
                message + ".",
                job_id=row.job_id,
                provider=row.provider,
                service=row.service,
                billed="no" if free else "maybe",
            )
        with self._taking:
            live = self._live.get(row.job_id)
            if live is None or live.gone:
                live = Live()
                self._start(self._call(row), live)
                self._live[row.job_id] = live
        return live

    async def _claim(self, row: JobRow) -> bool:
        """Take a job for this kernel; False while another living one has it, or another call of this one."""
        if self._manager.runtime.works_on(row.job_id):
            return False
        if row.owner and owner_is_dead(row.owner):
            await asyncio.to_thread(self._journal.release, row.job_id, row.owner)
        return bool(await asyncio.to_thread(self._journal.claim, row.job_id, self._manager.runtime.owner))

    def _call(self, row: JobRow) -> Call:
        call = self._manager.call(
            service_type(row.service),
            request_of(row),
            provider=Route(row.provider, row.model),
            fallback=False,
            session_id=row.session_id,
            job_id=row.job_id,
            use_cache=False,
        )
        if row.remote_id == LOCAL:
            call.on_job = lambda job_id: None
        else:
            call.resume = ticket_of(row)
        return call

    def _runner(self, row: JobRow) -> tuple[Runner, JobAdapter]:
        call = self._call(row)
        call.route, call.post = (
            call.chain[0],
            None,
        )  # one look is no work that is shown, and nobody would say that it is over
        call.service = self._manager.runtime.factory.service(call.service_type, row.provider)
        assert isinstance(call.service, Adapter)
        if not isinstance(call.service, JobAdapter):
            raise JobLostError(f"{row.provider} does not work in jobs any more.", job_id=row.job_id)
        return Runner(self._manager.runtime, call, call.service), call.service

    async def _row(self, job_id: str) -> JobRow:
        row: JobRow | None = await asyncio.to_thread(self._journal.job, job_id)
        if row is None:
            raise JobLostError(
                f"there is no job {job_id!r} in this project.",
                job_id=job_id,
                billed="no",
                hint="`viralai jobs list` shows all.",
            )
        return row
