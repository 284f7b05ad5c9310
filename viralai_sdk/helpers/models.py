"""`ai.models`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from viralai_sdk.helpers.base import Provider
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.local_models import ABILITIES, LocalModel, ModelProgress, ModelTable
from viralai_sdk.providers import registry
from viralai_sdk.services.local_models import LocalModels
from viralai_sdk.services.manager import AIServiceManager


class ModelsHelper:
    """`ai.models.local`: models on one's own machine."""

    def __init__(self, manager: AIServiceManager) -> None:
        self.local = LocalModelsHelper(manager)


class LocalModelsHelper:
    """`await ai.models.local.list("ollama")`, `.pull(…)`, `.load(…)`, `.unload(…)`, `.remove(…)`."""

    def __init__(self, manager: AIServiceManager) -> None:
        self._models = LocalModels(manager)

    def capabilities(self) -> Table:
        """What each server can do, and what to do instead where it cannot. Asks nobody."""
        rows = []
        for name in registry.managers():
            kind = registry.model_manager(name)
            able = {str(ability): kind.instead.get(ability, "yes") for ability in ABILITIES}
            stops = "" if "pull" in kind.instead else "yes" if kind.cancellable else kind.when_stopped
            rows.append({"provider": name, **able, "stop a pull": stops})
        return Table(rows, caption="Local model servers")

    def when_stopped(self, provider: Provider = None) -> str:
        """What becomes of a download at a server when nobody waits for it any more."""
        return self._models.manager(provider).when_stopped

    def outlives(self, provider: Provider = None) -> bool:
        """Whether a loaded model stays when this process ends: it does in a server."""
        return self._models.manager(provider).outlives

    async def list(self, provider: Provider = None) -> ModelTable:
        """The models a server has, on disk and in memory; without a provider, those of all configured servers.

        Raises:
            AIError: the server cannot be asked.
        """
        return ModelTable(await self._models.list(provider))

    async def pulling(
        self,
        model: str,
        *,
        provider: Provider = None,
        force: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[ModelProgress, None]:
        """Download a model, and tell how far it is. Leaving the loop stops the download, where the server lets it.

        Args:
            force: do not compare its size with the free disk.
            options: vendor fields of the request, such as `{"quantization": "Q4_K_M"}` for LM Studio.

        Raises:
            StorageError: it would not fit.
            AIError: it failed. Pulling again goes on where it stopped, if the progress says that it is resumable.
        """
        async with aclosing(self._models.pulling(model, provider, force=force, options=options)) as steps:
            async for progress in steps:
                yield progress

    async def pull(
        self,
        model: str,
        *,
        provider: Provider = None,
        on_progress: Callable[[ModelProgress], object] | None = None,
        force: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> ModelProgress:
        """Download a model and wait for it; gives the last progress. Parameters and errors as for `pulling`."""
        last: ModelProgress | None = None
        async with aclosing(self._models.pulling(model, provider, force=force, options=options)) as steps:
            async for progress in steps:
                last = progress
                if on_progress is not None:
                    on_progress(progress)
        assert last is not None, "an end without progress is an error"
        return last

    async def load(
        self,
        model: str,
        *,
        provider: Provider = None,
        context: int | None = None,
        keep_alive: float | str | None = None,
    ) -> LocalModel:
        """Bring a model into memory; gives it as it then is.

        Args:
            context: tokens of prompt and answer to have room for.
            keep_alive: how long it stays after its last use: seconds, or a text such as "10m"; negative is for ever.

        Raises:
            UnsupportedCapabilityError: the server takes no such setting, or cannot load by request.
        """
        return await self._models.load(model, provider, {"context": context, "keep_alive": keep_alive})

    async def unload(self, model: str, *, provider: Provider = None) -> bool:
        """Free a model's memory; False when it was not loaded."""
        return await self._models.unload(model, provider)

    async def remove(self, model: str, *, provider: Provider = None) -> LocalModel:
        """Delete a model from the server's disk; gives it as it was.

        Raises:
            UnsupportedCapabilityError: the server cannot; says what to do instead.
        """
        return await self._models.remove(model, provider)
