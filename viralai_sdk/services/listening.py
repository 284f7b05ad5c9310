"""A job's live channel while the job is waited for: it shows progress and calls for a look, and never decides anything."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from viralai_sdk.interfaces.adapter import JobAdapter
from viralai_sdk.interfaces.steps import JobProgress, JobTicket, Listen
from viralai_sdk.services.call import Call
from viralai_sdk.wire.sockets import SocketReader

if TYPE_CHECKING:
    from viralai_sdk.services.runner import Target

log = logging.getLogger(__name__)

OPENING_SECONDS = 2.0
"""A job is created at the latest this long after its channel was asked for: missing progress is better than a late job."""


class Listening:
    """The channel of one job. Without one, or without a WebSocket library, it only waits."""

    def __init__(self, call: Call, adapter: JobAdapter, target: Target) -> None:
        self._call = call
        self._adapter = adapter
        self._target = target
        self._listen: Listen | None = None
        self._reader: SocketReader | None = None
        self._wake = asyncio.Event()
        self._heard_end = False
        self._closed = False
        self._shown: float | None = None

    async def open(self, ticket: JobTicket) -> None:
        """Open the job's channel. Returns when it stands, or after a moment without it.

        Not once it was closed: a stopped call still hears whether its job was accepted, and nobody would close the channel then.
        """
        if self._listen is not None or self._closed:
            return
        self._listen = self._adapter.listen(ticket)
        if self._listen is None:
            return
        self._reader = SocketReader(
            self._target.base_url.rstrip("/") + self._listen.path,
            params={**self._target.params, **self._listen.params},
            headers={**self._target.headers, **self._listen.headers},
            first=self._listen.first,
            take=self._take,
            lost=self._wake.set,
        )
        await self._reader.open(OPENING_SECONDS)

    def _take(self, message: str | bytes) -> None:
        assert self._listen is not None
        try:
            report = self._listen.ear.hear(message)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, json.JSONDecodeError) as error:
            # An unreadable message costs its progress, nothing else.
            log.debug("a message of %s's live channel was not understood", self._call.provider, exc_info=error)
            return
        if report is not None:
            self._shown = report.fraction
            self._call.report(report.fraction, report.stage, report.preview, report.queue_position)
        if self._listen.ear.over and not self._heard_end:
            self._heard_end = True
            self._wake.set()

    def show(self, progress: JobProgress) -> None:
        """Report what a look found. A look knows less of the steps than the channel, so it does not take its percentage away."""
        fraction = progress.fraction
        if fraction is None and self._reader is not None and self._reader.connected:
            fraction = self._shown
            if fraction is not None and not progress.over:
                return
        self._call.report(fraction, progress.stage or "working", progress.preview, progress.queue_position)

    async def pause(self, seconds: float) -> None:
        """Wait, but not longer than until the channel says that something happened."""
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        finally:
            self._wake.clear()

    async def aclose(self) -> None:
        """Close the channel, for good."""
        self._closed = True
        if self._reader is not None:
            await self._reader.aclose()
