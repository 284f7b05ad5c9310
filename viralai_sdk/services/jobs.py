"""Jobs: started once, written down before anything is paid, looked at until they are over, found again after a crash.

Polling is the truth. Every wait has a deadline, the provider's wish sets the pace, and a look that fails is a look to repeat, not
a lost job.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from viralai_sdk.interfaces.adapter import JobAdapter
from viralai_sdk.interfaces.errors import (
    AIError,
    ContentPolicyError,
    EmptyResultError,
    JobCancelledError,
    JobFailedError,
    JobLostError,
    MalformedResponseError,
    ProviderTimeoutError,
    StorageError,
)
from viralai_sdk.interfaces.media import MediaInput
from viralai_sdk.interfaces.steps import JobProgress, JobTicket
from viralai_sdk.services.call import Call
from viralai_sdk.services.closing import close_job, finished
from viralai_sdk.services.listening import Listening
from viralai_sdk.store.rows import JobRow, new_id

if TYPE_CHECKING:
    from viralai_sdk.services.runner import Runner
    from viralai_sdk.services.runtime import Runtime

LONGEST_PAUSE = 15.0
"""Seconds between two looks at most, unless the provider asks for more."""
SHORTEST_PAUSE = 0.05
"""Seconds between two looks at least, whatever the provider asks."""
FAILED_LOOKS = 8
"""That many looks in a row may fail before the waiting is given up; the job itself stays open and can be resumed."""
CANCEL_SECONDS = 3.0
"""The provider has this long to confirm that it stopped a job."""
QUICK_CANCEL = 0.15
"""A stopped cell waits this long for the confirmation; after that it goes on in the background."""

LOCAL = "local"
"""In place of a provider's id, for work that this process does itself."""
RENEW_SECONDS = 20.0
"""So often this kernel tells others that it still works on a job; its claim ends 60 s after the last word."""


class JobRunner:
    """One job of one attempt."""

    def __init__(self, runtime: Runtime, call: Call, adapter: JobAdapter, runner: Runner) -> None:
        self._runtime = runtime
        self._call = call
        self._adapter = adapter
        self._runner = runner
        self._listening = Listening(call, adapter, runner.target)
        self._announced: JobTicket | None = None
        self._behind: asyncio.Future[None] | None = None

    async def run(self) -> Any:
        """Start the job, wait for it, fetch its result; or only the latter two when it was accepted earlier."""
        resumed = self._call.job_id if self._call.resume is not None else None
        job_id = resumed or new_id("job")
        self._runtime.take_job(job_id)
        try:
            found = await self._run(job_id)
            self._call.held.append(job_id)
            return found
        except BaseException:
            if self._behind is None or self._behind.done():
                self._runtime.leave_job(job_id)
            else:  # the provider is still being told: until then nobody here takes the job up again
                self._behind.add_done_callback(lambda _: self._runtime.leave_job(job_id))
            raise
        finally:
            await self._listening.aclose()

    async def _run(self, job_id: str) -> Any:
        call = self._call
        if call.resume is not None and call.job_id is not None:
            call.open_job = True
            await self._listening.open(call.resume)
            return await self.finish(job_id, call.resume)
        await opened(self._runtime, job_row(self._runtime, call, job_id))
        ticket = await self._submit(job_id)
        if call.on_job is not None:
            call.on_job(job_id)
        return await self.finish(job_id, ticket)

    async def _submit(self, job_id: str) -> JobTicket:
        """Start the job. When the call is stopped meanwhile, the answer is still awaited for a moment: it may name a job to cancel."""
        task = asyncio.ensure_future(self._accepted(job_id))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._behind = stopping = asyncio.ensure_future(self._stop_submitting(job_id, task))
            self._runtime.keep_running(stopping)
            await asyncio.wait([stopping], timeout=QUICK_CANCEL)
            raise

    async def _accepted(self, job_id: str) -> JobTicket:
        call, journal = self._call, self._runtime.journal

        async def announced(ticket: JobTicket) -> None:
            """Its id was chosen before it is created: a kernel killed in between still finds it."""
            self._announced = ticket
            journal.ticket(job_id, ticket.remote_id, ticket.state)
            await self._listening.open(ticket)

        self._runner.announced = announced
        try:
            ticket: JobTicket = await self._runner.drive(self._adapter.submit(call.request, call.route.model or ""))
        except Exception as error:
            journal.close_job(job_id, "failed", str(error)[:500])
            raise
        call.job_id, call.open_job = job_id, True
        try:
            # Written down at once and without giving way: from here on the job is paid for.
            journal.ticket(job_id, ticket.remote_id, ticket.state)
        except StorageError as error:
            call.note(
                "other", "journal", f"job {job_id} could not be written down; only this process knows it: {error}"
            )
        return ticket

    async def _stop_submitting(self, job_id: str, task: asyncio.Future[JobTicket]) -> None:
        done, _ = await asyncio.wait([task], timeout=CANCEL_SECONDS)
        if not done:
            task.cancel()
            await asyncio.wait([task])
        if task.cancelled() and self._announced is not None:
            await self._cancel_remotely(job_id, self._announced)
        elif task.cancelled():
            message = "stopped before the provider's answer came; whether the job was started is unknown"
            self._runtime.journal.close_job(job_id, "lost", message)
            self._say(message)
        elif task.exception() is None:
            await self._cancel_remotely(job_id, task.result())

    async def finish(self, job_id: str, ticket: JobTicket) -> Any:
        """Wait for an accepted job and fetch its result. `Keep` closes it once the result is on disk."""
        call = self._call
        try:
            async with lease(self._runtime, job_id):
                progress = await self._wait(job_id, ticket)
                with contextlib.suppress(StorageError):  # a decoration of the row; the ticket is what counts
                    self._runtime.journal.mark(job_id, "collecting")
                return await self._collect(ticket, progress)
        except asyncio.CancelledError:
            if call.detached and not call.cancel_remotely:
                self._runtime.journal.release(job_id, self._runtime.owner)
            else:
                await self._cancel(job_id, ticket)
            raise
        except (JobFailedError, ContentPolicyError) as error:
            if isinstance(error, JobFailedError):
                error.job_id = job_id
            close_job(self._runtime, call, _state(error), str(error.message))
            raise
        except AIError as error:
            if call.open_job:
                error.billed = "yes"
                error.hint = error.hint or f"Job {job_id} stays open: `await ai.jobs.resume()` looks again."
            raise

    async def _collect(self, ticket: JobTicket, progress: JobProgress) -> Any:
        try:
            return await self._runner.drive(self._adapter.collect(ticket, progress))
        except (EmptyResultError, MalformedResponseError) as error:
            close_job(self._runtime, self._call, "failed", error.message)
            raise

    async def _wait(self, job_id: str, ticket: JobTicket) -> JobProgress:
        pause, failed = self._adapter.first_poll, 0
        clock = asyncio.get_running_loop().time
        seconds = self._call.timeout or self._adapter.config.timeout
        deadline = clock() + seconds
        first = 0.0 if self._call.resume is not None else pause
        while True:
            await self._listening.pause(
                max(min(first or pause, deadline - clock()), SHORTEST_PAUSE if not first else 0.0)
            )
            first = 0.0
            try:
                progress: JobProgress = await self._runner.drive(self._adapter.poll(ticket))
            except (JobFailedError, ContentPolicyError, StorageError):
                raise
            except AIError as error:
                failed += 1
                if failed >= FAILED_LOOKS or not (error.retryable or error.billed != "no"):
                    raise
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                failed = 0
                if progress.over == "cancelled":
                    raise JobCancelledError("the provider cancelled the job.", job_id=job_id)
                self._listening.show(progress)
                if progress.over == "done":
                    return progress
                pause = progress.poll_after if progress.poll_after is not None else min(pause * 1.3, LONGEST_PAUSE)
            if clock() >= deadline:
                raise ProviderTimeoutError(
                    f"job {job_id} was not finished after {seconds:g} s.",
                    billed="yes",
                    hint="It goes on at the provider: `await ai.jobs.resume()` collects it. A longer timeout= waits longer.",
                )

    async def _cancel(self, job_id: str, ticket: JobTicket) -> None:
        """Stop the job at the provider. The request outlives a stopped cell for a moment, so that the cell ends at once."""
        self._behind = task = asyncio.ensure_future(self._cancel_remotely(job_id, ticket))
        self._runtime.keep_running(task)
        await asyncio.wait([task], timeout=CANCEL_SECONDS if self._call.detached else QUICK_CANCEL)

    async def _cancel_remotely(self, job_id: str, ticket: JobTicket) -> None:
        journal = self._runtime.journal
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                stopped = await self._runner.drive(self._adapter.cancel(ticket))
        except asyncio.CancelledError:
            journal.release(job_id, self._runtime.owner)
            raise
        except (
            Exception
        ) as error:  # the provider's code is asked for a favour here; however it fails, the job stays open
            reason = (
                f"the provider did not confirm the cancellation ({type(error).__name__}); the job may still run there"
            )
        else:
            reason = (
                "the job was cancelled at the provider"
                if stopped
                else "this provider cannot cancel; the job runs on there"
            )
            if stopped:
                journal.close_job(job_id, "cancelled", reason)
        if journal.release(job_id, self._runtime.owner):
            reason += f" (job {job_id})"
        self._say(reason)

    def _say(self, what: str) -> None:
        """Tell what became of the remote work: with the call's last event, or by itself when that has gone out already."""
        self._call.ending = what
        if self._call.recorded and self._call.post is not None:
            self._call.post(self._call.event("cancelled", what, message=what))


@contextlib.asynccontextmanager
async def lease(runtime: Runtime, job_id: str) -> AsyncIterator[None]:
    """Keep telling other kernels that this one works on a job."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with contextlib.suppress(StorageError):  # the claim lapses; nothing is lost by that
                await asyncio.to_thread(runtime.journal.renew, job_id, runtime.owner)

    task = asyncio.create_task(renew())
    try:
        yield
    finally:
        task.cancel()


async def opened(runtime: Runtime, row: JobRow) -> None:
    """Write a job down before the provider hears of it. When the call is stopped meanwhile, nothing was sent, and that is written."""
    stopped = threading.Event()

    def close() -> None:
        runtime.journal.close_job(row.job_id, "cancelled", "stopped before anything was sent")

    def write() -> None:
        runtime.journal.open_job(row)
        if stopped.is_set():  # a slow disk: the one who stopped found nothing to close
            close()

    try:
        await finished(write)
    except asyncio.CancelledError:
        stopped.set()
        with contextlib.suppress(StorageError):  # the row was not written yet: whoever writes it closes it
            close()
        raise


def job_row(runtime: Runtime, call: Call, job_id: str) -> JobRow:
    """The journal's row of a call's job."""
    return JobRow(
        job_id=job_id,
        service=call.service_type.value,
        provider=call.provider,
        model=call.route.model,
        session_id=call.session_id,
        call_id=call.id,
        request_json=call.request.to_dict(),
        owner=runtime.owner,
        heartbeat=time.time(),
    )


class LocalJob:
    """A submitted call without a job at its provider: written down like any job.

    When the kernel dies, one that costs nothing is made again. Of a paid request nobody knows whether it was billed: it is lost, and
    asked for again only by the user.
    """

    def __init__(self, runtime: Runtime, call: Call) -> None:
        self._runtime = runtime
        self._call = call

    async def run(self, work: Callable[[Call], Awaitable[Any]]) -> Any:
        """Do the work as a job."""
        job_id = self._call.job_id or new_id("job")
        self._runtime.take_job(job_id)
        try:
            found = await self._run(job_id, work)
        except BaseException:
            self._runtime.leave_job(job_id)
            raise
        self._call.held.append(job_id)
        return found

    async def _run(self, job_id: str, work: Callable[[Call], Awaitable[Any]]) -> Any:
        call, journal = self._call, self._runtime.journal
        if call.job_id is None:
            row = job_row(self._runtime, call, job_id)
            row.state, row.remote_id = "running", LOCAL
            whole = not any(_holds_media(value) for _, value in call.request)
            free = self._free()
            row.state_json = {"repeatable": whole and free, "free": free}
            await opened(self._runtime, row)
            call.job_id = job_id
        if call.on_job is not None:
            call.on_job(job_id)
        try:
            async with lease(self._runtime, job_id):
                return await work(call)
        except asyncio.CancelledError:
            if call.detached and not call.cancel_remotely:
                journal.release(job_id, self._runtime.owner)
            else:
                journal.close_job(job_id, "cancelled", "stopped")
            raise
        except Exception as error:
            close_job(self._runtime, call, "failed", str(error)[:500])
            raise

    def _free(self) -> bool:
        """Made by an engine of this process, or by a server of the user's own: sending it again cannot be billed."""
        if self._call.free:
            return True
        try:
            return self._runtime.costs.of_route(self._call, self._call.route) == 0
        except AIError:
            return False


def _holds_media(value: Any) -> bool:
    return isinstance(value, MediaInput) or (isinstance(value, (list, tuple)) and any(map(_holds_media, value)))


def _state(error: AIError) -> str:
    if isinstance(error, JobLostError):
        return "lost"
    return "cancelled" if isinstance(error, JobCancelledError) else "failed"
