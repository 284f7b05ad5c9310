"""The notebooks: valid, thin, keyless; papermill runs each of them, and what it is told is checked first."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.bench.conftest import SOURCE, saved
from tests.bench.conftest import row as a_row
from viralai_sdk import bench
from viralai_sdk.bench import notebooks, papermill_process, parameters, report
from viralai_sdk.bench.rows import LEDGER
from viralai_sdk.bench.runner import STOP
from viralai_sdk.interfaces.errors import AIError, ConfigurationError, InvalidRequestError

SMALL: dict[str, Any] = {"repeats": 1, "concurrency": [1], "warm_up": 0, "latency": {"*": "fixed:2ms"}}
CANARY = "vk-canary-bench-kernel-0001"


@pytest.mark.parametrize("name", notebooks.NAMES)
def test_a_notebook_is_valid_empty_and_documents_every_parameter(name: str) -> None:
    path = notebooks.notebook_path(name)
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert (book.nbformat, book.nbformat_minor) == (4, 5)
    assert len({cell.id for cell in book.cells}) == len(book.cells)
    assert book.cells[0].cell_type == "markdown"
    assert "Expected time" in book.cells[0].source
    assert all(not cell.outputs and cell.execution_count is None for cell in book.cells if cell.cell_type == "code")
    known = notebooks.inspect(path)
    assert set(known) == set(parameters.Parameters.model_fields) - {"service"}
    assert all(one["help"] and one["inferred_type_name"] != "None" for one in known.values())
    defaults = {key: ast.literal_eval(one["default"]) for key, one in known.items()}
    assert defaults["simulate"] is True
    service = "text" if name in ("fallback", "overhead") else "image" if name == "comfyui" else name
    plan = bench.plan(service, **defaults)
    assert plan.slots
    for key in known:  # every parameter reaches the plan
        assert f"{key}={key}" in "".join(cell.source for cell in book.cells)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", notebooks.NAMES)
def test_papermill_runs_every_notebook(name: str, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    executed = notebooks.execute(
        name, SMALL, tmp_path / "run", on_calls=lambda done, failed: seen.append((done, failed))
    )
    run = bench.load(tmp_path / "run")
    assert run.summary["state"] == "complete"
    assert seen[-1] == (len(run.rows), sum(not row.ok for row in run.rows))
    book = nbformat.read(executed, as_version=4)
    assert not [output for cell in book.cells for output in cell.get("outputs", ()) if output.output_type == "error"]
    pictures = [
        output for cell in book.cells for output in cell.get("outputs", ()) if "image/png" in output.get("data", {})
    ]
    assert pictures
    assert executed.stat().st_size < 1_000_000
    page = report.write_report(executed, tmp_path / "report.html", name)
    assert page.read_text().count("<img") == len(pictures)


def test_unknown_parameters_and_notebooks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="has no parameter 'repeat'"):
        notebooks.execute("text", {"repeat": 1}, tmp_path / "run")
    with pytest.raises(InvalidRequestError, match="Did you mean 'video'"):
        notebooks.execute("vidio", {}, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_notebook_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(notebooks, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    with pytest.raises(ConfigurationError, match="not installed"):
        notebooks.notebook_path("text")


def test_what_looks_like_a_secret_is_no_parameter(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="secret") as caught:
        notebooks.execute("text", {"settings": {"api_key": CANARY}}, tmp_path / "run")
    assert CANARY not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.timeout(900)
def test_keys_reach_the_kernel_by_its_environment_and_nothing_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real (not simulated) run at a vendor that does not take the key, and says so with the key in its words."""
    from viralai_sdk.simulator import Simulator, SimulatorConfig

    with Simulator(SimulatorConfig(key="another-key")) as sim:
        monkeypatch.setenv("OPENAI_API_KEY", CANARY)
        monkeypatch.setenv("OPENAI_BASE_URL", sim.url("openai"))
        sim.faults.add("openai", status=401, message=f"Incorrect API key provided: {CANARY}")
        told = {**SMALL, "providers": ["openai"], "simulate": False, "latency": {}}
        notebooks.execute("text", told, tmp_path / "run", environment={"VIRALAI_HOME": str(tmp_path / "home")})
        assert any(CANARY in str(request.headers) for request in sim.log)
    run = bench.load(tmp_path / "run")
    assert [row.error for row in run.rows] == ["AuthenticationError"] * 2
    report.write_report(tmp_path / "run" / notebooks.EXECUTED, tmp_path / "run" / "report.html", "x")
    for path in (tmp_path / "run").iterdir():
        assert CANARY.encode() not in path.read_bytes()


@pytest.mark.timeout(900)
def test_a_failing_notebook_is_an_error_with_its_reason_and_the_record_is_kept(tmp_path: Path) -> None:
    with pytest.raises(AIError, match=r"the notebook failed: InvalidRequestError: .*repeats") as caught:
        notebooks.execute("overhead", {"repeats": 0}, tmp_path / "run")
    assert str(tmp_path / "run" / notebooks.EXECUTED) in str(caught.value)
    assert (tmp_path / "run" / notebooks.EXECUTED).exists()
    assert notebooks._last("\n\n") == "it said nothing"


def test_progress_counts_calls_and_not_lines(tmp_path: Path) -> None:
    from viralai_sdk.bench.rows import Ledger

    assert notebooks.progress(tmp_path) == (0, 0)
    with Ledger(tmp_path) as ledger:
        ledger.begin("x")
        ledger.add(a_row(1))
        ledger.add(a_row(1, metrics={"width": 3}))
        ledger.add(a_row(2, outcome="failed"))
    assert notebooks.progress(tmp_path) == (2, 1)


class Slow:
    """A process that ends when it is told to."""

    def __init__(self, on_wait: Any) -> None:
        self.over = False
        self.terminated = False
        self.on_wait = on_wait

    def poll(self) -> int | None:
        return 0 if self.over else None

    def wait(self, seconds: float) -> None:
        self.on_wait(self)
        raise subprocess.TimeoutExpired("x", seconds)

    def terminate(self) -> None:
        self.over = self.terminated = True


def test_ctrl_c_asks_the_kernel_to_stop_and_waits_for_it(tmp_path: Path) -> None:
    def on_wait(process: Slow) -> None:
        if (tmp_path / STOP).exists():
            process.over = True
        else:
            raise KeyboardInterrupt

    process = Slow(on_wait)
    assert notebooks._wait(process, tmp_path, None)  # type: ignore[arg-type]
    assert not process.terminated


def test_a_second_ctrl_c_does_not_wait(tmp_path: Path) -> None:
    def on_wait(process: Slow) -> None:
        raise KeyboardInterrupt

    process = Slow(on_wait)
    assert notebooks._wait(process, tmp_path, None)  # type: ignore[arg-type]
    assert process.terminated


def test_a_kernel_that_does_not_stop_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks, "STOP_SECONDS", 0.0)
    interrupts = iter([True])

    def on_wait(process: Slow) -> None:
        if next(interrupts, False):
            raise KeyboardInterrupt

    process = Slow(on_wait)
    assert notebooks._wait(process, tmp_path, None)  # type: ignore[arg-type]
    assert process.terminated


@pytest.mark.timeout(900)
def test_ctrl_c_on_the_command_keeps_what_was_measured(tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ["bench", "text", "--simulate", "--provider", "openai", "--concurrency", "1", "--repeats", "200"]
    words += ["--latency", "*=fixed:50ms", "--out", str(out)]
    command = subprocess.Popen(
        [sys.executable, "-m", "viralai_sdk.cli", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    until = time.monotonic() + 300
    while notebooks.progress(out)[0] < 3 and command.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    command.send_signal(signal.SIGINT)
    said = command.communicate(timeout=300)[0]
    assert command.returncode == 130, said
    run = bench.load(out)
    assert 3 <= len(run.rows) < 401
    assert (run.summary["state"], run.summary["reason"]) == ("partial", "stopped")
    assert (out / report.REPORT).exists()
    assert "--resume" in said


def test_the_papermill_process_takes_its_order_from_stdin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import io

    import papermill

    told: list[dict[str, Any]] = []
    threads = []

    def execute(notebook: str, output: str, **details: Any) -> None:
        threads.append(threading.current_thread())
        told.append(details)
        if details["parameters"].get("fail") == 1:
            raise OSError("no kernel")
        if details["parameters"].get("fail") == 2:
            raise papermill.exceptions.PapermillExecutionError(0, 1, "x", "Boom", "now\nand then", [])

    monkeypatch.setattr(papermill, "execute_notebook", execute)
    for fail, code, words in ((0, 0, ""), (1, 1, "OSError: no kernel\n"), (2, 1, "Boom: now and then\n")):
        order = {"notebook": "a", "output": "b", "parameters": {"fail": fail}, "seconds": 1}
        monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(order)))
        assert papermill_process.main() == code
        assert capsys.readouterr().out == words
    assert threading.main_thread() not in threads
    assert told[0]["progress_bar"] is False


@pytest.mark.timeout(900)
def test_a_killed_run_is_finished_by_the_command_and_resumed(tmp_path: Path) -> None:
    """The kernel dies without a word: the record of what it had measured is made all the same, and the rest is measured later."""
    from viralai_sdk.bench import command

    order = command.Order(
        "overhead",
        {"simulate": True, "out": str(tmp_path / "run"), **SMALL, "repeats": 30, "latency": {"*": "fixed:30ms"}},
    )
    ready = command.check(order)
    killed = []

    def kill(done: int, failed: int) -> None:
        if done >= 3 and not killed:
            for child in _descendants(os.getpid()):
                if "ipykernel" in child[1]:
                    killed.append(child[0])
                    os.kill(child[0], signal.SIGKILL)

    with pytest.raises(AIError, match="notebook failed"):
        command.carry_out(ready, kill)
    assert killed
    run = bench.load(tmp_path / "run")
    assert run.summary["reason"] == "interrupted"
    known = len(run.rows)
    assert 3 <= known < 30

    again = command.check(command.Order("overhead", {"out": str(tmp_path / "run"), "resume": True}))
    assert again.plan.fingerprint == ready.plan.fingerprint
    done = command.carry_out(again)
    assert done.run.summary["state"] == "complete"
    assert len(done.run.rows) == 30
    assert done.run.summary["perhaps_paid_twice"] == run.summary["begun_without_outcome"]
    lines = (tmp_path / "run" / LEDGER).read_text().count('"begin"')
    assert lines == 30 + len(run.summary["begun_without_outcome"])


def _descendants(pid: int) -> list[tuple[int, str]]:
    import psutil

    found = []
    for child in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            found.append((child.pid, " ".join(child.cmdline())))
    return found


def test_the_source_of_a_clone_is_where_the_tests_believe_it(tmp_path: Path) -> None:
    assert notebooks.notebook_path("text").is_relative_to(SOURCE)
    assert saved(tmp_path / "run", [a_row(1)]).service == "text"
