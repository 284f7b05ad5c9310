"""Loading, and all the ways in which it can fail."""

from __future__ import annotations

import importlib.util
import os
import queue
import sys
import threading
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.llamacpp.gguf_file import write_bigram
from viralai_sdk.interfaces.errors import AIError, ConfigurationError, InvalidRequestError, ProviderUnavailableError
from viralai_sdk.providers.llamacpp import child, files
from viralai_sdk.providers.llamacpp import engine as engines
from viralai_sdk.providers.llamacpp.engine import Conversation, Engine, Settings
from viralai_sdk.providers.llamacpp.pool import POOL, Pool

SMALL = Settings(n_ctx=256, n_threads=1)


def quiet(fraction: float | None, stage: str) -> None:
    """Nobody watches."""


class User:
    """Somebody who uses a model."""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 a zip", "no GGUF file"),
        (b"GGUF\x03", "cut off"),
        (b"GGUF" + (9).to_bytes(4, "little") + bytes(16), "version is 9"),
        (b"GGUF" + (3).to_bytes(4, "big") + bytes(16), "big-endian"),
    ],
)
def test_a_file_that_is_no_model_is_refused_before_anything_is_started(
    tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with pytest.raises(InvalidRequestError, match=says) as caught:
        files.find(str(path))
    assert caught.value.hint


def test_paths_are_found(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"llamacpp:/path"):
        files.find(" ")
    with pytest.raises(InvalidRequestError, match="there is no file"):
        files.find(str(tmp_path / "none.gguf"))
    with pytest.raises(InvalidRequestError, match="0 GGUF files"):
        files.find(str(tmp_path))
    (tmp_path / "big-00002-of-00002.gguf").write_bytes(model.read_bytes())
    one = tmp_path / "big-00001-of-00002.gguf"
    one.write_bytes(model.read_bytes())
    assert files.find(str(tmp_path)).path == one, "of several parts the first"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.find("~/big-00001-of-00002.gguf").path == one
    (tmp_path / "other.gguf").write_bytes(model.read_bytes())
    with pytest.raises(InvalidRequestError, match=r"2 GGUF files: big-00001-of-00002\.gguf, other\.gguf"):
        files.find(str(tmp_path))


@given(st.binary(max_size=64))
def test_no_header_gets_through_or_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, head: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "head.gguf"
    path.write_bytes(head)
    if head[:4] != b"GGUF":
        with pytest.raises(InvalidRequestError):
            files.find(str(path))


@pytest.mark.parametrize("cut", [100, 3_000, 200_000])
def test_a_damaged_file_is_an_error_that_says_so(tmp_path: Path, model: Path, cut: int) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(model.read_bytes()[:cut])
    with pytest.raises(InvalidRequestError, match=r"cannot be loaded\. It said: .*Download it again"):
        Engine(files.find(str(path)), SMALL).load(quiet)


def test_loading_tells_how_far_it_is(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BEAT", 0.001)
    told: list[tuple[float | None, str]] = []
    engine = Engine(files.find(str(model)), SMALL)
    engine.load(lambda fraction, stage: told.append((fraction, stage)))
    assert told
    assert all(stage.startswith("loading bigram.gguf") for _, stage in told)
    assert all(fraction is None or 0 <= fraction <= 0.99 for fraction, _ in told)
    assert engine.load_seconds is not None
    engine.kill()


def test_two_callers_at_once_load_once(model: Path) -> None:
    engine = Engine(files.find(str(model)), SMALL)
    threads = [threading.Thread(target=engine.load, args=(quiet,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    process = engine._child
    engine.load(quiet)
    assert engine._child is process
    assert process is not None
    assert process.alive
    engine.kill()


def test_a_call_stopped_while_it_loads_leaves_no_process(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BEAT", 0.001)
    engine = Engine(files.find(str(model)), SMALL)

    def stop(fraction: float | None, stage: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.load(stop)
    assert engine._child is not None
    assert not engine._child.alive
    assert not engine.loaded
    engine.load(quiet)
    assert engine.loaded
    engine.kill()


def test_without_the_extra_the_error_names_it(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"viralai-sdk\[local\]"):
        Engine(files.find(str(model)), SMALL).load(quiet)


def test_without_a_python_program_there_is_an_error(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(ConfigurationError, match=r"sys\.executable"):
        Engine(files.find(str(model)), SMALL).load(quiet)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ProviderUnavailableError, match="could not be started"):
        Engine(files.find(str(model)), SMALL).load(quiet)


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        ("raise SystemExit(5)", ProviderUnavailableError, "exit code 5"),
        ("import os; os.write(1, b'{ rea'); os._exit(9)", ProviderUnavailableError, "exit code 9"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGBUS)", ProviderUnavailableError, "SIGBUS"),
        ('print(\'{"refused": "ImportError: no such thing"}\', flush=True); input()', ConfigurationError, "local"),
        ('print(\'{"refused": "RuntimeError: odd"}\', flush=True); input()', InvalidRequestError, "RuntimeError: odd"),
    ],
)
def test_a_process_that_does_not_load(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, code: str, kind: type[AIError], says: str
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(code)
    monkeypatch.setattr(child, "_WORKER", worker)
    with pytest.raises(kind, match=says):
        Engine(files.find(str(model)), SMALL).load(quiet)


def test_memory_is_freed_when_the_last_user_lets_go(model: Path) -> None:
    one, two = User(), User()
    engine = POOL.engine(files.find(str(model)), SMALL, one)
    assert POOL.engine(files.find(str(model)), SMALL, two) is engine
    engine.load(quiet)
    POOL.release(one)
    assert engine.loaded
    POOL.release(two)
    assert not engine.loaded


def test_a_user_that_is_forgotten_frees_it_too(model: Path, endless: Path) -> None:
    one = User()
    engine = POOL.engine(files.find(str(model)), SMALL, one)
    engine.load(quiet)
    del one
    keeper = User()
    POOL.engine(files.find(str(endless)), SMALL, keeper)
    assert not engine.loaded


def test_a_file_that_changed_is_another_model(tmp_path: Path, model: Path) -> None:
    path, user = tmp_path / "m.gguf", User()
    path.write_bytes(model.read_bytes())
    old = POOL.engine(files.find(str(path)), SMALL, user)
    old.load(quiet)
    write_bigram(path, ["quite another sentence"])
    os.utime(path, ns=(1, 1))
    new = POOL.engine(files.find(str(path)), SMALL, user)
    assert new is not old
    assert not old.loaded


def test_unloading_waits_for_the_answer_under_way(endless: Path) -> None:
    user, file = User(), files.find(str(endless))
    engine = POOL.engine(file, SMALL, user)
    conversation = Conversation(engine, asked())
    first = conversation.next(quiet)
    assert first
    assert POOL.unload(file)
    assert not POOL.unload(file), "nothing is loaded by that name any more"
    while chunks := conversation.next(quiet):
        first += chunks
    assert first[-1]["usage"]["completion_tokens"] == 40
    assert not engine.loaded


TALKER = """
import json, os, sys, time
def say(message): print(json.dumps(message), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    if "load" in message:
        while os.path.exists(HOLD): time.sleep(0.005)
        say({"ready": {}})
    elif "ask" in message:
        say({"id": message["ask"], "chunk": {"piece": 1}})
        if message["body"]["max_tokens"] <= 40: say({"id": message["ask"], "over": True})
"""
"""Loads when the file HOLD has gone; begins every answer, and ends only those that were wished short."""


@pytest.fixture
def hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A worker that neither loads nor ends an answer by itself, so that no machine is too slow to come in between."""
    held, worker = tmp_path / "hold", tmp_path / "worker.py"
    worker.write_text(TALKER.replace("HOLD", repr(str(held))))
    monkeypatch.setattr(child, "_WORKER", worker)
    return held


def test_a_request_to_a_dead_process_is_answered_with_an_error(model: Path, hold: Path) -> None:
    engine = Engine(files.find(str(model)), SMALL)
    engine.load(quiet)
    conversation = Conversation(engine, asked(max_tokens=100_000))
    engine.kill()
    assert engine.memory is None
    assert engine.load_seconds is None
    monkey = conversation.next(quiet)
    assert monkey, "it is loaded again"
    engine.kill()
    with pytest.raises(ProviderUnavailableError):
        while conversation.next(quiet):
            pass
    conversation.close()


def test_the_end_of_a_process_is_not_heard_by_its_successor(
    model: Path, hold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The threads that read from a dead process may run long after the next one was started."""
    held, goes_on = threading.Event(), threading.Event()
    wait = Popen.wait

    def slow(process: Popen[bytes], timeout: float | None = None) -> int:
        code = wait(process, timeout)
        if threading.current_thread() is not threading.main_thread() and not held.is_set():
            held.set()
            assert goes_on.wait(60)
        return code

    monkeypatch.setattr(Popen, "wait", slow)
    engine = Engine(files.find(str(model)), SMALL)
    engine.load(quiet)
    first = Conversation(engine, asked(max_tokens=100_000))
    assert first.next(quiet)
    engine.kill()
    assert held.wait(60)
    second = Conversation(engine, asked())
    chunks = second.next(quiet)
    goes_on.set()
    while more := second.next(quiet):
        chunks += more
    assert chunks == [{"piece": 1}]
    with pytest.raises(ProviderUnavailableError, match="SIGKILL"):
        while first.next(quiet):
            pass
    engine.kill()


def test_a_model_that_is_let_go_of_while_it_loads_is_loaded_first_and_freed_then(model: Path, hold: Path) -> None:
    hold.touch()
    user, failed, waiting = User(), [], threading.Event()
    engine = POOL.engine(files.find(str(model)), SMALL, user)

    def load() -> None:
        try:
            engine.load(lambda fraction, stage: waiting.set())
        except AIError as error:
            failed.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    assert waiting.wait(60)
    POOL.release(user)
    assert engine._child is not None
    assert engine._child.alive
    hold.unlink()
    thread.join(60)
    assert failed == []
    assert not engine._child.alive


def test_a_model_that_is_let_go_of_between_loading_and_asking_still_answers(
    model: Path, hold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = User()
    engine = POOL.engine(files.find(str(model)), SMALL, user)
    real = Engine.ask

    def ask(self: Engine, body: dict[str, Any], answers: child.Answers) -> tuple[child.Child, int]:
        POOL.release(user)
        return real(self, body, answers)

    monkeypatch.setattr(Engine, "ask", ask)
    conversation = Conversation(engine, asked())
    assert conversation.next(quiet) == [{"piece": 1}]
    while conversation.next(quiet):
        pass
    assert not engine.loaded


def test_of_a_retired_engine_one_answers_end_does_not_end_the_process_that_another_loads(
    model: Path, hold: Path
) -> None:
    user = User()
    engine = POOL.engine(files.find(str(model)), SMALL, user)
    first = Conversation(engine, asked(max_tokens=100_000))
    assert first.next(quiet)
    POOL.release(user)
    engine.kill()
    hold.touch()
    told, waiting = [], threading.Event()

    def talk() -> None:
        second = Conversation(engine, asked())
        try:
            told.extend(second.next(lambda fraction, stage: waiting.set()))
        except AIError as error:
            told.append(error)
        second.close()

    thread = threading.Thread(target=talk)
    thread.start()
    assert waiting.wait(60)
    with pytest.raises(ProviderUnavailableError):
        while first.next(quiet):
            pass
    hold.unlink()
    thread.join(60)
    assert told == [{"piece": 1}]
    assert engine._child is not None
    assert not engine._child.alive


def test_asking_a_process_that_has_ended_is_answered_at_once(model: Path) -> None:
    engine = Engine(files.find(str(model)), SMALL)
    engine.load(quiet)
    held = engine._child
    assert held is not None
    engine.kill()
    held.words()
    answers: child.Answers = queue.SimpleQueue()
    held.stop(held.ask(asked(), answers))
    assert answers.get(timeout=120) is None


def test_an_empty_pool_has_nothing_to_free() -> None:
    pool = Pool()
    pool.release(User())
    pool.clear()
    assert pool.engines() == []


def asked(max_tokens: int = 40) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": "x"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0,
        "max_tokens": max_tokens,
    }
