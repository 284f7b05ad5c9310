"""Masks as the vendor reads them: grey, white where the picture may change."""

from __future__ import annotations

import io
from typing import Any

from viralai_sdk.interfaces.errors import InvalidRequestError


def mask_in_grey(data: bytes, **runner: Any) -> bytes:
    """A mask as a grey PNG. Where a mask has an alpha channel, its transparent part may change, as everywhere in this SDK.

    Args:
        runner: what the runner gives every computation; the work is too short to report and needs no files.

    Raises:
        InvalidRequestError: the bytes cannot be read as a picture.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data)) as mask:
            mask.load()
            clear = mask.has_transparency_data
            grey = ImageOps.invert(mask.convert("RGBA").getchannel("A")) if clear else mask.convert("L")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidRequestError("mask: the file cannot be read as a picture.", hint="Give a PNG.") from error
    buffer = io.BytesIO()
    grey.save(buffer, "PNG")
    return buffer.getvalue()
