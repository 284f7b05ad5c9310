"""Rows of data made into provider specs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.names import AIServiceType, service_type

CLASSES = {
    AIServiceType.TEXT_GENERATION: "viralai_sdk.providers.compatible.text:CompatibleTextService",
    AIServiceType.IMAGE_GENERATION: "viralai_sdk.providers.compatible.image:CompatibleImageService",
    AIServiceType.SPEECH_SYNTHESIS: "viralai_sdk.providers.compatible.speech:CompatibleSpeechService",
}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def rows() -> Mapping[str, Mapping[str, Any]]:
    """The shipped rows by provider name."""
    data = resources.files(__package__).joinpath("rows.yaml").read_bytes()
    loaded: Mapping[str, Mapping[str, Any]] = yaml.load(data, Loader=_LOADER)  # noqa: S506 (the C safe loader)
    return loaded


def classes_of(services: Iterable[str]) -> dict[AIServiceType, str]:
    """The classes that serve the services named in a row.

    Raises:
        ConfigurationError: no such service.
    """
    kinds = [service_type(word) for word in services]
    return {kind: CLASSES[kind] for kind in kinds if kind in CLASSES}


def shipped_specs() -> tuple[ProviderSpec, ...]:
    """A spec for every shipped row."""
    return tuple(_spec(name, row) for name, row in rows().items())


def _article(title: str) -> str:
    return "an" if title[0].lower() in "aeioux" else "a"  # "an xAI key", as it is spoken


def _spec(name: str, row: Mapping[str, Any]) -> ProviderSpec:
    local = bool(row.get("local"))
    title = str(row["title"])
    return ProviderSpec(
        name=name,
        title=title,
        services=classes_of(row["services"]),
        key_env=tuple(row["key_env"]),
        key_required=not local,
        base_url=row["base_url"],
        local=local,
        aliases=dict.fromkeys(row.get("aliases", ())),
        needs=f"a running {title}" if local else f"{_article(title)} {title} key",
        models=row.get("models"),
    )
