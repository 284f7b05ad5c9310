"""Keep secrets and signed addresses out of everything that is written down."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from typing import Any

MARK = "[redacted]"
SHORTEST_SECRET = 6
"""Shorter strings are not registered: replacing them would wreck ordinary words and hide nothing."""

_SECRET_FIELD = re.compile(
    r"(?:.*[_.])?(?:api_?key|secret|secret_?key|client_?secret|password|passwd|pwd|authorization|cookie|private_?key|credentials?|"
    r"(?:access|refresh|auth|id|bearer|session|security)_?token|access_?key(?:_?id)?|signature|signed_?url)"
)
_SIGNED_PARAMETER = re.compile(
    r"(?i)[?&;](?:amp;)?(?:x-goog-[\w-]+|x-amz-[\w-]+|sig|signature|token|access_token|auth|key|api_?key|expires|key-pair-id|policy|hmac|"
    r"googleaccessid|awsaccesskeyid|se|sv|st|hdnts|hash|jwt|secret|password)="
)
_URL = re.compile(r"(?i)\b((?:https?|wss?)://)([^\s\"'<>\\^`{|}]+)")
_BEARER = re.compile(r"(?i)\b(bearer|basic|key|token)\s+[A-Za-z0-9_\-.~+/]{12,}=*")
_HEADER = re.compile(
    r"(?i)\b(authorization|(?:x-|xi-)?(?:goog-)?api[-_]?key)([\"']?\s*[:=]\s*[\"']?)([^\s\"',;&}]{6,})"
)
_KEY_SHAPE = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{16,}|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{16,}|AKIA[A-Z0-9]{16}|gsk_[A-Za-z0-9]{16,}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+)"
)
_SUSPECT = re.compile(
    r"(?i)://|\\u|\\/|bearer|basic|authorization|auth\"|key|secret|token\"|[_-]token\b|token\s|passw|pwd|cookie|credential|signature"
    r"|signed|sk-|aiza|ya29|akia|gsk_|eyj"
)
"""A quick look at a whole text: without a hit there is nothing that the patterns above would change."""

_lock = threading.Lock()
_secrets: set[str] = set()
_pattern: re.Pattern[str] | None = None


def register_secret(secret: str) -> None:
    """From now on this string is replaced wherever it turns up. Strings under six characters are ignored."""
    global _pattern
    secret = secret.strip()
    if len(secret) < SHORTEST_SECRET:
        return
    with _lock:
        if secret in _secrets:
            return
        _secrets.add(secret)
        ordered = sorted(_secrets, key=len, reverse=True)
        _pattern = re.compile("|".join(map(re.escape, ordered)))


def redact(value: Any) -> Any:
    """A copy of a JSON-like value without secrets: signed query strings, key-like fields and registered secrets are replaced.

    Mappings, lists, tuples and strings are looked into; everything else is returned as it is.
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {_text(key) if isinstance(key, str) else key: _field(key, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact(item) for item in value]
    return value


def redact_json(value: Any) -> str | None:
    """JSON text of a value, or of JSON text, without secrets; None stays None."""
    if value is None:
        return None
    if not isinstance(value, str):
        return json.dumps(redact(value), ensure_ascii=False, separators=(",", ":"), default=_plain)
    if not _SUSPECT.search(value) and not (_pattern is not None and (_pattern.search(value) or "\\" in value)):
        return value
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return _text(value)
    return json.dumps(redact(parsed), ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """What JSON has no word for is written as text, and that text must be clean as well."""
    dump = getattr(value, "model_dump", None)
    return redact(dump(mode="json") if callable(dump) else str(value))


def _field(key: Any, value: Any) -> Any:
    if isinstance(key, str) and value is not None and not isinstance(value, (bool, int, float)):
        name = key.strip().lower().replace("-", "_")
        if _SECRET_FIELD.fullmatch(name):
            return MARK
        # Bare "key" and "token" also name harmless things; a real one is long and has no spaces.
        if name in ("key", "token", "auth") and isinstance(value, str) and len(value) >= 12 and " " not in value:
            return MARK
    return redact(value)


def _text(text: str) -> str:
    if _pattern is not None:
        text = _pattern.sub(MARK, text)
    if "://" in text:
        text = _URL.sub(_url, text)
    if _SUSPECT.search(text):
        text = _HEADER.sub(_header, text)
        text = _BEARER.sub(_bearer, text)
        text = _KEY_SHAPE.sub(MARK, text)
    return text


def _url(match: re.Match[str]) -> str:
    scheme, rest = match.group(1), match.group(2)
    host, slash, path = rest.partition("/")
    if "@" in host:
        host = MARK + "@" + host.rpartition("@")[2]
    rest = host + slash + path
    question = rest.find("?")
    if question >= 0 and _SIGNED_PARAMETER.search(rest, question):
        rest = rest[: question + 1] + MARK
    return scheme + rest


def _header(match: re.Match[str]) -> str:
    if match.group(3).startswith(MARK) or match.group(3).lower() in ("bearer", "basic"):
        return match.group(0)
    return match.group(1) + match.group(2) + MARK


def _bearer(match: re.Match[str]) -> str:
    word = match.group(0).split(None, 1)[1]
    # "key" and "token" are ordinary words: what follows must look made by a machine.
    if match.group(1).lower() in ("key", "token", "basic") and not (
        re.search(r"\d", word) and re.search("[A-Za-z]", word)
    ):
        return match.group(0)
    return match.group(1) + " " + MARK
