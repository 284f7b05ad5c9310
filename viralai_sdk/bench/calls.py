"""One measured call."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from viralai_sdk.bench.parameters import Parameters
from viralai_sdk.bench.schedule import Slot
from viralai_sdk.compare.cells import Value
from viralai_sdk.compare.metrics import examine
from viralai_sdk.interfaces.errors import AIError, AllProvidersFailedError
from viralai_sdk.interfaces.names import shorten
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.store.redact import redact

if TYPE_CHECKING:
    from viralai_sdk.client import ViralAI


_OF_THE_CALL = {"failed", "latency", "first_token", "cost", "retries", "failed_attempts", "cached", "file_size"}
"""Metrics that say what a row's own columns say."""


@dataclass(slots=True)
class Sent:
    """What came of one call. Times are `time.perf_counter()` seconds; `at` is seconds since 1970.

    Attributes:
        facts: the rest of its row.
        cancelled: to be raised again once the row is written.
    """

    at: float
    started: float
    ended: float = 0.0
    first: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    response: Response | None = None
    cancelled: asyncio.CancelledError | None = None


async def send(ai: ViralAI, settings: Parameters, slot: Slot) -> Sent:
    """Make one call and measure it. A failure is an outcome here, whatever its class: it becomes a row, never a gap."""
    helper = getattr(ai, settings.service)
    asked: dict[str, Any] = {
        **settings.settings,
        **slot.arm.parameters,
        "provider": slot.arm.provider,
        "fallback": settings.fallback,
        "timeout": settings.timeout or None,
    }
    words = slot.arm.words(slot.prompt.words)
    sent = Sent(time.time(), time.perf_counter())
    try:
        sent.response = await (_streamed(helper, words, asked, sent) if settings.stream else helper(words, **asked))
        sent.ended = time.perf_counter()
        assert sent.response is not None
        sent.facts = _result(sent.response)
    except asyncio.CancelledError as error:
        sent.ended = time.perf_counter()
        sent.cancelled = error
        sent.facts = {"outcome": "cancelled", "billed": "maybe"}
    except Exception as error:
        sent.ended = time.perf_counter()
        sent.facts = _failure(error)
    return sent


async def _streamed(helper: Any, words: str, asked: dict[str, Any], sent: Sent) -> Response:
    response: Response | None = None
    async with aclosing(helper.stream(words, **asked)) as chunks:
        async for chunk in chunks:
            if sent.first is None:
                sent.first = time.perf_counter()
            response = chunk.response or response
    assert response is not None, "the last chunk carries the response"
    return response


def _result(response: Response) -> dict[str, Any]:
    size = sum(artifact.size for artifact in response.artifacts)
    if isinstance(response, TextGenerationResponse):
        size = len(response.text.encode("utf-8", "replace"))
    return {
        "outcome": "ok",
        "provider": response.provider_used,
        "model": response.model_used,
        "retries": sum(attempt.retries for attempt in response.attempts),
        "attempts": max(len(response.attempts), 1),
        "cost_usd": response.cost_usd,
        "cost_source": response.cost_source,
        "billed": "yes",
        "bytes": size,
        "call_id": response.call_id,
        "session_id": response.session_id,
    }


def measured(response: Response, settings: Parameters, slot: Slot) -> tuple[dict[str, Value], str | None]:
    """What the result says of itself, and why some of it could not be measured. Decodes media: call it in a thread."""
    asked = {**settings.settings, **slot.arm.parameters}
    words = slot.arm.words(slot.prompt.words)
    values, problems = examine(response, settings.service, prompt=words, request_parameters=asked)
    told: dict[str, Value] = {
        name: value for name, value in values.items() if name not in _OF_THE_CALL and value is not None
    }
    return told, "; ".join(str(problem) for problem in problems)[:300] or None


def _failure(error: Exception) -> dict[str, Any]:
    attempts = None
    retries = None
    if isinstance(error, AllProvidersFailedError):
        attempts = len(error.attempts)
        retries = sum(attempt.retries for attempt in error.attempts)
        if len(error.errors) == 1:
            error = error.errors[0]
    return {
        "outcome": "failed",
        "error": type(error).__name__,
        "message": shorten(str(redact(" ".join(str(error).split()))), 300),
        "billed": error.billed if isinstance(error, AIError) else "maybe",
        "attempts": attempts,
        "retries": retries,
    }
