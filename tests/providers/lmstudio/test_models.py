"""Managing LM Studio's models, as data: what we ask, and what answers mean."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viralai_sdk.interfaces.errors import (
    InvalidRequestError,
    MalformedResponseError,
    UnsupportedCapabilityError,
)
from viralai_sdk.interfaces.local_models import LocalModel, ModelProgress
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import Answer, Pause, Send
from viralai_sdk.providers.lmstudio.models import LMStudioModels, checked
from viralai_sdk.providers.lmstudio.text import LMStudioTextService

ODD = {"error": "Unexpected endpoint or method. (GET /api/v1/models)"}
"""Older versions answer an unknown path so, under HTTP 200."""


def manager() -> LMStudioModels:
    return LMStudioModels(LMStudioTextService(AIServiceConfig("lmstudio", base_url="http://localhost:1234/v1")))


def answer(data: Any) -> Answer:
    return Answer(200, {}, json.dumps(data).encode())


def finish(steps: Generator[Any, Any, Any], data: Any) -> Any:
    """What the steps return when the present request is answered so."""
    with pytest.raises(StopIteration) as end:
        steps.send(answer(data))
    return end.value.value


def test_requests_go_to_the_rest_api_beside_the_compatible_side() -> None:
    sent = next(manager().models())
    assert isinstance(sent, Send)
    assert (sent.method, sent.path) == ("GET", "http://localhost:1234/api/v1/models")


def test_an_unknown_path_under_http_200_means_an_old_version() -> None:
    steps = manager().models()
    next(steps)
    sent = steps.send(answer(ODD))
    assert isinstance(sent, Send)
    assert sent.path.endswith("/api/v0/models")
    rows = [{"id": "one", "state": "loaded", "max_context_length": 10}, {"id": "two", "state": "not-loaded"}]
    one, two = finish(steps, {"data": rows})
    assert (one.loaded, one.max_context, one.instances, two.loaded) == (True, 10, ("one",), False)
    loading = manager().load(one, {})
    next(loading)
    with pytest.raises(UnsupportedCapabilityError, match=r"0\.4\.0"):
        loading.send(answer(ODD))


def test_an_error_that_is_no_unknown_path_is_passed_on() -> None:
    steps = manager().models()
    next(steps)
    with pytest.raises(InvalidRequestError, match="no such model"):
        steps.throw(InvalidRequestError("no such model", status=404))
    steps = manager().models()
    next(steps)
    with pytest.raises(MalformedResponseError, match="out of order"):
        steps.send(answer({"error": {"type": "internal_error", "message": "out of order."}}))


def test_every_instance_is_unloaded_by_its_own_name() -> None:
    steps = manager().unload(LocalModel(provider="lmstudio", name="m", loaded=True, instances=("m", "m:2")))
    first = next(steps)
    second = steps.send(answer({"instance_id": "m"}))
    assert [sent.json for sent in (first, second)] == [{"instance_id": "m"}, {"instance_id": "m:2"}]
    finish(steps, {"instance_id": "m:2"})


def test_a_load_must_be_confirmed() -> None:
    steps = manager().load(LocalModel(provider="lmstudio", name="m"), {"context": 2048})
    sent = next(steps)
    assert sent.json == {"model": "m", "context_length": 2048}
    with pytest.raises(MalformedResponseError, match="'queued'"):
        steps.send(answer({"status": "queued"}))


def test_a_download_is_looked_at_until_it_is_over() -> None:
    steps = manager().pull("a/b", {"quantization": "Q4_K_M"})
    sent = next(steps)
    assert isinstance(sent, Send)
    assert sent.json == {"model": "a/b", "quantization": "Q4_K_M"}
    state = {"job_id": "j1", "status": "paused", "total_size_bytes": 100, "downloaded_bytes": 40}
    paused = steps.send(answer(state))
    assert isinstance(paused, ModelProgress)
    assert (paused.phase, paused.fraction, paused.already, paused.cancellable) == ("paused", 0.4, 40, False)
    assert isinstance(next(steps), Pause)
    look = next(steps)
    assert isinstance(look, Send)
    assert look.path.endswith("/models/download/status/j1")
    going = steps.send(answer({**state, "status": "downloading", "downloaded_bytes": 70, "bytes_per_second": 30}))
    assert (going.phase, going.rate) == ("downloading", 30)
    next(steps), next(steps)
    done = steps.send(answer({**state, "status": "completed"}))
    assert (done.phase, done.fraction) == ("done", 1.0)


def test_what_is_there_already_is_done_at_once() -> None:
    steps = manager().pull("a/b", {})
    next(steps)
    done = steps.send(answer({"status": "already_downloaded"}))
    assert (done.phase, done.detail) == ("done", "already_downloaded")


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_no_answer_breaks_the_reader(data: Any) -> None:
    if isinstance(data, dict) and not data.get("error"):
        assert checked(answer(data)) == data
    else:
        with pytest.raises(MalformedResponseError):
            checked(answer(data))
