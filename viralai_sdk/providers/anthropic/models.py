"""What the catalog says about Anthropic's models."""

from __future__ import annotations

from functools import cache

from viralai_sdk.catalog.catalog import Catalog, ProviderCatalog


@cache
def catalog() -> ProviderCatalog:
    """Anthropic's part of the catalog as it was shipped, read once."""
    return Catalog().provider("anthropic")


def default_max_tokens(model: str) -> int:
    """Longest answer asked for when nobody sets one: the model's limit, but no more than the provider's default."""
    usual = int(catalog().extra["default_max_tokens"])
    row = catalog().models.get(model)
    limit = row.limits.get("max_tokens") if row is not None else None
    return usual if limit is None else min(usual, int(limit))
