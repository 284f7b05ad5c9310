"""Does every failure come out as the right error, and never as a result?"""

from __future__ import annotations

from collections.abc import Sequence

from viralai_sdk.interfaces.adapter import JobAdapter, StreamingAdapter
from viralai_sdk.interfaces.errors import (
    AIError,
    AuthenticationError,
    ContentPolicyError,
    InvalidRequestError,
    JobFailedError,
    ModelRetiredError,
    PermissionDeniedError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    QuotaExceededError,
    RateLimitError,
)
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.services.call import Call
from viralai_sdk.testing.report import Check, Report, expect, must_be_ours
from viralai_sdk.testing.rig import Rig
from viralai_sdk.testing.wires import Answering, Silent

GROUP = "errors"
PAGE = b"<html><body><h1>Welcome to the proxy</h1></body></html>"
LIMITED = (RateLimitError, QuotaExceededError)
STATUSES: Sequence[tuple[int, tuple[type[AIError], ...]]] = (
    (400, (InvalidRequestError, ContentPolicyError)),
    (401, (AuthenticationError, PermissionDeniedError)),
    (402, (QuotaExceededError,)),
    (403, (PermissionDeniedError, AuthenticationError, QuotaExceededError, ContentPolicyError)),
    (404, (InvalidRequestError, ModelRetiredError, JobFailedError)),
    (408, (ProviderTimeoutError, ProviderUnavailableError)),
    (413, (InvalidRequestError,)),
    (422, (InvalidRequestError, ContentPolicyError)),
    (429, LIMITED),
    (500, (ProviderUnavailableError,)),
    (502, (ProviderUnavailableError,)),
    (503, (ProviderUnavailableError,)),
    (529, (ProviderUnavailableError,)),
)
"""What a status may mean when the body says nothing more."""
RETRYABLE = frozenset({408, 429, 500, 502, 503, 529})
BODIES = (
    b"",
    PAGE,
    b"{",
    b"null",
    b"[]",
    b'"words"',
    b"[" * 50_000,
    b"\xff\xfe\x00",
    b'{"error": 7}',
    b'{"error": {"message": []}}',
)
"""Bodies that no vendor's reader may stumble over, whatever the status."""
EVENTS = ("", "{", "[]", "null", "7", '"words"', "{}", '{"error": 7}', '{"choices": 7}', "[DONE]", "[" * 50_000)


async def check_errors(rig: Rig, report: Report) -> None:
    """Check the failures of the wire where there is one, and those of the request everywhere."""
    await _refused_requests(rig, report)
    if not await rig.uses_wire():
        return
    for status, classes in STATUSES:
        with report.check(GROUP, f"HTTP {status} becomes {' or '.join(each.__name__ for each in classes)}") as check:
            await _status(rig, status, classes, check)
    with report.check(GROUP, "HTTP 429 keeps the vendor's wish to wait"):
        outcome = await rig.failing(rig.request(), Answering(429, b"{}", {"retry-after": "7"}))
        expect(isinstance(outcome, LIMITED), f"{outcome!r}")
        if isinstance(outcome, RateLimitError):
            expect(outcome.retry_after == 7, f"retry_after is {outcome.retry_after!r}, the vendor said 7")
    for status in (200, 400, 401, 500):
        with report.check(GROUP, f"HTTP {status} with any body is an error of ours") as check:
            for body in BODIES:
                await _garbage(rig, Answering(status, body, {"content-type": "application/json"}), body)
            check.detail = f"{len(BODIES)} bodies"
    await _streams(rig, report)
    await _deadline(rig, report)


async def _status(rig: Rig, status: int, classes: tuple[type[AIError], ...], check: Check) -> None:
    seen = set()
    for body in (b"", PAGE, b"{}"):
        outcome = await rig.failing(rig.request(), Answering(status, body))
        expect(isinstance(outcome, BaseException), f"body {body[:20]!r} gave a result")
        assert isinstance(outcome, BaseException)
        must_be_ours(outcome, rig.provider)
        expect(isinstance(outcome, classes), f"body {body[:20]!r} became {type(outcome).__name__}: {outcome}")
        assert isinstance(outcome, AIError)
        expect(outcome.status == status, f"error.status is {outcome.status}")
        wanted = status in RETRYABLE and not isinstance(outcome, QuotaExceededError)
        expect(outcome.retryable == wanted, f"{type(outcome).__name__}.retryable is {outcome.retryable}")
        seen.add(type(outcome).__name__)
    check.detail = ", ".join(sorted(seen))


async def _garbage(rig: Rig, http: Answering, body: bytes) -> None:
    outcome = await rig.failing(rig.request(), http)
    expect(not isinstance(outcome, Response), f"body {body[:20]!r} was taken for a result")
    assert isinstance(outcome, BaseException)
    try:
        must_be_ours(outcome, rig.provider)
    except AssertionError as error:
        raise AssertionError(f"body {body[:20]!r}: {error}") from error


async def _streams(rig: Rig, report: Report) -> None:
    if not isinstance(rig.service, StreamingAdapter) or rig.kind is not AIServiceType.TEXT_GENERATION:
        return
    with report.check(GROUP, "a stream of nonsense is an error of ours") as check:
        for data in EVENTS:
            http = Answering(200, events=[data, data])
            outcome = await rig.failing(rig.request(), http, emit=lambda piece: None)
            expect(isinstance(outcome, BaseException), f"event {data[:20]!r} was taken for a result")
            assert isinstance(outcome, BaseException)
            must_be_ours(outcome, rig.provider)
        check.detail = f"{len(EVENTS)} events"
    with report.check(GROUP, "a stream that ends before it begins is an error of ours"):
        outcome = await rig.failing(rig.request(), Answering(200), emit=lambda piece: None)
        expect(isinstance(outcome, AIError), f"{outcome!r}")


async def _deadline(rig: Rig, report: Report) -> None:
    if isinstance(rig.service, JobAdapter):
        return  # Starting a job and looking at it are short requests; their deadline is the HTTP layer's own.
    with report.check(GROUP, "a vendor that never answers becomes a timeout"):
        silent = Silent()
        outcome = await rig.failing(rig.request(), silent, timeout=0.05)
        expect(isinstance(outcome, ProviderTimeoutError), f"{outcome!r}")
        assert isinstance(outcome, ProviderTimeoutError)
        must_be_ours(outcome, rig.provider)
        expect(silent.left == len(silent.sent), "a request was left open")


async def _refused_requests(rig: Rig, report: Report) -> None:
    with report.check(GROUP, "an empty request is refused before anything is sent"):
        try:
            request: Request = rig.request(**{type(rig.request()).subject: "  \n "})
        except InvalidRequestError as error:
            expect(error.billed == "no", "billed is not no")
        else:
            raise AssertionError(f"{request!r} was made")
    if rig.adapter is None:
        return
    with report.check(GROUP, "an attempt that fails tells itself in attempts"):
        call: Call = rig.call(rig.request(), retries=False)
        try:
            async with rig.through(Answering(500)):
                from viralai_sdk.services.pipeline import Pipeline

                await Pipeline(rig.runtime).run(call)
        except AIError as error:
            expect(call.attempts[-1].error == type(error).__name__, "the attempt has another error")
        expect(len(call.attempts) == 1, f"{len(call.attempts)} attempts")
