"""The adapter driven as data: what is sent, and what every kind of answer becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.by_hand import answered, ok, opened, picture, streamed
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import END, Answer, StreamEvent, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.anthropic.errors import error_from_answer, error_from_stream
from viralai_sdk.providers.anthropic.text import AnthropicTextService

MODEL = "claude-haiku-5-5"
ASK = TextGenerationRequest("hello")


def service(**custom: Any) -> AnthropicTextService:
    return AnthropicTextService(AIServiceConfig("anthropic", "sim-key", custom_config=custom))


SERVICE = service()


def message(*blocks: Any, stop: str | None = "end_turn", **fields: Any) -> bytes:
    data = {"id": "m1", "type": "message", "model": "m-1", "content": list(blocks), "stop_reason": stop, **fields}
    return json.dumps(data).encode()


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def delta(kind: str, index: int = 0, **fields: Any) -> str:
    return json.dumps({"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}})


def ended(stop: str = "end_turn", **fields: Any) -> str:
    return json.dumps(
        {"type": "message_delta", "delta": {"stop_reason": stop, **fields}, "usage": {"output_tokens": 4}}
    )


def sent(request: TextGenerationRequest, svc: AnthropicTextService = SERVICE, *, stream: bool = False) -> Any:
    return opened(svc.stream(request, MODEL) if stream else svc.steps(request, MODEL))


def test_the_longest_answer_is_always_told() -> None:
    step = sent(ASK)
    assert step.json == {"model": MODEL, "max_tokens": 16000, "messages": [{"role": "user", "content": "hello"}]}
    assert step.creates
    assert sent(ASK, service(max_tokens=7)).json["max_tokens"] == 7
    assert sent(TextGenerationRequest("hi", max_tokens=5), service(max_tokens=7)).json["max_tokens"] == 5


def test_opening_orders_join_the_system_text_and_later_ones_stay() -> None:
    turns = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "one"},
        {"role": "developer", "content": "Be long."},
    ]
    body = sent(TextGenerationRequest("two", system="Be kind.", messages=turns)).json
    assert body["system"] == "Be kind.\n\nBe brief."
    assert [turn["role"] for turn in body["messages"]] == ["user", "system", "user"]


def test_options_win_over_everything_but_the_way_of_reading() -> None:
    request = TextGenerationRequest(
        "hi", schema={"type": "object", "properties": {}}, options={"stream": True, "thinking": {"type": "adaptive"}}
    )
    body = sent(request, service(service_tier="auto", effort="low", unknown=1)).json
    assert body["thinking"] == {"type": "adaptive"}
    assert body["service_tier"] == "auto"
    assert body["output_config"]["effort"] == "low"
    assert "stream" not in body
    assert "unknown" not in body
    by_hand = TextGenerationRequest(
        "hi", schema={"type": "object", "properties": {}}, options={"output_config": {"effort": "max"}}
    )
    assert sent(by_hand, stream=True).json["output_config"].keys() == {"effort", "format"}
    assert sent(by_hand, stream=True).json["stream"] is True


def test_what_is_left_out_or_changed_is_told() -> None:
    request = TextGenerationRequest("hi", temperature=0.5, top_p=0.5, seed=1, response_format="json", max_tokens=30_000)
    notes = SERVICE.check(request, MODEL)
    assert [(note.kind, note.parameter) for note in notes] == [
        ("unsupported", "temperature"),
        ("unsupported", "top_p"),
        ("unsupported", "seed"),
        ("adjusted", "response_format"),
        ("other", "max_tokens"),
    ]
    body = sent(request).json
    assert not {"temperature", "top_p", "seed"} & body.keys()
    assert "JSON" in body["system"]
    assert SERVICE.check(ASK, MODEL) == []


def test_a_prefilled_answer_is_warned_about() -> None:
    begun = TextGenerationRequest("hi", options={"messages": [{"role": "assistant", "content": "An"}]})
    assert [note.parameter for note in SERVICE.check(begun, MODEL)] == ["options"]


def test_schema_notes_and_odd_pictures() -> None:
    short = TextGenerationRequest("hi", schema={"type": "string", "maxLength": 3})
    assert [note.parameter for note in SERVICE.check(short, MODEL)] == ["schema"]
    with pytest.raises(e.UnsupportedCapabilityError):
        SERVICE.check(TextGenerationRequest("hi", schema={"title": "nothing"}), MODEL)
    assert SERVICE.check(TextGenerationRequest("hi", images=[picture()]), MODEL) == []
    with pytest.raises(e.UnsupportedCapabilityError, match="image/svg"):
        SERVICE.check(TextGenerationRequest("hi", images=[b"<svg></svg>"]), MODEL)


def test_a_message_becomes_a_payload() -> None:
    usage = {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_read_input_tokens": 4,
        "cache_creation_input_tokens": 2,
        "output_tokens_details": {"thinking_tokens": 3},
    }
    body = message({"type": "thinking", "thinking": "hm"}, text("he"), text("llo"), usage=usage)
    payload = answered(SERVICE.steps(ASK, MODEL), ok(body, request_id="req_1"))
    assert (payload.text, payload.model, payload.request_id, payload.finish_reason) == ("hello", "m-1", "req_1", "stop")
    counted = payload.usage
    assert (counted.prompt_tokens, counted.completion_tokens, counted.total_tokens) == (16, 5, 21)
    assert (counted.cached_tokens, counted.reasoning_tokens) == (4, 3)
    assert payload.quantities == {"input_token": 10, "output_token": 5, "cached_input_token": 4, "cache_write_token": 2}
    assert payload.metadata == {"response_id": "m1", "reasoning": "hm"}


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "other"),
        (None, "other"),
    ],
)
def test_reasons_to_stop(stop: str | None, finish: str) -> None:
    assert answered(SERVICE.steps(ASK, MODEL), ok(message(text("hi"), stop=stop))).finish_reason == finish


def test_counts_that_are_none_do_not_cost_the_text() -> None:
    odd: list[Any] = [[], {"input_tokens": "many"}, 3, None, {"input_tokens": True, "output_tokens": -1}]
    for usage in odd:
        payload = answered(SERVICE.steps(ASK, MODEL), ok(message(text("hi"), usage=usage)))
        assert (payload.text, payload.usage.prompt_tokens, payload.quantities) == ("hi", None, {})


def test_tool_calls_are_kept_whole_and_streamed() -> None:
    call = {"type": "tool_use", "id": "t1", "name": "look", "input": {"a": 1}}
    payload = answered(SERVICE.steps(ASK, MODEL), ok(message(call, stop="tool_use")))
    assert payload.metadata["tool_calls"] == [{"id": "t1", "name": "look", "arguments": '{"a": 1}'}]
    start = json.dumps({"type": "content_block_start", "index": 0, "content_block": {**call, "input": {}}})
    parts = [delta("input_json_delta", partial_json=part) for part in ('{"a":', "1}")]
    _, payload = streamed(SERVICE.stream(ASK, MODEL), start, *parts, ended("tool_use"))
    assert payload.metadata["tool_calls"][0]["arguments"] == '{"a":1}'


@pytest.mark.parametrize(
    ("body", "kind", "billed"),
    [
        (
            message(stop="refusal", stop_details={"category": "cyber", "explanation": "No."}),
            e.ContentPolicyError,
            "yes",
        ),
        (message(text("half"), stop="refusal"), e.ContentPolicyError, "yes"),
        (message(), e.EmptyResultError, "maybe"),
        (message(text(" "), stop="max_tokens"), e.EmptyResultError, "yes"),
        (b'{"type": "error", "error": {"type": "api_error", "message": "m"}}', e.ProviderUnavailableError, "maybe"),
        (b"<html>", e.MalformedResponseError, "maybe"),
        (b"[]", e.MalformedResponseError, "maybe"),
        (b"{}", e.MalformedResponseError, "maybe"),
        (message(text(3)), e.MalformedResponseError, "maybe"),  # type: ignore[arg-type]
        (message("hi"), e.MalformedResponseError, "maybe"),
    ],
)
def test_answers_without_a_result_are_errors(body: bytes, kind: type[e.AIError], billed: str) -> None:
    with pytest.raises(e.AIError) as caught:
        answered(SERVICE.steps(ASK, MODEL), ok(body))
    assert (type(caught.value), caught.value.billed) == (kind, billed)


def test_a_stream_gives_pieces_and_the_whole() -> None:
    start = {"id": "m1", "model": "m-1", "usage": {"input_tokens": 3, "output_tokens": 1}}
    pieces, payload = streamed(
        SERVICE.stream(ASK, MODEL),
        json.dumps({"type": "message_start", "message": start}),
        json.dumps({"type": "content_block_start", "index": 0, "content_block": text("")}),
        '{"type": "ping"}',
        delta("thinking_delta", thinking="hm"),
        delta("signature_delta", signature="x"),
        delta("text_delta", text="he"),
        delta("text_delta", text="llo"),
        json.dumps({"type": "content_block_stop", "index": 0}),
        '{"type": "something_new"}',
        ended(),
        '{"type": "message_stop"}',
        "not read any more",
    )
    assert [piece for piece in pieces if piece] == ["he", "llo"]
    assert (payload.text, payload.model, payload.usage.total_tokens) == ("hello", "m-1", 7)
    assert payload.metadata["reasoning"] == "hm"


def test_an_events_name_is_enough() -> None:
    steps = SERVICE.stream(ASK, MODEL)
    next(steps)
    body = json.dumps({"index": 0, "delta": {"type": "text_delta", "text": "hi"}})
    assert steps.send(StreamEvent(name="content_block_delta", data=body)) == "hi"
    steps.send(StreamEvent(name="message_stop", data="{}"))
    with pytest.raises(StopIteration) as done:
        steps.send(END)
    assert done.value.value.finish_reason == "other"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ([delta("text_delta", text="hel")], e.MalformedResponseError),
        ([], e.MalformedResponseError),
        (['{"type": "message_stop"}'], e.EmptyResultError),
        ([delta("text_delta", text="half"), ended("refusal")], e.ContentPolicyError),
        (['{"type": "error", "error": {"type": "overloaded_error"}}'], e.ProviderUnavailableError),
        (['{"type": "error", "error": {"type": "rate_limit_error", "message": "m"}}'], e.RateLimitError),
        (['{"type": "error"}'], e.ProviderUnavailableError),
        ([delta("text_delta", text=3)], e.MalformedResponseError),
        ([delta("input_json_delta", partial_json="{")], e.MalformedResponseError),
        (["[" * 100_000], e.MalformedResponseError),
        (["3"], e.MalformedResponseError),
    ],
)
def test_streams_without_a_result_are_errors(data: list[str], kind: type[e.AIError]) -> None:
    with pytest.raises(e.AIError) as caught:
        streamed(SERVICE.stream(ASK, MODEL), *data)
    assert type(caught.value) is kind
    assert caught.value.status is None


def refusal(status: int, kind: str, message: str = "m", **details: Any) -> Answer:
    body = {"type": "error", "error": {"type": kind, "message": message, "details": details}, "request_id": "r1"}
    return Answer(status, {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(400, "invalid_request_error"), e.InvalidRequestError),
        (refusal(401, "authentication_error"), e.AuthenticationError),
        (refusal(402, "billing_error"), e.QuotaExceededError),
        (refusal(403, "permission_error"), e.PermissionDeniedError),
        (refusal(404, "not_found_error", "model: claude-2"), e.ModelRetiredError),
        (refusal(404, "not_found_error", "Not found"), e.InvalidRequestError),
        (refusal(413, "request_too_large"), e.InvalidRequestError),
        (refusal(429, "rate_limit_error"), e.RateLimitError),
        (refusal(429, "rate_limit_error", error_code="contract_spend_limit_reached"), e.QuotaExceededError),
        (refusal(429, "rate_limit_error", error_code="ramp_limit_exceeded"), e.RateLimitError),
        (refusal(499, "api_error"), e.ProviderTimeoutError),
        (refusal(504, "timeout_error"), e.ProviderTimeoutError),
        (refusal(529, "overloaded_error"), e.ProviderUnavailableError),
    ],
)
def test_each_refusal_has_its_error(answer: Answer, kind: type[e.AIError]) -> None:
    error = SERVICE.error(answer)
    assert (type(error), error.status, error.request_id) == (kind, answer.status, "r1")


def test_an_overloaded_front_door_has_not_charged() -> None:
    assert error_from_answer(refusal(529, "overloaded_error")).billed == "no"
    assert error_from_stream({"error": {"type": "overloaded_error"}}).billed == "maybe"


@given(st.integers(400, 599), st.binary(max_size=60), st.dictionaries(st.text(max_size=12), st.text(max_size=12)))
def test_any_refusal_is_one_of_our_errors(status: int, body: bytes, headers: dict[str, str]) -> None:
    assert isinstance(error_from_answer(Answer(status, headers, body)), e.AIError)


LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
WORDS = ["type", "index", "delta", "content_block", "content", "text", "message", "usage", "stop_reason", "input"]
WORDS += [
    "stop_details",
    "error",
    "id",
    "name",
    "thinking",
    "partial_json",
    "input_tokens",
    "output_tokens",
    "category",
    "explanation",
    "details",
]
KINDS = ["text", "text_delta", "tool_use", "input_json_delta", "thinking", "thinking_delta", "message_start"]
KINDS += ["message_delta", "refusal"]
KINDS += ["content_block_start", "content_block_delta", "message_stop", "error", "ping", "end_turn", "message"]
VALUE = st.recursive(
    LEAF | st.sampled_from(KINDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=20,
)
EVENT = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional={
        "index": LEAF | st.integers(0, 2),
        "delta": VALUE
        | st.fixed_dictionaries({"type": st.sampled_from(KINDS)}, optional={"text": VALUE, "stop_reason": VALUE}),
        "content_block": VALUE
        | st.fixed_dictionaries({"type": st.sampled_from(KINDS)}, optional={"text": VALUE, "input": VALUE}),
        "message": VALUE,
        "error": VALUE,
        "usage": VALUE,
    },
)
MESSAGE = st.fixed_dictionaries(
    {"content": st.lists(VALUE | st.fixed_dictionaries({"type": st.sampled_from(KINDS), "text": VALUE}), max_size=3)},
    optional={"usage": VALUE, "stop_reason": VALUE, "stop_details": VALUE, "model": VALUE, "id": VALUE},
)


@given(data=st.lists(st.one_of((VALUE | EVENT).map(json.dumps), st.text(max_size=10)), max_size=6))
def test_any_order_of_events_ends_in_a_payload_or_one_of_our_errors(data: list[str]) -> None:
    try:
        pieces, payload = streamed(SERVICE.stream(ASK, MODEL), *data)
    except e.AIError:
        return
    assert isinstance(payload, TextPayload)
    assert payload.text or payload.metadata["tool_calls"]
    assert all(piece is None or (isinstance(piece, str) and piece) for piece in pieces)


@given(value=VALUE | MESSAGE)
def test_any_whole_answer_is_a_payload_or_one_of_our_errors(value: Any) -> None:
    try:
        payload = answered(SERVICE.steps(ASK, MODEL), ok(json.dumps(value).encode()))
    except e.AIError:
        return
    assert isinstance(payload, TextPayload)


@given(cut=st.integers(0, 200))
def test_any_truncation_of_a_good_answer_is_one_of_our_errors(cut: int) -> None:
    body = message(text("hello"), usage={"input_tokens": 1, "output_tokens": 1})
    if cut < len(body):
        with pytest.raises(e.MalformedResponseError):
            answered(SERVICE.steps(ASK, MODEL), ok(body[:cut]))
