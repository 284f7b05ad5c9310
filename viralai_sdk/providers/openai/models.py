"""What the catalog says about a model. OpenAI's own list of models names no capabilities."""

from __future__ import annotations

import re
from functools import cache

from viralai_sdk.catalog.catalog import Catalog, Model, ProviderCatalog


@cache
def catalog() -> ProviderCatalog:
    """OpenAI's part of the catalog as it was shipped, read once. A user's overlay changes prices, which are not an adapter's business."""
    return Catalog().provider("openai")


def find(model: str) -> Model | None:
    """One model, None when the catalog does not know it."""
    return catalog().models.get(model)


def responses_only(model: str) -> bool:
    """Whether a text model has no chat completions."""
    row = find(model)
    return row is not None and "responses_only" in row.flags


def follows_instructions(model: str) -> bool:
    """Whether a speech model can be told how to speak: all but the tts-1 models."""
    row = find(model)
    return "instructions" in row.flags if row else not model.startswith("tts-1")


def billed_by_second(model: str) -> bool:
    """Whether a speech model is priced by the length of the recording."""
    row = find(model)
    return row is not None and "second" in row.prices


def takes_any_size(model: str) -> bool:
    """Whether an image model draws any size in steps of 16 pixels. Ids that the catalog lacks go by their number: from 2 on."""
    if row := find(model):
        return "any_size" in row.flags
    number = re.match(r"gpt-image-(\d+)", model)
    return number is not None and int(number[1]) >= 2
