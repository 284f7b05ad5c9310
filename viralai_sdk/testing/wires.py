"""Stand-ins for the HTTP layer: one listens, one catches what would be paid for, one refuses, one never answers."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from viralai_sdk.interfaces.errors import AIError, ProviderUnavailableError
from viralai_sdk.interfaces.steps import Answer, Send, StreamEvent
from viralai_sdk.wire.http import Http, Target

Opened: TypeAlias = tuple[Answer, AsyncIterator[Any] | None]


class CaughtError(AIError):
    """A request that would have been sent, and was kept instead."""


class Tap(Http):
    """Sends, and remembers what it sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Send] = []
        self.headers: list[Mapping[str, str]] = []

    def note(self, step: Send, target: Target) -> None:
        """Remember a request."""
        self.sent.append(step)
        self.headers.append({**target.headers, **(step.headers or {})})

    async def send(self, step: Send, target: Target) -> Answer:
        self.note(step, target)
        return await super().send(step, target)

    @asynccontextmanager
    async def stream(self, step: Send, target: Target) -> AsyncIterator[Opened]:
        self.note(step, target)
        async with super().stream(step, target) as opened:
            yield opened


class Catch(Tap):
    """Lets questions through (lists, states) and keeps every request that may be billed."""

    async def send(self, step: Send, target: Target) -> Answer:
        if not step.creates:
            return await super().send(step, target)
        return self._keep(step, target)[0]

    @asynccontextmanager
    async def stream(self, step: Send, target: Target) -> AsyncIterator[Opened]:
        yield self._keep(step, target)

    def _keep(self, step: Send, target: Target) -> Opened:
        self.note(step, target)
        raise CaughtError("kept by the test")


class Answering(Tap):
    """Answers everything with the same status, headers and body; `events` is what a stream gives."""

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        events: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._answer = Answer(status, dict(headers or {}), body)
        self._events = events

    async def send(self, step: Send, target: Target) -> Answer:
        self.note(step, target)
        return self._answer

    @asynccontextmanager
    async def stream(self, step: Send, target: Target) -> AsyncIterator[Opened]:
        self.note(step, target)
        yield self._answer, None if self._answer.status >= 400 else self._pieces(step)

    async def _pieces(self, step: Send) -> AsyncIterator[Any]:
        for data in self._events:
            yield data.encode() if step.expect == "bytes" else StreamEvent(data=data)


class Silent(Tap):
    """Does not answer until it is released. `reached` is set when the first request has come in, `left` counts those that are over."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()
        self.left = 0
        self._released = asyncio.Event()

    def release(self) -> None:
        """Break off what still waits."""
        self._released.set()

    async def send(self, step: Send, target: Target) -> Answer:
        return (await self._wait(step, target))[0]

    @asynccontextmanager
    async def stream(self, step: Send, target: Target) -> AsyncIterator[Opened]:
        yield await self._wait(step, target)

    async def _wait(self, step: Send, target: Target) -> Opened:
        self.note(step, target)
        self.reached.set()
        try:
            await self._released.wait()
            raise ProviderUnavailableError("the silence was ended by the test")
        finally:
            self.left += 1


def leaves(steps: Sequence[Send]) -> dict[str, str]:
    """Requests as a flat mapping, path of a value → the value: what two requests are compared by."""
    flat: dict[str, str] = {}
    for number, step in enumerate(steps):
        head = {"method": step.method, "path": step.path, "params": step.params, "headers": step.headers}
        body = {"json": step.json, "fields": [list(pair) for pair in step.fields or ()]}
        files = [[part.field, part.media_type, hashlib.sha256(part.data).hexdigest()] for part in step.files or ()]
        content = step.content and hashlib.sha256(step.content).hexdigest()
        _flatten(f"{number}", {**head, **body, "files": files, "content": content}, flat)
    return flat


def _flatten(path: str, value: Any, flat: dict[str, str]) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            _flatten(f"{path}/{key}", item, flat)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            _flatten(f"{path}/{number}", item, flat)
    elif value is not None:
        flat[path] = json.dumps(value, default=str)
