"""Every refusal of OpenAI becomes the right error of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.openai.support import config
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.steps import Answer
from viralai_sdk.providers.openai.errors import error_from_answer, error_from_stream
from viralai_sdk.providers.openai.text import OpenAITextService


def refusal(status: int, *, headers: dict[str, str] | None = None, **fields: Any) -> Answer:
    return Answer(status, headers or {}, json.dumps({"error": fields}).encode())


@pytest.mark.parametrize(
    ("status", "fields", "kind", "retryable"),
    [
        (400, {"message": "bad", "code": "invalid_value"}, e.InvalidRequestError, False),
        (400, {"message": "no", "code": "moderation_blocked"}, e.ContentPolicyError, False),
        (400, {"message": "no", "code": "content_policy_violation"}, e.ContentPolicyError, False),
        (400, {"message": "no", "type": "image_content_policy_violation"}, e.ContentPolicyError, False),
        (401, {"message": "key", "code": "invalid_api_key"}, e.AuthenticationError, False),
        (403, {"message": "country"}, e.PermissionDeniedError, False),
        (404, {"message": "gone", "code": "model_not_found"}, e.ModelRetiredError, False),
        (404, {"message": "no such route"}, e.InvalidRequestError, False),
        (408, {"message": "late"}, e.ProviderTimeoutError, True),
        (409, {"message": "busy"}, e.ProviderUnavailableError, True),
        (422, {"message": "bad"}, e.InvalidRequestError, False),
        (429, {"message": "slow down", "code": "rate_limit_exceeded"}, e.RateLimitError, True),
        (429, {"message": "pay", "code": "insufficient_quota"}, e.QuotaExceededError, False),
        (429, {"message": "pay", "type": "insufficient_quota", "code": None}, e.QuotaExceededError, False),
        (500, {"message": "oops", "type": "server_error"}, e.ProviderUnavailableError, True),
        (503, {"message": "overloaded"}, e.ProviderUnavailableError, True),
    ],
)
def test_each_refusal_has_its_error(
    status: int, fields: dict[str, Any], kind: type[e.AIError], retryable: bool
) -> None:
    error = error_from_answer(refusal(status, headers={"x-request-id": "req_1"}, **fields))
    assert type(error) is kind
    assert (error.retryable, error.status, error.request_id) == (retryable, status, "req_1")
    assert fields["message"] in str(error)


def test_the_wish_to_wait_is_kept() -> None:
    error = OpenAITextService(config()).error(refusal(429, headers={"retry-after": "3"}, message="slow down"))
    assert isinstance(error, e.RateLimitError)
    assert error.retry_after == 3


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": null}', b'{"error": 3}', b"[" * 100_000])
def test_a_body_of_another_shape_leaves_it_to_the_status(body: bytes) -> None:
    assert type(error_from_answer(Answer(502, {}, body))) is e.ProviderUnavailableError
    assert type(error_from_answer(Answer(404, {}, body))) is e.InvalidRequestError


def test_an_error_that_is_only_words_is_kept() -> None:
    assert "no model loaded" in str(error_from_answer(Answer(400, {}, b'{"error": "no model loaded"}')))


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"code": "server_error", "message": "m"}, e.ProviderUnavailableError),
        ({"code": "rate_limit_exceeded", "message": "m"}, e.RateLimitError),
        ({"type": "insufficient_quota", "message": "m"}, e.QuotaExceededError),
        ({"code": "image_too_large", "message": "m"}, e.InvalidRequestError),
        ({"type": "invalid_request_error", "message": "m"}, e.InvalidRequestError),
        ({"code": "bio_policy", "message": "m"}, e.ContentPolicyError),
        ({"code": "vector_store_timeout", "message": "m"}, e.ProviderTimeoutError),
        ({"code": "model_not_found", "message": "m"}, e.ModelRetiredError),
        ({}, e.ProviderUnavailableError),
        ("words", e.ProviderUnavailableError),
        (None, e.ProviderUnavailableError),
    ],
)
def test_errors_inside_answers_have_no_status_and_may_be_billed(fields: Any, kind: type[e.AIError]) -> None:
    error = error_from_stream(fields)
    assert type(error) is kind
    assert error.status is None
    assert error.billed == "maybe"


@given(st.integers(400, 599), st.binary(max_size=60), st.dictionaries(st.text(max_size=12), st.text(max_size=12)))
def test_any_refusal_is_one_of_our_errors(status: int, body: bytes, headers: dict[str, str]) -> None:
    assert isinstance(error_from_answer(Answer(status, headers, body)), e.AIError)
