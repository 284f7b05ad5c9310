"""A running `worker.py`: what is asked of it, what it answers, and what it says before it ends. All of it blocks."""

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
from pathlib import Path
from typing import Any

from viralai_sdk.interfaces.errors import ConfigurationError, ProviderUnavailableError

INSTALL = 'pip install "viralai-sdk[local]"'
LAST_WORDS_SECONDS = 15.0
"""How long a process that ends may take to say why."""
LOG_LINES = 40
_CREATE_NO_WINDOW = 0x08000000  # Windows only, where subprocess has it by name
_WORKER = Path(__file__).with_name("worker.py")
_STAMP = re.compile(r"^[\d.]+ [A-Z] ")

Answers = queue.SimpleQueue[dict[str, Any] | None]
"""What comes back on one question; None when the process has ended before it was through."""


class Child:
    """One process from its start to its end. Its questions end with it: a successor never hears of them.

    Raises:
        ConfigurationError: the engine is not installed.
        ProviderUnavailableError: the system starts no process.
    """

    def __init__(self) -> None:
        self._process = _start()
        self._lock = threading.Lock()
        self._writing = threading.Lock()  # not the same: a full pipe must not keep the answers from being read
        self._numbers = itertools.count()
        self._open: dict[int, Answers] = {}
        self._ended = False
        self._log: collections.deque[str] = collections.deque(maxlen=LOG_LINES)
        self._listener = threading.Thread(target=self._read_log, daemon=True)
        self._listener.start()
        threading.Thread(target=self._read_answers, daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    @property
    def memory(self) -> int | None:
        """Bytes of memory that it holds, None where the system does not tell."""
        return _resident(self._process.pid) if self.alive else None

    def load(self, wish: dict[str, Any], answers: Answers) -> None:
        """Have the model loaded; the answer says whether it was."""
        self._expect(answers)
        self._say({"load": wish})

    def ask(self, body: dict[str, Any], answers: Answers) -> int:
        """Send a chat request; what comes back is put into `answers`. Gives its number."""
        number = self._expect(answers)
        self._say({"ask": number, "body": body})
        return number

    def _expect(self, answers: Answers) -> int:
        with self._lock:
            number = next(self._numbers)
            if self._ended:
                answers.put(None)
            else:
                self._open[number] = answers
        return number

    def stop(self, number: int) -> None:
        """Nobody wants the rest of an answer."""
        self._say({"stop": number})

    def forget(self, number: int) -> None:
        """An answer is through, or nobody wants the rest."""
        with self._lock:
            self._open.pop(number, None)

    def leave(self) -> None:
        """Let it end by itself, for what it has to say of the reason comes last; for a while, then it is killed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LAST_WORDS_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the process and let go of its pipes; the readers close theirs."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # what was not yet read is lost with its reader
                self._process.stdin.close()

    def manner(self) -> str:
        """How it ended, in words. Waits for the end."""
        code = self._process.wait()
        if code >= 0:
            return f"with exit code {code}"
        name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
        return f"by {name}" + (" (the system does that when memory runs out)" if name == "SIGKILL" else "")

    def words(self) -> str:
        """What it said of the trouble, for an error's message. Asked once it has ended."""
        self._listener.join(LAST_WORDS_SECONDS)
        lines = list(dict.fromkeys(_STAMP.sub("", line).strip() for line in tuple(self._log)))
        telling = [line for line in lines if "error" in line or "fail" in line or "invalid" in line]
        return f" It said: {telling[0][:300].rstrip('.')}." if telling else ""

    def _say(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        line = json.dumps(message).encode() + b"\n"
        try:
            with self._writing:
                self._process.stdin.write(line)
                self._process.stdin.flush()
        except (OSError, ValueError):
            return  # It has ended: whoever waits for the answer is told so by the reader.

    def _read_answers(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                try:
                    message: dict[str, Any] = json.loads(line)
                except ValueError:  # killed in the middle of a line; whoever waits for it must hear of the end
                    self._log.append(line.decode("utf-8", "replace"))
                    continue
                with self._lock:
                    waiting = self._open.get(message.get("id", 0))
                if waiting is not None:
                    waiting.put(message)
        self._process.wait()
        with self._lock:
            self._ended = True
            left = list(self._open.values())
        for waiting in left:
            waiting.put(None)

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            for line in stream:
                self._log.append(line.decode("utf-8", "replace"))


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


def _resident(pid: int) -> int | None:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
