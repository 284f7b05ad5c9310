"""Finds providers: the built-in folders, third parties' entry points, and what is registered by hand."""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.interfaces.names import AIProvider, AIServiceType, provider_name, shorten, suggest
from viralai_sdk.interfaces.service import AIService

if TYPE_CHECKING:
    from viralai_sdk.interfaces.local_models import ModelManager

ENTRY_POINT_GROUP = "viralai_sdk.providers"

BUILTIN = (
    "openai",
    "anthropic",
    "gemini",
    "vertex",
    "cohere",
    "google_tts",
    "elevenlabs",
    "runway",
    "stability",
    "comfyui",
    "compatible",
    "ollama",
    "lmstudio",
    "llamacpp",
    "embedded",
)
"""One line a provider: the folder's name. The order is the order of preference when keys for several are found."""


@functools.cache
def builtin_specs() -> dict[str, ProviderSpec]:
    """The providers that come with the package, by name. One folder makes one, or several from rows of data."""
    found: dict[str, ProviderSpec] = {}
    for folder in BUILTIN:
        module = importlib.import_module(f"viralai_sdk.providers.{folder}")
        found |= {spec.name: spec for spec in getattr(module, "PROVIDERS", None) or (module.PROVIDER,)}
    return found


@functools.cache
def specs() -> dict[str, ProviderSpec]:
    """All providers by name, the built-in ones first. A third party's package is found through its entry point.

    Raises:
        ConfigurationError: an installed package's entry point cannot be loaded, or takes a built-in name.
    """
    found = dict(builtin_specs())
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            spec = point.load()
        except Exception as error:
            raise ConfigurationError(
                f"the provider {point.name!r} of an installed package cannot be loaded: {error}",
                hint="Mend or uninstall that package.",
            ) from error
        if not isinstance(spec, ProviderSpec):
            raise ConfigurationError(f"the entry point {point.value!r} is no ProviderSpec but a {type(spec).__name__}.")
        if spec.name in found:
            raise ConfigurationError(f"the name {spec.name!r} of {point.value!r} is taken already.")
        found[spec.name] = spec
    return found


@functools.cache
def aliases() -> dict[str, list[tuple[AIServiceType | None, str]]]:
    """Other names → (service they are tied to, or None; provider)."""
    table: dict[str, list[tuple[AIServiceType | None, str]]] = {}
    for spec in specs().values():
        for alias, tied in spec.aliases.items():
            for service in tied if isinstance(tied, tuple) else (tied,):
                table.setdefault(alias, []).append((service, spec.name))
    return table


def resolve(value: AIProvider | str, service: AIServiceType | None = None) -> str:
    """Name of the provider that a person means: enum member, any case, or a product name such as "veo".

    Raises:
        ConfigurationError: nobody has that name; the message names the nearest one.
    """
    word = provider_name(value)
    if word in specs() or word in _by_hand or word in _configured:
        return word
    candidates = aliases().get(word, [])
    for tied, name in candidates:
        if tied is None or service is None or tied is service.canonical:
            return name
    if candidates:
        tied = candidates[0][0]
        what = tied.short if tied else "another service"
        raise ConfigurationError(f"{word!r} is a name for {what}, not for {service.short if service else 'this'}.")
    known = [*specs(), *aliases(), *_by_hand, *_configured]
    raise ConfigurationError(
        f"there is no provider {shorten(word)!r}.", hint=suggest(word, known, f"Providers: {', '.join(specs())}.")
    )


def alias_pairs(service: AIServiceType) -> list[tuple[str, str]]:
    """(alias, provider) for every alias that means something for a service."""
    return [
        (alias, name) for alias, rows in aliases().items() for tied, name in rows if tied in (None, service.canonical)
    ]


def all_names() -> list[str]:
    """Names of all providers: built-in, installed, registered by hand."""
    others = dict.fromkeys([*_configured, *_by_hand])
    return [*specs(), *(name for name in others if name not in specs())]


_configured: dict[str, ProviderSpec] = {}


def register_spec(spec: ProviderSpec) -> None:
    """Make known a provider that a configuration names. Of two specs for one name the services are joined.

    A spec says which classes serve, and nothing of one client: address, key and flags stay in the configuration that holds them.
    """
    known = _configured.get(spec.name)
    services = {**known.services, **spec.services} if known else spec.services
    _configured[spec.name] = dataclasses.replace(spec, services=services)


_by_hand: dict[str, dict[AIServiceType, type[AIService]]] = {}


def register(service: AIServiceType, provider: AIProvider | str, implementation: type[AIService]) -> None:
    """Make a class serve a service of a provider, from now on and in place of what served it before."""
    _by_hand.setdefault(provider_name(provider), {})[service.canonical] = implementation


def spec_of(name: str) -> ProviderSpec:
    """The spec of a provider; a class registered by hand gets one that asks for nothing."""
    found = specs().get(name) or _configured.get(name)
    if found is None:
        found = ProviderSpec(name, name, {}, key_required=False, needs="registered by hand")
    return found


def catalog_of(name: str) -> Mapping[str, Any] | str | None:
    """Catalog rows that a provider brings along: the data, or where in its package they are."""
    found = specs().get(name)
    return found.catalog if found is not None else None


def services_of(name: str) -> list[AIServiceType]:
    """Services that a provider has."""
    served = set(spec_of(name).services) | set(_by_hand.get(name, {}))
    return [service for service in AIServiceType if service in served]


@functools.cache
def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def managers() -> list[str]:
    """Names of the providers whose models can be managed."""
    return [name for name, spec in specs().items() if spec.models]


def model_manager(name: str) -> type[ModelManager]:
    """The class that manages a local server's models, imported now.

    Raises:
        ConfigurationError: there is nothing to manage; the message lists who has.
    """
    path = spec_of(name).models
    if path is None:
        raise ConfigurationError(
            f"{name} keeps no models that could be managed.",
            provider=name,
            hint=f"These do: {', '.join(managers())}.",
        )
    loaded: type[ModelManager] = _load(path)
    return loaded


def implementation(name: str, service: AIServiceType) -> type[AIService]:
    """The class that serves a service, imported now.

    Raises:
        ConfigurationError: the provider does not have the service; the message lists who does.
    """
    service = service.canonical
    by_hand = _by_hand.get(name, {}).get(service)
    if by_hand is not None:
        return by_hand
    path = spec_of(name).services.get(service)
    if path is None:
        others = [other for other in [*specs(), *_by_hand] if service in services_of(other)]
        raise ConfigurationError(
            f"{name} has no {service.short} service.",
            provider=name,
            service=service.value,
            hint=f"These have: {', '.join(others)}.",
        )
    loaded: type[AIService] = _load(path)
    return loaded
