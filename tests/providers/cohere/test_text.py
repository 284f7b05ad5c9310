"""The adapter driven as data: what is sent, and what every kind of answer becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.by_hand import answered, ok, opened, streamed
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import Answer, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.cohere.errors import error_from_answer
from viralai_sdk.providers.cohere.text import CohereTextService

MODEL = "command-a-03-2025"
ASK = TextGenerationRequest("hello")


def service(**custom: Any) -> CohereTextService:
    return CohereTextService(AIServiceConfig("cohere", "sim-key", custom_config=custom))


SERVICE = service()


def reply(*content: Any, finish: Any = "COMPLETE", usage: Any = None, **fields: Any) -> bytes:
    message = {"role": "assistant", "content": list(content), **fields}
    return json.dumps({"id": "c1", "finish_reason": finish, "message": message, "usage": usage}).encode()


def text(words: Any) -> dict[str, Any]:
    return {"type": "text", "text": words}


def delta(words: Any) -> str:
    return json.dumps({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": words}}}})


def ended(finish: str = "COMPLETE", **fields: Any) -> str:
    return json.dumps({"type": "message-end", "delta": {"finish_reason": finish, **fields}})


def test_a_stream_is_asked_for_or_declined_in_so_many_words() -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}
    assert opened(SERVICE.steps(ASK, MODEL)).json == {**body, "stream": False}
    assert opened(SERVICE.stream(ASK, MODEL)).json == {**body, "stream": True}
    assert opened(SERVICE.stream(ASK, MODEL)).creates


def test_options_win_over_everything_but_the_way_of_reading() -> None:
    request = TextGenerationRequest("hi", temperature=1, options={"temperature": 0, "stream": True, "k": 5})
    body = opened(service(safety_mode="STRICT", k=1, unknown=1).steps(request, MODEL)).json
    assert (body["temperature"], body["stream"], body["k"], body["safety_mode"]) == (0, False, 5, "STRICT")
    assert "unknown" not in body


def test_developers_speak_as_the_system() -> None:
    request = TextGenerationRequest("two", messages=[{"role": "developer", "content": "Be brief."}])
    assert opened(SERVICE.steps(request, MODEL)).json["messages"][0] == {"role": "system", "content": "Be brief."}


def test_json_is_asked_for_in_words_as_well() -> None:
    request = TextGenerationRequest("hi", response_format="json")
    body = opened(SERVICE.steps(request, MODEL)).json
    assert body["messages"][0] == {"role": "system", "content": "Generate a JSON object."}
    assert body["response_format"] == {"type": "json_object"}
    assert [note.parameter for note in SERVICE.check(request, MODEL)] == ["response_format"]
    spoken = TextGenerationRequest("hi in JSON", response_format="json")
    assert len(opened(SERVICE.steps(spoken, MODEL)).json["messages"]) == 1
    assert SERVICE.check(spoken, MODEL) == []


def test_what_the_vendor_does_not_take_is_adjusted_or_refused() -> None:
    request = TextGenerationRequest("hi", top_p=1)
    assert [(note.kind, note.parameter) for note in SERVICE.check(request, MODEL)] == [("adjusted", "top_p")]
    assert opened(SERVICE.steps(request, MODEL)).json["p"] == 0.99
    with pytest.raises(e.UnsupportedCapabilityError, match="5 stop"):
        SERVICE.check(TextGenerationRequest("hi", stop=list("abcdef")), MODEL)


def test_an_answer_becomes_a_payload() -> None:
    usage = {
        "tokens": {"input_tokens": 70.0, "output_tokens": 5},
        "billed_units": {"input_tokens": 10.0, "output_tokens": 5.0},
        "cached_tokens": 4.0,
    }
    body = reply({"type": "thinking", "thinking": "hm"}, text("he"), text("llo"), usage=usage)
    payload = answered(SERVICE.steps(ASK, MODEL), ok(body, x_debug_trace_id="t1"))
    assert (payload.text, payload.request_id, payload.finish_reason) == ("hello", "t1", "stop")
    assert (payload.usage.prompt_tokens, payload.usage.total_tokens, payload.usage.cached_tokens) == (70, 75, 4)
    assert payload.quantities == {"input_token": 10, "output_token": 5}
    assert payload.metadata == {"response_id": "c1", "reasoning": "hm"}


@pytest.mark.parametrize(
    ("finish", "ours"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("TOOL_CALL", "tool_calls"),
        ("X", "other"),
    ],
)
def test_reasons_to_finish(finish: str, ours: str) -> None:
    assert answered(SERVICE.steps(ASK, MODEL), ok(reply(text("hi"), finish=finish))).finish_reason == ours


def test_counts_that_are_none_do_not_cost_the_text() -> None:
    odd: list[Any] = [[], {"tokens": 3}, {"tokens": {"input_tokens": float("inf"), "output_tokens": True}}, None]
    for usage in odd:
        payload = answered(SERVICE.steps(ASK, MODEL), ok(reply(text("hi"), usage=usage)))
        assert (payload.usage.prompt_tokens, payload.usage.completion_tokens, payload.quantities) == (None, None, {})


def test_tool_calls_are_kept_whole_and_streamed() -> None:
    call = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    payload = answered(SERVICE.steps(ASK, MODEL), ok(reply(finish="TOOL_CALL", tool_calls=[call])))
    assert payload.metadata["tool_calls"] == [{"id": "t1", "name": "look", "arguments": "{}"}]
    begun = {**call, "function": {"name": "look", "arguments": ""}}
    start = {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": begun}}}
    rest = {"function": {"arguments": "{}"}}
    more = {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": rest}}}
    _, payload = streamed(SERVICE.stream(ASK, MODEL), json.dumps(start), json.dumps(more), ended("TOOL_CALL"))
    assert payload.metadata["tool_calls"] == [{"id": "t1", "name": "look", "arguments": "{}"}]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (reply(), e.EmptyResultError),
        (reply(text(" "), finish="MAX_TOKENS"), e.EmptyResultError),
        (reply(text("half"), finish="ERROR"), e.ProviderUnavailableError),
        (reply(text("half"), finish="TIMEOUT"), e.ProviderTimeoutError),
        (b"<html>", e.MalformedResponseError),
        (b"[]", e.MalformedResponseError),
        (b"{}", e.MalformedResponseError),
        (reply(text(3)), e.MalformedResponseError),
        (reply("hi"), e.MalformedResponseError),
        (reply(tool_calls=[3]), e.MalformedResponseError),
    ],
)
def test_answers_without_a_result_are_errors(body: bytes, kind: type[e.AIError]) -> None:
    with pytest.raises(e.AIError) as caught:
        answered(SERVICE.steps(ASK, MODEL), ok(body))
    assert type(caught.value) is kind


def test_a_stream_gives_pieces_and_the_whole() -> None:
    thought = json.dumps({"type": "content-delta", "delta": {"message": {"content": {"thinking": "hm"}}}})
    pieces, payload = streamed(
        SERVICE.stream(ASK, MODEL),
        '{"type": "message-start", "id": "c1"}',
        '{"type": "content-start", "delta": {"message": {"content": {"type": "text", "text": ""}}}}',
        thought,
        delta("he"),
        delta("llo"),
        '{"type": "citation-start"}',
        '{"type": "content-end"}',
        ended(usage={"tokens": {"input_tokens": 1, "output_tokens": 2}}),
        "[DONE]",
        "not read any more",
    )
    assert [piece for piece in pieces if piece] == ["he", "llo"]
    assert (payload.text, payload.usage.total_tokens, payload.metadata["reasoning"]) == ("hello", 3, "hm")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ([delta("hel")], e.MalformedResponseError),
        ([delta("hel"), "[DONE]"], e.MalformedResponseError),
        ([], e.MalformedResponseError),
        ([ended()], e.EmptyResultError),
        ([delta("half"), ended("ERROR", error="boom")], e.ProviderUnavailableError),
        ([delta("half"), ended("ERROR", error="stopped by the safety system")], e.ContentPolicyError),
        ([delta("half"), ended("COMPLETE", error="boom")], e.ProviderUnavailableError),
        ([delta("half"), ended("TIMEOUT")], e.ProviderTimeoutError),
        ([delta(3)], e.MalformedResponseError),
        (['{"type": "message-end"}'], e.MalformedResponseError),
        (["[" * 100_000], e.MalformedResponseError),
        (["3"], e.MalformedResponseError),
    ],
)
def test_streams_without_a_result_are_errors(data: list[str], kind: type[e.AIError]) -> None:
    with pytest.raises(e.AIError) as caught:
        streamed(SERVICE.stream(ASK, MODEL), *data)
    assert type(caught.value) is kind
    assert caught.value.billed == "maybe"


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "bad", e.InvalidRequestError),
        (400, "blocked content", e.ContentPolicyError),
        (402, "pay", e.QuotaExceededError),
        (404, "model 'x' not found", e.ModelRetiredError),
        (404, "no such page", e.InvalidRequestError),
        (498, "", e.AuthenticationError),
        (499, "closed", e.ProviderTimeoutError),
        (501, "not implemented", e.ProviderUnavailableError),
        (504, "slow", e.ProviderTimeoutError),
    ],
)
def test_each_refusal_has_its_error(status: int, message: str, kind: type[e.AIError]) -> None:
    error = SERVICE.error(Answer(status, {"x-debug-trace-id": "t1"}, json.dumps({"message": message}).encode()))
    assert (type(error), error.status, error.request_id) == (kind, status, "t1")


@given(st.integers(400, 599), st.binary(max_size=60), st.dictionaries(st.text(max_size=12), st.text(max_size=12)))
def test_any_refusal_is_one_of_our_errors(status: int, body: bytes, headers: dict[str, str]) -> None:
    assert isinstance(error_from_answer(Answer(status, headers, body)), e.AIError)


LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
WORDS = ["type", "index", "delta", "content", "text", "message", "usage", "finish_reason", "error", "tool_calls"]
WORDS += ["function", "name", "arguments", "thinking", "tokens", "billed_units", "input_tokens", "id"]
KINDS = ["message-start", "content-start", "content-delta", "message-end", "tool-call-start", "tool-call-delta"]
KINDS += ["COMPLETE", "ERROR", "text"]
VALUE = st.recursive(
    LEAF | st.sampled_from(KINDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=20,
)
INNER = VALUE | st.fixed_dictionaries(
    {"message": st.fixed_dictionaries({}, optional={"content": VALUE, "tool_calls": VALUE})}
)
EVENT = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional={
        "index": LEAF | st.integers(0, 2),
        "delta": INNER | st.fixed_dictionaries({"finish_reason": VALUE}),
        "id": VALUE,
    },
)


@given(data=st.lists(st.one_of((VALUE | EVENT).map(json.dumps), st.text(max_size=10), st.just(delta("a"))), max_size=6))
def test_any_order_of_events_ends_in_a_payload_or_one_of_our_errors(data: list[str]) -> None:
    try:
        pieces, payload = streamed(SERVICE.stream(ASK, MODEL), *data)
    except e.AIError:
        return
    assert isinstance(payload, TextPayload)
    assert payload.text or payload.metadata["tool_calls"]
    assert all(piece is None or (isinstance(piece, str) and piece) for piece in pieces)


@given(value=VALUE | st.fixed_dictionaries({"message": VALUE, "finish_reason": VALUE}, optional={"usage": VALUE}))
def test_any_whole_answer_is_a_payload_or_one_of_our_errors(value: Any) -> None:
    try:
        payload = answered(SERVICE.steps(ASK, MODEL), ok(json.dumps(value).encode()))
    except e.AIError:
        return
    assert isinstance(payload, TextPayload)
