"""What the catalog says about Runway's models: which routes each has, and what a route takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from viralai_sdk.catalog.catalog import Catalog, ProviderCatalog
from viralai_sdk.interfaces.names import AIServiceType


@cache
def catalog() -> ProviderCatalog:
    """Runway's part of the catalog as it was shipped, read once."""
    return Catalog().provider("runway")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one route takes for one model; see the head of the catalog's file."""

    fields: frozenset[str]
    required: frozenset[str]
    ratios: tuple[str, ...] = ()
    resolutions: tuple[str, ...] = ()
    durations: tuple[int, ...] = ()
    seconds: tuple[int, int] | None = None
    formats: tuple[str, ...] = ()
    speeds: tuple[float, float] | None = None
    prompt: int | None = None
    references: int | None = None
    last: bool = False


def limits(service: AIServiceType, model: str, route: str) -> Limits | None:
    """What a route takes for a model; None when the model does not have the route. A model that the catalog lacks is taken to be
    like the service's default."""
    rows = catalog().models
    row = rows.get(model) or rows[catalog().defaults[service]]
    found: Mapping[str, Any] | None = row.limits.get(route)
    return None if found is None else _limits(found)


def _limits(data: Mapping[str, Any]) -> Limits:
    made: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
    made["fields"], made["required"] = frozenset(data["fields"]), frozenset(data["required"])
    return Limits(**made)
