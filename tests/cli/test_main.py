"""The command line as a whole: help, mistakes, exit codes, interruption."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import viralai_sdk
from tests.cli.conftest import Viralai
from viralai_sdk.cli import COMMANDS, report
from viralai_sdk.interfaces.errors import JobFailedError, ProviderUnavailableError, StorageError

MODULE = [sys.executable, "-m", "viralai_sdk.cli"]
ROOT = Path(__file__).resolve().parents[2]


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    return {**kept, "PYTHONPATH": str(ROOT), "VIRALAI_HOME": str(home), "XDG_CONFIG_HOME": str(home)}


def test_help_lists_every_command(viralai: Viralai) -> None:
    done = viralai("-h")
    assert done.code == 0
    assert all(name in done.out for name in COMMANDS)
    assert "viralai demo" in done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_takes_json(command: str, viralai: Viralai) -> None:
    done = viralai(command, "-h")
    assert done.code == 0
    assert "usage: viralai" in done.out
    if "ACTION" not in done.out and "SERVICE" not in done.out:
        assert "--json" in done.out


def test_version(viralai: Viralai) -> None:
    assert viralai("--version").out.strip() == f"viralai-sdk {viralai_sdk.__version__}"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "no command"),
        (("genrate",), "Did you mean 'generate'?"),
        (("xyzzy",), "viralai -h"),
        (("generate",), "SERVICE"),
        (("generate", "image"), "PROMPT"),
        (("generate", "image", "fox", "--no-such"), "--no-such"),
        (("generate", "image", "fox", "--seed", "many"), "--seed"),
        (("generate", "image", "fox", "--option", "quality"), "KEY=VALUE"),
        (("generate", "text", "x", "--schema", "none.json"), "none.json"),
        (("models", "retiring", "--within", "soon"), "90d"),
        (("models", "retiring", "--as-of", "tomorrow"), "2026-11-22"),
        (("models", "list", "--provider", "openia"), "Did you mean 'openai'?"),
        (("sim", "--port", "99999"), "65535"),
        (("sim", "--print-config", "--port", "0"), "fixed port"),
        (("lab", "--dir", "nowhere"), "nowhere"),
        (("sessions", "show"), "no sessions"),
    ],
)
def test_wrong_use_is_told_in_a_line_or_two_and_exits_2(words: tuple[str, ...], told: str, viralai: Viralai) -> None:
    done = viralai(*words)
    assert done.code == 2
    assert told in done.err
    assert len(done.err.strip().splitlines()) <= 2
    as_json = viralai(*words, "--json")
    assert as_json.code == 2
    error = as_json.document["error"]
    assert set(error) == {"type", "message", "hint", "provider"}
    assert told in f"{error['message']} {error['hint']}"


def test_a_providers_failure_exits_1_and_says_whether_it_was_billed() -> None:
    output = report.Output()
    down = ProviderUnavailableError("it is down.", provider="openai")
    assert output.failed(down) == 1
    assert report.described(down)["provider"] == "openai"
    paid = report.described(JobFailedError("it broke.", job_id="job_1", billed="yes"))
    assert (paid["billed"], paid["job_id"]) == ("yes", "job_1")
    assert "safe in x.png" in report._sentence(report.described(StorageError("disk full.", rescued="x.png")))


def test_a_bug_is_called_a_bug(viralai: Viralai, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> int:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("viralai_sdk.cli.models.run_list", broken)
    done = viralai("models", "list")
    assert done.code == 1
    assert "ZeroDivisionError: oops" in done.err
    assert "bug" in done.err


def test_debug_shows_the_traceback(
    viralai: Viralai, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from viralai_sdk.cli import main

    monkeypatch.setenv("VIRALAI_DEBUG", "1")
    assert main(["generate", "image", ""]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_exits_130(viralai: Viralai, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("viralai_sdk.cli.models.run_list", interrupted)
    assert viralai("models", "list").code == 130
    done = viralai("models", "list", "--json")
    assert done.code == 130
    assert done.document["error"]["type"] == "Interrupted"


def test_a_result_is_not_hidden_by_a_later_error(capsys: pytest.CaptureFixture[str]) -> None:
    output = report.Output(as_json=True)
    output.result({"files": ["fox.png"]})
    assert output.failed(StorageError("the journal is damaged.")) == 1
    output.close()
    document = json.loads(capsys.readouterr().out)
    assert document["files"] == ["fox.png"]
    assert document["error"]["type"] == "StorageError"


def test_as_a_process_it_prints_one_document(tmp_path: Path) -> None:
    words = ["generate", "text", "Write 3 hooks about tea", "--json"]
    done = subprocess.run([*MODULE, *words], env=environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout)["response"]["is_model"] is False


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*MODULE, "models", "list", "--json"],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(60) == report.BROKEN_PIPE


def test_ctrl_c_in_a_running_film_leaves_nothing_half_written(tmp_path: Path) -> None:
    out = tmp_path / "film.mp4"
    words = ["generate", "video", "a lighthouse at dusk", "--duration", "60", "--out", str(out)]
    process = subprocess.Popen(
        [*MODULE, *words], env={**environment(tmp_path), "VIRALAI_PROGRESS": "1"}, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert process.stderr.read(1)  # progress: the work has begun
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "interrupted" in said
    assert not out.exists()
    assert list((tmp_path / "outputs").rglob("*.mp4")) == []


def test_a_corrupt_journal_is_told_once_also_at_the_end_of_the_process(tmp_path: Path) -> None:
    (tmp_path / ".viralai").mkdir()
    (tmp_path / ".viralai" / "journal.db").write_bytes(b"this is no database")
    words = [*MODULE, "generate", "text", "Write a slogan about tea"]
    done = subprocess.run(words, env=environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("journal.db' is not a database") == 1
    assert "RuntimeWarning" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2


def test_a_warning_is_one_line_and_no_repetition(capsys: pytest.CaptureFixture[str]) -> None:
    output = report.Output()
    output.warned(RuntimeWarning("the disk is\n nearly full"))
    output.close()
    assert capsys.readouterr().err == "viralai: the disk is nearly full\n"
    output = report.Output()
    output.warned(RuntimeWarning("calls are not being recorded: no room."))
    output.warned(RuntimeWarning("calls were not recorded: no room."))
    output.close()
    assert capsys.readouterr().err == "viralai: calls were not recorded: no room.\n"
    output.failed(StorageError("the disk is full."))
    output.warned(RuntimeWarning("calls were not recorded: the disk is full."))
    assert "recorded" not in capsys.readouterr().err
