"""Reads the catalog: one YAML file a provider beside this module, overlaid by the user's own."""

from __future__ import annotations

import dataclasses
import datetime
import fnmatch
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.interfaces.names import AIServiceType, service_type

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Model:
    """One model of a provider.

    Attributes:
        prices: USD by unit (input_token, image, second, character, …); a unit that is not there is unknown, not free.
        released, retires: dates, None when unknown.
        replaced_by: the successor's name.
        flags: what it can do beyond its services, such as "structured" or "responses_only".
        limits: figures an adapter needs, such as sizes or durations.
        source: where the figures are from.
    """

    name: str
    provider: str
    services: tuple[AIServiceType, ...] = ()
    prices: Mapping[str, float] = field(default_factory=dict)
    released: datetime.date | None = None
    retires: datetime.date | None = None
    replaced_by: str | None = None
    flags: frozenset[str] = frozenset()
    limits: Mapping[str, Any] = field(default_factory=dict)
    source: str | None = None

    def price(self, quantities: Mapping[str, float]) -> float | None:
        """USD for the quantities; None when one of their units has no known price, or when nothing is counted.

        `cached_input_token` is a part of `input_token`: with a price of its own it is charged that, else like the rest.
        """
        if "cached_input_token" in quantities:
            quantities = dict(quantities)
            cached = quantities.pop("cached_input_token")
            if "cached_input_token" in self.prices:
                fresh = max(0.0, quantities.get("input_token", 0.0) - cached)
                quantities |= {"input_token": fresh}
                rest = self.price(quantities)
                return None if rest is None else rest + cached * self.prices["cached_input_token"]
        if not quantities or any(unit not in self.prices for unit, amount in quantities.items() if amount):
            return None
        return sum(self.prices.get(unit, 0.0) * amount for unit, amount in quantities.items())

    def price_text(self) -> str:
        """The prices for people: small units by the million."""
        if not self.prices:
            return "unknown"
        if not any(self.prices.values()):
            return "free"
        return ", ".join(_price_text(unit, price) for unit, price in self.prices.items())


def _price_text(unit: str, price: float) -> str:
    name = unit.replace("_", " ")
    if unit.endswith("token") or unit == "character":
        return f"${price * 1e6:.2f}/M {name}s"
    return f"${price:.4g}/{name}"


@dataclass(frozen=True, slots=True)
class ProviderCatalog:
    """What is known of one provider's models.

    Attributes:
        patterns: rows whose names hold a "*", in the order of the file; they speak for the models that have no row of their own, such as
            all models of a server at home.
    """

    provider: str
    models: Mapping[str, Model]
    defaults: Mapping[AIServiceType, str]
    extra: Mapping[str, Any]
    as_of: datetime.date | None = None
    patterns: tuple[Model, ...] = ()

    def find(self, name: str) -> Model | None:
        """One model: its own row, else the first pattern that fits."""
        found = self.models.get(name)
        if found is not None or not name:
            return found
        fitting = (row for row in self.patterns if fnmatch.fnmatchcase(name, row.name))
        row = next(fitting, None)
        return None if row is None else dataclasses.replace(row, name=name)

    def default(self, service: AIServiceType) -> str | None:
        """Model taken when the user names none."""
        return self.defaults.get(service.canonical)


Shipped: TypeAlias = Mapping[str, Any] | str | None
"""One provider's rows: the data, or "package:file.yaml"; None for the built-in file."""


class Catalog:
    """All providers' models.

    Args:
        overlay: the user's own file, {provider: {same shape as the built-in files}}. What it says wins, field by field.
        shipped: tells which rows a provider brings along, see `ProviderSpec.catalog`.
    """

    def __init__(self, overlay: Path | None = None, shipped: Callable[[str], Shipped] | None = None) -> None:
        self._overlay: Mapping[str, Any] = _read_overlay(overlay) if overlay else {}
        self._shipped = shipped
        self._loaded: dict[str, ProviderCatalog] = {}

    def provider(self, name: str) -> ProviderCatalog:
        """The models of a provider; empty for one the catalog does not know.

        Raises:
            ConfigurationError: its rows cannot be read, or hold a figure of the wrong kind.
        """
        found = self._loaded.get(name)
        if found is None:
            rows = self._shipped(name) if self._shipped is not None else None
            base = _builtin(name) if rows is None else _brought(name, rows)
            found = self._loaded[name] = parse(name, _merge(base, self._overlay.get(name) or {}))
        return found

    def priced_by_user(self, provider: str, name: str | None) -> bool:
        """Whether the user's own file states prices for a model: they win over every other source."""
        models = (self._overlay.get(provider) or {}).get("models") or {}
        return bool((models.get(name) or {}).get("prices"))

    def model(self, provider: str, name: str | None) -> Model | None:
        """One model, None when the catalog does not know it."""
        return self.provider(provider).find(name or "")


@functools.cache
def _builtin(name: str) -> Mapping[str, Any]:
    file = resources.files(__package__).joinpath(f"{name}.yaml")
    if not name.replace("_", "").isalnum() or not file.is_file():
        return {}
    loaded: Mapping[str, Any] = yaml.load(file.read_bytes(), Loader=_LOADER)  # noqa: S506 (the C safe loader)
    return loaded


def builtin_names() -> list[str]:
    """Providers that have a built-in file."""
    files = (file.name for file in resources.files(__package__).iterdir())
    return sorted(name.removesuffix(".yaml") for name in files if name.endswith(".yaml"))


def _brought(provider: str, rows: Mapping[str, Any] | str) -> Mapping[str, Any]:
    if isinstance(rows, Mapping):
        return rows
    package, _, name = rows.partition(":")
    try:
        loaded = yaml.load(resources.files(package).joinpath(name).read_bytes(), Loader=_LOADER)  # noqa: S506 (as above)
    except (OSError, ImportError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{provider}: cannot read its catalog {rows!r}: {_one_line(error)}.") from error
    if not isinstance(loaded, Mapping):
        raise ConfigurationError(f"{provider}: its catalog {rows!r} must be a mapping.")
    return loaded


def _read_overlay(path: Path) -> Mapping[str, Any]:
    try:
        loaded = yaml.load(path.read_bytes(), Loader=_LOADER)  # noqa: S506 (the C safe loader)
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cannot read the catalog {path.name!r}: {_one_line(error)}.") from error
    if not isinstance(loaded, Mapping) or any(not isinstance(block, Mapping) for block in loaded.values()):
        raise ConfigurationError(f"the catalog {path.name!r} must map provider names to their models.")
    for provider, block in loaded.items():
        models = block.get("models", {})
        if not isinstance(models, Mapping) or any(not isinstance(row, Mapping) for row in models.values()):
            raise ConfigurationError(f"the catalog {path.name!r}: {provider}.models must map names to rows.")
    return loaded


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def parse(name: str, data: Mapping[str, Any]) -> ProviderCatalog:
    """Turn one provider's data into models.

    Raises:
        ConfigurationError: a figure of the wrong kind; names the model and the field.
    """
    models = {}
    for model_name, row in (data.get("models") or {}).items():
        try:
            models[str(model_name)] = _model(name, str(model_name), row or {})
        except (TypeError, ValueError, AttributeError) as error:
            raise ConfigurationError(f"catalog: {name}/{model_name} is wrong: {error}") from error
    defaults = {service_type(word): model for word, model in (data.get("defaults") or {}).items()}
    known = ("models", "defaults", "provider", "as_of")
    extra = {key: value for key, value in data.items() if key not in known}
    patterns = tuple(models.pop(label) for label in list(models) if "*" in label)
    return ProviderCatalog(name, models, defaults, extra, _date(data.get("as_of")), patterns)


def _model(provider: str, name: str, row: Mapping[str, Any]) -> Model:
    return Model(
        name=name,
        provider=provider,
        services=tuple(service_type(word) for word in row.get("services", ())),
        prices={str(unit): float(price) for unit, price in (row.get("prices") or {}).items()},
        released=_date(row.get("released")),
        retires=_date(row.get("retires")),
        replaced_by=row.get("replaced_by"),
        flags=frozenset(row.get("flags") or ()),
        limits=row.get("limits") or {},
        source=row.get("source"),
    )


def _date(value: Any) -> datetime.date | None:
    if value is None or isinstance(value, datetime.date):
        return value
    return datetime.date.fromisoformat(str(value))
