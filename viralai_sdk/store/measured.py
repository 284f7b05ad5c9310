"""What measuring a media file tells, and the words for a file that is not what it should be."""

from __future__ import annotations

from dataclasses import dataclass

from viralai_sdk.interfaces.errors import MalformedResponseError
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.store.redact import redact

MAX_PIXELS = 200_000_000
"""Larger pictures are refused: decoding one would take gigabytes of memory."""


@dataclass(slots=True, frozen=True)
class Measured:
    """Facts read from the bytes of a file; None where they do not apply or cannot be known.

    Attributes:
        width, height: as shown, in pixels.
        duration: seconds.
        fps: mean frames a second.
        sample_rate: Hz.
    """

    media_type: str
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    fps: float | None = None
    sample_rate: int | None = None
    channels: int | None = None
    has_audio: bool | None = None
    has_video: bool | None = None


def malformed(message: str) -> MalformedResponseError:
    """The error for a file that is damaged or of another kind."""
    return MalformedResponseError(message, hint="Generate it again; if it stays like this, the provider is at fault.")


def truncated(what: str) -> MalformedResponseError:
    """The error for a file whose end is missing."""
    return malformed(f"the {what} is cut off: its end is missing.")


def check_size(width: int, height: int, what: str) -> None:
    """Raise `MalformedResponseError` for an empty picture or one beyond `MAX_PIXELS`."""
    if width < 1 or height < 1:
        raise malformed(f"the {what} has no size ({width}×{height}).")
    if width * height > MAX_PIXELS:
        raise malformed(f"the {what} claims {width}×{height} pixels; the limit is {MAX_PIXELS // 1_000_000} million.")


def describe(head: bytes) -> str:
    """In a few words, what these first bytes are."""
    known = sniff(head)
    if known:
        return f"a file of type {known}"
    text = head[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    lower = text.lower()
    if lower.startswith((b"<!doctype html", b"<html")):
        kind = "an HTML page"
    elif text.startswith(b"<"):
        kind = "an XML document"
    elif text.startswith((b"{", b"[")):
        kind = "JSON"
    elif text and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in text):
        kind = "plain text"
    elif not head.strip(b"\0"):
        return "a run of zero bytes"
    else:
        return f"unknown bytes (they start with {head[:8].hex(' ')})"
    return f"{kind} (it starts with {redact(text[:60].decode('utf-8', 'replace'))!r})"
