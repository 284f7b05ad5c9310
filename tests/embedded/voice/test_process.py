"""The worker process: whatever happens in it, the parent gets a typed error, and nothing is left behind."""

from __future__ import annotations

import gc
import io
import json
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import espeakng_loader
import pytest

from viralai_sdk.providers.embedded.voice import VoiceError, espeak_process, espeak_worker, speak
from viralai_sdk.providers.embedded.voice.espeak_process import LONGEST_DATA_PATH
from viralai_sdk.providers.embedded.voice.espeak_worker import HEADER


def espeak(text: str = "hello") -> Any:
    return speak(text, engine="espeak-ng")


def long_folder(root: Path) -> Path:
    folder = root / ("deep" * 30) / ("er" * 40)
    folder.mkdir(parents=True)
    assert len(str(folder)) > LONGEST_DATA_PATH
    return folder


def use_worker(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    """Another program in the worker's place; the voices are known already."""
    espeak()
    script = folder / "worker.py"
    script.write_text(f"import sys, os, time\nsys.stdin.buffer.read()\n{code}\n")
    monkeypatch.setattr(espeak_process, "_WORKER", script)


def test_a_data_path_too_long_for_the_engine_still_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = long_folder(tmp_path) / "espeak-ng-data"
    shutil.copytree(espeakng_loader.get_data_path(), data)
    expected = espeak().samples.tobytes()
    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(data))
    assert espeak().samples.tobytes() == expected
    link = Path(espeak_process._links[str(data)])
    assert link.is_symlink()
    shutil.rmtree(link.parent)
    assert espeak().samples.tobytes() == expected, "a cleaned temporary folder is made again"
    monkeypatch.setattr(Path, "symlink_to", lambda *_, **__: (_ for _ in ()).throw(OSError("no links here")))
    copied = Path(espeak_process._link(str(data)))
    assert copied.is_dir()
    assert not copied.is_symlink()


def test_without_any_short_folder_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> str:
        raise OSError("read-only")

    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(long_folder(tmp_path)))
    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with pytest.raises(VoiceError, match="TMPDIR"):
        espeak_process._link("/" + "x" * 200)


def test_a_broken_installation_is_a_typed_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeakng_loader, "get_library_path", lambda: str(tmp_path / "missing.so"))
    with pytest.raises(VoiceError, match="could not be loaded") as caught:
        espeak()
    assert caught.value.kind == "engine_failed"
    monkeypatch.undo()
    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(tmp_path))
    with pytest.raises(VoiceError, match="did not start"):
        espeak()

    def missing() -> str:
        raise RuntimeError("data path not exists")

    monkeypatch.setattr(espeakng_loader, "get_data_path", missing)
    with pytest.raises(VoiceError, match="incomplete"):
        espeak()


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(VoiceError, match=r"viralai-sdk\[speech\]") as caught:
        espeak()
    assert caught.value.kind == "engine_missing"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("os.abort()", "ended without an answer"),
        ("os._exit(1)", r"exit code 1"),
        ("sys.stdout.buffer.write(b'A\\xff\\0\\0\\0half'); sys.exit(0)", "exit code 0"),
        ("time.sleep(60)", "gave no answer"),
    ],
)
def test_a_worker_that_dies_or_hangs_is_a_typed_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, reason: str
) -> None:
    use_worker(monkeypatch, tmp_path, code)
    monkeypatch.setattr(espeak_process, "SILENCE_DEADLINE", 3.0)
    with pytest.raises(VoiceError, match=reason) as caught:
        espeak()
    assert caught.value.kind == "engine_failed"


def test_a_worker_that_never_reads_is_a_typed_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_worker(monkeypatch, tmp_path, "")
    (tmp_path / "worker.py").write_text("import os\nos.close(0)\nos._exit(7)\n")
    with pytest.raises(VoiceError) as caught:
        espeak("a long text that fills the pipe " * 10_000)
    assert caught.value.kind == "engine_failed"


def test_an_engine_that_gives_no_sound_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = json.dumps({"sample_rate": 22050, "version": "1.52.0"})
    answer = b"".join(
        HEADER.pack(kind, len(body)) + body
        for kind, body in ((b"I", facts.encode()), (b"A", b"\0" * 4000), (b"Z", b""))
    )
    use_worker(monkeypatch, tmp_path, f"sys.stdout.buffer.write({answer!r})")
    with pytest.raises(VoiceError, match="no sound") as caught:
        espeak()
    assert caught.value.kind == "engine_failed"
    espeak_process.catalogue.cache_clear()
    with pytest.raises(VoiceError, match="listed no voices"):
        espeak()


def test_no_interpreter_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    espeak()
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(VoiceError, match=r"sys\.executable"):
        espeak()
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(VoiceError, match="could not be started"):
        espeak()


def test_no_process_and_no_pipe_is_left_after_success_failure_or_cancellation(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start = espeak_process._start

    def kept() -> subprocess.Popen[bytes]:
        started.append(start())
        return started[-1]

    def cancel(fraction: float, _message: str) -> None:
        if fraction > 0:
            raise InterruptedError("enough")

    monkeypatch.setattr(espeak_process, "_start", kept)
    espeak()
    with pytest.raises(InterruptedError):
        speak("many words are spoken here. " * 200, engine="espeak-ng", progress=cancel)
    gc.collect()
    assert len(started) > 1
    for process in started:
        assert process.returncode is not None
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdin.closed
        assert process.stdout.closed
    assert capfd.readouterr() == ("", "")


def test_an_interpreter_that_exits_in_the_middle_is_quiet() -> None:
    program = (
        "import threading, time\n"
        "from viralai_sdk.providers.embedded.voice import speak\n"
        "started = threading.Event()\n"
        "def work():\n"
        "    speak('many words are spoken here. ' * 5000, engine='espeak-ng', progress=lambda f, m: started.set())\n"
        "threading.Thread(target=work, daemon=True).start()\n"
        "started.wait(30)\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_errors_survive_being_sent_between_processes() -> None:
    error = pickle.loads(pickle.dumps(VoiceError("format", "because")))
    assert (error.kind, str(error)) == ("format", "because")


def run_worker(request: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    """The worker's own code in this process, where coverage sees it."""
    stream = io.BytesIO()
    paths = {"library": espeakng_loader.get_library_path(), "data": espeakng_loader.get_data_path()}
    espeak_worker.serve({**paths, **request}, espeak_worker.Frames(stream))
    stream.seek(0)
    answer = []
    while header := stream.read(HEADER.size):
        kind, length = HEADER.unpack(header)
        answer.append((kind, stream.read(length)))
    return answer


SPEAK = {"op": "speak", "text": "hi", "ssml": False, "language": "en", "variant": "f3", "rate": 175, "volume": 50}


def test_the_worker_answers_in_frames_that_end_with_z() -> None:
    kinds = [kind for kind, _ in run_worker({**SPEAK, "pitch": 50, "seed": 1})]
    assert kinds[0] == b"I"
    assert {b"A", b"V"} <= set(kinds)
    assert kinds[-1] == b"Z"
    ((kind, listed), _) = run_worker({"op": "voices"})
    assert kind == b"L"
    assert len(json.loads(listed)["languages"]) > 100


@pytest.mark.parametrize("change", [{"language": "zz"}, {"library": "/no.so"}])
def test_the_worker_reports_what_failed(change: dict[str, str]) -> None:
    (*_, (kind, body), _) = run_worker({**SPEAK, "pitch": 50, "seed": 1, **change})
    assert kind == b"E"
    assert json.loads(body)["message"]
