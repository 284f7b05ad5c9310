"""String formats: synthetic values for them, and checks of the values that are given back."""

import ipaddress
import random
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from urllib.parse import quote, urlsplit

_EPOCH = date(2026, 1, 1)
_RESERVED_IPV4 = "192.0.2."
_EMAIL = re.compile(r"[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9\-]{1,63}(\.[A-Za-z0-9\-]{1,63}){1,8}")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9\-]{1,63}(?<!-)")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+\-]([01]\d|2[0-3]):[0-5]\d)")
_DATE_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt ](.+)")
_DURATION = re.compile(r"P(?!$)(\d+W|(\d+Y)?(\d+M)?(\d+D)?(T(?!$)(\d+H)?(\d+M)?(\d+S)?)?)")


def slug(text: str) -> str:
    """ASCII letters, digits and single hyphens, at most 40 characters; `sample` when nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-") or "sample"


def _day(rng: random.Random) -> str:
    return (_EPOCH + timedelta(days=rng.randrange(365))).isoformat()


def _clock(rng: random.Random) -> str:
    return f"{rng.randrange(24):02d}:{rng.randrange(0, 60, 5):02d}:00Z"


def _uuid(version: int) -> Callable[[random.Random, str], str]:
    return lambda rng, _: str(uuid.UUID(int=rng.getrandbits(128), version=version))


MAKERS: Mapping[str, Callable[[random.Random, str], str]] = {
    "date": lambda rng, _: _day(rng),
    "time": lambda rng, _: _clock(rng),
    "date-time": lambda rng, _: f"{_day(rng)}T{_clock(rng)}",
    "duration": lambda rng, _: f"PT{rng.randint(5, 59)}S",
    "email": lambda rng, topic: f"{slug(topic)}.{rng.randint(1, 99)}@example.com",
    "idn-email": lambda rng, topic: f"{slug(topic)}.{rng.randint(1, 99)}@example.com",
    "uri": lambda rng, topic: f"https://example.com/{slug(topic)}/{rng.randint(1, 99)}",
    "url": lambda rng, topic: f"https://example.com/{slug(topic)}/{rng.randint(1, 99)}",
    "iri": lambda rng, topic: f"https://example.com/{slug(topic)}/{rng.randint(1, 99)}",
    "uri-reference": lambda rng, topic: f"/{slug(topic)}/{rng.randint(1, 99)}",
    "iri-reference": lambda rng, topic: f"/{slug(topic)}/{rng.randint(1, 99)}",
    "uri-template": lambda rng, topic: f"https://example.com/{slug(topic)}/{{item}}",
    "multi-host-uri": lambda rng, topic: f"https://example.com/{slug(topic)}/{rng.randint(1, 99)}",
    "hostname": lambda rng, topic: f"{slug(topic)}-{rng.randint(1, 99)}.example.com",
    "idn-hostname": lambda rng, topic: f"{slug(topic)}-{rng.randint(1, 99)}.example.com",
    "ipv4": lambda rng, _: f"{_RESERVED_IPV4}{rng.randint(1, 254)}",
    "ipv6": lambda rng, _: f"2001:db8::{rng.randint(1, 0xFFFF):x}",
    "ipvanyaddress": lambda rng, _: f"{_RESERVED_IPV4}{rng.randint(1, 254)}",
    "ipvanyinterface": lambda rng, _: f"{_RESERVED_IPV4}{rng.randint(1, 254)}/24",
    "ipvanynetwork": lambda rng, _: f"{_RESERVED_IPV4}0/24",
    "ipv4network": lambda rng, _: f"{_RESERVED_IPV4}0/24",
    "ipv6network": lambda rng, _: "2001:db8::/32",
    "uuid": _uuid(4),
    **{f"uuid{version}": _uuid(version) for version in (1, 2, 3, 4, 5)},
    "json-pointer": lambda rng, _: f"/items/{rng.randint(0, 9)}",
    "relative-json-pointer": lambda rng, _: f"{rng.randint(0, 9)}/items",
    "regex": lambda rng, _: "^[a-z]+$",
    "json-string": lambda rng, _: f'{{"sample": {rng.randint(1, 99)}}}',
    "path": lambda rng, topic: f"samples/{slug(topic)}-{rng.randint(1, 99)}.txt",
    "color": lambda rng, _: f"#{rng.getrandbits(24):06x}",
}


def _is_date(text: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_date_time(text: str) -> bool:
    match = _DATE_TIME.fullmatch(text)
    return match is not None and _is_date(match.group(1)) and _TIME.fullmatch(match.group(2)) is not None


def _is_uuid(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None


def _is_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme) and bool(parts.netloc or parts.path) and quote(text, safe="%/:=&?~#+!$,;'@()*[]") == text


def _is_address(kind: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            kind(text)
        except ValueError:
            return False
        return True

    return check


def _is_hostname(text: str) -> bool:
    return len(text) <= 253 and all(_LABEL.fullmatch(label) for label in text.split("."))


CHECKS: Mapping[str, Callable[[str], bool]] = {
    "date": _is_date,
    "time": lambda text: _TIME.fullmatch(text) is not None,
    "date-time": _is_date_time,
    "duration": lambda text: _DURATION.fullmatch(text) is not None,
    "email": lambda text: _EMAIL.fullmatch(text) is not None,
    "uri": _is_uri,
    "uuid": _is_uuid,
    "ipv4": _is_address(ipaddress.IPv4Address),
    "ipv6": _is_address(ipaddress.IPv6Address),
    "hostname": _is_hostname,
}
