"""Runs one service through the real pipeline, with a home of its own and an HTTP layer that can be changed."""

from __future__ import annotations

import asyncio
import copy
import datetime
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from viralai_sdk.config.configuration import AIConfiguration
from viralai_sdk.interfaces.adapter import Adapter, JobAdapter, SpeechAdapter
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.service import AIService
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest, SpeechSynthesisService, Voice
from viralai_sdk.interfaces.steps import Send
from viralai_sdk.services.call import Call, Route
from viralai_sdk.services.pipeline import Pipeline
from viralai_sdk.services.runner import Runner
from viralai_sdk.services.runtime import Runtime
from viralai_sdk.store.redact import register_secret
from viralai_sdk.testing import samples
from viralai_sdk.testing.wires import Catch, Tap
from viralai_sdk.wire.http import Http

PATIENCE = 20.0
"""Seconds after which something that should end at once counts as hung."""


@dataclass(slots=True)
class Rig:
    """One service under test.

    Attributes:
        runtime: its own, with an empty home; `home` is where its files are.
        live: a real vendor is at the other end, and calls cost money: only what must be paid for is.
    """

    service: AIService
    runtime: Runtime
    home: Path
    live: bool = False

    @property
    def kind(self) -> AIServiceType:
        """What the service does."""
        return self.service.service.canonical

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.service.config.name

    @property
    def model(self) -> str:
        """The model that a call without a model gets."""
        return self.runtime.default_model(self.service, self.kind, self.provider) or ""

    @property
    def adapter(self) -> Adapter | None:
        """The service as an adapter, None when it does its own I/O."""
        return self.service if isinstance(self.service, Adapter) else None

    def request(self, **values: Any) -> Request:
        """A small request of the service's kind."""
        return samples.request(self.kind, values)

    def impatient(self) -> AIService:
        """A copy of the service that never sends twice, so that a failure shows at once."""
        twin = copy.copy(self.service)
        twin.config = replace(self.service.config, max_retries=0)
        return twin

    def call(self, request: Request, *, retries: bool = True, **details: Any) -> Call:
        """A call of the service."""
        service = self.service if retries else self.impatient()
        route = Route(self.provider, self.model or None, service)
        return Call(self.kind, request, [route], self.runtime.session_id, **details)

    async def run(self, request: Request, http: Http | None = None, **details: Any) -> Response:
        """Serve a request, through `http` when it is given.

        Raises:
            AIError: as every call does.
        """
        async with self.through(http), asyncio.timeout(None if self.live else PATIENCE * 6):
            with self.runtime.heartbeat:
                return await Pipeline(self.runtime).run(self.call(request, retries=http is None, **details))

    async def failing(self, request: Request, http: Http, **details: Any) -> BaseException | Response:
        """What comes out of a call that should fail: its error, or the response that should not have been."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self.run(request, http, **details)
        except TimeoutError as error:
            if isinstance(error, AIError):
                return error
            return AssertionError(f"no end after {PATIENCE:g} s")
        except Exception as error:
            return error

    async def catch(self, request: Request) -> list[Send]:
        """The requests that would be sent for it and may be billed. Nothing is paid for."""
        adapter = self.adapter
        if adapter is None:
            return []
        tap = Catch()
        call = self.call(request, retries=False)
        call.route = call.chain[0]
        call.service = adapter
        if isinstance(adapter, JobAdapter):
            steps: Any = adapter.submit(request, self.model)
        else:
            steps = adapter.steps(request, self.model)
        async with self.through(tap), asyncio.timeout(PATIENCE * 3):
            try:
                await Runner(self.runtime, call, adapter).drive(steps)
            except AIError:
                if not any(step.creates for step in tap.sent):
                    raise
        return [step for step in tap.sent if step.creates] or tap.sent

    async def voices(self, language: str | None = None) -> list[Voice]:
        """Voices of a speech service; none for others."""
        if isinstance(self.service, SpeechAdapter):
            call = self.call(SpeechSynthesisRequest(text="voices"))
            call.route, call.service = call.chain[0], self.service
            with self.runtime.heartbeat:
                runner = Runner(self.runtime, call, self.service)
                listed: list[Voice] = await runner.drive(self.service.voice_steps(language))
                return listed
        if isinstance(self.service, SpeechSynthesisService):
            return await self.service.get_voices(language)
        return []

    @asynccontextmanager
    async def through(self, http: Http | None) -> AsyncIterator[None]:
        """Let all requests of a block go through another HTTP layer."""
        if http is None:
            yield
            return
        usual, self.runtime.http = self.runtime.http, http
        try:
            yield
        finally:
            self.runtime.http = usual
            await http.aclose()

    async def uses_wire(self) -> bool:
        """Whether the service sends anything at all; engines do not."""
        adapter = self.adapter
        if adapter is None or not adapter.config.base_url:
            return False
        return bool(await self.catch(self.request()))


@asynccontextmanager
async def rig(
    service: AIService, *, live: bool = False, today: Callable[[], datetime.date] | None = None
) -> AsyncIterator[Rig]:
    """A rig for a service; its files are gone when the block ends."""
    async with AsyncExitStack() as stack:
        home = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="viralai-test-", ignore_cleanup_errors=True))
        )
        if secret := service.config.secret():
            register_secret(secret)
        runtime = Runtime(AIConfiguration(), home=home, today=today, progress=False)
        stack.enter_context(closing(runtime))
        stack.push_async_callback(runtime.aclose)
        runtime.http = Tap()
        yield Rig(service, runtime, home, live)
