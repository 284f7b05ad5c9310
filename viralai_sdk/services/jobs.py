"""Jobs: started once, written down before anything is paid, looked at until they are over, found again after a crash.

Polling is the truth. Every wait has a deadline, the provider's wish sets the pace, and a look that fails is a look to repeat, not
a lost job.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from viralai_sdk.interfaces.adapter import JobAdapter
from viralai_sdk.interfaces.errors import (
    AIError,
    ContentPolicyError,
    JobCancelledError,
    JobFailedError,
    JobLostError,
    ProviderTimeoutError,
    StorageError,
)
from viralai_sdk.interfaces.media import MediaInput
from viralai_sdk.interfaces.steps import JobProgress, JobTicket
from viralai_sdk.services.call import Call
from viralai_sdk.services.listening import Listening
from viralai_sdk.store.rows import JobRow, new_id

if TYPE_CHECKING:
    from viralai_sdk.services.runner import Runner
    from viralai_sdk.services.runtime import Runtime

LONGEST_PAUSE = 15.0
"""Seconds between two looks at most, unless the provider asks for more."""
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
OWNER = f"{socket.gethostname()}:{os.getpid()}"


class JobRunner:
    """One job of one attempt."""

    def __init__(self, runtime: Runtime, call: Call, adapter: JobAdapter, runner: Runner) -> None:
        self._runtime = runtime
        self._call = call
        self._adapter = adapter
        self._runner = runner
        self._renewed = time.monotonic()
        self._listening = Listening(call, adapter, runner.target)

    async def run(self) -> Any:
        """Start the job, wait for it, fetch its result; or only the latter two when it was accepted earlier."""
        try:
            return await self._run()
        finally:
            await self._listening.aclose()

    async def _run(self) -> Any:
        call, journal = self._call, self._runtime.journal
        if call.resume is not None and call.job_id is not None:
            await self._listening.open(call.resume)
            return await self.finish(call.job_id, call.resume)
        job_id = new_id("job")
        await asyncio.to_thread(journal.open_job, job_row(call, job_id))
        announced: list[JobTicket] = []

        async def note(ticket: JobTicket) -> None:
            announced[:] = [ticket]
            journal.ticket(job_id, ticket.remote_id, ticket.state)
            await self._listening.open(ticket)

        self._runner.announced = note
        try:
            ticket: JobTicket = await self._runner.drive(self._adapter.submit(call.request, call.route.model or ""))
        except asyncio.CancelledError:
            if announced:
                await self._cancel(job_id, announced[0])
            raise
        except AIError as error:
            await asyncio.to_thread(journal.close_job, job_id, "failed", str(error.message))
            raise
        call.job_id = job_id
        # Written down at once and without giving way: from here on the job is paid for.
        journal.ticket(job_id, ticket.remote_id, ticket.state)
        if call.on_job is not None:
            call.on_job(job_id)
        return await self.finish(job_id, ticket)

    async def finish(self, job_id: str, ticket: JobTicket) -> Any:
        """Wait for an accepted job and fetch its result. `Keep` closes it once the result is on disk."""
        journal = self._runtime.journal
        try:
            progress = await self._wait(job_id, ticket)
            journal.mark(job_id, "collecting")
            return await self._runner.drive(self._adapter.collect(ticket, progress))
        except asyncio.CancelledError:
            await self._cancel(job_id, ticket)
            raise
        except (JobFailedError, ContentPolicyError) as error:
            if isinstance(error, JobFailedError):
                error.job_id = job_id
            await asyncio.to_thread(journal.close_job, job_id, _state(error), str(error.message))
            raise

    async def _wait(self, job_id: str, ticket: JobTicket) -> JobProgress:
        pause, failed = self._adapter.first_poll, 0
        seconds = self._call.timeout or self._adapter.config.timeout
        deadline = asyncio.get_running_loop().time() + seconds
        await self._listening.pause(min(pause, seconds))
        while True:
            try:
                progress: JobProgress = await self._runner.drive(self._adapter.poll(ticket))
            except (JobFailedError, ContentPolicyError, StorageError):
                raise
            except AIError as error:
                failed += 1
                if failed >= FAILED_LOOKS or not (error.retryable or error.billed != "no"):
                    error.billed = "yes"
                    error.hint = f"Job {job_id} stays open: `await ai.jobs.resume()` looks again."
                    raise
                self._in_time(job_id, deadline, seconds)
                await self._listening.pause(min(pause * 2, LONGEST_PAUSE))
                continue
            failed = 0
            await self._renew(job_id)
            if progress.over == "cancelled":
                raise JobCancelledError("the provider cancelled the job.", job_id=job_id)
            self._listening.show(progress)
            if progress.over == "done":
                return progress
            pause = progress.poll_after if progress.poll_after is not None else min(pause * 1.3, LONGEST_PAUSE)
            self._in_time(job_id, deadline, seconds)
            await self._listening.pause(min(pause, max(deadline - asyncio.get_running_loop().time(), 0.01)))

    async def _renew(self, job_id: str) -> None:
        """Tell other kernels that this one is still at it."""
        now = time.monotonic()
        if now - self._renewed > RENEW_SECONDS:
            self._renewed = now
            await asyncio.to_thread(self._runtime.journal.renew, job_id, OWNER)

    def _in_time(self, job_id: str, deadline: float, seconds: float) -> None:
        if asyncio.get_running_loop().time() >= deadline:
            raise ProviderTimeoutError(
                f"job {job_id} was not finished after {seconds:g} s.",
                billed="yes",
                hint="It goes on at the provider: `await ai.jobs.resume()` collects it. A longer timeout= waits longer.",
            )

    async def _cancel(self, job_id: str, ticket: JobTicket) -> None:
        """Stop the job at the provider. The request outlives a stopped cell for a moment, so that the cell ends at once."""
        task = asyncio.ensure_future(self._cancel_remotely(job_id, ticket))
        self._runtime.keep_running(task)
        await asyncio.wait([task], timeout=QUICK_CANCEL)

    async def _cancel_remotely(self, job_id: str, ticket: JobTicket) -> None:
        journal, call = self._runtime.journal, self._call
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                stopped = await self._runner.drive(self._adapter.cancel(ticket))
        except (AIError, TimeoutError, asyncio.CancelledError) as error:
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
        if call.post is not None:
            call.post(call.event("cancelled", "", message=reason))


def job_row(call: Call, job_id: str) -> JobRow:
    """The journal's row of a call's job."""
    return JobRow(
        job_id=job_id,
        service=call.service_type.value,
        provider=call.provider,
        model=call.route.model,
        session_id=call.session_id,
        call_id=call.id,
        request_json=call.request.model_dump(mode="json"),
        owner=OWNER,
        heartbeat=time.time(),
    )


class LocalJob:
    """A submitted call that this process serves itself: written down like any job, and made again for free when the kernel dies."""

    def __init__(self, runtime: Runtime, call: Call) -> None:
        self._journal = runtime.journal
        self._call = call

    async def run(self, work: Awaitable[Any]) -> Any:
        """Do the work as a job."""
        call, journal = self._call, self._journal
        if call.job_id is None:
            call.job_id = new_id("job")
            row = job_row(call, call.job_id)
            row.state, row.remote_id = "running", LOCAL
            row.state_json = {"repeatable": not any(isinstance(value, MediaInput) for _, value in call.request)}
            await asyncio.to_thread(journal.open_job, row)
        if call.on_job is not None:
            call.on_job(call.job_id)
        try:
            return await work
        except asyncio.CancelledError:
            journal.close_job(call.job_id, "cancelled", "stopped")
            raise
        except Exception as error:
            await asyncio.to_thread(journal.close_job, call.job_id, "failed", str(error)[:500])
            raise


def _state(error: AIError) -> str:
    if isinstance(error, JobLostError):
        return "lost"
    return "cancelled" if isinstance(error, JobCancelledError) else "failed"
