"""Multipart bodies for picture edits: scalar fields the way the vendor's client writes them, and masks with an alpha channel."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

from viralai_sdk.interfaces.errors import InvalidRequestError


def form_fields(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A body as text parts: booleans in lower case, nested names in brackets, lists as repeated `name[]`; None is left out."""
    return [pair for name, value in body.items() for pair in _flatten(name, value)]


def _flatten(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flatten(f"{name}[{key}]", inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _flatten(f"{name}[]", inner)
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    else:
        yield name, str(value)


def mask_with_alpha(data: bytes, **runner: Any) -> bytes:
    """A PNG mask as the vendor reads it: transparent where the picture may change. One that has alpha already passes unchanged;
    of others, white becomes transparent.

    Args:
        runner: what the runner gives every computation; the work is too short to report and needs no files.

    Raises:
        InvalidRequestError: the bytes cannot be read as a picture.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data)) as mask:
            mask.load()
            if mask.has_transparency_data and mask.format == "PNG":
                return data
            if mask.has_transparency_data:
                changed = mask.convert("RGBA")
            else:
                grey = mask.convert("L")
                changed = Image.merge("LA", (grey, ImageOps.invert(grey))).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidRequestError("mask: the file cannot be read as a picture.", hint="Give a PNG.") from error
    buffer = io.BytesIO()
    changed.save(buffer, "PNG")
    return buffer.getvalue()
