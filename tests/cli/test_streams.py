"""Standard streams that are full or closed: one clear line, and what was paid for is safe."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Viralai
from tests.cli.test_main import MODULE, environment
from viralai_sdk.cli import deliver
from viralai_sdk.interfaces.errors import InvalidRequestError, StorageError
from viralai_sdk.interfaces.text import TextGenerationResponse

HOOKS = ("generate", "text", "Write 3 hooks about tea", "--seed", "1")


def with_full_stdout(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    with Path("/dev/full").open("w") as full:
        return subprocess.run(
            [*MODULE, *words], env=environment(home), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )


def with_closed(home: Path, stream: str, *words: str) -> subprocess.CompletedProcess[str]:
    """`stream` in a shell's words: "<&-", ">&-" or "2>&-"."""
    command = ["sh", "-c", f'exec "$@" {stream}', "sh", *MODULE, *words]
    return subprocess.run(command, env=environment(home), capture_output=True, text=True, check=False)


def safe_in(told: str) -> Path:
    """The file that an error names."""
    return Path(told.partition("is safe in ")[2].splitlines()[0].removesuffix("."))


@pytest.mark.parametrize("how", [(), ("--json",), ("--stream",)])
def test_an_answer_that_stdout_cannot_take_is_put_aside(how: tuple[str, ...], tmp_path: Path) -> None:
    done = with_full_stdout(tmp_path, *HOOKS, *how)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "cannot write to standard output: No space left on device" in done.stderr
    kept = safe_in(done.stderr)
    assert kept.is_relative_to(tmp_path / "outputs")
    assert len(kept.read_text().strip().splitlines()) == 3


def test_a_comparison_that_stdout_cannot_take_is_put_aside(tmp_path: Path) -> None:
    done = with_full_stdout(tmp_path, "compare", "text", "Write 3 hooks about tea", "--provider", "embedded")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert any("tea" in path.read_text() for path in safe_in(done.stderr).rglob("*.json"))


@pytest.mark.parametrize("words", [("-h",), ("--version",), ("models", "list")])
def test_no_command_ends_well_when_nobody_could_read_it(words: tuple[str, ...], tmp_path: Path) -> None:
    done = with_full_stdout(tmp_path, *words)
    assert done.returncode == 1
    assert done.stderr.startswith("viralai: cannot write to standard output")
    assert len(done.stderr.splitlines()) == 2


def test_a_closed_stdout_is_told_and_the_answer_kept(tmp_path: Path) -> None:
    done = with_closed(tmp_path, ">&-", *HOOKS)
    assert done.returncode == 1
    assert "cannot write to standard output: it is closed" in done.stderr
    assert safe_in(done.stderr).is_file()


def test_a_closed_stderr_does_not_send_remarks_into_the_result(tmp_path: Path) -> None:
    done = with_closed(tmp_path, "2>&-", *HOOKS)
    assert done.returncode == 0
    assert len(done.stdout.strip().splitlines()) == 3


def test_a_closed_stdin_is_an_empty_one(tmp_path: Path) -> None:
    done = with_closed(tmp_path, "<&-", "generate", "text", "-")
    assert done.returncode == 2
    assert "is empty" in done.stderr


def answer(text: str) -> TextGenerationResponse:
    return TextGenerationResponse(text=text, provider_used="p", model_used="m", call_id="c", session_id="s")


def test_a_text_that_out_cannot_take_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError) as caught:
        deliver.deliver(answer("paid for"), tmp_path / "file" / "answer.txt", tmp_path / "session")
    assert caught.value.rescued is not None
    assert Path(caught.value.rescued).read_text() == "paid for\n"
    assert Path(caught.value.rescued).is_relative_to(tmp_path / "session")


def test_a_text_is_put_aside_elsewhere_when_its_session_fails_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "session").write_text("in the way")
    kept = deliver.put_aside(answer("paid for"), tmp_path / "session")
    assert kept is not None
    assert Path(kept).is_relative_to(tmp_path / "cache")
    (tmp_path / "cache").rename(tmp_path / "gone")
    (tmp_path / "cache").write_text("in the way")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "session"))
    assert deliver.put_aside(answer("paid for"), tmp_path / "session") is None


def test_an_impossible_name_is_told_before_anything_is_made(viralai: Viralai) -> None:
    done = viralai("generate", "image", "a fox", "--out", "x" * 300)
    assert (done.code, "File name too long" in done.err) == (1, True)
    assert not (viralai.place / "outputs").exists()


def test_out_never_replaces_a_device_or_a_pipe(tmp_path: Path, viralai: Viralai) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidRequestError, match="neither a file nor a folder"):
        deliver.check(tmp_path / "pipe")
    for words in (("generate", "image", "a fox", "--out"), ("compare", "text", "hi", "--provider", "embedded")):
        option = () if words[-1] == "--out" else ("--html",)
        assert viralai(*words, *option, tmp_path / "pipe").code == 2
    assert (tmp_path / "pipe").is_fifo()
    assert not (viralai.place / "outputs").exists()
