"""The command modules end in one line, whatever happens to their streams."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.test_main import environment
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError, ProviderUnavailableError
from viralai_sdk.tools import console

WORDS = [sys.executable, "-m", "viralai_sdk.tools.test_ai_providers", "embedded", "--service", "text", "--no-full"]


def raising(error: BaseException) -> Callable[[], bool]:
    def work() -> bool:
        raise error

    return work


@pytest.mark.parametrize(
    ("work", "code"),
    [
        (lambda: True, 0),
        (lambda: False, 1),
        (raising(ProviderUnavailableError("it is down.")), 1),
        (raising(InvalidRequestError("no such thing.")), 2),
        (raising(KeyboardInterrupt()), 130),
    ],
)
def test_the_end_is_an_exit_code(work: Callable[[], bool], code: int) -> None:
    assert console.exit_code(work) == code


def test_errors_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    console.exit_code(raising(AIError("it is down.", hint="Wait.")))
    assert capsys.readouterr().err == "it is down. Wait.\n"


def test_a_full_stdout_is_told_in_a_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            WORDS, env=environment(tmp_path), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "cannot write to standard output: [Errno 28] No space left on device.\n"


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    process = subprocess.Popen(
        WORDS, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(60) == 141
