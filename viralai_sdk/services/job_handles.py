"""Jobs as a caller sees them: a handle that is found again by its id, in this kernel or a fresh one."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Generator
from typing import TYPE_CHECKING, Any

from viralai_sdk.interfaces.adapter import Adapter, JobAdapter
from viralai_sdk.interfaces.batch import BatchResult
from viralai_sdk.interfaces.errors import AIError, JobCancelledError, JobFailedError, JobLostError
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.jobs import JobStatus, VideoStatus
from viralai_sdk.interfaces.names import AIServiceType, service_type
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest
from viralai_sdk.interfaces.steps import JobProgress, JobTicket
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.progress.events import ProgressEvent
from viralai_sdk.services.call import Call, Route
from viralai_sdk.services.jobs import LOCAL, OWNER
from viralai_sdk.services.runner import Runner
from viralai_sdk.store.rows import JobRow

if TYPE_CHECKING:
    from viralai_sdk.services.manager import AIServiceManager

REQUESTS: dict[AIServiceType, type[Request]] = {
    AIServiceType.TEXT_GENERATION: TextGenerationRequest,
    AIServiceType.IMAGE_GENERATION: ImageGenerationRequest,
    AIServiceType.VIDEO_GENERATION: VideoGenerationRequest,
    AIServiceType.SPEECH_SYNTHESIS: SpeechSynthesisRequest,
}
OPEN = ("submitting", "running", "collecting")
_STATES = {
    "submitting": VideoStatus.PENDING,
    "running": VideoStatus.PROCESSING,
    "collecting": VideoStatus.PROCESSING,
    "completed": VideoStatus.COMPLETED,
    "failed": VideoStatus.FAILED,
    "lost": VideoStatus.FAILED,
    "cancelled": VideoStatus.CANCELLED,
}


class _Live:
    """A job that this kernel works on: its task, its latest state, and who wants to hear of the next."""

    def __init__(self) -> None:
        self.task: asyncio.Task[Response] | None = None
        self.latest: ProgressEvent | None = None
        self.changed = asyncio.Event()

    def hear(self, event: ProgressEvent) -> None:
        """Take an event of the job; runs in the job's loop."""
        self.latest = event
        self.changed.set()


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
        """Stop the job, at the provider too. False when it was over already."""
        return await self._jobs.cancel(self.id)

    async def __aiter__(self) -> AsyncIterator[JobStatus]:
        async for update in self._jobs.follow(self.id):
            yield update


class Jobs:
    """All jobs of a project: `ai.jobs`."""

    def __init__(self, manager: AIServiceManager) -> None:
        self._manager = manager
        self._live: dict[str, _Live] = {}

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
        live = _Live()

        def on_job(job_id: str) -> None:
            self._live[job_id] = live
            if not accepted.done():
                accepted.set_result(job_id)

        call = self._manager.call(service, request, on_job=on_job, **details)
        task = self._start(call, live)
        try:
            waiting: list[asyncio.Future[Any]] = [accepted, task]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if accepted.done():
            return JobHandle(self, accepted.result())
        await task
        raise AssertionError("a call that was never accepted cannot succeed")

    def _start(self, call: Call, live: _Live) -> asyncio.Task[Response]:
        loop, post = asyncio.get_running_loop(), call.post

        def told(event: ProgressEvent) -> None:
            if post is not None:
                post(event)
            loop.call_soon_threadsafe(live.hear, event)

        call.post = told
        live.task = asyncio.create_task(self._manager.run_call(call), name=f"viralai {call.id}")
        self._manager.runtime.keep_running(live.task)
        live.task.add_done_callback(lambda task: self._ended(task, live))
        return live.task

    def _ended(self, task: asyncio.Task[Response], live: _Live) -> None:
        if not task.cancelled():
            task.exception()  # whoever waits gets it; without a waiter it is in the journal
        live.changed.set()

    async def status(self, job_id: str) -> JobStatus:
        """State of a job. One that nobody works on here is looked up at its provider.

        Raises:
            JobLostError: no job has this id.
        """
        row = await self._row(job_id)
        live = self._live.get(job_id)
        if live is not None and live.task is not None and not live.task.done():
            return _status(row, live.latest)
        if row.state in ("running", "collecting") and row.remote_id not in (None, LOCAL):
            progress = await self._look(row)
            state = _status(row, None)
            state.progress, state.stage, state.queue_position = (
                progress.fraction,
                progress.stage,
                progress.queue_position,
            )
            return state
        return _status(row, live.latest if live else None)

    async def wait(self, job_id: str, timeout: float) -> JobStatus:
        """Wait at most `timeout` seconds for a job; its state then, whatever it is."""
        with contextlib.suppress(TimeoutError, AIError):
            await self.result(job_id, timeout)
        return await self.status(job_id)

    async def result(self, job_id: str, timeout: float | None = None) -> Response:
        """The response of a job; see `JobHandle.wait`."""
        live = self._live.get(job_id)
        if live is None or live.task is None:
            live = await self._take_over(await self._row(job_id))
        assert live.task is not None
        with self._manager.runtime.heartbeat:
            try:
                async with asyncio.timeout(timeout):
                    return await asyncio.shield(live.task)
            except asyncio.CancelledError:
                if live.task.cancelled():
                    raise JobCancelledError(f"job {job_id} was cancelled.", job_id=job_id) from None
                raise

    async def cancel(self, job_id: str) -> bool:
        """Stop a job; see `JobHandle.cancel`."""
        live = self._live.get(job_id)
        if live is not None and live.task is not None:
            if live.task.done():
                return False
            live.task.cancel()
            with self._manager.runtime.heartbeat:
                await asyncio.wait([live.task])
            return live.task.cancelled()
        row = await self._row(job_id)
        if row.over:
            return False
        stopped = False
        if row.remote_id not in (None, LOCAL):
            runner, adapter = self._runner(row)
            stopped = await runner.drive(adapter.cancel(_ticket(row)))
        await asyncio.to_thread(self._journal.close_job, job_id, "cancelled", "cancelled by hand")
        return stopped or row.remote_id == LOCAL

    async def follow(self, job_id: str) -> AsyncIterator[JobStatus]:
        """Updates of a job until it is over, the last one included."""
        row = await self._row(job_id)
        live = self._live.get(job_id)
        if (live is None or live.task is None) and not row.over:
            live = await self._take_over(row)
        while live is not None and live.task is not None and not live.task.done():
            live.changed.clear()
            if live.latest is not None:
                yield _status(row, live.latest)
            with self._manager.runtime.heartbeat:
                await live.changed.wait()
        yield await self.status(job_id)

    async def resume(self, *, wait: bool = True) -> Any:
        """Pick up jobs that a dead kernel left behind.

        Args:
            wait: True gives a BatchResult with every job's response or error; False gives handles at once.
        """
        handles, results = [], []
        for row in reversed(await self.list(open_only=True)):
            if row.job_id in self._live or not await asyncio.to_thread(self._journal.claim, row.job_id, OWNER):
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

    async def _take_over(self, row: JobRow, *, claimed: bool = False) -> _Live:
        if row.over:
            raise _ending(row)
        if not claimed and not await asyncio.to_thread(self._journal.claim, row.job_id, OWNER):
            raise JobFailedError(
                f"another kernel works on job {row.job_id}.",
                job_id=row.job_id,
                billed="yes",
                hint="Ask again when it has ended.",
            )
        if row.remote_id is None:
            message = "the kernel ended before the provider's answer came; whether the job was started is unknown"
            await asyncio.to_thread(self._journal.close_job, row.job_id, "lost", message)
            raise JobLostError(
                message + ".", job_id=row.job_id, provider=row.provider, service=row.service, billed="maybe"
            )
        state = json.loads(row.state_json) if isinstance(row.state_json, str) else dict(row.state_json or {})  # type: ignore[arg-type]
        if row.remote_id == LOCAL and not state.get("repeatable"):
            message = "the kernel ended while it made this from files that were given; nothing was paid; run it again"
            await asyncio.to_thread(self._journal.close_job, row.job_id, "lost", message)
            raise JobLostError(
                message + ".", job_id=row.job_id, provider=row.provider, service=row.service, billed="no"
            )
        live = self._live[row.job_id] = _Live()
        self._start(self._call(row), live)
        return live

    def _call(self, row: JobRow) -> Call:
        kind = service_type(row.service)
        data = json.loads(row.request_json) if isinstance(row.request_json, str) else dict(row.request_json or {})  # type: ignore[arg-type]
        call = self._manager.call(
            kind,
            REQUESTS[kind](**data),
            provider=Route(row.provider, row.model),
            fallback=False,
            session_id=row.session_id,
            job_id=row.job_id,
            use_cache=False,
        )
        if row.remote_id == LOCAL:
            call.on_job = lambda job_id: None
        else:
            call.resume = _ticket(row)
        return call

    def _runner(self, row: JobRow) -> tuple[Runner, JobAdapter]:
        call = self._call(row)
        call.route = call.chain[0]
        call.service = self._manager.runtime.factory.service(call.service_type, row.provider)
        assert isinstance(call.service, Adapter)
        if not isinstance(call.service, JobAdapter):
            raise JobLostError(f"{row.provider} does not work in jobs any more.", job_id=row.job_id)
        return Runner(self._manager.runtime, call, call.service), call.service

    async def _look(self, row: JobRow) -> JobProgress:
        runner, adapter = self._runner(row)
        with self._manager.runtime.heartbeat:
            found: JobProgress = await runner.drive(adapter.poll(_ticket(row)))
        return found

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


def _ticket(row: JobRow) -> JobTicket:
    state = json.loads(row.state_json) if isinstance(row.state_json, str) else dict(row.state_json or {})  # type: ignore[arg-type]
    return JobTicket(row.remote_id or "", state)


def _status(row: JobRow, event: ProgressEvent | None) -> JobStatus:
    response = json.loads(row.response_json) if isinstance(row.response_json, str) else {}
    artifacts = (response or {}).get("artifacts") or []
    path = artifacts[0]["path"] if artifacts else None
    return JobStatus(
        job_id=row.job_id,
        status=_STATES[row.state],
        progress=1.0 if row.state == "completed" else (event.fraction if event else None),
        stage=event.stage if event else None,
        queue_position=event.queue_position if event else None,
        preview=event.preview if event else None,
        video_path=path if row.service == AIServiceType.VIDEO_GENERATION.value else None,
        error_message=row.message,
        metadata={"provider": row.provider, "model": row.model, "paths": [item["path"] for item in artifacts]},
    )


def _ending(row: JobRow) -> AIError:
    """Why a job that is over cannot be waited for. Its files, if it succeeded, are named."""
    if row.state == "completed":
        paths = _status(row, None).metadata["paths"]
        return JobFailedError(
            f"job {row.job_id} was completed and collected earlier.",
            job_id=row.job_id,
            billed="yes",
            hint=f"Its files: {', '.join(paths)}.",
        )
    kinds = {"cancelled": JobCancelledError, "lost": JobLostError}
    error = kinds.get(row.state, JobFailedError)
    return error(
        f"job {row.job_id} is {row.state}: {row.message or 'no reason given'}.",
        job_id=row.job_id,
        provider=row.provider,
    )
