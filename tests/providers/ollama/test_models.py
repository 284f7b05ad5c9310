"""Managing an Ollama server's models: as data, and beside the vendor's own client."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ollama
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viralai_sdk import ViralAI
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError, MalformedResponseError, ProviderUnavailableError
from viralai_sdk.interfaces.local_models import ModelProgress
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import END, Answer, Parallel, Send, StreamEvent
from viralai_sdk.providers.ollama.models import FOREVER, OllamaModels, read_line, tagged, when
from viralai_sdk.providers.ollama.text import OllamaTextService
from viralai_sdk.simulator import Simulator

LAYER = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


def manager() -> OllamaModels:
    return OllamaModels(OllamaTextService(AIServiceConfig("ollama", base_url="http://127.0.0.1:11434")))


def pulled(*lines: dict[str, Any]) -> list[ModelProgress]:
    """What a download makes of these lines."""
    steps = manager().pull("tiny", {})
    sent = next(steps)
    assert isinstance(sent, Send)
    assert (sent.method, sent.path, sent.creates) == ("POST", "/api/pull", False)
    seen: list[ModelProgress] = [steps.send(StreamEvent(data=json.dumps(line))) for line in lines]
    with pytest.raises(StopIteration):
        steps.send(END)
    return seen


def test_layers_add_up_to_one_count() -> None:
    seen = pulled(
        {"status": "pulling manifest"},
        {"status": "pulling aaaa", "digest": LAYER, "total": 100},
        {"status": "pulling aaaa", "digest": LAYER, "total": 100, "completed": 60},
        {"status": "pulling bbbb", "digest": OTHER, "total": 50, "completed": 20},
        {"status": "pulling aaaa", "digest": LAYER, "total": 100, "completed": 100},
        {"status": "pulling bbbb", "digest": OTHER, "total": 50, "completed": 50},
        {"status": "verifying sha256 digest"},
        {"status": "writing manifest"},
        {"status": "removing any unused layers"},
        {"status": "success"},
    )
    counts = [(progress.done, progress.total, progress.already) for progress in seen[:6]]
    assert counts == [(None, None, 0), (0, 100, 0), (60, 100, 0), (80, 150, 20), (120, 150, 20), (150, 150, 20)]
    phases = [progress.phase for progress in seen]
    assert phases == ["starting", *["downloading"] * 5, *["verifying"] * 3, "done"]


def test_one_counter_for_a_whole_model_is_understood() -> None:
    seen = pulled(
        {"status": "pulling model", "digest": "sha256:model", "total": 10, "completed": 5}, {"status": "success"}
    )
    assert seen[0].fraction == 0.5


def test_an_end_without_success_is_an_error() -> None:
    steps = manager().pull("tiny", {})
    next(steps)
    steps.send(StreamEvent(data='{"status": "pulling manifest"}'))
    with pytest.raises(ProviderUnavailableError, match="goes on where it stopped"):
        steps.send(END)


def test_an_error_line_is_an_error() -> None:
    with pytest.raises(InvalidRequestError, match="library"):
        read_line('{"error": "pull model manifest: file does not exist"}')
    with pytest.raises(AIError, match="disk") as caught:
        read_line('{"error": "write: no space left on disk"}')
    assert caught.value.status is None, "the status was 200"


@given(st.one_of(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps)))
def test_whatever_else_comes_is_an_error_of_ours(text: str) -> None:
    with pytest.raises(MalformedResponseError):
        read_line(text)


def test_names_without_a_tag_mean_latest() -> None:
    assert tagged("llama3.2") == "llama3.2:latest"
    assert tagged("llama3.2:1b") == "llama3.2:1b"
    assert tagged("host:5000/me/model") == "host:5000/me/model:latest"
    assert manager().same("llama3.2", "llama3.2:latest")


def test_times_are_read_with_nanoseconds_and_for_ever_is_none() -> None:
    soon = when("2026-11-22T12:00:00.123456789+01:00")
    assert soon is not None
    assert soon.utcoffset() == datetime.timedelta(hours=1)
    far = datetime.datetime.now(datetime.UTC) + FOREVER * 2
    assert [when(text) for text in (far.isoformat(), "0001-01-01", "soon", None)] == [None] * 4


def test_a_list_that_cannot_be_read_is_an_error() -> None:
    steps = manager().models()
    step = next(steps)
    assert isinstance(step, Parallel)
    with pytest.raises(MalformedResponseError):
        steps.send([MalformedResponseError("no JSON"), {"models": []}])


@pytest.mark.parametrize(
    ("answer", "error"),
    [({"error": "model requires more system memory"}, "memory"), ({"done": False}, "did not say")],
)
def test_a_load_that_the_server_does_not_confirm_is_an_error(answer: dict[str, Any], error: str) -> None:
    own = manager()
    steps = own._generate_nothing({"model": "tiny"})
    next(steps)
    with pytest.raises(AIError, match=error):
        steps.send(Answer(200, {}, json.dumps(answer).encode()))


def test_the_store_is_where_the_server_has_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path))
    assert manager().folders() == [tmp_path]
    monkeypatch.delenv("OLLAMA_MODELS")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert manager().folders()


@pytest.fixture
def own_sim() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


async def test_the_vendors_client_gets_the_same_and_sends_the_same(
    own_sim: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("OLLAMA_API_KEY", raising=False)
    theirs = ollama.Client(host=own_sim.url("ollama"))
    config = {"providers": {"ollama": {"base_url": own_sim.url("ollama")}}}

    def sent() -> list[tuple[str, str, Any]]:
        found = []
        for entry in own_sim.log:
            body = entry.json() if entry.body else None
            if body:
                body.pop("insecure", None)  # the vendor's client spells out this default
            found.append((entry.method, entry.path, body))
        own_sim.log.clear()
        return found

    async with ViralAI(config, home=tmp_path, progress=False) as ai:
        local = ai.models.local
        lines = list(theirs.pull("tiny", stream=True))
        assert lines[-1].status == "success"
        first = sent()
        await local.remove("tiny", provider="ollama")
        sent()
        assert (await local.pull("tiny", provider="ollama")).phase == "done"
        assert sent() == first

        await local.load("tiny", provider="ollama", keep_alive="10m")
        (running,) = theirs.ps().models
        ours = next(model for model in (await local.list("ollama")).models if model.loaded)
        assert (running.name, running.size, running.size_vram) == (ours.name, ours.memory, ours.vram)
        assert running.context_length == ours.context
        assert running.expires_at == ours.expires
        their_list = {model.model: model.size for model in theirs.list().models}
        our_list = {model.name: model.size for model in (await local.list("ollama")).models if not model.remote}
        assert our_list.items() <= their_list.items()

        sent()
        assert theirs.delete("tiny:latest").status == "success"
        ((method, path, body),) = sent()
        theirs.pull("tiny")
        sent()
        await local.remove("tiny", provider="ollama")
        assert (method, path, body) in sent()
        with pytest.raises(ollama.ResponseError, match="not found"):
            theirs.delete("tiny")
        with pytest.raises(ollama.ResponseError, match="file does not exist"):
            list(theirs.pull("nope", stream=True))
    theirs.close()
