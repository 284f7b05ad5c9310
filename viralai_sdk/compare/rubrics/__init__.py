"""Rubrics: what a judge is to look at, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.interfaces.names import AIServiceType, service_type


@dataclass(frozen=True, slots=True)
class Rubric:
    """Criteria in order of weight.

    Attributes:
        criteria: sentences; the first counts most.
        guidance: what else the judge must know, "" for nothing.
    """

    name: str
    criteria: tuple[str, ...]
    guidance: str = ""


RubricLike: TypeAlias = "Rubric | str | Path | Sequence[str] | Mapping[str, Any] | None"


def rubric(given: RubricLike, service: AIServiceType | str) -> Rubric:
    """Read a rubric: None takes the service's own, a list is its criteria, a text one criterion, a path (or text in .yaml) a file.

    A file is YAML with `criteria` (a list of sentences) and optionally `name` and `guidance`.

    Raises:
        ConfigurationError: it has no criteria, or the file cannot be read.
    """
    if isinstance(given, Rubric):
        return given
    if given is None:
        own = files(__package__) / f"{service_type(service).short}.yaml"
        return _checked(yaml.safe_load(own.read_text("utf-8")), service_type(service).short)
    if isinstance(given, str) and given.endswith((".yaml", ".yml")):
        given = Path(given)
    if isinstance(given, str):
        return _checked({"criteria": [given]}, "own")
    if isinstance(given, Path):
        try:
            return _checked(yaml.safe_load(given.read_text("utf-8")), given.stem)
        except (OSError, UnicodeError, yaml.YAMLError) as error:
            raise ConfigurationError(f"the rubric {given.name!r} cannot be read ({str(error)[:120]}).") from error
    return _checked(given if isinstance(given, Mapping) else {"criteria": list(given)}, "own")


def _checked(data: Any, name: str) -> Rubric:
    criteria = data.get("criteria") if isinstance(data, Mapping) else None
    if (
        not isinstance(criteria, list)
        or not criteria
        or not all(isinstance(one, str) and one.strip() for one in criteria)
    ):
        raise ConfigurationError(
            f"the rubric {name!r} has no criteria.", hint="Give sentences: criteria: ['It answers the question.', …]."
        )
    unknown = sorted(set(data) - {"name", "criteria", "guidance"})
    if unknown:
        raise ConfigurationError(f"the rubric {name!r} has unknown entries: {', '.join(map(str, unknown))}.")
    found = tuple(" ".join(one.split()) for one in criteria)
    return Rubric(str(data.get("name") or name), found, " ".join(str(data.get("guidance") or "").split()))
