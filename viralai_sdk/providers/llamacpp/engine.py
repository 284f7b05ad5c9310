"""One loaded model: the parent's side of `worker.py`. All of it blocks, and is called from threads only."""

from __future__ import annotations

import collections
import contextlib
import importlib.util
import itertools
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from viralai_sdk.interfaces.errors import AIError, ConfigurationError, InvalidRequestError, ProviderUnavailableError
from viralai_sdk.providers.llamacpp.files import ModelFile

INSTALL = 'pip install "viralai-sdk[local]"'
BEAT = 0.05
"""Seconds between two looks at whether the caller still wants the answer."""
LAST_WORDS_SECONDS = 15.0
"""How long a process that ends may take to say why."""
LOG_LINES = 40
_CREATE_NO_WINDOW = 0x08000000  # Windows only, where subprocess has it by name
_WORKER = Path(__file__).with_name("worker.py")
_STAMP = re.compile(r"^[\d.]+ [A-Z] ")

Report = Callable[[float | None, str], None]
"""Tells how far things are; raises to unwind a stopped call."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a model is loaded.

    Attributes:
        n_ctx: tokens of prompt and answer together; no more than the model was trained with is used.
        n_parallel: answers written at once; they share `n_ctx`.
        n_threads: 0 leaves it to the engine (one for each core).
        n_gpu_layers: layers kept on a graphics card; None leaves it to the engine.
        chat_template: Jinja template to use in place of the file's own.
    """

    n_ctx: int = 8192
    n_parallel: int = 1
    n_threads: int = 0
    n_gpu_layers: int | None = None
    chat_template: str = ""


class Engine:
    """A child process with one model in it. Loaded on first use, by one caller; the others wait for it."""

    def __init__(self, file: ModelFile, settings: Settings) -> None:
        self.file = file
        self.settings = settings
        self.load_seconds: float | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._loading = threading.Lock()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._open: dict[int, queue.SimpleQueue[dict[str, Any] | None]] = {}
        self._log: collections.deque[str] = collections.deque(maxlen=LOG_LINES)
        self._listener: threading.Thread | None = None
        self._retired = False

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory now."""
        return self.load_seconds is not None and self._alive()

    @property
    def memory(self) -> int | None:
        """Bytes of memory that the process holds, None where the system does not tell."""
        return _resident(self._process.pid) if self._process is not None and self._alive() else None

    def load(self, report: Report) -> None:
        """Load the model unless it is loaded.

        Raises:
            AIError: it cannot be; says why and what to do.
        """
        while not self._loading.acquire(timeout=BEAT):
            report(None, f"waiting for {self.file.name} to be loaded")
        try:
            if not self.loaded:
                self._load(report)
        finally:
            self._loading.release()

    def _load(self, report: Report) -> None:
        begun = time.monotonic()
        self.kill()  # what is left of one that has ended by itself
        self._process = process = _start()
        first: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._open = {0: first}
        self._log.clear()
        self._listener = threading.Thread(target=self._read_log, args=(process,), daemon=True)
        self._listener.start()
        threading.Thread(target=self._read_answers, args=(process,), daemon=True).start()
        self._say({"load": {"path": str(self.file.path), **asdict(self.settings)}})
        try:
            while True:
                try:
                    answer = first.get(timeout=BEAT)
                    break
                except queue.Empty:
                    self._report_load(report, time.monotonic() - begun)
        except BaseException:
            _end(process)  # stopped while it loaded: nobody waits for the model any more
            raise
        if answer is None or "refused" in answer:
            # It leaves by itself, and what it has to say of the reason comes last.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LAST_WORDS_SECONDS)
            _end(process)
            raise self._not_loaded(answer)
        self.load_seconds = time.monotonic() - begun

    def _report_load(self, report: Report, seconds: float) -> None:
        """The engine does not tell how far it is; how much of the file is in memory does, where the system tells that."""
        held = self.memory
        fraction = None if held is None else min(held / max(self.file.size, 1), 0.99)
        report(fraction, f"loading {self.file.name} ({self.file.size / 1e9:.1f} GB, {seconds:.0f} s)")

    def ask(self, body: dict[str, Any], answers: queue.SimpleQueue[dict[str, Any] | None]) -> int:
        """Send a chat request; what comes back is put into `answers`. Gives its number."""
        number = next(self._numbers)
        with self._lock:
            self._open[number] = answers
        self._say({"ask": number, "body": body})
        if not self._alive():
            answers.put(None)
        return number

    def done(self, number: int, *, early: bool) -> None:
        """A conversation is over; `early` tells the engine to stop writing."""
        with self._lock:
            self._open.pop(number, None)
            last = self._retired and not self._open
        if early:
            self._say({"stop": number})
        if last:
            self.kill()

    def retire(self) -> None:
        """Free the memory: at once, or when the last answer under way is written."""
        with self._lock:
            self._open.pop(0, None)
            self._retired, busy = True, bool(self._open)
        if not busy:
            self.kill()

    def kill(self) -> None:
        """End the process."""
        self.load_seconds = None
        process = self._process
        if process is not None:
            _end(process)

    def broken(self) -> AIError:
        """The error for a process that has ended while something was wanted of it."""
        process = self._process
        code = process.wait() if process is not None else None
        return ProviderUnavailableError(
            f"the process that holds {self.file.name} ended {_manner(code)}.{self._words()}",
            billed="no",
            hint="Call again: it is loaded anew. If it happens again, take a smaller model or a smaller n_ctx.",
        )

    def _not_loaded(self, answer: dict[str, Any] | None) -> AIError:
        if answer is None:
            return self.broken()
        if "ModuleNotFoundError" in answer["refused"] or "ImportError" in answer["refused"]:
            return ConfigurationError(f"xllamacpp cannot be imported: {answer['refused']}.", hint=INSTALL)
        why = self._words() or f" {answer['refused']}."
        return InvalidRequestError(
            f"{str(self.file.path)!r} cannot be loaded.{why}",
            hint="Download it again if it is damaged; otherwise it may need a newer xllamacpp, or more memory "
            "(a smaller quantization or n_ctx needs less).",
        )

    def _words(self) -> str:
        """What the engine said of the trouble, for an error's message. Asked once its process has ended."""
        if self._listener is not None:
            self._listener.join(LAST_WORDS_SECONDS)
        lines = list(dict.fromkeys(_STAMP.sub("", line).strip() for line in self._log))
        telling = [line for line in lines if "error" in line or "fail" in line or "invalid" in line]
        return f" It said: {telling[0][:300].rstrip('.')}." if telling else ""

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _say(self, message: dict[str, Any]) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        line = json.dumps(message).encode() + b"\n"
        try:
            with self._lock:
                process.stdin.write(line)
                process.stdin.flush()
        except (OSError, ValueError):
            return  # It has ended: whoever waits for the answer is told so by the reader.

    def _read_answers(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout as stream:
            for line in stream:
                message = json.loads(line)
                with self._lock:
                    waiting = self._open.get(message.get("id", 0))
                if waiting is not None:
                    waiting.put(message)
        process.wait()
        with self._lock:
            left = list(self._open.values())
        for waiting in left:
            waiting.put(None)

    def _read_log(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        with process.stderr as stream:
            for line in stream:
                self._log.append(line.decode("utf-8", "replace"))


class Conversation:
    """One answer on its way. It is asked for by the first look at it, so that a call stopped before leaves nothing behind."""

    def __init__(self, engine: Engine, body: dict[str, Any]) -> None:
        self._engine = engine
        self._body = body
        self._number: int | None = None
        self._answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._over = False

    def next(self, report: Report) -> list[dict[str, Any]]:
        """The chunks that have come, at least one; none at the end.

        Raises:
            ProviderUnavailableError: the process has ended.
            AIError: the model cannot be loaded.
        """
        chunks: list[dict[str, Any]] = []
        if self._number is None:
            self._engine.load(report)
            self._number = self._engine.ask(self._body, self._answers)
        while not self._over:
            try:
                message = self._answers.get(block=not chunks, timeout=BEAT)
            except queue.Empty:
                if chunks:
                    break
                report(None, f"{self._engine.file.name} is thinking")
                continue
            if message is None:
                self._end(early=False)
                raise self._engine.broken()
            if "over" in message:
                self._end(early=False)
            else:
                chunks.append(message["chunk"])
        return chunks

    def close(self) -> None:
        """Stop writing, if it is not over."""
        if not self._over:
            self._end(early=True)

    def _end(self, *, early: bool) -> None:
        self._over = True
        if self._number is not None:
            self._engine.done(self._number, early=early)


def _start() -> subprocess.Popen[bytes]:
    found = importlib.util.find_spec("xllamacpp")
    if found is None or found.origin is None:
        raise ConfigurationError("llama.cpp is not installed.", hint=INSTALL)
    if not sys.executable:
        raise ConfigurationError("a local model needs a Python program to run in, and sys.executable is empty.")
    folder = str(Path(found.origin).parent.parent)
    # A session of its own: Ctrl-C in the notebook is for the caller, who then stops the answer.
    detached: dict[str, Any] = (
        {"creationflags": _CREATE_NO_WINDOW} if sys.platform == "win32" else {"start_new_session": True}
    )
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
            [sys.executable, "-I", "-B", str(_WORKER), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **detached,
        )
    except OSError as error:
        raise ProviderUnavailableError(f"the model's process could not be started: {error}.", billed="no") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and let go of its pipes; the readers close theirs."""
    process.kill()
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):  # what was not yet read is lost with its reader
            process.stdin.close()


def _manner(code: int | None) -> str:
    if code is None or code >= 0:
        return f"with exit code {code}"
    name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
    return f"by {name}" + (" (the system does that when memory runs out)" if name == "SIGKILL" else "")


def _resident(pid: int) -> int | None:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
