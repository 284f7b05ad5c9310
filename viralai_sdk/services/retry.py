"""Sixth stage: the one retry policy.

What is sent again is the single request, not the attempt: four pictures that were paid for survive a 429 on the fifth. And a
request that creates something is sent again only when it was certainly not processed, since no vendor offers idempotency keys and
a repeated create may bill twice.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.services.call import Call

if TYPE_CHECKING:
    from viralai_sdk.services.pipeline import Proceed
    from viralai_sdk.services.runtime import Runtime

T = TypeVar("T")
FIRST_DELAY, LONGEST_DELAY = 0.5, 8.0
"""Seconds: 0.5 · 2^n, at most 8, less up to a quarter, which is what the openai, anthropic and runway clients do."""
LONGEST_WISH = 20.0
"""A provider that asks for a longer wait than this is treated as down: the chain's next provider is faster."""


class Retry:
    """Gives the attempt its patience: how requests of this attempt are sent again."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        call.patience, call.tried = Patience(call), True
        try:
            return await proceed(call)
        finally:
            # The two point at each other; left so, every call and its result would stay in memory until the garbage collector comes by.
            call.patience = None


class Patience:
    """Runs an operation, again after failures that allow it, as often as the provider's `max_retries` says."""

    __slots__ = ("_call", "_retries")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._retries = call.service.config.max_retries if call.service is not None else 0

    async def __call__(self, operation: Callable[[], Awaitable[T]], *, creates: bool) -> T:
        """Args:
        creates: the operation may be billed; then only failures that certainly came before processing allow another try.
        """
        tried = 0
        while True:
            try:
                return await operation()
            except AIError as error:
                delay = wait_before(error, tried, creates=creates, retries=self._retries)
                if delay is None:
                    raise
                tried += 1
                self._call.retries += 1
                self._call.report(None, f"{type(error).__name__}, trying again in {delay:.1f} s")
                await asyncio.sleep(delay)


def wait_before(error: AIError, tried: int, *, creates: bool, retries: int) -> float | None:
    """Seconds to wait before trying again, None when it must not or need not be tried."""
    if not error.retryable or tried >= retries or (creates and error.billed != "no"):
        return None
    wish = getattr(error, "retry_after", None)
    if wish is not None:
        return float(wish) if wish <= LONGEST_WISH else None
    return float(min(FIRST_DELAY * 2**tried, LONGEST_DELAY) * random.uniform(0.75, 1.0))  # noqa: S311
