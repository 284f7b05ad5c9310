"""Names of sessions and files that are safe on every filesystem."""

from __future__ import annotations

import datetime
import re
import secrets
import unicodedata

from viralai_sdk.interfaces.errors import ConfigurationError

STEM_CHARACTERS = 40
_SESSION = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?")
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
"""Names that Windows keeps for devices, with any ending."""


def slug(text: str) -> str:
    """A file name's stem: lower-case ASCII letters, digits and "-", at most 40 characters, never empty and never a device's name."""
    plain = unicodedata.normalize("NFKD", text[:400]).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    stem = words[:STEM_CHARACTERS]
    whole = words[: STEM_CHARACTERS + 1].rpartition("-")[0]
    if len(words) > STEM_CHARACTERS and len(whole) > STEM_CHARACTERS // 2:
        stem = whole  # rather one word less than half of it
    if not stem:
        return "untitled"
    return f"{stem}-file" if stem in _RESERVED else stem


def new_session_id() -> str:
    """`session_YYYYMMDD_HHMMSS_<4 hex>` in local time; two in one second differ."""
    return f"session_{datetime.datetime.now().astimezone():%Y%m%d_%H%M%S}_{secrets.token_hex(2)}"


def check_folder_name(name: str, what: str) -> str:
    """The name, when it is one plain folder: no separators, no "..", no device.

    Raises:
        ConfigurationError: it is not.
    """
    if _SESSION.fullmatch(name) is None or ".." in name or name.partition(".")[0].lower() in _RESERVED:
        raise ConfigurationError(
            f"{what} {name!r} is not usable as the name of a folder.",
            hint="Use letters, digits, '-', '_' and single dots, at most 100 of them.",
        )
    return name
