"""What the stages share: configuration, connections, store, health. One for each ViralAI object."""

from __future__ import annotations

import asyncio
import datetime
import importlib
import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from viralai_sdk.catalog.catalog import Catalog
from viralai_sdk.config.configuration import AIConfiguration
from viralai_sdk.interfaces.errors import AIError, ConfigurationError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.service import AIService, AIServiceConfig
from viralai_sdk.progress.hub import ProgressHub
from viralai_sdk.progress.views import choose_view
from viralai_sdk.providers import registry
from viralai_sdk.services.costs import Costs
from viralai_sdk.services.factory import ConfiguredFactory
from viralai_sdk.services.health import Health
from viralai_sdk.services.heartbeat import Heartbeat
from viralai_sdk.services.lifecycle import explain, lifecycle
from viralai_sdk.services.spending import Spending
from viralai_sdk.store.artifacts import ArtifactStore
from viralai_sdk.store.files import storage_error
from viralai_sdk.store.journal import Journal
from viralai_sdk.store.sessions import Session
from viralai_sdk.wire.http import Http

ABANDONED_AFTER = 24 * 3600.0
CLOSE_SECONDS = 1.0
"""Closing waits so long for what goes on in the background, such as a cancellation on its way to the provider."""


class Runtime:
    """Everything that lives as long as a ViralAI object.

    Args:
        home: folder that holds `outputs/` and `.viralai/`; None takes $VIRALAI_HOME, else the working folder.
        today: the clock for model lifecycles, so that no test depends on the date.
        progress: True always shows progress, False never, None looks where it runs.
    """

    def __init__(
        self,
        config: AIConfiguration | None = None,
        *,
        home: Path | None = None,
        session: str | None = None,
        today: Callable[[], datetime.date] | None = None,
        progress: bool | None = None,
    ) -> None:
        self.config = config if config is not None else AIConfiguration.discover()
        self.home = (home or Path(os.environ.get("VIRALAI_HOME") or Path.cwd())).absolute()
        self.catalog = Catalog(self.config.catalog, registry.catalog_of)
        self.http = Http(_transport(self.config))
        self.journal = Journal(self.home / ".viralai" / "journal.db")
        self.session = Session(self.home / "outputs", session)
        self.factory = ConfiguredFactory(self.config)
        self.health = Health()
        self.costs = Costs(self, self.catalog)
        self.hub = ProgressHub(choose_view(progress))
        self.heartbeat = Heartbeat(self.hub.render)
        self.today = today or datetime.date.today
        self._stores: dict[str, ArtifactStore] = {}
        self.spending = Spending(self.journal)
        self._proven = False
        self._workspaces: set[str] = set()
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"
        """Who claims jobs: this object in this process, so that no other collects what it works on."""
        self._running: set[asyncio.Future[Any]] = set()
        self._jobs: dict[str, asyncio.AbstractEventLoop] = {}

    @property
    def session_id(self) -> str:
        """The session that calls are filed in."""
        return self.session.session_id

    @property
    def spool(self) -> Path:
        """Folder for files that are still being made: on the same disk as the results, so that a rename finishes them."""
        return self.home / ".viralai" / "tmp"

    async def writable(self) -> None:
        """Prove once that calls can be written down, before anything is paid for.

        Raises:
            StorageError: the journal is damaged, foreign, or lies where nothing can be written.
        """
        if not self._proven:
            await asyncio.to_thread(self._prove)
            self._proven = True

    def _prove(self) -> None:
        self.journal.writable()
        # What a killed process left unfinished a day ago belongs to nobody any more.
        for folder in self.spool.glob("call_*"):
            if folder.stat().st_mtime < time.time() - ABANDONED_AFTER:
                shutil.rmtree(folder, ignore_errors=True)

    def workspace(self, call_id: str) -> Path:
        """Folder for a call's unfinished files, made now; `clear` takes it away with whatever was left in it.

        Raises:
            StorageError: it cannot be made.
        """
        folder = self.spool / call_id
        if call_id not in self._workspaces:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise storage_error("create", folder, error) from error
            self._workspaces.add(call_id)
        return folder

    def clear(self, call_id: str) -> None:
        """Remove a call's unfinished files, if it made any."""
        if call_id in self._workspaces:
            self._workspaces.discard(call_id)
            shutil.rmtree(self.spool / call_id, ignore_errors=True)

    def clear_late(self, call_id: str, folder: Path) -> None:
        """Remove what a stopped thread has left in its folder; with it the call's own, if the call is over and cleared already."""
        shutil.rmtree(folder, ignore_errors=True)
        if call_id not in self._workspaces:
            shutil.rmtree(self.spool / call_id, ignore_errors=True)

    def artifacts(self, session_id: str) -> ArtifactStore:
        """Where a session's files go."""
        store = self._stores.get(session_id)
        if store is None:
            store = self._stores[session_id] = ArtifactStore(self.home / "outputs", session_id)
        return store

    def default_model(self, service: AIService, kind: AIServiceType, provider: str) -> str | None:
        """Model of a call that names none: the configuration's, else the catalog's."""
        configured = service.config.model_name
        if configured and configured != "default":
            return configured
        return self.catalog.provider(provider).default(kind)

    def concurrency(self, provider: str) -> int | None:
        """Most requests at once, None for no limit."""
        settings = self.config.providers.get(provider)
        return settings.max_concurrency if settings else None

    def is_local(self, config: AIServiceConfig) -> bool:
        """True when private addresses are what the user wants of this provider."""
        said = config.custom_config.get("local")
        if said is None and config.name in self.config.providers:
            said = self.config.providers[config.name].local
        return bool(said) if said is not None else registry.spec_of(config.name).local

    def lifecycle(self, provider: str, model: str | None) -> list[CallWarning]:
        """A warning about a model that ends soon.

        Raises:
            ModelRetiredError: its end has passed.
        """
        return lifecycle(self.catalog.model(provider, model), self.today())

    def explain(self, error: AIError, provider: str, model: str | None) -> AIError:
        """The error with what the catalog knows about the model's end; see `explain`."""
        return explain(error, self.catalog.model(provider, model), self.today())

    def spent(self, session_id: str) -> float:
        """USD known to be spent in a session, earlier kernels included."""
        return self.spending.spent(session_id)

    def take_job(self, job_id: str) -> None:
        """A call begins to work on a job. The journal's claim keeps other kernels away; this keeps away other calls of this object."""
        self._jobs[job_id] = asyncio.get_running_loop()

    def leave_job(self, job_id: str) -> None:
        """Nothing works on a job any more; harmless when nothing did."""
        self._jobs.pop(job_id, None)

    def works_on(self, job_id: str) -> bool:
        """True while a call of this object works on a job. One whose loop was closed under it does not."""
        loop = self._jobs.get(job_id)
        return loop is not None and not loop.is_closed()

    def keep_running(self, task: asyncio.Future[Any]) -> None:
        """Hold on to a task that nobody waits for; asyncio itself holds only a weak reference."""
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def aclose(self) -> None:
        """Close this loop's connections, let services go of what they hold, and write down what is still to be written."""
        here = asyncio.get_running_loop()
        waiting = [
            task for task in tuple(self._running) if task.get_loop() is here and task is not asyncio.current_task()
        ]
        if waiting:
            await asyncio.wait(waiting, timeout=CLOSE_SECONDS)
        await self.factory.aclose()
        await self.http.aclose()
        await asyncio.to_thread(self.journal.close)

    def close(self) -> None:
        """Close the journal."""
        self.journal.close()


def _transport(config: AIConfiguration) -> Any:
    chosen = os.environ.get("VIRALAI_TRANSPORT", "").strip().lower() or config.transport
    if chosen == "httpx2":
        return None
    if chosen != "aiohttp":
        raise ConfigurationError(
            f"VIRALAI_TRANSPORT: there is no transport {chosen!r}.", hint="Give httpx2 or aiohttp."
        )
    try:
        return importlib.import_module("viralai_sdk.wire.aiohttp_transport").AiohttpTransport
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the transport aiohttp needs the package {error.name!r}.", hint="pip install 'viralai-sdk[fast]'"
        ) from error
