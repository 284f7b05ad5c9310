"""`ViralAI`: what a notebook talks to."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from viralai_sdk.config.configuration import AIConfiguration
from viralai_sdk.helpers import ImageHelper, SpeechHelper, TextHelper, VideoHelper
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError
from viralai_sdk.interfaces.money import dollars
from viralai_sdk.interfaces.names import SERVICES, AIProvider, AIServiceType, service_type
from viralai_sdk.providers import registry
from viralai_sdk.services.job_handles import Jobs
from viralai_sdk.services.manager import AIServiceManager
from viralai_sdk.services.plan import Plan, plan
from viralai_sdk.services.runtime import Runtime
from viralai_sdk.store.history import told
from viralai_sdk.store.sessions import Session

if TYPE_CHECKING:
    from viralai_sdk.blocking import Sync
    from viralai_sdk.compare.arms import ArmLike
    from viralai_sdk.compare.experiment import Experiment
    from viralai_sdk.compare.helper import CompareHelper
    from viralai_sdk.helpers.models import ModelsHelper


class ViralAI:
    """One object for all four services.

    Args:
        config: None looks for a configuration file and the environment; else a dict, a file's path or an `AIConfiguration`.
        home: folder for `outputs/` and `.viralai/`; None takes $VIRALAI_HOME, else the working folder.
        session: id of a session to go on with; None starts a new one at the first result.
        progress: True always shows progress, False never, None shows it in a notebook and on a terminal.
        today: clock for model lifecycles.

    Raises:
        ConfigurationError: the configuration is wrong; says where and what to do.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | str | Path | AIConfiguration | None = None,
        *,
        home: str | Path | None = None,
        session: str | None = None,
        progress: bool | None = None,
        today: Callable[[], datetime.date] | None = None,
    ) -> None:
        self._config = config
        self._home = Path(home) if home is not None else None
        self._session = session
        self._progress = progress
        self._today = today
        if config is not None or session is not None:
            _ = self.manager

    @cached_property
    def manager(self) -> AIServiceManager:
        """Routes calls; hand this to components that take an `AIServiceManager`. Built on first use."""
        runtime = Runtime(
            _configuration(self._config),
            home=self._home,
            session=self._session,
            today=self._today,
            progress=self._progress,
        )
        return AIServiceManager(runtime=runtime)

    @property
    def runtime(self) -> Runtime:
        """What all calls share."""
        return self.manager.runtime

    @property
    def config(self) -> AIConfiguration:
        """The configuration in force."""
        return self.runtime.config

    @property
    def session(self) -> Session:
        """The session that results are filed in."""
        return self.runtime.session

    @cached_property
    def text(self) -> TextHelper:
        """`await ai.text("…")`, `ai.text.stream("…")`, `ai.text.batch([…])`."""
        return TextHelper(self.manager)

    @cached_property
    def image(self) -> ImageHelper:
        """`await ai.image("…")`, `ai.image.stream("…")`, `ai.image.batch([…])`."""
        return ImageHelper(self.manager)

    @cached_property
    def video(self) -> VideoHelper:
        """`await ai.video("…")`, `await ai.video.submit("…")`, `ai.video.batch([…])`."""
        return VideoHelper(self.manager)

    @cached_property
    def speech(self) -> SpeechHelper:
        """`await ai.speech("…")`, `ai.speech.stream("…")`, `.voices()`, `.multilingual([…])`, `.batch([…])`."""
        return SpeechHelper(self.manager)

    @cached_property
    def compare(self) -> CompareHelper:
        """`await ai.compare.image("…", providers=[…])`: the same prompts at several providers, side by side."""
        from viralai_sdk.compare.helper import CompareHelper

        return CompareHelper(self.manager)

    @cached_property
    def models(self) -> ModelsHelper:
        """`await ai.models.local.list("ollama")`, `.pull`, `.load`, `.unload`, `.remove`."""
        from viralai_sdk.helpers.models import ModelsHelper

        return ModelsHelper(self.manager)

    @property
    def jobs(self) -> Jobs:
        """`await ai.jobs.list()`, `await ai.jobs.resume()`, `ai.jobs(job_id)`."""
        return self.manager.jobs

    @cached_property
    def sync(self) -> Sync:
        """Blocking twins of all helpers; they also work in a notebook whose loop is running."""
        from viralai_sdk.blocking import Sync

        return Sync(self)

    def experiment(
        self,
        name: str,
        *,
        service: AIServiceType | str | None = None,
        arms: Iterable[ArmLike] | None = None,
        prompts: Any = None,
        repeats: int | None = None,
        seed: int | None = None,
        **parameters: Any,
    ) -> Experiment:
        """Make a blind experiment, or reopen the one of that name; see `viralai_sdk.compare.opening.open_experiment`."""
        from viralai_sdk.compare.opening import open_experiment

        return open_experiment(
            self.manager,
            name,
            service=service,
            arms=arms,
            prompts=prompts,
            repeats=repeats,
            seed=seed,
            **parameters,
        )

    def experiments(self) -> Table:
        """The project's experiments: how far each is, and how many votes it has."""
        from viralai_sdk.compare.opening import experiments

        return experiments(self.manager)

    def switch(self, service: AIServiceType | str, provider: AIProvider | str, model: str | None = None) -> None:
        """Let another provider serve from now on, for everybody who uses this object.

        Raises:
            ConfigurationError: unknown, without its key, or without that service. The old provider stays.
        """
        self.manager.switch(service, provider, model)

    def using(self, **services: AIProvider | str) -> AbstractContextManager[None]:
        """Switch for a block: `with ai.using(image="comfyui"): …`. It holds for everybody who uses this object in that time."""
        return self.manager.using(**services)

    def set_fallback_chain(self, service: AIServiceType | str, providers: Sequence[AIProvider | str]) -> None:
        """Set who steps in, in order, when the first provider fails."""
        self.manager.set_fallback_chain(service, providers)

    def providers(self) -> Table:
        """Providers × services: configured? healthy? which model at what price, and until when."""
        return Table(self._provider_rows(), caption="Providers")

    def _provider_rows(self) -> Iterator[dict[str, Any]]:
        defaults = {kind: self.manager.default_route(kind).provider for kind in SERVICES}
        for name in registry.all_names():
            for kind in registry.services_of(name):
                configured = self.runtime.factory.configured(kind, name)
                settings = self.runtime.factory.config_for(kind, registry.spec_of(name))
                catalog = self.runtime.catalog.provider(name)
                model = settings.model_name or catalog.default(kind)
                known = catalog.models.get(model or "")
                yield {
                    "provider": name,
                    "service": kind.short,
                    "configured": configured,
                    "healthy": self.runtime.health.healthy(kind, name),
                    "default": defaults[kind] == name,
                    "model": model or "",
                    "price": known.price_text() if known else "unknown",
                    "retires": str(known.retires) if known and known.retires else "",
                    "needs": "" if configured else registry.spec_of(name).needs,
                }

    def plan(self, service: AIServiceType | str, prompt: str, **parameters: Any) -> Plan:
        """What a call would do: routes, changes, prices. The same as `dry_run=True` on the helper."""
        helper = getattr(self, service_type(service).short)
        result: Plan = helper.planned(prompt, **parameters)
        return result

    def estimate(
        self,
        service: AIServiceType | str,
        prompt: str,
        providers: Sequence[AIProvider | str] | None = None,
        **parameters: Any,
    ) -> Table:
        """Price of a request at several providers, before paying. Unknown prices say so."""
        kind = service_type(service)
        if providers is None:
            names = [name for name in registry.all_names() if kind in registry.services_of(name)]
            chosen: list[AIProvider | str] = [name for name in names if self.runtime.factory.configured(kind, name)]
        else:
            chosen = list(providers)
        helper = getattr(self, kind.short)
        rows = []
        for provider in chosen:
            try:
                call = self.manager.call(kind, helper.request(prompt, **parameters), provider=provider, fallback=False)
                rows += [route.row() for route in plan(self.runtime, call).routes]
            except ConfigurationError as error:
                rows.append(
                    {"provider": str(provider), "model": "", "ready": False, "price": "unknown", "problem": str(error)}
                )
        return Table(rows, caption=f"Estimate for {kind.short}: nothing was sent")

    def usage(self, *, all_sessions: bool = False) -> Table:
        """What has been called and what it cost, by service and provider: this session's calls, or the whole project's."""
        self.runtime.journal.flush()
        totals = self.runtime.journal.totals(None if all_sessions else self.runtime.session_id)
        rows = [
            {
                "service": service_type(total.service).short,
                "provider": total.provider,
                "calls": total.calls,
                "succeeded": total.successes,
                "seconds": round(total.seconds, 2),
                "cost": dollars(total.cost_usd),
                "price unknown": total.cost_unknown,
            }
            for total in totals
        ]
        return Table(rows, caption="Usage of the project" if all_sessions else "Usage of this session")

    def calls(
        self, service: AIServiceType | str | None = None, *, limit: int = 50, all_sessions: bool = False
    ) -> Table:
        """What was asked and what came back, newest first: texts whole, files by path, failures with their message.

        Everything that was paid for is found again here, also after the kernel that asked for it has died.

        Raises:
            InvalidRequestError: there is no such service, or `limit` is below 1.
        """
        if type(limit) is not int or limit < 1:
            raise InvalidRequestError(f"limit must be 1 or more, not {limit!r}.")
        kind = None if service is None else service_type(service).value
        self.runtime.journal.flush()
        found = self.runtime.journal.calls(None if all_sessions else self.runtime.session_id, kind, limit)
        return Table(
            [told(row) for row in found],
            ["started", "service", "provider", "model", "outcome", "cost_usd", "prompt", "text", "files", "message"],
            "Calls of the project" if all_sessions else "Calls of this session",
        )

    async def aclose(self) -> None:
        """Close the connections of this loop and the journal, with everything written. The object can be used again afterwards."""
        if "manager" in self.__dict__:
            await self.runtime.aclose()

    async def __aenter__(self) -> ViralAI:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        if "manager" not in self.__dict__:
            return "ViralAI()"
        served = ", ".join(f"{kind.short}={self.manager.default_route(kind).label}" for kind in SERVICES)
        return f"ViralAI({served})"


def _configuration(given: Mapping[str, Any] | str | Path | AIConfiguration | None) -> AIConfiguration:
    if given is None:
        return AIConfiguration.discover()
    if isinstance(given, AIConfiguration):
        return given
    if isinstance(given, Mapping):
        return AIConfiguration.from_dict(dict(given))
    if isinstance(given, (str, Path)):
        return AIConfiguration.from_file(given)
    raise ConfigurationError(
        f"config: a {type(given).__name__} is no configuration.", hint="Give a dict, a path or an AIConfiguration."
    )
