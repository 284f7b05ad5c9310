"""Streams, stopping, secrets and speed."""

from __future__ import annotations

import asyncio
import copy
import io
import logging
import pickle
import statistics
import time
import traceback
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from viralai_sdk.interfaces.adapter import JobAdapter, StreamingAdapter
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.steps import JobTicket, Steps
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.services.pipeline import Pipeline
from viralai_sdk.store.redact import SHORTEST_SECRET
from viralai_sdk.testing.report import Report, expect
from viralai_sdk.testing.rig import PATIENCE, Rig
from viralai_sdk.testing.wires import Answering, Silent, Tap

CALLS, AT_ONCE = 3, 4


async def check_streaming(rig: Rig, report: Report) -> None:
    """The pieces of a stream and its whole must be the same text."""
    if rig.kind is not AIServiceType.TEXT_GENERATION or rig.adapter is None:
        return
    with report.check("streaming", "the pieces make up the whole") as check:
        pieces: list[str] = []
        response = await rig.run(rig.request(), emit=pieces.append)
        assert isinstance(response, TextGenerationResponse)
        expect(all(pieces), "an empty piece")
        expect("".join(pieces) == response.text, "the joined pieces are not the response's text")
        if isinstance(rig.service, StreamingAdapter):
            expect(len(pieces) > 1, "a streaming service gave everything in one piece")
        else:
            told = any(warning.parameter == "stream" for warning in response.warnings)
            expect(told, "it does not stream, and nobody says so")
        check.detail = f"{len(pieces)} pieces"


async def check_cancellation(rig: Rig, report: Report) -> None:
    """A stopped call must end at once, and leave nothing open."""
    wire = await rig.uses_wire()
    silent = Silent() if wire else None
    with report.check("cancellation", "a stopped call ends, as stopped"):
        async with rig.through(silent):
            call = rig.call(rig.request(), retries=False)
            task = asyncio.ensure_future(Pipeline(rig.runtime).run(call))
            await _under_way(task, silent)
            task.cancel()
            await asyncio.wait([task], timeout=PATIENCE)
            expect(task.done(), f"it still runs after {PATIENCE:g} s")
            expect(task.cancelled(), "it ended as if nobody had stopped it")
            if silent is not None:
                # The start of a job is heard out in the background: it may have been accepted, and paid for.
                job = isinstance(rig.service, JobAdapter)
                expect(job or silent.left == len(silent.sent), "a request was left open")
                silent.release()
                await rig.runtime.aclose()
    if isinstance(rig.service, JobAdapter) and wire and not rig.live:
        with report.check("cancellation", "a stopped job is stopped at the provider too, where it can be") as check:
            check.detail = await _stop_job(rig, rig.service)


async def _under_way(task: asyncio.Task[Any], silent: Silent | None) -> None:
    """Wait until the call has sent something. One that ends before that has failed."""
    if silent is None:
        await asyncio.sleep(0)
        return
    reached = asyncio.ensure_future(silent.reached.wait())
    await asyncio.wait([task, reached], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    reached.cancel()
    if task.done():
        task.result()
    expect(silent.sent, f"nothing was sent in {PATIENCE:g} s")


async def _stop_job(rig: Rig, service: JobAdapter) -> str:
    tap = Tap()
    accepted, asked = asyncio.Event(), asyncio.Event()

    def cancel(ticket: JobTicket) -> Steps[bool]:
        asked.set()
        return (yield from service.cancel(ticket))

    spied = copy.copy(service)
    spied.cancel = cancel  # type: ignore[method-assign]
    async with rig.through(tap):
        call = rig.call(rig.request(), on_job=lambda job_id: accepted.set())
        call.chain[0].service = spied
        with rig.runtime.heartbeat:
            task = asyncio.ensure_future(Pipeline(rig.runtime).run(call))
            async with asyncio.timeout(PATIENCE):
                await accepted.wait()
            before = len(tap.sent)
            task.cancel()
            await asyncio.wait([task], timeout=PATIENCE)
        expect(task.done(), f"it still runs after {PATIENCE:g} s")
        await rig.runtime.aclose()
        rig.runtime.journal.flush()
    expect(asked.is_set(), "the provider was not asked to cancel")
    said = tap.sent[before:]
    return f"{said[-1].method} {said[-1].path}" if said else "the provider cannot"


async def check_secrets(rig: Rig, report: Report, seen: list[Any]) -> None:
    """The key must be nowhere: `seen` are results and errors of earlier checks."""
    key = rig.service.config.secret()
    if not key or len(key) < SHORTEST_SECRET:
        return
    with report.check("secrets", "the key shows in no repr of the service and its configuration"):
        service = rig.service
        for text in (repr(service), str(service), repr(service.config), str(service.config), repr(vars(service))):
            expect(key not in text, f"{text[:60]}…")
    with report.check("secrets", "a vendor that quotes the key gets it into no error, log, output or file"):
        for status in (400, 401, 403, 500):
            await _quoted(rig, status, key)
    with report.check("secrets", "results and errors hold no key, pickled or printed"):
        for thing in seen:
            expect(key.encode() not in pickle.dumps(thing), f"the pickled {type(thing).__name__} holds it")
            expect(key not in repr(thing), f"the repr of {type(thing).__name__} holds it")
    with report.check("secrets", "no file of the run holds the key") as check:
        rig.runtime.journal.flush()
        files = [path for path in rig.home.rglob("*") if path.is_file()]
        for path in files:
            expect(key.encode() not in path.read_bytes(), f"{path.name} holds it")
        check.detail = f"{len(files)} files"


async def _quoted(rig: Rig, status: int, key: str) -> None:
    words = f"the key {key} is not valid"
    error = f'{{"message": "{words}", "code": "x", "type": "y", "status": "z"}}'
    body = f'{{"error": {error}, "message": "{words}", "detail": "{words}", "errors": ["{words}"], "name": "x"}}'
    output, logged = io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(logged)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(output), redirect_stderr(output):
            outcome = await rig.failing(rig.request(), Answering(status, body.encode()))
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    expect(key not in output.getvalue(), f"HTTP {status}: it was printed")
    expect(key not in logged.getvalue(), f"HTTP {status}: it was logged")
    if not isinstance(outcome, BaseException):
        return  # An engine asks nobody, so nobody can quote.
    for text in (str(outcome), repr(outcome), "".join(traceback.format_exception(outcome))):
        expect(key not in text, f"HTTP {status}: the error says {text[:120]!r}")
    expect(key.encode() not in pickle.dumps(outcome), f"HTTP {status}: the pickled error holds it")


async def check_speed(rig: Rig, report: Report, max_seconds: float | None = None) -> None:
    """Measure calls one after the other and at once. Fails on time only when `max_seconds` for the median is given."""
    several = 1 if rig.live or rig.kind is AIServiceType.VIDEO_GENERATION else CALLS
    with report.check("performance", "calls one after the other") as check:
        seconds = [await _timed(rig) for _ in range(several)]
        median = statistics.median(seconds)
        check.detail = f"median {median:.3f} s of {several}"
        expect(
            max_seconds is None or median <= max_seconds, f"median {median:.3f} s, at most {max_seconds} s are allowed"
        )
    if several == 1:
        return
    with report.check("performance", "calls at once") as check:
        begun = time.perf_counter()
        outcomes = await asyncio.gather(*(rig.run(rig.request()) for _ in range(AT_ONCE)), return_exceptions=True)
        bad = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        expect(not bad, f"{len(bad)} of {AT_ONCE} failed: {bad[:1]}")
        files = [
            file.path for outcome in outcomes if not isinstance(outcome, BaseException) for file in outcome.artifacts
        ]
        check.detail = f"{AT_ONCE} in {time.perf_counter() - begun:.3f} s, {len(set(files))} files"


async def _timed(rig: Rig) -> float:
    begun = time.perf_counter()
    response = await rig.run(rig.request())
    took = time.perf_counter() - begun
    expect(0 < response.generation_time <= took + 0.05, f"generation_time {response.generation_time} of {took:.3f} s")
    return took
