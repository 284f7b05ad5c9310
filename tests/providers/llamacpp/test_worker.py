"""The child process's own code, with stand-ins for the engine."""

from __future__ import annotations

import io
import json
import threading
import types
from typing import Any

import pytest

from viralai_sdk.providers.llamacpp.worker import Channel, Desk, load


class Lines(io.BytesIO):
    """Collects what is sent and says when an answer is over."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()

    def flush(self) -> None:
        if b'"over"' in self.getvalue():
            self.over.set()

    def messages(self) -> list[dict[str, Any]]:
        assert self.over.wait(10)
        return [json.loads(line) for line in self.getvalue().splitlines()]


class Server:
    """Writes until its reader has had enough; may fail."""

    def __init__(self, error: Exception | None = None, ready: threading.Event | None = None) -> None:
        self.error = error
        self.ready = ready
        self.given = 0

    def handle_chat_completions(self, body: dict[str, Any], on_chunk: Any) -> None:
        if self.error is not None:
            raise self.error
        if self.ready is not None:
            assert self.ready.wait(10)
        for number in range(body["count"]):
            if on_chunk({"n": number}):
                return
            self.given += 1


def test_chunks_come_in_order_and_end() -> None:
    lines = Lines()
    Desk(Server(), Channel(lines)).ask(7, {"count": 2})
    assert lines.messages() == [{"id": 7, "chunk": {"n": 0}}, {"id": 7, "chunk": {"n": 1}}, {"id": 7, "over": True}]


def test_a_stopped_answer_ends_at_its_next_piece() -> None:
    lines, ready = Lines(), threading.Event()
    server = Server(ready=ready)
    desk = Desk(server, Channel(lines))
    desk.ask(1, {"count": 1000})
    desk.stop(1)
    ready.set()
    assert lines.messages() == [{"id": 1, "over": True}]
    assert server.given == 0


def test_an_answer_stopped_before_it_began_is_never_asked_for() -> None:
    lines = Lines()
    desk = Desk(Server(RuntimeError("it was asked")), Channel(lines))
    desk.stop(1)
    desk.ask(1, {"count": 1})
    assert lines.messages() == [{"id": 1, "over": True}]


def test_what_the_engine_throws_becomes_an_error_chunk() -> None:
    lines = Lines()
    Desk(Server(ValueError("no such schema")), Channel(lines)).ask(1, {})
    chunk, over = lines.messages()
    assert chunk["chunk"]["error"]["message"] == "no such schema"
    assert over["over"]


@pytest.mark.parametrize("threads", [0, 3])
def test_settings_reach_the_engine(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    class Params(types.SimpleNamespace):
        def __init__(self) -> None:
            super().__init__(model=types.SimpleNamespace(), cpuparams=types.SimpleNamespace(n_threads=-1))
            self.cpuparams_batch = types.SimpleNamespace(n_threads=-1)

    module = types.ModuleType("xllamacpp")
    module.CommonParams, module.Server = Params, lambda params: params  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "xllamacpp", module)
    wish = {"path": "/m.gguf", "n_ctx": 99, "n_parallel": 2, "n_threads": threads}
    params = load({**wish, "n_gpu_layers": 4 if threads else None, "chat_template": "t" if threads else ""})
    assert (params.model.path, params.n_ctx, params.n_parallel, params.kv_unified) == ("/m.gguf", 99, 2, True)
    assert params.cpuparams.n_threads == (threads or -1)
    assert getattr(params, "n_gpu_layers", None) == (4 if threads else None)
    assert len(params.api_keys[0]) == 32, "nobody else on this machine may use the engine's port"
