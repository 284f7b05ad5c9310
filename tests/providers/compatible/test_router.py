"""Managing the models of llama.cpp's server, as data."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pytest

from viralai_sdk.interfaces.errors import (
    AIError,
    InvalidRequestError,
    MalformedResponseError,
    UnsupportedCapabilityError,
)
from viralai_sdk.interfaces.local_models import LocalModel
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import Answer, Send
from viralai_sdk.providers.compatible.router import LlamaRouterModels
from viralai_sdk.providers.compatible.text import CompatibleTextService

NAME = "user/model-GGUF:Q4_K_M"
MODEL = LocalModel(provider="llamacpp_server", name=NAME, loaded=True, state="loaded")


def manager() -> LlamaRouterModels:
    config = AIServiceConfig("llamacpp_server", base_url="http://localhost:8080/v1")
    return LlamaRouterModels(CompatibleTextService(config))


def answer(data: Any) -> Answer:
    return Answer(200, {}, json.dumps(data).encode())


def rows(*states: dict[str, Any] | None) -> Answer:
    return answer({"data": [{"id": NAME, **({"status": state} if state else {})} for state in states]})


def listed(state: dict[str, Any]) -> LocalModel:
    steps = manager().models()
    assert next(steps).path == "http://localhost:8080/models"
    with pytest.raises(StopIteration) as end:
        steps.send(rows(state))
    found: LocalModel = end.value.value[0]
    return found


def test_states_are_told_in_words() -> None:
    files = {"a": {"done": 10, "total": 100}, "b": {"done": 30, "total": 60}}
    assert listed({"value": "downloading", "progress": files}).state == "downloading 25 %"
    assert listed({"value": "downloading"}).state == "downloading"
    assert listed({"value": "unloaded", "failed": True, "exit_code": 1}).state == "failed to load"
    assert listed({"value": "sleeping"}).state == "sleeping"
    assert listed({"value": "loaded"}).loaded


def told(steps: Generator[Any, Any, Any], reply: Answer) -> Send:
    """The request after the question whether this is a router."""
    next(steps)
    sent = steps.send(reply)
    assert isinstance(sent, Send)
    return sent


def test_a_name_is_written_safely_into_the_address() -> None:
    sent = told(manager().remove(MODEL), rows({"value": "unloaded"}))
    assert (sent.method, sent.path) == ("DELETE", "http://localhost:8080/models?model=user%2Fmodel-GGUF%3AQ4_K_M")


def test_a_server_without_these_routes_is_no_router() -> None:
    steps = manager().unload(MODEL)
    told(steps, answer({"data": []}))
    with pytest.raises(UnsupportedCapabilityError, match="--models-dir"):
        steps.throw(InvalidRequestError("File Not Found", status=404))
    steps = manager().unload(MODEL)
    told(steps, answer({"data": []}))
    with pytest.raises(InvalidRequestError, match="is not found"):
        steps.throw(InvalidRequestError("model x is not found", status=404))


@pytest.mark.parametrize(
    ("data", "kind", "says"),
    [
        ({"error": {"message": "it runs"}}, InvalidRequestError, "it runs"),
        ({"error": "busy"}, InvalidRequestError, "busy"),
        ({"success": False}, MalformedResponseError, "did not say"),
        ([], MalformedResponseError, "did not say"),
    ],
)
def test_what_is_not_confirmed_is_an_error(data: Any, kind: type[AIError], says: str) -> None:
    steps = manager().unload(MODEL)
    told(steps, rows({"value": "loaded"}))
    with pytest.raises(kind, match=says):
        steps.send(answer(data))


def test_only_a_download_is_cancelled_and_never_a_loaded_model() -> None:
    steps = manager().cancel_pull(NAME)
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send(rows({"value": "loaded"}))
    assert end.value.value is False
    sent = told(manager().cancel_pull(NAME), rows({"value": "downloading"}))
    assert (sent.path, sent.json) == ("http://localhost:8080/models/unload", {"model": NAME})
