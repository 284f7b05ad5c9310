"""What the catalog says about a Google model: limits and units that the APIs do not tell."""

from __future__ import annotations

from functools import cache
from typing import Any

from viralai_sdk.catalog.catalog import Catalog, Model, ProviderCatalog


@cache
def catalog(provider: str) -> ProviderCatalog:
    """A provider's part of the catalog as it was shipped, read once. A user's overlay changes prices, which no adapter asks for."""
    return Catalog().provider(provider)


def find(provider: str, model: str) -> Model | None:
    """One model, None when the catalog does not know it."""
    return catalog(provider).models.get(model)


def limit(provider: str, model: str, name: str, otherwise: Any) -> Any:
    """A figure of a model, `otherwise` when the catalog has none."""
    row = find(provider, model)
    return row.limits.get(name, otherwise) if row else otherwise


def flagged(provider: str, model: str, flag: str) -> bool:
    """Whether the catalog gives a model a flag."""
    row = find(provider, model)
    return row is not None and flag in row.flags
