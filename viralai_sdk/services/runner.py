"""The one runner: does what adapters ask for in their steps, for all of them."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viralai_sdk.interfaces.adapter import Adapter, JobAdapter
from viralai_sdk.interfaces.errors import AIError, MalformedResponseError
from viralai_sdk.interfaces.steps import (
    END,
    Announce,
    Answer,
    Compute,
    Download,
    JobTicket,
    Parallel,
    Pause,
    Payload,
    Report,
    Send,
)
from viralai_sdk.services.call import Call
from viralai_sdk.services.retry import Patience
from viralai_sdk.store.files import FULL, storage_error
from viralai_sdk.wire.download import download

if TYPE_CHECKING:
    from collections.abc import Mapping

    from viralai_sdk.services.runtime import Runtime

THREAD_GRACE = 0.15
"""Seconds that a cancelled call waits for its thread to notice; a stop button must act within 0.3 s."""

STEPS = (Send, Download, Compute, Parallel, Report, Pause, Announce)
"""What a stream may yield beside its pieces."""

JOB_REQUEST_SECONDS = 60.0
"""Starting a job or looking at it is a short request, however long the job takes."""


@dataclass(slots=True)
class Target:
    """Where this attempt's requests go."""

    base_url: str
    headers: Mapping[str, str]
    params: Mapping[str, str]
    timeout: float


class Stopped(BaseException):
    """Unwinds the thread of a call that was cancelled. Not an Exception, so that no engine swallows it."""


class Runner:
    """Drives one attempt's generators."""

    def __init__(self, runtime: Runtime, call: Call, adapter: Adapter) -> None:
        self._runtime = runtime
        self._call = call
        self._adapter = adapter
        self._patience = call.patience or Patience(call)
        config = adapter.config
        seconds = call.timeout or config.timeout
        if isinstance(adapter, JobAdapter):
            seconds = min(seconds, JOB_REQUEST_SECONDS)
        self._target = Target(config.base_url or "", adapter.headers(), adapter.params(), seconds)
        self.announced: Callable[[JobTicket], Awaitable[None]] | None = None
        """Told the ticket of a job that is about to be created."""
        self._folder: Path | None = None

    @property
    def call(self) -> Call:
        """The call that this attempt serves."""
        return self._call

    @property
    def adapter(self) -> Adapter:
        """Who translates."""
        return self._adapter

    @property
    def target(self) -> Target:
        """Where this attempt's requests go."""
        return self._target

    async def drive(self, steps: Generator[Any, Any, Any]) -> Any:
        """Run a generator to its end and give what it returns.

        Raises:
            AIError: the adapter's, the wire's, or MalformedResponseError when the adapter stumbled over an answer it could not read.
        """
        value: Any = None
        error: AIError | None = None
        try:
            while True:
                try:
                    step = steps.send(value) if error is None else steps.throw(error)
                except StopIteration as stop:
                    return stop.value
                except AIError:
                    raise
                except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as cause:
                    raise unreadable(cause) from cause
                value, error = None, None
                try:
                    value = await self._perform(step)
                except AIError as failed:
                    error = self._call.blame(failed)
        finally:
            steps.close()

    async def stream(self, steps: Generator[Any, Any, Any]) -> Any:
        """Run a streaming generator, handing on each piece as it comes."""
        try:
            first = _advance(steps, None)
            while isinstance(first, STEPS) and not (isinstance(first, Send) and first.expect != "body"):
                first = await self._step(steps, first)
            if isinstance(first, Send):
                return await self._remote_pieces(steps, first)
            return await self._local_pieces(steps, first)
        finally:
            steps.close()

    async def _step(self, steps: Generator[Any, Any, Any], step: Any) -> Any:
        """Do what a streaming generator asks for; gives what it yields next."""
        try:
            value = await self._perform(step)
        except AIError as failed:
            return _advance(steps, None, self._call.blame(failed))
        return _advance(steps, value)

    async def _local_pieces(self, steps: Generator[Any, Any, Any], piece: Any) -> Any:
        while not isinstance(piece, _Done):
            if isinstance(piece, STEPS):
                # What takes a while gives its pieces between two looks at it.
                piece = await self._step(steps, piece)
                continue
            self._emit(piece)
            await asyncio.sleep(0)
            piece = _advance(steps, None)
        return piece.value

    async def _remote_pieces(self, steps: Generator[Any, Any, Any], step: Send) -> Any:
        emit, send = self._call.emit, steps.send
        assert emit is not None
        async with AsyncExitStack() as stack:
            # Opening may be tried again, as any request; once the first event came, nothing is.
            answer, events = await self._patience(lambda: self._open(stack, step), creates=step.creates)
            try:
                async for event in events:
                    piece = send(event)
                    if piece:
                        self._call.emitted = True
                        emit(piece)
                piece = send(END)
            except StopIteration as stop:
                if isinstance(stop.value, Payload) and stop.value.request_id is None:
                    stop.value.request_id = answer.headers.get("x-request-id") or answer.headers.get("request-id")
                return stop.value
            except AIError:
                raise
            except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as cause:
                raise unreadable(cause) from cause
        raise MalformedResponseError("the stream's reader did not finish at its end.")

    async def _open(self, stack: AsyncExitStack, step: Send) -> tuple[Answer, AsyncIterator[Any]]:
        """Open a stream that stays open as long as the stack."""
        async with AsyncExitStack() as attempt:
            answer, events = await attempt.enter_async_context(self._runtime.http.stream(step, self._target))
            if events is None:
                raise self._call.blame(self._adapter.error(answer))
            named = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if step.expect == "bytes" and (named.startswith("text/") or named == "application/json"):
                raise MalformedResponseError(f"a file was expected, {named} came.")
            stack.push_async_exit(attempt.pop_all())
        return answer, events

    def _emit(self, piece: Any) -> None:
        if piece and self._call.emit is not None:
            self._call.emitted = True
            self._call.emit(piece)

    async def _perform(self, step: Any) -> Any:
        match step:
            case Send():
                return await self._patience(lambda: self._send(step), creates=step.creates)
            case Download():
                return await self._patience(lambda: self._download(step), creates=False)
            case Compute():
                return await self._compute(step)
            case Parallel():
                return await self._parallel(step)
            case Report():
                return self._call.report(step.fraction, step.stage, step.preview, step.queue_position)
            case Pause():
                return await asyncio.sleep(step.seconds)
            case Announce():
                return None if self.announced is None else await self.announced(step.ticket)
        raise TypeError(f"{type(self._adapter).__name__} yielded {step!r}, which is no step")

    async def _send(self, step: Send) -> Answer:
        answer = await self._runtime.http.send(step, self._target)
        if answer.status >= 400:
            raise self._call.blame(self._adapter.error(answer))
        return answer

    async def _download(self, step: Download) -> Any:
        allowed = self._runtime.is_local(self._adapter.config)
        return await download(self._runtime.http, step, self._target, self._workspace(), allow_private=allowed)

    def _workspace(self) -> Path:
        """This attempt's own folder: the thread of an earlier attempt, stopped by its time, may still clear up after itself.

        Raises:
            StorageError: it cannot be made.
        """
        if self._folder is None:
            folder = self._runtime.workspace(self._call.id)
            try:
                self._folder = Path(tempfile.mkdtemp(prefix="attempt-", dir=folder))
            except OSError as error:
                raise storage_error("create a folder in", folder, error) from error
        return self._folder

    async def _parallel(self, step: Parallel) -> list[Any]:
        tasks = [asyncio.ensure_future(self.drive(branch)) for branch in step.branches]
        try:
            results = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            for task in tasks:
                task.cancel()
        for result in results:
            if isinstance(result, asyncio.CancelledError):
                raise result
        # Whatever made one branch fail, what the others paid for is not lost.
        return [unexpected(result) if isinstance(result, Exception) else result for result in results]

    async def _compute(self, step: Compute) -> Any:
        stop, telling = threading.Event(), threading.Lock()

        def report(fraction: float, stage: str, preview: bytes | None = None) -> None:
            with (
                telling
            ):  # what is told comes before the stop or not at all: a call that is over must not seem to run again
                if stop.is_set():
                    raise Stopped
                self._call.report(fraction, stage, preview)

        workspace = self._workspace()
        task = asyncio.ensure_future(asyncio.to_thread(_guarded, step, report, stop, workspace))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            with telling:
                stop.set()
            task.add_done_callback(lambda done: self._forget(done, workspace))
            self._runtime.keep_running(task)
            await asyncio.wait([task], timeout=THREAD_GRACE)
            raise

    def _forget(self, task: asyncio.Future[Any], workspace: Path) -> None:
        """Nobody waits for the result of a stopped thread; looking at it keeps asyncio from complaining that nobody did."""
        if not task.cancelled():
            task.exception()
        self._runtime.clear_late(self._call.id, workspace)


def _guarded(step: Compute, report: Callable[..., None], stop: threading.Event, workspace: Path) -> Any:
    try:
        if stop.is_set():  # stopped while it waited for a free thread
            raise Stopped
        return step.function(*step.args, report=report, workspace=workspace, **step.kwargs)
    except Stopped:
        raise AIError("stopped") from None


@dataclass(slots=True)
class _Done:
    value: Any


def _advance(steps: Generator[Any, Any, Any], value: Any, error: AIError | None = None) -> Any:
    try:
        return steps.send(value) if error is None else steps.throw(error)
    except StopIteration as stop:
        return _Done(stop.value)
    except AIError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as cause:
        raise unreadable(cause) from cause


def unexpected(error: Exception) -> AIError:
    """The error itself when it is one of ours, else one that names what a provider's code raised. A full disk is nobody's fault there."""
    if isinstance(error, AIError):
        return error
    if isinstance(error, OSError) and error.errno in FULL:
        return storage_error("write", Path(error.filename or "a file of the engine"), error)
    return MalformedResponseError(f"{type(error).__name__} in the provider's code: {error}")


def unreadable(cause: Exception) -> AIError:
    """The error for an answer that an adapter could not read."""
    return MalformedResponseError(
        f"the answer does not have the expected shape ({type(cause).__name__}: {str(cause)[:200]})."
    )
