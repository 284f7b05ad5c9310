"""Text adapters driven as data: what is sent, and what every kind of answer becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.providers.by_hand import answered, ok, picture, streamed
from tests.providers.openai.support import TEXT, config
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.openai.text import OpenAITextService

ASK = TextGenerationRequest("hello")
SERVICE = OpenAITextService(config())
RESPONSES = OpenAITextService(config(api="responses"))


def completion(finish: str | None = "stop", *, usage: Any = None, **message: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": finish}
    return json.dumps({"id": "c1", "model": "m-1", "choices": [choice], "usage": usage}).encode()


def chunk(finish: str | None = None, *, index: int = 0, **delta: Any) -> str:
    return json.dumps(
        {"id": "c1", "model": "m-1", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}
    )


def response(status: str = "completed", *content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    output = [{"type": "reasoning", "summary": []}, {"type": "message", "content": list(content)}]
    return {"id": "r1", "model": "m-1", "status": status, "error": None, "output": output, **fields}


def said(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text}


def sent(service: OpenAITextService, request: TextGenerationRequest, model: str = TEXT, *, stream: bool = False) -> Any:
    return next(service.stream(request, model) if stream else service.steps(request, model))


def test_what_the_request_leaves_open_is_not_sent() -> None:
    assert sent(SERVICE, ASK).json == {"model": TEXT, "messages": [{"role": "user", "content": "hello"}]}


def test_calls_that_cost_are_marked_so_that_they_are_not_sent_twice() -> None:
    assert sent(SERVICE, ASK).creates
    assert sent(RESPONSES, ASK, stream=True).creates


def test_options_win_over_everything_but_the_way_of_reading() -> None:
    service = OpenAITextService(config(reasoning_effort="low", verbosity="low", unknown_setting=1))
    request = TextGenerationRequest(
        "hi", temperature=1, options={"temperature": 0, "verbosity": "high", "stream": True}
    )
    assert sent(service, request).json == {
        "model": TEXT,
        "messages": [{"role": "user", "content": "hi"}],
        "reasoning_effort": "low",
        "verbosity": "high",
        "temperature": 0,
    }


def test_models_without_chat_completions_go_to_responses() -> None:
    step = sent(SERVICE, TextGenerationRequest("hi", images=[picture()]), "gpt-5.5-pro")
    assert step.path == "/responses"
    assert [part["type"] for part in step.json["input"][0]["content"]] == ["input_text", "input_image"]
    assert step.json["input"][0]["content"][1]["detail"] == "auto"


def test_a_server_of_the_same_dialect_changes_class_attributes_only() -> None:
    class Other(OpenAITextService):
        responses_path = None
        system_role = "system"
        max_tokens_field = "max_tokens"
        stream_options = None

    request = TextGenerationRequest("hi", system="Be brief.", max_tokens=5)
    step = sent(Other(config(api="responses")), request, "gpt-5.5-pro", stream=True)
    assert step.path == "/chat/completions"
    assert step.json == {
        "model": "gpt-5.5-pro",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        "max_tokens": 5,
        "stream": True,
    }


def test_json_mode_adds_the_word_that_the_vendor_insists_on_and_says_so() -> None:
    request = TextGenerationRequest("hi", response_format="json")
    assert sent(SERVICE, request).json["messages"][0] == {
        "role": "developer",
        "content": "Answer with one JSON object.",
    }
    assert [warning.parameter for warning in SERVICE.check(request, TEXT)] == ["response_format"]
    spoken = TextGenerationRequest("hi in JSON", response_format="json")
    assert len(sent(SERVICE, spoken).json["messages"]) == 1
    assert SERVICE.check(spoken, TEXT) == []
    assert sent(RESPONSES, request).json["text"] == {"format": {"type": "json_object"}}


def test_check_tells_what_would_be_dropped_or_refused() -> None:
    request = TextGenerationRequest("hi", stop=["a"], seed=1)
    assert SERVICE.check(request, TEXT) == []
    assert [(w.kind, w.parameter) for w in RESPONSES.check(request, TEXT)] == [
        ("unsupported", "stop"),
        ("unsupported", "seed"),
    ]
    with pytest.raises(e.UnsupportedCapabilityError, match="4 stop"):
        SERVICE.check(TextGenerationRequest("hi", stop=list("abcde")), TEXT)
    with pytest.raises(e.UnsupportedCapabilityError, match="objects"):
        SERVICE.check(TextGenerationRequest("hi", schema={"type": "array"}), TEXT)


def test_an_answer_becomes_a_payload() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    payload = answered(SERVICE.steps(ASK, TEXT), ok(completion(content="hi", usage=usage), x_request_id="req_1"))
    assert (payload.text, payload.model, payload.request_id, payload.finish_reason) == ("hi", "m-1", "req_1", "stop")
    assert (payload.usage.cached_tokens, payload.usage.reasoning_tokens) == (4, 2)
    assert (payload.usage.prompt_tokens, payload.usage.completion_tokens, payload.usage.total_tokens) == (10, 5, 15)
    assert payload.metadata == {"response_id": "c1"}


@pytest.mark.parametrize(
    ("finish", "ours"),
    [("length", "length"), ("tool_calls", "tool_calls"), ("function_call", "tool_calls"), (None, "other")],
)
def test_reasons_to_finish(finish: str | None, ours: str) -> None:
    assert answered(SERVICE.steps(ASK, TEXT), ok(completion(finish, content="hi"))).finish_reason == ours


def test_counts_that_are_none_do_not_cost_the_text() -> None:
    odd: list[Any] = [[], {"prompt_tokens": "many", "completion_tokens": -1, "total_tokens": True}, 3]
    for usage in odd:
        payload = answered(SERVICE.steps(ASK, TEXT), ok(completion(content="hi", usage=usage)))
        assert payload.text == "hi"
        assert payload.usage.prompt_tokens is payload.usage.total_tokens is None


def test_tool_calls_and_further_choices_are_kept() -> None:
    call = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}}
    payload = answered(SERVICE.steps(ASK, TEXT), ok(completion("tool_calls", tool_calls=[call])))
    assert payload.text == ""
    assert payload.metadata["tool_calls"] == [{"id": "t1", "name": "look", "arguments": '{"a":1}'}]
    both = {"choices": [{"index": i, "message": {"content": f"t{i}"}, "finish_reason": "stop"} for i in (0, 1)]}
    payload = answered(SERVICE.steps(ASK, TEXT), ok(json.dumps(both).encode()))
    assert (payload.text, payload.metadata) == ("t0", {"alternatives": ["t1"]})


@pytest.mark.parametrize(
    ("body", "kind", "billed"),
    [
        (completion(refusal="I will not."), e.ContentPolicyError, "yes"),
        (completion("content_filter", content="half"), e.ContentPolicyError, "yes"),
        (completion(content="  "), e.EmptyResultError, "maybe"),
        (completion("length", content="", usage={"completion_tokens": 9}), e.EmptyResultError, "yes"),
        (b'{"choices": []}', e.EmptyResultError, "maybe"),
        (b'{"error": {"code": "server_error", "message": "m"}}', e.ProviderUnavailableError, "maybe"),
        (b'{"error": {"type": "invalid_request_error"}}', e.InvalidRequestError, "maybe"),
        (b"<html>", e.MalformedResponseError, "maybe"),
        (b"[]", e.MalformedResponseError, "maybe"),
        (b"null", e.MalformedResponseError, "maybe"),
        (b'{"choices": [{"message": null}]}', e.MalformedResponseError, "maybe"),
        (b'{"choices": [{"message": {"content": 5}}]}', e.MalformedResponseError, "maybe"),
        (b'{"choices": [{"index": Infinity, "message": {"content": "a"}}]}', e.MalformedResponseError, "maybe"),
    ],
)
def test_answers_without_a_result_are_errors(body: bytes, kind: type[e.AIError], billed: str) -> None:
    with pytest.raises(e.AIError) as caught:
        answered(SERVICE.steps(ASK, TEXT), ok(body))
    assert type(caught.value) is kind
    assert caught.value.billed == billed


def test_a_stream_gives_pieces_and_the_whole() -> None:
    usage = '{"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}'
    call: dict[str, Any] = {"tool_calls": [{"index": 0, "id": "t1", "function": {"name": "lo", "arguments": ""}}]}
    rest: dict[str, Any] = {"tool_calls": [{"index": 0, "function": {"name": "ok", "arguments": "{}"}}]}
    pieces, payload = streamed(
        SERVICE.stream(ASK, TEXT),
        chunk(role="assistant", content=""),
        chunk(content="he"),
        chunk(content="llo"),
        chunk(content="other", index=1),
        chunk(**call),
        chunk(**rest),
        chunk("stop"),
        usage,
        "[DONE]",
        "not read any more",
    )
    assert [piece for piece in pieces if piece] == ["he", "llo"]
    assert (payload.text, payload.usage.total_tokens, payload.model) == ("hello", 3, "m-1")
    assert payload.metadata["tool_calls"] == [{"id": "t1", "name": "look", "arguments": "{}"}]
    assert payload.metadata["alternatives"] == ["other"]


@pytest.mark.parametrize("last", [chunk("stop"), "[DONE]"])
def test_one_closing_mark_is_enough(last: str) -> None:
    assert streamed(SERVICE.stream(ASK, TEXT), chunk(content="hi"), last)[1].text == "hi"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ([chunk(content="hel")], e.MalformedResponseError),
        ([], e.MalformedResponseError),
        (["[DONE]"], e.EmptyResultError),
        ([chunk(refusal="I will"), chunk("stop", refusal=" not.")], e.ContentPolicyError),
        ([chunk(content="half"), chunk("content_filter")], e.ContentPolicyError),
        ([chunk(content="he"), '{"error": {"code": "rate_limit_exceeded", "message": "m"}}'], e.RateLimitError),
        (['{"error": {"type": "invalid_request_error", "message": "m"}}'], e.InvalidRequestError),
        ([chunk(content="he"), '{"choices": ['], e.MalformedResponseError),
        (["[" * 100_000], e.MalformedResponseError),
        (["3"], e.MalformedResponseError),
    ],
)
def test_streams_without_a_result_are_errors(data: list[str], kind: type[e.AIError]) -> None:
    with pytest.raises(e.AIError) as caught:
        streamed(SERVICE.stream(ASK, TEXT), *data)
    assert type(caught.value) is kind


def test_a_response_becomes_a_payload() -> None:
    usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5, "output_tokens_details": {"reasoning_tokens": 1}}
    body = response("completed", said("he"), said("llo"), usage=usage)
    payload = answered(RESPONSES.steps(ASK, TEXT), ok(json.dumps(body).encode(), x_request_id="req_1"))
    assert (payload.text, payload.finish_reason, payload.request_id) == ("hello", "stop", "req_1")
    assert (payload.usage.prompt_tokens, payload.usage.completion_tokens, payload.usage.reasoning_tokens) == (3, 2, 1)


def test_responses_keep_function_calls_and_say_when_they_were_cut() -> None:
    call = {"type": "function_call", "call_id": "t1", "name": "look", "arguments": "{}"}
    body = json.dumps({"status": "completed", "output": [call]}).encode()
    payload = answered(RESPONSES.steps(ASK, TEXT), ok(body))
    assert payload.finish_reason == "tool_calls"
    assert payload.metadata["tool_calls"][0]["name"] == "look"
    cut = response("incomplete", said("hel"), incomplete_details={"reason": "max_output_tokens"})
    assert answered(RESPONSES.steps(ASK, TEXT), ok(json.dumps(cut).encode())).finish_reason == "length"
    other = response("incomplete", said("hel"), incomplete_details={"reason": "steered"})
    assert answered(RESPONSES.steps(ASK, TEXT), ok(json.dumps(other).encode())).finish_reason == "other"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (response("completed", {"type": "refusal", "refusal": "No."}), e.ContentPolicyError),
        (response("incomplete", said("a"), incomplete_details={"reason": "content_filter"}), e.ContentPolicyError),
        (response("incomplete", incomplete_details={"reason": "max_output_tokens"}), e.EmptyResultError),
        (response("completed"), e.EmptyResultError),
        (response("failed", error={"code": "server_error", "message": "m"}), e.ProviderUnavailableError),
        (response("failed", error={"code": "invalid_prompt", "message": "m"}), e.InvalidRequestError),
        (response("failed"), e.ProviderUnavailableError),
        (response("cancelled"), e.JobCancelledError),
        (response("queued"), e.MalformedResponseError),
        (response("completed", {"type": "output_text", "text": 3}), e.MalformedResponseError),
        ([], e.MalformedResponseError),
        ({}, e.MalformedResponseError),
    ],
)
def test_responses_without_a_result_are_errors(body: Any, kind: type[e.AIError]) -> None:
    with pytest.raises(e.AIError) as caught:
        answered(RESPONSES.steps(ASK, TEXT), ok(json.dumps(body).encode()))
    assert type(caught.value) is kind


def test_a_stream_of_response_events() -> None:
    done = json.dumps({"type": "response.completed", "response": response("completed", said("hello"))})
    deltas = [json.dumps({"type": "response.output_text.delta", "delta": part}) for part in ("he", "llo")]
    created = json.dumps({"type": "response.created", "response": response("in_progress")})
    pieces, payload = streamed(RESPONSES.stream(ASK, TEXT), created, *deltas, done, "[DONE]")
    assert pieces == [None, "he", "llo", None, None]
    assert payload.text == "hello"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ([json.dumps({"type": "response.output_text.delta", "delta": "he"})], e.MalformedResponseError),
        ([json.dumps({"type": "error", "code": "rate_limit_exceeded", "message": "m"})], e.RateLimitError),
        ([json.dumps({"type": "error", "code": "invalid_prompt", "message": "m"})], e.InvalidRequestError),
        ([json.dumps({"type": "response.output_text.delta", "delta": 3})], e.MalformedResponseError),
        ([json.dumps({"type": "response.failed", "response": response("failed")})], e.ProviderUnavailableError),
        (["nonsense"], e.MalformedResponseError),
    ],
)
def test_event_streams_without_a_result_are_errors(data: list[str], kind: type[e.AIError]) -> None:
    with pytest.raises(e.AIError) as caught:
        streamed(RESPONSES.stream(ASK, TEXT), *data)
    assert type(caught.value) is kind
