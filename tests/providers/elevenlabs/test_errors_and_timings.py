"""Refusals in every shape ElevenLabs may give them, and parsers that only AIError comes out of."""

from __future__ import annotations

import contextlib
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.elevenlabs.support import MODEL, answered, ok, say, service
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.steps import Answer
from viralai_sdk.providers.elevenlabs.alignment import word_timings
from viralai_sdk.providers.elevenlabs.models import catalog

NAMES = [
    "detail",
    "status",
    "message",
    "code",
    "voices",
    "voice_id",
    "labels",
    "language",
    "has_more",
    "name",
    "next_page_token",
    "audio_base64",
    "alignment",
    "characters",
    "character_start_times_seconds",
    "character_end_times_seconds",
    "verified_languages",
    "loc",
    "msg",
    "model_id",
    "can_do_text_to_speech",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=20,
)


def refused(status: int, body: Any, **headers: str) -> e.AIError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return service().error(Answer(status, headers, data))


@pytest.mark.parametrize(
    ("status", "detail", "kind", "words"),
    [
        (401, {"status": "quota_exceeded", "message": "12 credits left"}, e.QuotaExceededError, "12 credits left"),
        (401, {"status": "invalid_api_key", "message": "Invalid API key"}, e.AuthenticationError, "Invalid API key"),
        (403, {"code": "missing_api_key"}, e.AuthenticationError, "not accepted"),
        (429, {"status": "too_many_concurrent_requests", "message": "slow"}, e.RateLimitError, "slow"),
        (429, {"status": "system_busy", "message": "busy"}, e.RateLimitError, "busy"),
        (403, {"status": "content_policy_violation", "message": "no"}, e.ContentPolicyError, "no"),
        (400, {"status": "input_blocked"}, e.ContentPolicyError, "refused the text"),
        (404, {"status": "model_not_found", "message": "gone"}, e.ModelRetiredError, "gone"),
        (404, {"status": "voice_not_found", "message": "no voice"}, e.InvalidRequestError, "no voice"),
        (400, "just words", e.InvalidRequestError, "just words"),
        (
            422,
            [{"loc": ["body", "text"], "msg": "Field required", "type": "missing"}],
            e.InvalidRequestError,
            "body.text",
        ),
        (422, [{"msg": "is bad"}, 3], e.InvalidRequestError, "is bad"),
        (500, {"status": "internal_error", "message": "oops"}, e.ProviderUnavailableError, "oops"),
        (500, {"status": "safety_system_down", "message": "oops"}, e.ProviderUnavailableError, "oops"),
        (402, {"status": "payment_required", "message": "pay"}, e.QuotaExceededError, "pay"),
    ],
)
def test_each_refusal_has_its_error(status: int, detail: Any, kind: type[e.AIError], words: str) -> None:
    error = refused(status, {"detail": detail}, **{"request-id": "r1"})
    assert type(error) is kind
    assert words in str(error)
    assert (error.status, error.request_id) == (status, "r1")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"detail": null}', b'{"detail": 3}', b"[" * 100_000])
def test_a_body_of_another_shape_leaves_it_to_the_status(body: bytes) -> None:
    assert type(refused(502, body)) is e.ProviderUnavailableError
    assert type(refused(404, body)) is e.InvalidRequestError


def test_a_wish_to_wait_is_kept() -> None:
    error = refused(429, {"detail": "slow down"}, **{"retry-after": "4"})
    assert isinstance(error, e.RateLimitError)
    assert error.retry_after == 4


@given(st.integers(400, 599), JSON)
def test_any_error_body_makes_an_error(status: int, body: Any) -> None:
    assert refused(status, body).status == status


@given(JSON | st.binary(max_size=80))
def test_only_our_errors_come_out_of_the_readers(body: Any) -> None:
    for steps in (
        service().steps(say(), MODEL),
        service(with_timestamps=False).steps(say(), MODEL),
        service().steps(say(voice_id="George"), MODEL),
        service().voice_steps(None),
        service().model_steps(),
    ):
        with contextlib.suppress(e.AIError, AssertionError):
            answered(steps, *[ok(body)] * 3)


WORDS = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=6), max_size=12)


@given(WORDS, st.data())
def test_word_timings_are_the_texts_words_in_order(words: list[str], data: st.DataObject) -> None:
    text = " ".join(words)
    steps = data.draw(st.lists(st.floats(0, 2), min_size=len(text), max_size=len(text)))
    starts, ends, now = [], [], 0.0
    for step in steps:
        starts.append(now)
        now += step
        ends.append(now)
    found = word_timings(
        {"characters": list(text), "character_start_times_seconds": starts, "character_end_times_seconds": ends}
    )
    assert found is not None
    assert [word.text for word in found] == text.split()
    assert all(0 <= word.start <= word.end <= now for word in found)
    assert all(left.end <= right.start for left, right in itertools.pairwise(found))


@given(JSON)
def test_a_strange_alignment_gives_timings_or_nothing(alignment: Any) -> None:
    found = word_timings(alignment)
    assert found is None or all(word.start <= word.end for word in found)


@pytest.mark.parametrize("bad", [-1, float("nan"), float("inf"), True, "0", None])
def test_times_that_are_none_make_an_alignment_unreadable(bad: Any) -> None:
    columns = {"character_start_times_seconds": [bad], "character_end_times_seconds": [1]}
    assert word_timings({"characters": ["a"], **columns}) is None
    assert word_timings({"characters": ["a", "b"], **columns}) is None


def test_the_catalogs_default_has_a_price_and_a_voice() -> None:
    rows = catalog()
    name = next(iter(rows.defaults.values()))
    assert rows.models[name].prices["character"] > 0
    assert rows.models[name].retires is None
    assert len(rows.extra["default_voice"]) == 20
    assert all(model.source and model.prices.keys() == {"character"} for model in rows.models.values())
