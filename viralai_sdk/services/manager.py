"""Decides who serves: defaults, switches, chains. Everybody who holds the manager sees a switch at once."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from viralai_sdk.config.configuration import AIConfiguration
from viralai_sdk.interfaces.adapter import Adapter
from viralai_sdk.interfaces.errors import AIError, AllProvidersFailedError, ConfigurationError
from viralai_sdk.interfaces.names import AIProvider, AIServiceType, service_type
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.service import AIService
from viralai_sdk.interfaces.speech import MultilingualSpeechRequest, SpeechSynthesisResponse, Voice
from viralai_sdk.interfaces.text import TextGenerationRequest, TextGenerationService
from viralai_sdk.providers import registry
from viralai_sdk.providers.compatible.configured import register_configured
from viralai_sdk.services.adapt import OPERATIONS
from viralai_sdk.services.call import Call, Route
from viralai_sdk.services.job_handles import Jobs
from viralai_sdk.services.managed import managed
from viralai_sdk.services.pipeline import Pipeline
from viralai_sdk.services.runner import unexpected
from viralai_sdk.services.runtime import Runtime
from viralai_sdk.services.speaking import multilingual, voices


class AIServiceManager:
    """Routes calls. Built from a configuration, or around the runtime of a ViralAI object.

    There is no "current provider" in a ContextVar: what is switched is switched on this object, for every task, thread and cell
    that uses it.
    """

    def __init__(self, config: AIConfiguration | None = None, *, runtime: Runtime | None = None) -> None:
        self.runtime = runtime or Runtime(config)
        self.pipeline = Pipeline(self.runtime)
        self._switched: dict[AIServiceType, list[tuple[object, Route]]] = {}
        self._chains: dict[AIServiceType, list[Route]] = {}
        self.jobs = Jobs(self)
        self._check_names()

    @property
    def config(self) -> AIConfiguration:
        """The configuration in force."""
        return self.runtime.config

    def _check_names(self) -> None:
        """Names in the configuration are resolved now, so that a misspelt one does not wait for the night's run."""
        register_configured(self.config.providers)
        for name in self.config.providers:
            registry.resolve(name)
        for kind, settings in self.config.services.items():
            for label in filter(
                None, [settings.default_provider, *settings.fallback_chain, *settings.provider_configs]
            ):
                self.parse(label, kind)

    def parse(self, spec: AIProvider | str | Route, service: AIServiceType, model: str | None = None) -> Route:
        """Resolve "openai", "openai:gpt-image-2.6-flare", an enum member or a product name.

        Raises:
            ConfigurationError: nobody has that name, or not that service.
        """
        if isinstance(spec, Route):
            return Route(spec.provider, model or spec.model, spec.service)
        label = spec.value if isinstance(spec, AIProvider) else spec
        if not isinstance(label, str):
            raise ConfigurationError(f"a provider is named by text, not by {type(label).__name__}.")
        name, _, named_model = label.strip().partition(":")
        provider = registry.resolve(name, service)
        kind = service.canonical
        if kind not in registry.spec_of(provider).services and kind not in registry.services_of(provider):
            registry.implementation(provider, service)
        return Route(provider, model or named_model or None)

    def default_route(self, service: AIServiceType) -> Route:
        """Who serves when the caller names nobody."""
        kind = service.canonical
        switched = self._switched.get(kind)
        if switched:
            chosen = switched[-1][1]
            return Route(chosen.provider, chosen.model)
        configured = self.config.default_provider(kind)
        if configured:
            return self.parse(configured, kind)
        chain = self.chain(kind)
        if chain:
            return chain[0]
        for name in registry.all_names():
            if (
                kind in registry.services_of(name)
                and not registry.spec_of(name).embedded
                and self.runtime.factory.configured(kind, name)
            ):
                return Route(name)
        return Route("embedded")

    def chain(self, service: AIServiceType) -> list[Route]:
        """The fallback chain of a service, empty when none is set."""
        kind = service.canonical
        if kind in self._chains:
            return [Route(route.provider, route.model) for route in self._chains[kind]]
        return [self.parse(label, kind) for label in self.config.service(kind).fallback_chain]

    def routes(
        self,
        service: AIServiceType,
        provider: AIProvider | str | Route | None = None,
        model: str | None = None,
        fallback: bool = True,
    ) -> list[Route]:
        """The routes of a call in order: the named or default provider first, then the rest of the chain."""
        kind = service.canonical
        first = self.default_route(kind) if provider is None else self.parse(provider, kind)
        if model is not None:
            first = Route(first.provider, model, first.service)
        if not fallback or not self.config.enable_fallbacks:
            return [first]
        rest = [
            route
            for route in self.chain(kind)
            if route.provider != first.provider or (route.model and route.model != first.model)
        ]
        return [first, *rest]

    def switch(self, service: AIServiceType | str, provider: AIProvider | str, model: str | None = None) -> Route:
        """Let another provider serve from now on. Unknown names are refused, and so is a provider without its key."""
        kind = service_type(service)
        route = self.parse(provider, kind, model)
        self.runtime.factory.service(kind, route.provider)
        self._switched[kind] = [(object(), route)]
        return route

    @contextmanager
    def using(self, **services: AIProvider | str) -> Iterator[None]:
        """Switch for a block. Blocks may overlap in time: each takes back only its own switch."""
        marks: list[tuple[AIServiceType, tuple[object, Route]]] = []
        try:
            for word, provider in services.items():
                kind = service_type(word)
                route = self.parse(provider, kind)
                self.runtime.factory.service(kind, route.provider)
                entry = (object(), route)
                self._switched.setdefault(kind, []).append(entry)
                marks.append((kind, entry))
            yield
        finally:
            for kind, entry in marks:
                if entry in self._switched.get(kind, []):
                    self._switched[kind].remove(entry)

    def set_fallback_chain(self, service: AIServiceType | str, providers: Sequence[AIProvider | str]) -> None:
        """Set who steps in, in order. Takes effect with the next call."""
        kind = service_type(service)
        self._chains[kind] = [self.parse(provider, kind) for provider in providers]

    def get_service(self, service: AIServiceType | str, provider: AIProvider | str | None = None) -> AIService:
        """A service to hold on to. Without a provider it follows every later switch and uses the chain; with one it stays with it."""
        kind = service_type(service)
        route = None if provider is None else self.parse(provider, kind)
        return managed(self, kind, route)

    def get_text_service(self, provider: AIProvider | str | None = None) -> TextGenerationService:
        """The text service."""
        found = self.get_service(AIServiceType.TEXT_GENERATION, provider)
        assert isinstance(found, TextGenerationService)
        return found

    async def run(self, service: AIServiceType, request: Request, **details: Any) -> Response:
        """Send a request through the pipeline. `details`: provider, model, fallback, session_id, timeout, emit, on_job, post.

        Raises:
            AIError: see `viralai_sdk.interfaces.errors`.
        """
        return await self.run_call(self.call(service, request, **details))

    async def run_call(self, call: Call) -> Response:
        """Run a prepared call. An error shows the caller's line, not the pipeline's; $VIRALAI_DEBUG keeps the whole traceback."""
        with self.runtime.heartbeat:
            try:
                return await self.pipeline.run(call)
            except (AIError, asyncio.CancelledError) as error:
                if not os.environ.get("VIRALAI_DEBUG"):
                    error.__traceback__ = None
                    if isinstance(error, asyncio.CancelledError):
                        # A notebook takes longer to draw thirty frames of the transport than to stop.
                        error.__context__ = None
                raise error  # by name: a bare raise would bring the frames back
            finally:
                self.runtime.hub.render()

    def call(
        self,
        service: AIServiceType,
        request: Request,
        *,
        provider: AIProvider | str | Route | None = None,
        model: str | None = None,
        fallback: bool = True,
        session_id: str | None = None,
        **details: Any,
    ) -> Call:
        """The call that `run` would make."""
        kind = service.canonical
        session = session_id or getattr(request.session_context, "session_id", None) or self.runtime.session_id
        details.setdefault("post", self.runtime.hub.post)
        return Call(kind, request, self.routes(kind, provider, model, fallback), session, **details)

    async def voices(self, provider: AIProvider | str | None = None, language: str | None = None) -> list[Voice]:
        """Voices of a provider, the default one when none is named."""
        with self.runtime.heartbeat:
            return await voices(self, provider, language)

    async def multilingual(self, request: MultilingualSpeechRequest, **details: Any) -> SpeechSynthesisResponse:
        """Several languages in one recording."""
        with self.runtime.heartbeat:
            return await multilingual(self, request, **details)

    async def execute_with_fallback(
        self, service: AIServiceType | str, operation: str, *args: Any, **kwargs: Any
    ) -> Any:
        """Old code's entry: run an operation over the chain. The service's ordinary operation goes through the pipeline like every call.

        Raises:
            AllProvidersFailedError: (a RuntimeError) every provider failed, the last error among its causes.
        """
        kind = service_type(service)
        if operation == OPERATIONS[kind] and len(args) == 1 and isinstance(args[0], Request):
            return await self.run(kind, args[0], **kwargs)
        errors: list[AIError] = []
        for route in self.routes(kind):
            try:
                answer = self._operation(kind, route, operation)(*args, **kwargs)
                return await answer if inspect.isawaitable(answer) else answer
            except Exception as error:  # one provider's code may fail in any way; the next one is asked
                errors.append(unexpected(error))
                if errors[-1].ends_chain:
                    raise
        if len(errors) == 1:
            raise errors[0]
        told = "; ".join(str(error) for error in errors)
        raise AllProvidersFailedError(
            f"all providers failed for {kind.value}.{operation}: {told}", errors=errors
        ) from errors[-1]

    def _operation(self, kind: AIServiceType, route: Route, name: str) -> Callable[..., Any]:
        """A method of a provider's service; an adapter's goes through the pipeline, since an adapter only describes."""
        service = self.runtime.factory.service(kind, route.provider)
        target = getattr(managed(self, kind, route) if isinstance(service, Adapter) else service, name, None)
        if not callable(target):
            raise ConfigurationError(f"{route.provider} has no operation {name!r}.", provider=route.provider)
        found: Callable[..., Any] = target
        return found

    async def generate_content_async(self, prompt: str, max_tokens: int = 1000, temperature: float = 0.7) -> str:
        """Old code's shortcut to the text of an answer. Unlike there, an error is raised, not turned into an empty text."""
        request = TextGenerationRequest(prompt=prompt, max_tokens=max_tokens, temperature=temperature)
        return str((await self.run(AIServiceType.TEXT_GENERATION, request)).text)  # type: ignore[attr-defined]
