"""Models that a local server keeps: what there is, what happens to it, and what a server's author writes to manage it.

A manager describes, like every adapter: generators that yield steps. The one runner sends them.
"""

from __future__ import annotations

import datetime
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

from viralai_sdk.interfaces.adapter import Adapter
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.errors import InvalidRequestError, UnsupportedCapabilityError
from viralai_sdk.interfaces.names import suggest
from viralai_sdk.interfaces.steps import Steps

Ability = Literal["list", "pull", "load", "unload", "remove"]
ABILITIES: tuple[Ability, ...] = ("list", "pull", "load", "unload", "remove")
Phase = Literal["starting", "downloading", "verifying", "paused", "done"]
COLUMNS = (
    "provider",
    "model",
    "state",
    "size",
    "memory",
    "graphics memory",
    "context",
    "until",
    "parameters",
    "quantization",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModel:
    """One model of one server, as it is now. None is what the server does not tell.

    Attributes:
        size: bytes on disk. Models may share parts, so that a sum can be more than the disk holds.
        loaded: it is in memory.
        memory: bytes of memory it takes, graphics memory included.
        vram: bytes of graphics memory among them.
        context: tokens of prompt and answer that the loaded model has room for.
        max_context: what it was made for.
        expires: when the server unloads it by itself.
        parameters, quantization, family: as the server writes them, such as "8B", "Q4_K_M".
        features: what it can do, in the server's words ("vision", "tools").
        remote: it runs on somebody else's machine, and only its name is here.
        state: one word or two: "on disk", "loaded", "downloading 40 %".
        instances: the server's ids of what is loaded, where they differ from the name.
        path: its file, on the server's machine.
    """

    provider: str
    name: str
    size: int | None = None
    loaded: bool = False
    memory: int | None = None
    vram: int | None = None
    context: int | None = None
    max_context: int | None = None
    expires: datetime.datetime | None = None
    parameters: str | None = None
    quantization: str | None = None
    family: str | None = None
    features: tuple[str, ...] = ()
    remote: bool = False
    state: str = "on disk"
    instances: tuple[str, ...] = ()
    path: str | None = None

    def row(self) -> dict[str, Any]:
        """For people: sizes in words."""
        return {
            "provider": self.provider,
            "model": self.name,
            "state": "remote" if self.remote else self.state,
            "size": "" if self.remote else bytes_text(self.size),
            "memory": bytes_text(self.memory),
            "graphics memory": bytes_text(self.vram),
            "context": self.context if self.loaded else self.max_context,
            "until": f"{self.expires.astimezone():%H:%M:%S}" if self.expires else "",
            "parameters": self.parameters,
            "quantization": self.quantization,
        }

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        plain = asdict(self)
        plain["expires"] = self.expires.isoformat() if self.expires else None
        return plain


class ModelTable(Table):
    """Models as a table; `.models` are the records."""

    def __init__(self, models: Iterable[LocalModel], caption: str = "Local models") -> None:
        self.models = list(models)
        super().__init__([model.row() for model in self.models], COLUMNS, caption)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProgress:
    """How far a download is. One record for all servers.

    Attributes:
        done, total: bytes; None before the server tells. `total` may grow while parts are found.
        already: bytes among `done` that were there before: a download that was broken off goes on.
        rate: bytes a second, over the last seconds.
        eta: seconds that are left at that rate.
        detail: the server's own words.
        cancellable: stopping here stops it at the server too.
        resumable: pulling again goes on where it stopped.
    """

    provider: str
    model: str
    phase: Phase
    done: int | None = None
    total: int | None = None
    already: int = 0
    rate: float | None = None
    eta: float | None = None
    elapsed: float = 0.0
    detail: str = ""
    cancellable: bool = True
    resumable: bool = True

    @property
    def fraction(self) -> float | None:
        """0 to 1, None when unknown."""
        if self.phase == "done":
            return 1.0
        return None if self.done is None or not self.total else min(self.done / self.total, 1.0)

    def __str__(self) -> str:
        words: list[str] = [self.phase]
        if self.done is not None and self.total:
            words.append(f"{bytes_text(self.done)} of {bytes_text(self.total)}")
        if self.already * 100 > (self.total or 0) and self.phase == "downloading":
            words.append(f"{bytes_text(self.already)} were there")
        if self.rate:
            words.append(f"{bytes_text(round(self.rate))}/s")
        if self.eta is not None:
            words.append(f"{_duration(self.eta)} left")
        return ", ".join(words)


ModelSteps: TypeAlias = "Generator[Any, Any, None]"
"""Yields steps, as an adapter does, and a `ModelProgress` whenever there is something to tell."""


class ModelManager(ABC):
    """Manages the models of one server. Subclass it in the provider's folder and name it in `ProviderSpec.models`.

    Attributes:
        instead: what this server cannot do → what to do instead.
        cancellable, resumable: as in `ModelProgress`.
        when_stopped: what becomes of a download whose caller stopped waiting.
        outlives: what is loaded stays when this process ends.
        takes: settings of `load` that the server takes: "context" (tokens), "keep_alive" (seconds, or a text such as "10m").
    """

    instead: ClassVar[Mapping[Ability, str]] = {}
    cancellable: ClassVar[bool] = True
    resumable: ClassVar[bool] = True
    when_stopped: ClassVar[str] = "it was stopped; pulling again goes on where it stopped."
    outlives: ClassVar[bool] = True
    takes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, service: Adapter) -> None:
        """Args:
        service: a service of the same provider: its address, key and reading of errors are used.
        """
        self.service = service
        self.config = service.config

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.service.get_provider_name()

    @property
    def root(self) -> str:
        """The server's address without the path of its OpenAI-compatible side."""
        return (self.config.base_url or "").rstrip("/").removesuffix("/v1")

    def folders(self) -> list[Path]:
        """Where a server on this machine may keep its files, the likeliest first: their disk must have room."""
        return []

    def same(self, asked: str, name: str) -> bool:
        """Whether a person means this model."""
        return asked == name

    def find(self, asked: str, models: list[LocalModel]) -> LocalModel:
        """The model that a person means.

        Raises:
            InvalidRequestError: the server does not have it.
        """
        for model in models:
            if self.same(asked, model.name):
                return model
        names = [model.name for model in models]
        fetch = (
            "" if "pull" in self.instead else f" `viralai models pull {asked} --provider {self.provider}` fetches it."
        )
        raise InvalidRequestError(
            f"there is no model {asked!r} on this server.",
            provider=self.provider,
            hint=suggest(asked, names, f"It has: {', '.join(names[:8]) or 'none'}.") + fetch,
        )

    def lacks(self, ability: Ability) -> UnsupportedCapabilityError:
        """The error for what this server cannot do."""
        what = {"list": "list models", "pull": "download models", "remove": "delete models"}
        return UnsupportedCapabilityError(
            f"{self.provider} cannot {what.get(ability, f'{ability} models')} by its API.",
            provider=self.provider,
            hint=self.instead.get(ability),
        )

    def progress(self, model: str, phase: Phase, **facts: Any) -> ModelProgress:
        """A progress record of this server."""
        return ModelProgress(
            provider=self.provider,
            model=model,
            phase=phase,
            cancellable=self.cancellable,
            resumable=self.resumable,
            **facts,
        )

    @abstractmethod
    def models(self) -> Steps[list[LocalModel]]:
        """All models of the server, loaded or not."""

    def pull(self, name: str, options: Mapping[str, Any]) -> ModelSteps:
        """Download a model. The last progress is "done"; an end without it is an error."""
        raise self.lacks("pull")

    def cancel_pull(self, name: str) -> Steps[bool]:
        """Stop a download whose caller has gone, where that takes a request; False when none is needed, or none helps."""
        yield from ()
        return False

    def load(self, model: LocalModel, settings: Mapping[str, Any]) -> Steps[None]:
        """Bring a model into memory. `settings` holds only what `takes` names."""
        raise self.lacks("load")

    def unload(self, model: LocalModel) -> Steps[None]:
        """Free the memory of a loaded model."""
        raise self.lacks("unload")

    def remove(self, model: LocalModel) -> Steps[None]:
        """Delete a model from the server's disk. It is not loaded any more when this is called."""
        raise self.lacks("remove")


def bytes_text(size: int | None) -> str:
    """A size for people: "4.7 GB"; "" when unknown."""
    if size is None:
        return ""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit in ("B", "kB") or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
