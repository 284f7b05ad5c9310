"""Every way in which Google says no, as the error that tells the caller what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.providers.gemini.support import TEXT, Google
from viralai_sdk.interfaces.errors import (
    AIError,
    AuthenticationError,
    ContentPolicyError,
    InvalidRequestError,
    MalformedResponseError,
    ModelRetiredError,
    PermissionDeniedError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    QuotaExceededError,
    RateLimitError,
)
from viralai_sdk.interfaces.steps import Answer
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.gemini import GeminiTextService
from viralai_sdk.providers.google_common.errors import error_from_answer, error_from_object
from viralai_sdk.simulator import Simulator


def answer(status: int, message: str = "by order", *, details: Any = None, wrapped: bool = False) -> Answer:
    body: Any = {"error": {"code": status, "message": message, "status": "SOME", "details": details or []}}
    return Answer(status, {}, json.dumps([body] if wrapped else body).encode())


@pytest.mark.parametrize(
    ("status", "message", "kind", "billed"),
    [
        (400, "Invalid JSON payload", InvalidRequestError, "no"),
        (400, "API key not valid. Please pass a valid API key.", AuthenticationError, "no"),
        (400, "The prompt violates our Responsible AI practices", ContentPolicyError, "no"),
        (401, "bad token", AuthenticationError, "no"),
        (403, "no permission", PermissionDeniedError, "no"),
        (404, "models/x is not found", ModelRetiredError, "no"),
        (404, "Interaction 7 is gone", InvalidRequestError, "no"),
        (429, "slow down", RateLimitError, "no"),
        (500, "internal", ProviderUnavailableError, "maybe"),
        (503, "overloaded", ProviderUnavailableError, "no"),
        (504, "deadline", ProviderTimeoutError, "maybe"),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_statuses(status: int, message: str, kind: type[AIError], billed: str, wrapped: bool) -> None:
    error = error_from_answer(answer(status, message, wrapped=wrapped))
    assert type(error) is kind
    assert error.message == message
    assert error.billed == billed
    assert error.status == status


def test_waits_and_daily_quotas_are_read_out_of_the_details() -> None:
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "36.5s"}
    error = error_from_answer(answer(429, details=[retry]))
    assert isinstance(error, RateLimitError)
    assert error.retry_after == 36.5
    quota = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
    assert isinstance(error_from_answer(answer(429, details=[quota, retry])), QuotaExceededError)
    minute = {"violations": [{"quotaId": "GenerateRequestsPerMinute"}, 5]}
    assert isinstance(error_from_answer(answer(429, details=[minute])), RateLimitError)
    reason = {"reason": "API_KEY_INVALID"}
    assert isinstance(error_from_answer(answer(400, details=[reason])), AuthenticationError)


@pytest.mark.parametrize(
    "body", [b"<html>proxy</html>", b"", b"[]", b'"no"', b'{"error": "no"}', b'{"error": {"details": 5}}']
)
def test_a_body_of_another_shape_leaves_it_to_the_status(body: bytes) -> None:
    assert isinstance(error_from_answer(Answer(502, {}, body)), ProviderUnavailableError)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 13, "message": "Internal error."}, ProviderUnavailableError),
        ({"code": 3, "message": "This violates the usage guidelines."}, ContentPolicyError),
        ({"code": 503, "message": "overloaded"}, ProviderUnavailableError),
        ({"code": 8}, RateLimitError),
        ("no", ProviderUnavailableError),
        ({"code": True}, ProviderUnavailableError),
    ],
)
def test_errors_inside_successful_answers_may_have_cost_something(error: Any, kind: type[AIError]) -> None:
    found = error_from_object(error)
    assert isinstance(found, kind)
    assert found.billed == "maybe"
    assert found.status is None


async def test_wrong_keys_and_retired_models_by_the_wire(sim: Simulator, gemini: Google) -> None:
    with pytest.raises(AuthenticationError):
        await gemini(GeminiTextService, key="other").call(TextGenerationRequest("hello"), TEXT)
    with pytest.raises(ModelRetiredError):
        await gemini(GeminiTextService).call(TextGenerationRequest("hello"), "gemini-3.1-flash-lite-preview")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "blocked"}, ContentPolicyError),
        ({"kind": "blocked", "code": "SAFETY"}, ContentPolicyError),
        ({"kind": "blocked", "code": "PROHIBITED_CONTENT"}, ContentPolicyError),
        ({"kind": "error_chunk"}, ProviderUnavailableError),
        ({"kind": "malformed", "after": 600}, MalformedResponseError),
    ],
)
async def test_streams_that_go_wrong(
    sim: Simulator, gemini: Google, fault: dict[str, Any], kind: type[AIError]
) -> None:
    sim.faults.add("gemini", **fault)
    with pytest.raises(kind):
        await gemini(GeminiTextService).stream(TextGenerationRequest("hello, this is a longer prompt"), TEXT)
