"""Progress appears only for calls that take time, is drawn by one thread, leaves nothing behind and never breaks a call."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import threading
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.html_check import check_harmless
from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.progress import NullView, ProgressEvent, ProgressHub, TerminalView, choose_view, in_kernel
from viralai_sdk.progress.notebook import SHOWN_CALLS, NotebookView
from viralai_sdk.progress.views import cut, width


def event(call_id: str = "a", **fields: Any) -> ProgressEvent:
    return ProgressEvent(call_id=call_id, service="video", provider="runway", **fields)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Recorder:
    """A view that writes down what it is told."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def update(self, running: Sequence[ProgressEvent], over: int, now: float) -> None:
        self.calls.append(([(e.call_id, e.percent, round(e.elapsed, 3)) for e in running], over))

    def clear(self) -> None:
        self.calls.append("clear")

    def line(self, text: str) -> None:
        self.calls.append(text)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def view() -> Recorder:
    return Recorder()


@pytest.fixture
def hub(view: Recorder, clock: Clock) -> ProgressHub:
    return ProgressHub(view, clock=clock)


def test_a_quick_call_shows_nothing(hub: ProgressHub, view: Recorder, clock: Clock) -> None:
    hub.post(event())
    hub.render()
    clock.now += 0.39
    hub.render()
    hub.post(event(state="done"))
    hub.render()
    hub.close()
    assert view.calls == []


def test_a_longer_call_shows_its_latest_event_and_its_running_time_and_is_cleared(
    hub: ProgressHub, view: Recorder, clock: Clock
) -> None:
    hub.post(event(elapsed=0.3))
    clock.now += 0.2
    hub.render()
    hub.post(event(fraction=0.1, elapsed=0.5))
    hub.post(event(fraction=0.5, elapsed=0.5))
    clock.now += 1
    hub.render()
    hub.post(event(state="failed"))
    hub.render()
    hub.render()
    assert view.calls == [([("a", None, 0.5)], 0), ([("a", 50, 1.5)], 0), "clear"]


def test_calls_that_end_are_counted_while_others_run(hub: ProgressHub, view: Recorder) -> None:
    for name in "abc":
        hub.post(event(name, elapsed=1))
    hub.post(event("b", state="done"))
    hub.post(event("b", state="done"))
    hub.render()
    assert view.calls == [([("a", None, 1.0), ("c", None, 1.0)], 1)]
    hub.post(event("a", state="done"))
    hub.post(event("c", state="done"))
    hub.render()
    hub.post(event("d", elapsed=1))
    hub.render()
    assert view.calls[1:] == ["clear", ([("d", None, 1.0)], 0)]


def test_a_cancelled_call_leaves_a_line_even_when_the_hub_closes_at_once(hub: ProgressHub, view: Recorder) -> None:
    hub.post(event(elapsed=2))
    hub.render()
    hub.post(event(state="cancelled", message="the job goes on at runway; ai.jobs.resume() collects it"))
    hub.post(event("b", state="cancelled", elapsed=3.21))
    hub.close()
    assert view.calls[1:] == [
        "clear",
        "stopped; the job goes on at runway; ai.jobs.resume() collects it",
        "stopped; video · runway after 3.2 s",
    ]


def test_closing_clears_what_is_drawn(hub: ProgressHub, view: Recorder) -> None:
    hub.post(event(elapsed=2))
    hub.render()
    hub.close()
    assert view.calls[-1] == "clear"


def test_only_the_owning_thread_draws_while_any_thread_may_post(hub: ProgressHub, view: Recorder) -> None:
    def work(number: int) -> None:
        for step in range(200):
            hub.post(event(f"{number}", fraction=step / 199, elapsed=1))
            hub.render()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert view.calls == []
    hub.render()
    ((running, _),) = view.calls
    assert sorted(running) == [(f"{number}", 100, 1.0) for number in range(4)]


def test_a_view_that_fails_is_put_aside_and_the_call_goes_on(
    clock: Clock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = Recorder()
    asked = []

    def broken(*args: Any) -> None:
        asked.append(args)
        raise BrokenPipeError

    monkeypatch.setattr(view, "update", broken)
    hub = ProgressHub(view, clock=clock)
    hub.post(event(elapsed=1))
    with caplog.at_level(logging.DEBUG, "viralai_sdk.progress"):
        hub.render()
        hub.render()
    assert len(asked) == 1
    assert "Recorder is put aside" in caplog.text


def test_an_event_tells_what_is_known() -> None:
    assert event().words() == ["0.0 s"]
    told = event(fraction=0.999, queue_position=0, stage="sampling", elapsed=75.2)
    assert told.words() == ["99 %", "next in the queue", "sampling", "75 s"]
    assert event(queue_position=3).words()[0] == "3 ahead in the queue"
    assert [event(fraction=f).percent for f in (-1, 2, float("nan"), None)] == [0, 100, None, None]


class Stream(io.TextIOWrapper):
    """A terminal, or not, of some encoding."""

    def __init__(self, encoding: str = "utf-8", tty: bool = True) -> None:
        self.raw_bytes = io.BytesIO()
        super().__init__(self.raw_bytes, encoding=encoding, newline="")
        self.tty = tty

    def isatty(self) -> bool:
        return self.tty

    def written(self) -> str:
        return self.raw_bytes.getvalue().decode(self.encoding)


@pytest.fixture
def columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


@pytest.mark.usefixtures("columns")
def test_a_terminal_gets_one_line_that_is_rewritten_and_removed() -> None:
    stream = Stream()
    view = TerminalView(stream)
    view.update([event(fraction=0.25, stage="sampling", elapsed=3)], 0, 0.0)
    view.update([event(elapsed=4), event("b")], 2, 0.1)
    view.clear()
    view.clear()
    first = "video · runway · ━━━━━───────────────  · 25 % · sampling · 3.0 s".replace("  ", " ")
    second = "video · runway · 4.0 s (1 more running, 2 over)"
    blank = " " * (len(first) - len(second))
    assert stream.written() == f"\r{first}\r{second}{blank}\r{' ' * len(second)}\r"


@pytest.mark.usefixtures("columns")
def test_a_terminal_without_unicode_gets_plain_letters() -> None:
    stream = Stream("ascii")
    view = TerminalView(stream)
    view.update([event(fraction=0.5, stage="schön\x1b[2J\n", elapsed=1)], 0, 0.0)
    view.line("stopped; gone on · elsewhere")
    assert stream.written().startswith("\rvideo | runway | ##########---------- | 50 % | sch?n [2J  | 1.0 s")
    assert stream.written().endswith("\rstopped; gone on | elsewhere\n")


def test_a_narrow_terminal_is_never_overrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = Stream()
    TerminalView(stream).update([event(fraction=0.5, stage="日本語" * 20, elapsed=1)], 0, 0.0)
    assert width(stream.written().strip("\r")) <= 39
    assert "━" not in stream.written()
    assert cut("abc", 3) == "abc"
    assert cut("abcdef", 4) == "ab.."


def test_progress_forced_into_a_pipe_is_a_line_every_ten_seconds() -> None:
    stream = Stream(tty=False)
    view = TerminalView(stream)
    for now in (0.0, 1.0, 9.9, 10.0):
        view.update([event(fraction=now / 20, elapsed=now)], 0, now)
    view.clear()
    assert stream.written() == "video · runway · 0 % · 0.0 s\nvideo · runway · 50 % · 10 s\n"


def test_a_stream_of_unknown_encoding_is_treated_as_ascii() -> None:
    stream = io.StringIO()
    TerminalView(stream).line("a · b")
    assert stream.getvalue() == "a | b\n"


class Front:
    """Stands in for `IPython.display.display`."""

    def __init__(self) -> None:
        self.shown: list[tuple[dict[str, str], bool]] = []

    def __call__(self, data: dict[str, str], *, raw: bool, display_id: Any, update: bool = False) -> Any:
        assert raw
        assert (display_id is True) is not update
        self.shown.append((data, update))
        return types.SimpleNamespace(display_id="d1")


def test_a_notebook_gets_an_empty_display_that_is_updated_at_most_five_times_a_second_and_emptied() -> None:
    front = Front()
    view = NotebookView(front)
    for step in range(20):
        view.update([event(fraction=step / 20, elapsed=step / 20)], 0, 100 + step / 20)
    view.clear()
    view.clear()
    assert front.shown[0] == ({}, False)
    assert front.shown[-1] == ({}, True)
    drawn = front.shown[1:-1]
    assert len(drawn) == 5
    assert all(update for _, update in drawn)


def test_the_bar_has_the_semantics_of_a_progress_bar() -> None:
    front = Front()
    NotebookView(front).update([event(fraction=0.42, stage="<sampling>", elapsed=2), event("b", elapsed=1)], 3, 0.0)
    data, _ = front.shown[-1]
    page = check_harmless(data["text/html"])
    known, unknown = (attributes for _, attributes in page.found if attributes.get("role") == "progressbar")
    assert known["aria-valuenow"] == "42"
    assert (known["aria-valuemin"], known["aria-valuemax"]) == ("0", "100")
    assert known["aria-label"] == "video · runway"
    assert known["aria-valuetext"] == "42 %, <sampling>, 2.0 s"
    assert "aria-valuenow" not in unknown
    assert "3 over" in page.text
    assert data["text/plain"] == "video · runway: 42 %, <sampling>, 2.0 s video · runway: 1.0 s"


def test_many_calls_are_counted_instead_of_drawn() -> None:
    front = Front()
    NotebookView(front).update([event(str(n)) for n in range(SHOWN_CALLS + 4)], 0, 0.0)
    page = check_harmless(front.shown[-1][0]["text/html"])
    assert sum(attributes.get("role") == "progressbar" for _, attributes in page.found) == SHOWN_CALLS
    assert "4 more running" in page.text


def test_a_preview_is_shown_small_and_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (800, 400), "teal").save(buffer, "PNG")
    decoded = []
    opener = Image.open

    def counted(source: Any) -> Any:
        decoded.append(source)
        return opener(source)

    monkeypatch.setattr(Image, "open", counted)
    front = Front()
    view = NotebookView(front)
    view.update([event(preview=buffer.getvalue())], 0, 0.0)
    view.update([event(preview=buffer.getvalue())], 0, 1.0)
    (image,) = check_harmless(front.shown[-1][0]["text/html"]).all("img")
    assert (image["width"], image["height"], image["alt"]) == ("240", "120", "unfinished video")
    assert len(decoded) == 1
    view.update([event(preview=b"no picture")], 0, 2.0)
    assert check_harmless(front.shown[-1][0]["text/html"]).all("img") == []


def test_a_line_takes_the_place_of_the_bar_and_the_next_bar_is_a_new_display() -> None:
    front = Front()
    view = NotebookView(front)
    view.update([event()], 0, 0.0)
    view.line("stopped; <b>")
    view.update([event()], 0, 1.0)
    assert [update for _, update in front.shown] == [False, True, True, False, True]
    assert front.shown[2][0]["text/plain"] == "stopped; <b>"
    check_harmless(front.shown[2][0]["text/html"])


class ZMQInteractiveShell:
    """Named as the shell of a kernel; Colab's is a subclass of it."""


def pretend_shell(monkeypatch: pytest.MonkeyPatch, shell: object) -> None:
    stand_in = types.ModuleType("IPython")
    stand_in.get_ipython = lambda: shell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", stand_in)


def test_the_place_decides_the_view(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_shell(monkeypatch, None)
    monkeypatch.setattr(sys, "stderr", Stream(tty=True))
    assert not in_kernel()
    assert isinstance(choose_view(environ={}), TerminalView)
    monkeypatch.setattr(sys, "stderr", Stream(tty=False))
    assert isinstance(choose_view(environ={}), NullView)
    monkeypatch.setattr(sys, "stderr", None)
    assert isinstance(choose_view(environ={}), NullView)
    pretend_shell(monkeypatch, type("Shell", (ZMQInteractiveShell,), {})())
    assert in_kernel()
    assert isinstance(choose_view(environ={}), NotebookView)


def test_argument_and_environment_decide_first(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_shell(monkeypatch, ZMQInteractiveShell())
    assert isinstance(choose_view(False, environ={"VIRALAI_PROGRESS": "1"}), NullView)
    assert isinstance(choose_view(environ={"VIRALAI_PROGRESS": "0"}), NullView)
    assert isinstance(choose_view(environ={"VIRALAI_PROGRESS": " Auto "}), NotebookView)
    pretend_shell(monkeypatch, None)
    monkeypatch.setattr(sys, "stderr", Stream(tty=False))
    assert isinstance(choose_view(environ={"VIRALAI_PROGRESS": "1"}), TerminalView)
    assert isinstance(choose_view(True, environ={"VIRALAI_PROGRESS": "0"}), TerminalView)
    with pytest.raises(ConfigurationError, match="0, 1 or auto"):
        choose_view(environ={"VIRALAI_PROGRESS": "maybe"})


def test_showing_nothing_is_done_quietly() -> None:
    view = NullView()
    view.update([event()], 0, 0.0)
    view.clear()
    view.line("x")
    hub = ProgressHub(view)
    hub.post(event(elapsed=1))
    hub.render()


def test_importing_progress_brings_neither_ipython_nor_pydantic() -> None:
    heavy = "{'IPython', 'pydantic', 'PIL', 'numpy', 'av'} & set(sys.modules)"
    code = f"import sys; import viralai_sdk.progress as p; p.choose_view(); print(sorted({heavy}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ), check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_notebook_view_speaks_to_a_real_ipython() -> None:
    code = """
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from viralai_sdk.progress import ProgressEvent
from viralai_sdk.progress.notebook import NotebookView
InteractiveShell.instance()
with capture_output() as seen:
    view = NotebookView()
    view.update([ProgressEvent(call_id="a", service="image", provider="comfyui", fraction=0.5)], 0, 1.0)
    view.clear()
first, bar, last = seen.outputs
assert first.data == last.data == {}, (first.data, last.data)
assert 'aria-valuenow="50"' in bar.data["text/html"]
assert len({output.transient["display_id"] for output in seen.outputs}) == 1
assert [output.update for output in seen.outputs] == [False, True, True]
print("fine")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ), check=False
    )
    assert done.stdout.strip() == "fine", done.stderr


def test_a_strict_comparison_of_notebook_outputs_does_not_see_progress(tmp_path: Path) -> None:
    """However long the call took: the stored notebook has no output, the run shows a bar, nbval finds no difference."""
    source = """
import time
from viralai_sdk.progress import ProgressEvent, ProgressHub, choose_view
hub = ProgressHub(choose_view())
hub.post(ProgressEvent(call_id="a", service="image", provider="comfyui", elapsed=1.0))
hub.render()
time.sleep(0.25)
hub.render()
hub.close()
"""
    cell = nbformat.v4.new_code_cell(source, execution_count=1)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "one.ipynb")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "--nbval-current-env",
        "-q",
        "-p",
        "no:cacheprovider",
        "one.ipynb",
    ]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env=notebook_environment(), check=False
    )
    assert "1 passed" in done.stdout, done.stdout[-2000:]


def notebook_environment() -> dict[str, str]:
    """Where a kernel in another folder finds this source tree."""
    here = str(Path(__file__).parents[2])
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]),
        "VIRALAI_PROGRESS": "1",
    }
