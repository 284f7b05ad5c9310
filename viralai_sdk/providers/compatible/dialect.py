"""Where a server's dialect differs from what most servers take."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.interfaces.names import suggest
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.providers.compatible.rows import rows

Structured = Literal["json_schema", "json_object", "none"]
PictureSize = Literal["size", "aspect_ratio", "width_height", "none"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """Flags of a server. In the configuration they stand under `compatible:` of a provider.

    Attributes:
        system_role: role of the orders: "system", or "developer".
        max_tokens_field: name of the field for the longest answer.
        seed_field: name of the field for the seed.
        stream_usage: whether a stream is asked to count tokens (`stream_options`). False when it is refused, or done anyway.
        structured: what the server enforces of a structured answer: a schema, that it is JSON, or nothing.
        model_required: False when the server has one model and does not look at the name.
        states_cost: the usage holds the price of the call in US dollars, as `cost`.
        picture_size: how a picture's size is asked for.
        picture_format: value of `response_format` for pictures; None leaves the field out.
        speech_format: format of recordings when the caller names none.
        services: services that the server has; only looked at for servers from the configuration.
    """

    system_role: str = "system"
    max_tokens_field: str = "max_tokens"
    seed_field: str = "seed"
    stream_usage: bool = True
    structured: Structured = "json_schema"
    model_required: bool = True
    states_cost: bool = False
    picture_size: PictureSize = "size"
    picture_format: str | None = "b64_json"
    speech_format: str = "mp3"
    services: tuple[str, ...] = ("text",)


KNOWN = {field.name for field in dataclasses.fields(Dialect)}
CHOICES = {"structured": get_args(Structured), "picture_size": get_args(PictureSize)}


def dialect_of(config: AIServiceConfig) -> Dialect:
    """The dialect of a provider: its shipped row, and over it what the configuration says.

    Raises:
        ConfigurationError: a flag that does not exist, or a value that it cannot have.
    """
    flags = dict(rows().get(config.name, {}).get("dialect", {}))
    return make_dialect(config.name, {**flags, **flags_of(config.name, config.custom_config.get("compatible"))})


def flags_of(name: str, said: Any) -> Mapping[str, Any]:
    """The flags in `compatible: true` (none) or `compatible: {…}`.

    Raises:
        ConfigurationError: it is neither.
    """
    if said is None or isinstance(said, bool):
        return {}
    if not isinstance(said, Mapping):
        raise ConfigurationError(f"providers.{name}.compatible must be true, or a mapping of flags.")
    return said


def make_dialect(name: str, flags: Mapping[str, Any]) -> Dialect:
    """A dialect from flags. Raises as `dialect_of`."""
    for flag, value in flags.items():
        if flag not in KNOWN:
            hint = suggest(str(flag), KNOWN, f"Flags: {', '.join(sorted(KNOWN))}.")
            raise ConfigurationError(f"providers.{name}.compatible: unknown flag {flag!r}.", hint=hint)
        if flag in CHOICES and value not in CHOICES[flag]:
            allowed = ", ".join(CHOICES[flag])
            raise ConfigurationError(f"providers.{name}.compatible.{flag} must be one of {allowed}, not {value!r}.")
    given = dict(flags)
    if "services" in given:
        named = given["services"]
        given["services"] = (named,) if isinstance(named, str) else tuple(map(str, named))
    return Dialect(**given)
