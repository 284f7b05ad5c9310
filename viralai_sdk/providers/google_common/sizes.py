"""Which ratio and size class a picture or film is asked for in, and what of the request's wish that changes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.requests import ratio_value

NATIVE_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9", "21:9")
"""Ratios of the native image models."""
IMAGEN_RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9")
FILM_RATIOS = ("16:9", "9:16")
CLASSES = {"1K": 1024, "2K": 2048, "4K": 4096}
"""Size classes and their usual long side in pixels."""


def nearest_ratio(wanted: float, offered: Sequence[str]) -> str:
    """The offered ratio that is nearest."""
    return min(offered, key=lambda ratio: abs(math.log(ratio_value(ratio) / wanted)))


def ratio_warning(wanted: float, label: str, chosen: str) -> list[CallWarning]:
    """A note when the chosen ratio is another one."""
    if abs(math.log(ratio_value(chosen) / wanted)) <= 0.01:
        return []
    message = f"{label} is not offered; {chosen} was asked for."
    return [CallWarning(kind="adjusted", parameter="aspect_ratio", message=message)]


def image_ratio(request: ImageGenerationRequest, offered: Sequence[str]) -> str | None:
    """The ratio to ask for; None when the request leaves it open."""
    if request.aspect_ratio is None and not (request.width and request.height):
        return None
    return nearest_ratio(request.ratio(), offered)


def size_class(request: ImageGenerationRequest, offered: Sequence[str]) -> str | None:
    """The smallest class that is large enough, else the largest; None when the request names no size or the model has one size only."""
    if not (request.width or request.height) or not offered:
        return None
    long = max(request.size())
    fitting = [name for name in offered if CLASSES[name] >= long]
    return fitting[0] if fitting else offered[-1]


def image_warnings(request: ImageGenerationRequest, ratios: Sequence[str], classes: Sequence[str]) -> list[CallWarning]:
    """What of the wished size and ratio is adjusted."""
    warnings = []
    chosen = image_ratio(request, ratios)
    if chosen is not None:
        label = f"{request.width}x{request.height}" if request.width and request.height else str(request.aspect_ratio)
        warnings += ratio_warning(request.ratio(), label, chosen)
    if request.width or request.height:
        named = size_class(request, classes)
        size = f"its size class {named}" if named else "the one size of the model"
        message = f"the provider does not draw exact sizes; {size} was asked for."
        warnings.append(CallWarning(kind="adjusted", parameter="width/height", message=message))
    return warnings
