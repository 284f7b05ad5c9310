"""Measurements of pictures."""

from __future__ import annotations

from pathlib import Path

from viralai_sdk.compare.cells import Value
from viralai_sdk.compare.decode.pictures import decode_picture
from viralai_sdk.compare.metrics.pixels import SIDE, describe
from viralai_sdk.compare.metrics.registry import Sample
from viralai_sdk.compare.metrics.shape import compliance
from viralai_sdk.interfaces.errors import AIError, EmptyResultError


def measure(sample: Sample, failures: list[AIError]) -> dict[str, Value]:
    """All facts of the first picture.

    Raises:
        AIError: it is gone or cannot be decoded.
    """
    first = getattr(sample.response, "first_image", None)
    if first is None:
        raise EmptyResultError("the response has no picture.")
    path = Path(first)
    picture = decode_picture(path, SIDE)
    return {
        "file_size": path.stat().st_size,
        "width": picture.width,
        "height": picture.height,
        **compliance(picture.width, picture.height, sample.parameters),
        **describe(picture.image),
    }
