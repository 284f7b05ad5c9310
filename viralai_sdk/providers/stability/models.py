"""What the catalog says about Stability's models."""

from __future__ import annotations

from functools import cache

from viralai_sdk.catalog.catalog import Catalog, ProviderCatalog


@cache
def catalog() -> ProviderCatalog:
    """Stability's part of the catalog as it was shipped, read once."""
    return Catalog().provider("stability")


def canonical(model: str) -> str:
    """The catalog's name of a model that people call "ultra", "core" or "sd3.5"."""
    return str(catalog().extra["short_names"].get(model, model))


def route_of(model: str) -> str:
    """The route that serves a model: "generate/ultra", "edit/inpaint", … Ids that the catalog lacks are variants of `sd3`."""
    row = catalog().models.get(canonical(model))
    return str(row.limits["route"]) if row else "generate/sd3"


def flag(model: str, name: str) -> bool:
    """Whether the catalog gives a model a flag."""
    row = catalog().models.get(canonical(model))
    return row is not None and name in row.flags
