"""The engine's data files, read once: the vocabulary, the palettes and the outlines of the figures."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, cast


@cache
def load(name: str) -> dict[str, Any]:
    """The parsed data file `name` of this package (without its extension). Callers must not modify it."""
    text = (files(__package__) / f"{name}.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))
