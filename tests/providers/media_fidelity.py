"""Compare what we send with what a vendor's own client sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from viralai_sdk.simulator import Recorded

ALLOWED_HEADERS = {
    "accept": "each asks for what it reads; the vendors' clients do not ask for a media type",
    "accept-encoding": "chosen by the HTTP library",
    "connection": "chosen by the HTTP library",
    "content-length": "follows from the body, whose JSON spelling may differ",
    "host": "the same server",
    "user-agent": "says who is calling",
}
"""Header → why it may differ or be missing on one side."""
ALLOWED_PREFIXES = ("x-stainless-", "x-fern-", "x-goog-api-client")
"""Headers that only tell which client calls, and how often it has tried."""


def same(theirs: Recorded, ours: Recorded, *, query: Mapping[str, str] | None = None, auth: str | None = None) -> None:
    """Assert that two requests ask for the same.

    Args:
        query: parameter → why only the vendor's client sends it.
        auth: name of the header with the key, which both must have sent.
    """
    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    parameters = [sorted(pair for pair in side.query.split("&") if pair) for side in (ours, theirs)]
    assert parameters[0] == [pair for pair in parameters[1] if pair.partition("=")[0] not in (query or {})]
    differing = {
        name
        for name in ours.headers.keys() | theirs.headers.keys()
        if ours.headers.get(name) != theirs.headers.get(name) and not name.startswith(ALLOWED_PREFIXES)
    }
    if not ours.body and not theirs.body:
        differing.discard("content-type")  # of nothing
    assert differing <= ALLOWED_HEADERS.keys()
    if auth:
        assert ours.headers[auth] == theirs.headers[auth]
    assert body_of(ours) == body_of(theirs)


def body_of(recorded: Recorded) -> Any:
    """The JSON of a body, None when there is none."""
    return recorded.json() if recorded.body else None
