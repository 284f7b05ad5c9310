"""What the catalog's data say about a model. OpenAI's own list of models names no capabilities."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def catalog() -> Mapping[str, Any]:
    """The provider's data file, read once."""
    text = (files("viralai_sdk") / "catalog" / "openai.yaml").read_text("utf-8")
    data: Mapping[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return data


def flags(model: str) -> frozenset[str]:
    """Capabilities of a model; empty for one the catalog does not know."""
    row = catalog()["models"].get(model) or {}
    return frozenset(row.get("flags") or ())


def known(model: str) -> bool:
    """Whether the catalog has the model."""
    return model in catalog()["models"]


def prices(model: str) -> Mapping[str, float]:
    """USD for each unit the model is billed by; empty when unknown."""
    row = catalog()["models"].get(model) or {}
    return row.get("prices") or {}


def takes_any_size(model: str) -> bool:
    """Whether an image model draws any size in steps of 16 pixels. Ids that the catalog lacks go by their number: from 2 on."""
    if known(model):
        return "any_size" in flags(model)
    number = re.match(r"gpt-image-(\d+)", model)
    return number is not None and int(number[1]) >= 2
