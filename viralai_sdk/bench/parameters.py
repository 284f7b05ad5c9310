"""What a benchmark is told: typed, bounded, and refused as a whole when one word of it is wrong."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import service_type, shorten, suggest
from viralai_sdk.interfaces.requests import invalid
from viralai_sdk.store.redact import redact

MAX_CONCURRENCY = 1024
MAX_CALLS = 100_000
_NAME = re.compile(r"[a-z][a-z0-9_]*")

PRACTICE_LATENCY = {"*": "lognormal:120ms"}
"""How long the simulated vendors take when nothing else is said."""

Settings = dict[str, Any]


class Parameters(BaseModel):
    """One benchmark's parameters. Their names are those of the notebooks' parameter cells.

    Attributes:
        service: text, image, video or speech.
        providers: who is measured, as specs: "openai", "gemini:gemini-3.1-flash-image".
        prompts: what is asked; `prompts_file` (.txt, .csv, .jsonl) is used instead when it is given.
        settings: parameters of every call, such as `{"aspect_ratio": "16:9"}`.
        vary: parameters to be crossed: `{"style": ["noir", "watercolor"]}` measures every provider twice.
        repeats: calls for each prompt, arm and level.
        concurrency: levels of the closed loop: so many calls are kept in flight.
        warm_up: calls of each arm before anything counts.
        budget_usd: most that the run may cost, by the catalog's prices; None has no bound of its own.
        rate: calls a second of each arm in the open loop; 0 leaves it out.
        stream: receive texts piece by piece and measure the time to the first one.
        metrics: measure the results themselves (sharpness, loudness, …) while no call is under way.
        fallback: let the configured chain step in. Off, since a provider is to be measured as itself.
        chain: providers of that chain, in order, when `fallback` is set; empty takes the configured one.
        timeout: seconds for one attempt; 0 takes the configured one.
        seed: of everything that is drawn: the open loop's times and the bootstrap.
        baseline: an earlier run's folder or name to compare with.
        out: the run's folder; "" makes a new one below `<home>/outputs/benchmarks`.
        resume: go on with the run that lies there.
        simulate: ask simulated vendors on this machine: no key, no bill.
        latency: simulated vendor, or "*" → how long its answers take: "fixed:50ms", "lognormal:800ms".
        faults: simulated vendor, with a part of the path if need be → what goes wrong there: "403:0.3", "cut:0.1 503x2".
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    service: str
    providers: list[str] = Field(min_length=1, max_length=64)
    prompts: list[str] = Field(default_factory=list)
    prompts_file: str = ""
    settings: Settings = Field(default_factory=dict)
    vary: dict[str, list[Any]] = Field(default_factory=dict)
    repeats: int = Field(default=3, ge=1, le=10_000)
    concurrency: list[int] = Field(default_factory=lambda: [1], max_length=16)
    warm_up: int = Field(default=1, ge=0, le=100)
    budget_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    rate: float = Field(default=0.0, ge=0, le=1000, allow_inf_nan=False)
    stream: bool = False
    metrics: bool = True
    fallback: bool = False
    chain: list[str] = Field(default_factory=list)
    timeout: float = Field(default=0.0, ge=0, le=86_400, allow_inf_nan=False)
    seed: int = Field(default=7, ge=0)
    baseline: str = ""
    out: str = ""
    resume: bool = False
    simulate: bool = False
    latency: dict[str, str] = Field(default_factory=dict)
    faults: dict[str, str] = Field(default_factory=dict)

    @field_validator("service")
    @classmethod
    def _service(cls, value: str) -> str:
        return service_type(value).short

    @field_validator("providers", "chain")
    @classmethod
    def _named(cls, value: list[str]) -> list[str]:
        if any(not name.strip() for name in value):
            raise ValueError("holds an empty name")
        return [name.strip() for name in value]

    @field_validator("concurrency")
    @classmethod
    def _levels(cls, value: list[int]) -> list[int]:
        if any(not 1 <= level <= MAX_CONCURRENCY for level in value):
            raise ValueError(f"levels must be 1 to {MAX_CONCURRENCY}")
        if len(set(value)) < len(value):
            raise ValueError("a level is there twice")
        return sorted(value)

    @field_validator("vary")
    @classmethod
    def _alternatives(cls, value: dict[str, list[Any]]) -> dict[str, list[Any]]:
        for name, values in value.items():
            if not values:
                raise ValueError(f"{name} has no value to try")
        return value

    @field_validator("settings", "vary")
    @classmethod
    def _no_secret(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{shorten(name)!r} is no parameter's name")
        if redact(value) != value:
            raise ValueError("holds what looks like a secret; keys belong into the environment or the configuration")
        return value

    def recorded(self) -> dict[str, Any]:
        """As plain values, without what only says where files lie."""
        return self.model_dump(exclude={"out", "resume", "baseline"})


def read(given: Mapping[str, Any]) -> Parameters:
    """Check parameters.

    Raises:
        InvalidRequestError: an unknown name or service, a wrong type or value. One line says which, and what is near it.
    """
    names = list(Parameters.model_fields)
    for name in given:
        if name not in names:
            raise InvalidRequestError(
                f"benchmarks have no parameter {shorten(str(name))!r}.", hint=suggest(str(name), names)
            )
    try:
        return Parameters(**given)
    except ValidationError as error:
        raise invalid("the benchmark", error) from None


@functools.cache
def defaults() -> dict[str, Any]:
    """Name → default of every parameter that has one."""
    return {
        name: field.get_default(call_default_factory=True)
        for name, field in Parameters.model_fields.items()
        if not field.is_required()
    }
