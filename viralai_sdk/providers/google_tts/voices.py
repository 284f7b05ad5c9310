"""Which voice a request means, and what the voice cannot do. The data are in the catalog."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from viralai_sdk.catalog.catalog import Catalog, ProviderCatalog

_NAME = re.compile(r"([a-z]{2,3}-[A-Za-z0-9]{2,8})-.+")


@cache
def catalog() -> ProviderCatalog:
    """This provider's part of the catalog as it was shipped, read once."""
    return Catalog().provider("google_tts")


def locale(language: str) -> str:
    """The language as the vendor writes it: "pt_BR" → "pt-BR", "de" → "de-DE"."""
    word, _, region = language.replace("_", "-").partition("-")
    if region:
        return f"{word.lower()}-{region.upper() if len(region) == 2 else region}"
    regions: Mapping[str, str] = catalog().extra["regions"]
    return regions.get(word.lower(), word.lower())


def choose(voice_id: str | None, language: str) -> dict[str, str]:
    """The `voice` of a request. A voice's own name says its language; "female", "narrator" and the like are looked up."""
    code = locale(language)
    if not voice_id:
        return {"languageCode": code}
    generic: Mapping[str, Mapping[str, str]] = catalog().extra["generic_voices"]
    meant = generic.get(voice_id.strip().lower().replace("-", "_").replace(" ", "_"))
    if meant is None:
        named = _NAME.fullmatch(voice_id)
        return {"languageCode": named[1] if named else code, "name": voice_id}
    if code in meant:
        return {"languageCode": code, "name": meant[code]}
    return {"languageCode": code, "ssmlGender": meant["gender"]}


def lacks(voice: Mapping[str, Any]) -> frozenset[str]:
    """What a voice cannot do: "pitch", "ssml"."""
    name = str(voice.get("name", ""))
    families: Mapping[str, list[str]] = catalog().extra["families"]
    return frozenset(
        missing for family, all_missing in families.items() if f"-{family}-" in name for missing in all_missing
    )
