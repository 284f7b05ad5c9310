"""A job that is followed outside a call: announced, listened to, looked at until it is over. Nothing of it enters the journal."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager
from typing import Any

from viralai_sdk.interfaces.adapter import JobAdapter
from viralai_sdk.interfaces.errors import AIError, JobCancelledError, JobFailedError
from viralai_sdk.interfaces.steps import JobProgress, JobTicket
from viralai_sdk.services.jobs import FAILED_LOOKS, LONGEST_PAUSE
from viralai_sdk.services.listening import Listening
from viralai_sdk.services.runner import Runner


class Watch:
    """One job of one service."""

    def __init__(self, runner: Runner, beat: AbstractContextManager[Any]) -> None:
        assert isinstance(runner.adapter, JobAdapter)
        self._runner = runner
        self._adapter = runner.adapter
        self._beat = beat
        self._listening = Listening(runner.call, self._adapter, runner.target)
        runner.announced = self._listening.open

    async def drive(self, steps: Generator[Any, Any, Any]) -> Any:
        """Run steps of the job: those that create it (its live channel is opened before), or those that fetch its result."""
        with self._beat:
            return await self._runner.drive(steps)

    async def wait(self, ticket: JobTicket) -> JobProgress:
        """Wait until the job is over, without a limit of its own.

        Raises:
            JobFailedError, JobCancelledError, JobLostError: how it ended.
            AIError: so many looks in a row failed; the job itself goes on.
        """
        with self._beat:
            await self._listening.open(ticket)
            pause, failed = self._adapter.first_poll, 0
            await self._listening.pause(pause)
            while True:
                try:
                    progress: JobProgress = await self._runner.drive(self._adapter.poll(ticket))
                except JobFailedError:
                    raise
                except AIError as error:
                    failed += 1
                    if failed >= FAILED_LOOKS or not (error.retryable or error.billed != "no"):
                        raise
                    await self._listening.pause(min(pause * 2, LONGEST_PAUSE))
                    continue
                failed = 0
                if progress.over == "cancelled":
                    raise JobCancelledError("the job was interrupted.", job_id=ticket.remote_id, billed="no")
                self._listening.show(progress)
                if progress.over == "done":
                    return progress
                pause = progress.poll_after if progress.poll_after is not None else min(pause * 1.3, LONGEST_PAUSE)
                await self._listening.pause(pause)

    async def aclose(self) -> None:
        """Close the live channel."""
        await self._listening.aclose()
