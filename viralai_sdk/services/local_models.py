"""Models of local servers: listed, downloaded, loaded, unloaded, removed, the same way for every server."""

from __future__ import annotations

import asyncio
import collections
import ipaddress
import shutil
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from viralai_sdk.interfaces.adapter import Adapter
from viralai_sdk.interfaces.errors import (
    AIError,
    ConfigurationError,
    ProviderUnavailableError,
    StorageError,
    UnsupportedCapabilityError,
)
from viralai_sdk.interfaces.local_models import Ability, LocalModel, ModelManager, ModelProgress, bytes_text
from viralai_sdk.interfaces.names import AIProvider, AIServiceType
from viralai_sdk.interfaces.steps import Steps
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers import registry
from viralai_sdk.services.call import Call, Route
from viralai_sdk.services.runner import Runner
from viralai_sdk.services.streaming import relay

if TYPE_CHECKING:
    from viralai_sdk.progress.events import State
    from viralai_sdk.services.manager import AIServiceManager

PATIENCE = 900.0
"""Seconds a server may be silent: it reads tens of gigabytes to verify or load them."""
WINDOW = 5.0
"""Seconds that the rate of a download is measured over."""
SHORTEST = 0.5
"""Seconds below which a rate would be a guess."""
SPARE = 512 * 1024**2
"""Bytes that a download leaves free on a disk."""


class Meter:
    """Measures a download's rate, and says when it will be over."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = clock()
        self._seen: collections.deque[tuple[float, int]] = collections.deque()

    def measured(self, progress: ModelProgress) -> ModelProgress:
        """The record with rate, remaining and elapsed seconds. What was there before does not count as speed."""
        now = self._clock()
        rate = progress.rate
        if progress.phase == "downloading" and progress.done is not None:
            fresh = progress.done - progress.already
            self._seen.append((now, fresh))
            while now - self._seen[0][0] > WINDOW and len(self._seen) > 2:
                self._seen.popleft()
            then, before = self._seen[0]
            if rate is None and now - then >= SHORTEST:
                rate = max(fresh - before, 0) / (now - then)
        left = None
        if rate and progress.total is not None and progress.done is not None:
            left = max(progress.total - progress.done, 0) / rate
        return replace(progress, rate=rate, eta=left, elapsed=now - self._begun)


class LocalModels:
    """The models of the local servers of one configuration."""

    def __init__(self, manager: AIServiceManager) -> None:
        self._manager = manager
        self._runtime = manager.runtime

    def configured(self) -> list[str]:
        """Providers whose models can be managed and that the configuration mentions."""
        factory = self._runtime.factory
        return [name for name in registry.managers() if factory.configured(registry.services_of(name)[0], name)]

    def manager(self, provider: AIProvider | str | None) -> ModelManager:
        """Who manages a provider's models; without a name, the one local server that is configured.

        Raises:
            ConfigurationError: it has none, or it is not clear which one is meant.
        """
        if provider is None:
            found = self.configured()
            if len(found) != 1:
                raise ConfigurationError(
                    f"{len(found) or 'no'} local servers are configured; which one is meant?",
                    hint=f"Give provider=…: {', '.join(found or registry.managers())}.",
                )
            provider = found[0]
        name = registry.resolve(provider)
        made = registry.model_manager(name)
        service = self._runtime.factory.service(registry.services_of(name)[0], name)
        assert isinstance(service, Adapter)
        return made(service)

    async def list(self, provider: AIProvider | str | None = None) -> Sequence[LocalModel]:
        """The models of a server, or of all configured ones.

        Raises:
            AIError: the server does not answer. Of several, those that do are listed, unless none does.
        """
        if provider is not None:
            return await self._models(self.manager(provider))
        names = self.configured()
        if not names:
            raise ConfigurationError(
                "no local server is configured.", hint=f"Give provider=…: {', '.join(registry.managers())}."
            )
        outcomes = await asyncio.gather(*(self._models(self.manager(name)) for name in names), return_exceptions=True)
        found: list[LocalModel] = []
        errors: list[BaseException] = []
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                errors.append(outcome)
            else:
                found += outcome
        for error in errors:
            if not isinstance(error, ProviderUnavailableError) or len(errors) == len(names):
                raise error
        return found

    async def pulling(
        self,
        name: str,
        provider: AIProvider | str | None = None,
        *,
        force: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[ModelProgress, None]:
        """Download a model; each step of it as it comes. Leaving the loop stops it, as far as the server can.

        Raises:
            StorageError: it does not fit on the server's disk, where that is this machine's, and `force` is not given.
            AIError: the download failed. What has come stays.
        """
        manager = self.manager(name_of(provider))
        if "pull" in manager.instead:
            raise manager.lacks("pull")
        runner, call = self._runner(manager)
        meter, free, told = Meter(), None if force else self._room(manager), False
        work = runner.stream(manager.pull(name, options or {}))
        state: State = "cancelled"
        try:
            with self._runtime.heartbeat:
                async with aclosing(relay(call, work, lambda piece, _: piece)) as pieces:
                    async for piece in pieces:
                        if not isinstance(piece, ModelProgress):
                            continue
                        progress = meter.measured(piece)
                        self._check_room(manager, progress, free)
                        call.report(progress.fraction, f"{name}: {progress}")
                        told = progress.phase == "done"
                        yield progress
            if not told:
                raise ProviderUnavailableError("the download ended without saying that it is done.")
            state = "done"
        except StorageError:
            raise  # stopped by us: the server is told, as when the caller leaves
        except AIError as error:
            state = "failed"
            raise self._blame(error, call) from error.__cause__
        finally:
            if told:  # whoever leaves after the last progress has missed nothing
                state = "done"
            if state == "cancelled":
                self._stop(manager, name)
            self._over(call, state, manager.when_stopped if state == "cancelled" else "")

    def _over(self, call: Call, state: State, message: str = "") -> None:
        if call.post is not None:
            call.post(call.event(state, "", message=message))
        self._runtime.clear(call.id)
        self._runtime.hub.render()

    def _stop(self, manager: ModelManager, name: str) -> None:
        """Tell the server that nobody waits any more. It is not waited for: whoever stops wants to be gone."""
        runner, _ = self._runner(manager, quiet=True)
        self._runtime.keep_running(asyncio.ensure_future(_quietly(runner.drive(manager.cancel_pull(name)))))

    async def load(
        self, name: str, provider: AIProvider | str | None = None, settings: Mapping[str, Any] | None = None
    ) -> LocalModel:
        """Bring a model into memory; gives it as it then is. `settings`: "context" in tokens, "keep_alive".

        Raises:
            UnsupportedCapabilityError: the server takes no such setting.
        """
        manager = self.manager(provider)
        given = {key: value for key, value in (settings or {}).items() if value is not None}
        if unknown := sorted(given.keys() - manager.takes):
            raise UnsupportedCapabilityError(
                f"{manager.provider} cannot load a model with a given {unknown[0]}.",
                provider=manager.provider,
                hint=f"It takes: {', '.join(sorted(manager.takes)) or 'no setting'}.",
            )
        model = await self._found(manager, name, "load")
        await self._drive(manager, manager.load(model, given), f"loading {model.name}")
        return manager.find(name, list(await self._models(manager)))

    async def unload(self, name: str, provider: AIProvider | str | None = None) -> bool:
        """Free a model's memory; False when it was not loaded."""
        manager = self.manager(provider)
        model = await self._found(manager, name, "unload")
        if not model.loaded:
            return False
        await self._drive(manager, manager.unload(model), f"unloading {model.name}")
        return True

    async def remove(self, name: str, provider: AIProvider | str | None = None) -> LocalModel:
        """Delete a model from the server's disk, unloaded first if it is in memory; gives it as it was."""
        manager = self.manager(provider)
        model = await self._found(manager, name, "remove")
        if model.loaded and "unload" not in manager.instead:
            await self._drive(manager, manager.unload(model), f"unloading {model.name}")
        await self._drive(manager, manager.remove(model), f"removing {model.name}")
        return model

    async def _found(self, manager: ModelManager, name: str, ability: Ability) -> LocalModel:
        if ability in manager.instead:
            raise manager.lacks(ability)
        return manager.find(name, list(await self._models(manager)))

    async def _models(self, manager: ModelManager) -> Sequence[LocalModel]:
        found: Sequence[LocalModel] = await self._drive(manager, manager.models(), "")
        return found

    async def _drive(self, manager: ModelManager, steps: Steps[Any], stage: str) -> Any:
        runner, call = self._runner(manager, quiet=not stage)
        call.report(None, stage)
        state: State = "cancelled"
        try:
            with self._runtime.heartbeat:
                result = await runner.drive(steps)
            state = "done"
            return result
        except AIError as error:
            state = "failed"
            raise self._blame(error, call) from error.__cause__
        finally:
            self._over(call, state)

    def _runner(self, manager: ModelManager, *, quiet: bool = False) -> tuple[Runner, Call]:
        runtime, service = self._runtime, manager.service
        route = Route(manager.provider, None, service)
        request = TextGenerationRequest(prompt="models")
        call = Call(AIServiceType.TEXT_GENERATION, request, [route], runtime.session_id, timeout=PATIENCE)
        call.route, call.service = route, service
        call.post = None if quiet else runtime.hub.post
        return Runner(runtime, call, service), call

    def _blame(self, error: AIError, call: Call) -> AIError:
        error = call.blame(error)
        error.billed = "no"  # nobody is paid for models on one's own machine
        error.service = None
        if isinstance(error, ProviderUnavailableError) and error.hint is None:
            spec = registry.spec_of(call.provider)
            error.hint = (
                f"It takes {spec.needs}; the address is {call.service.config.base_url}." if call.service else None
            )
        return error

    def _room(self, manager: ModelManager) -> int | None:
        """Free bytes on the disk that the server writes to, None when it is another machine's or cannot be told."""
        if not on_this_machine(manager.config.base_url or ""):
            return None
        for folder in manager.folders():
            place = next((parent for parent in (folder, *folder.parents) if parent.is_dir()), Path("/"))
            try:
                return shutil.disk_usage(place).free
            except OSError:
                continue
        return None

    def _check_room(self, manager: ModelManager, progress: ModelProgress, free: int | None) -> None:
        if free is None or progress.total is None or progress.phase == "done":
            return
        missing = progress.total - (progress.already or 0)
        if missing + SPARE > free:
            raise StorageError(
                f"{progress.model!r} needs {bytes_text(missing)} more, and the disk has {bytes_text(free)} free.",
                provider=manager.provider,
                hint="Free some space, take a smaller model or quantization, or give force=True (--force).",
            )


def name_of(provider: AIProvider | str | None) -> str | None:
    """A provider's plain name."""
    return None if provider is None else registry.resolve(provider)


def on_this_machine(url: str) -> bool:
    """Whether an address is this machine's own."""
    host = (urlsplit(url).hostname or "").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _quietly(work: Any) -> None:
    """Do work that nobody waits for: when it fails, there is nobody to be told."""
    try:
        await work
    except AIError:
        return
