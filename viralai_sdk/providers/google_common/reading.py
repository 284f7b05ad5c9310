"""Reading values out of answers of any shape, and base64 in both of its alphabets."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from viralai_sdk.interfaces.errors import MalformedResponseError
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.interfaces.steps import Blob

SHAPE_ERRORS = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)
"""What reading an answer of a wrong shape raises."""
_STANDARD = str.maketrans("-_", "+/")


def count(value: Any, *path: str) -> int | None:
    """A whole number from 0 up at the end of a path of keys, else None."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def word(value: Any) -> str | None:
    """A text that is not empty, else None."""
    return value if isinstance(value, str) and value else None


def decode(encoded: Any) -> bytes:
    """Bytes out of base64, standard or URL-safe, padded or not.

    Raises:
        MalformedResponseError: it is neither.
    """
    try:
        text = encoded.translate(_STANDARD)
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (AttributeError, TypeError, ValueError, binascii.Error) as error:
        raise MalformedResponseError("a file in the answer is not base64.", billed="yes") from error


def media(data: bytes, kind: str) -> Blob:
    """Decoded bytes as a file of a kind such as "image". Its type is told by the bytes, not by what the answer calls it.

    Raises:
        MalformedResponseError: it is something else.
    """
    found = sniff(data[:64])
    if found is None or not found.startswith(f"{kind}/"):
        raise MalformedResponseError(f"what came as {kind} is none; it starts with {data[:16]!r}.", billed="yes")
    return Blob(data, found)
