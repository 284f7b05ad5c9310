"""The adapter driven as data: what is sent, and what every kind of answer becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.by_hand import answered, ok, opened, streamed
from viralai_sdk.catalog.catalog import Catalog
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import Answer, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.ollama.errors import error_from_answer
from viralai_sdk.providers.ollama.text import OllamaTextService

MODEL = "llama3.1"
ASK = TextGenerationRequest("hello")


def service(**custom: Any) -> OllamaTextService:
    return OllamaTextService(AIServiceConfig("ollama", custom_config=custom))


SERVICE = service()


def part(content: Any = "", **fields: Any) -> str:
    return json.dumps({"model": "m-1", "message": {"role": "assistant", "content": content}, "done": False, **fields})


def last(reason: str | None = "stop", content: Any = "", **fields: Any) -> str:
    counts = {"prompt_eval_count": 3, "eval_count": 4, "load_duration": 2_000_000_000, "eval_duration": 500_000_000}
    return part(content, done=True, done_reason=reason, **{**counts, **fields})


def test_a_stream_is_asked_for_or_declined_in_so_many_words() -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}
    assert opened(SERVICE.steps(ASK, MODEL)).json == {**body, "stream": False}
    step = opened(SERVICE.stream(ASK, MODEL))
    assert (step.json, step.expect) == ({**body, "stream": True}, "ndjson")


def test_settings_come_from_configuration_request_and_options_in_that_order() -> None:
    request = TextGenerationRequest(
        "hi", temperature=0.5, seed=1, options={"options": {"seed": 2, "num_ctx": 9}, "think": "low", "stream": True}
    )
    body = opened(service(num_ctx=5, top_k=3, think=True, keep_alive=0, unknown=1).steps(request, MODEL)).json
    assert body["options"] == {"num_ctx": 9, "top_k": 3, "temperature": 0.5, "seed": 2}
    assert (body["think"], body["keep_alive"], body["stream"]) == ("low", 0, False)
    assert "unknown" not in body
    raw = TextGenerationRequest("hi", temperature=1, options={"options": None})
    assert opened(SERVICE.steps(raw, MODEL)).json["options"] == {"temperature": 1}


def test_json_is_asked_for_in_words_as_well() -> None:
    request = TextGenerationRequest("hi", response_format="json", messages=[{"role": "developer", "content": "x"}])
    body = opened(SERVICE.steps(request, MODEL)).json
    assert [turn["role"] for turn in body["messages"]] == ["system", "system", "user"]
    assert body["format"] == "json"
    assert [note.parameter for note in SERVICE.check(request, MODEL)] == ["response_format"]
    assert SERVICE.check(ASK, MODEL) == []


def test_an_answer_becomes_a_payload() -> None:
    payload = answered(SERVICE.steps(ASK, MODEL), ok(last(content="hi").encode()))
    assert (payload.text, payload.model, payload.finish_reason, payload.usage.total_tokens) == ("hi", "m-1", "stop", 7)
    assert payload.metadata == {"load_seconds": 2.0, "tokens_per_second": 8.0}


def test_what_runs_at_home_is_free_and_what_runs_elsewhere_has_no_known_price() -> None:
    catalog = Catalog()
    tokens = {"input_token": 5, "output_token": 5}
    for name, price in (("llama3.1", 0), ("mine:7b", 0), ("gpt-oss:120b-cloud", None), ("glm-5:cloud", None)):
        row = catalog.model("ollama", name)
        assert row is not None
        assert (row.name, row.price(tokens)) == (name, price)
        assert row.price({"remote_call": 1}) is None
    assert catalog.model("ollama", "") is None
    assert set(catalog.provider("ollama").models) == {"llama3.1"}


@pytest.mark.parametrize(
    ("reason", "ours"), [("stop", "stop"), ("length", "length"), (None, "other"), ("load", "other")]
)
def test_reasons_to_finish(reason: str | None, ours: str) -> None:
    assert answered(SERVICE.steps(ASK, MODEL), ok(last(reason, "hi").encode())).finish_reason == ours


def test_counts_that_are_none_do_not_cost_the_text() -> None:
    body = last(content="hi", prompt_eval_count=None, eval_count="many", load_duration=-1, eval_duration=None)
    payload = answered(SERVICE.steps(ASK, MODEL), ok(body.encode()))
    assert (payload.usage.prompt_tokens, payload.usage.total_tokens, payload.metadata) == (None, None, {})


def test_a_stream_gives_pieces_thoughts_tools_and_the_whole() -> None:
    call = {"function": {"name": "look", "arguments": {"a": 1}}}
    pieces, payload = streamed(
        SERVICE.stream(ASK, MODEL),
        part(message={"role": "assistant", "content": "", "thinking": "hm"}),
        part("he"),
        "",
        part("llo"),
        part(message={"role": "assistant", "tool_calls": [call]}),
        last(),
        "not read any more",
    )
    assert [piece for piece in pieces if piece] == ["he", "llo"]
    assert (payload.text, payload.finish_reason, payload.metadata["reasoning"]) == ("hello", "tool_calls", "hm")
    assert payload.metadata["tool_calls"] == [{"id": None, "name": "look", "arguments": '{"a": 1}'}]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ([part("hel")], e.MalformedResponseError),
        ([], e.MalformedResponseError),
        ([last()], e.EmptyResultError),
        ([last("load")], e.EmptyResultError),
        ([last("length", " ")], e.EmptyResultError),
        ([part("half"), '{"error": "boom"}'], e.ProviderUnavailableError),
        (['{"error": "model \'x\' not found"}'], e.InvalidRequestError),
        (['{"error": {"odd": 1}}'], e.ProviderUnavailableError),
        ([part(3)], e.MalformedResponseError),
        (['{"done": false}'], e.MalformedResponseError),
        (["[" * 100_000], e.MalformedResponseError),
        (["3"], e.MalformedResponseError),
    ],
)
def test_streams_and_answers_without_a_result_are_errors(data: list[str], kind: type[e.AIError]) -> None:
    with pytest.raises(e.AIError) as caught:
        streamed(SERVICE.stream(ASK, MODEL), *data)
    assert type(caught.value) is kind
    if len(data) == 1:
        with pytest.raises(e.AIError) as caught:
            answered(SERVICE.steps(ASK, MODEL), ok(data[0].encode()))
        assert type(caught.value) is kind


@given(st.integers(400, 599), st.binary(max_size=60), st.dictionaries(st.text(max_size=12), st.text(max_size=12)))
def test_any_refusal_is_one_of_our_errors(status: int, body: bytes, headers: dict[str, str]) -> None:
    assert isinstance(error_from_answer(Answer(status, headers, body)), e.AIError)


LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
WORDS = ["message", "content", "thinking", "tool_calls", "function", "name", "arguments", "done", "done_reason"]
WORDS += ["error", "model", "remote_host", "eval_count", "eval_duration", "load_duration"]
VALUE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=20,
)
LINE = st.fixed_dictionaries(
    {"message": VALUE | st.fixed_dictionaries({"content": VALUE}, optional={"tool_calls": VALUE})},
    optional={"done": st.booleans() | VALUE, "done_reason": VALUE, "eval_count": VALUE, "eval_duration": VALUE},
)


@given(data=st.lists(st.one_of((VALUE | LINE).map(json.dumps), st.text(max_size=10), st.just(part("a"))), max_size=6))
def test_any_order_of_lines_ends_in_a_payload_or_one_of_our_errors(data: list[str]) -> None:
    try:
        pieces, payload = streamed(SERVICE.stream(ASK, MODEL), *data)
    except e.AIError:
        return
    assert isinstance(payload, TextPayload)
    assert payload.text or payload.metadata["tool_calls"]
    assert all(piece is None or (isinstance(piece, str) and piece) for piece in pieces)


@given(value=VALUE | LINE)
def test_any_whole_answer_is_a_payload_or_one_of_our_errors(value: Any) -> None:
    try:
        payload = answered(SERVICE.steps(ASK, MODEL), ok(json.dumps(value).encode()))
    except e.AIError:
        return
    assert isinstance(payload, TextPayload)
