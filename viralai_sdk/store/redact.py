"""Keep secrets and signed addresses out of everything that is written down."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_json

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
_WORDS = (
    *("://", r"\u", r"\/", "bearer", "basic", "authorization", 'auth"', "key", "secret", "passw", "pwd", "cookie"),
    *("credential", "signature", "signed", "sk-", "aiza", "ya29", "akia", "gsk_", "eyj"),
)
_TOKEN = re.compile(r'token[\s"\\]|[_-]token\b')

_lock = threading.Lock()
_secrets: set[str] = set()
_pattern: re.Pattern[str] | None = None
_ordered: tuple[str, ...] = ()
_escaped = False
"""Some secret looks different inside JSON text, where quotes, backslashes and control characters are escaped."""


def register_secret(secret: str) -> None:
    """From now on this string is replaced wherever it turns up. Strings under six characters are ignored."""
    global _pattern, _ordered, _escaped
    secret = secret.strip()
    if len(secret) < SHORTEST_SECRET:
        return
    with _lock:
        if secret in _secrets:
            return
        _secrets.add(secret)
        _ordered = tuple(sorted(_secrets, key=len, reverse=True))
        _escaped = any(json.dumps(known, ensure_ascii=False) != f'"{known}"' for known in _ordered)
        _pattern = re.compile("|".join(map(re.escape, _ordered)))


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
    return redact_columns([value])[0]


def redact_columns(values: Sequence[Any]) -> list[str | None]:
    """`redact_json` of several values that belong together: one look over all of them is enough when there is nothing to find."""
    texts = [value if value is None or isinstance(value, str) else _quick_json(value) for value in values]
    if not _doubtful("\n".join([text for text in texts if text is not None])):
        return [
            text if text is not None or value is None else _slow_json(value)
            for text, value in zip(texts, values, strict=True)
        ]
    return [None if value is None else _slow_json(value) for value in values]


def _slow_json(value: Any) -> str:
    if not isinstance(value, str):
        return _encode(redact(value))
    if not _doubtful(value):
        return value
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return _text(value)
    return _encode(redact(parsed))


def _doubtful(text: str) -> bool:
    """A quick look at a whole JSON text: False when there is nothing in it that `redact` would change."""
    return _suspect(text) or any(secret in text for secret in _ordered) or (_escaped and "\\" in text)


def _suspect(text: str) -> bool:
    """False when none of the patterns above can match. Looking for plain words is many times faster than one large pattern."""
    folded = text.casefold()
    if any(word in folded for word in _WORDS):
        return True
    return "token" in folded and _TOKEN.search(folded) is not None


def _quick_json(value: Any) -> str | None:
    """JSON text as pydantic's serializer writes it, models and paths included; None for what it does not take."""
    if value == [] or value == {}:
        return "[]" if value == [] else "{}"
    try:
        return to_json(value, fallback=str).decode()
    except ValueError:
        return None


def _plain(value: Any) -> Any:
    """What JSON has no word for is written as text, and that text must be clean as well."""
    dump = getattr(value, "model_dump", None)
    return redact(dump(mode="json") if callable(dump) else str(value))


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain).encode


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
    if _suspect(text):
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
