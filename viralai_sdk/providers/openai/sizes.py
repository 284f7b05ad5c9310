"""Which size a picture is asked for in, and what of the request's wish that changes."""

from __future__ import annotations

import math

from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.providers.openai.models import takes_any_size

FIXED = ((1024, 1024), (1536, 1024), (1024, 1536))
"""Sizes of the models before gpt-image-2."""
STEP = 16
LONGEST, SHORTEST = 3840, 2160
"""The largest picture of gpt-image-2 and later is 3840x2160, either way round."""
FLATTEST = 3.0
"""Widest ratio of long to short side."""


def choose_size(request: ImageGenerationRequest, model: str) -> str:
    """The `size` field: "1024x576", or "auto" when the request leaves size and ratio open."""
    if request.aspect_ratio is None and not (request.width or request.height):
        return "auto"
    width, height = _free(*request.size()) if takes_any_size(model) else _nearest(request.ratio())
    return f"{width}x{height}"


def size_warning(request: ImageGenerationRequest, model: str) -> CallWarning | None:
    """A note when the picture will not have the size or, where only that was asked for, the ratio of the request."""
    chosen = choose_size(request, model)
    if chosen == "auto":
        return None
    width, height = map(int, chosen.split("x"))
    wanted_size = [(request.width, width), (request.height, height)]
    if any(wanted and wanted != given for wanted, given in wanted_size):
        asked = "x".join(str(wanted or "?") for wanted, _ in wanted_size)
        return CallWarning(
            kind="adjusted", parameter="width/height", message=f"{asked} is not offered; {chosen} was asked for."
        )
    if abs(math.log(width / height / request.ratio())) > 0.01:
        message = f"{request.aspect_ratio} is not offered; {chosen} was asked for."
        return CallWarning(kind="adjusted", parameter="aspect_ratio", message=message)
    return None


def _nearest(ratio: float) -> tuple[int, int]:
    return min(FIXED, key=lambda size: abs(math.log(size[0] / size[1] / ratio)))


def _free(width: int, height: int) -> tuple[int, int]:
    """The nearest size in steps of 16 pixels that is not too large; a picture that would be too flat gets a longer short side."""
    long, short = float(max(width, height)), max(min(width, height), max(width, height) / FLATTEST)
    scale = min(1.0, LONGEST / long, SHORTEST / short)
    longer = max(STEP, round(long * scale / STEP) * STEP)
    shorter = max(round(short * scale / STEP), math.ceil(longer / FLATTEST / STEP)) * STEP
    return (longer, shorter) if width > height else (shorter, longer)
