"""Several calls, one result: nothing that was paid for is lost, and what failed is told."""

from __future__ import annotations

import pytest

from viralai_sdk.interfaces.errors import AuthenticationError, RateLimitError
from viralai_sdk.interfaces.joining import join_pictures
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.steps import Blob, MediaPayload


def payload(name: bytes, **metadata: object) -> MediaPayload:
    note = CallWarning(kind="other", parameter=None, message=name.decode())
    return MediaPayload(blobs=[Blob(name)], quantities={"image": 1}, metadata=dict(metadata), warnings=[note])


def test_pictures_amounts_notes_and_seeds_of_all_calls_are_kept() -> None:
    whole = join_pictures([payload(b"a", seed=5, text="hello"), RateLimitError("slow down"), payload(b"b", seed=7)])
    assert [blob.data for blob in whole.blobs] == [b"a", b"b"]
    assert whole.quantities == {"image": 2}
    assert whole.metadata == {"text": "hello", "seeds": [5, 7]}
    assert [note.message for note in whole.warnings] == ["a", "b", "a part of the pictures failed: slow down"]


def test_without_seeds_nothing_is_said_of_them() -> None:
    assert join_pictures([payload(b"a", text="hello")]).metadata == {"text": "hello"}


def test_the_first_error_is_raised_when_nothing_came_and_a_bug_always() -> None:
    with pytest.raises(AuthenticationError):
        join_pictures([AuthenticationError("no"), RateLimitError("slow down")])
    with pytest.raises(KeyError):
        join_pictures([payload(b"a"), RateLimitError("slow down"), KeyError("a bug")])
