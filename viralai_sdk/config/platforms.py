"""Platform presets: the one table of sizes, ratios and frame rates."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources

import yaml

from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import suggest


@dataclass(frozen=True, slots=True)
class Platform:
    """Where a film will be shown. `max_seconds` is None where the platform sets no limit that matters here."""

    name: str
    width: int
    height: int
    ratio: str
    fps: int
    max_seconds: float | None = None


@functools.cache
def platforms() -> dict[str, Platform]:
    """All presets by name."""
    text = resources.files(__package__).joinpath("platforms.yaml").read_text("utf-8")
    return {name: Platform(name, **row) for name, row in yaml.safe_load(text).items()}


def platform(name: str) -> Platform:
    """The preset of a platform, its name in any case, with spaces, dashes or underscores.

    Raises:
        InvalidRequestError: there is none; names the nearest one.
    """
    word = name.strip().lower().replace(" ", "_").replace("-", "_")
    found = platforms().get(word)
    if found is None:
        hint = suggest(word, platforms(), f"Platforms: {', '.join(platforms())}.")
        raise InvalidRequestError(f"there is no platform {name!r}.", hint=hint)
    return found
