"""What the catalog says about ElevenLabs."""

from __future__ import annotations

from functools import cache

from viralai_sdk.catalog.catalog import Catalog, ProviderCatalog


@cache
def catalog() -> ProviderCatalog:
    """ElevenLabs' part of the catalog as it was shipped, read once."""
    return Catalog().provider("elevenlabs")


def takes_language(model: str) -> bool:
    """Whether a model can be told the language. The multilingual_v2 models hear it from the text and refuse the field."""
    row = catalog().models.get(model)
    return "language_code" in row.flags if row else "multilingual_v2" not in model
