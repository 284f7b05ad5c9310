"""One loaded model: the parent's side of `worker.py`. All of it blocks, and is called from threads only."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from viralai_sdk.interfaces.errors import AIError, ConfigurationError, InvalidRequestError, ProviderUnavailableError
from viralai_sdk.providers.llamacpp.child import INSTALL, Answers, Child
from viralai_sdk.providers.llamacpp.files import ModelFile

BEAT = 0.05
"""Seconds between two looks at whether the caller still wants the answer."""

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
        self._child: Child | None = None
        self._loading = threading.Lock()
        self._lock = threading.Lock()
        self._needed = 0
        self._retired = False

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory now."""
        child = self._child
        return self.load_seconds is not None and child is not None and child.alive

    @property
    def memory(self) -> int | None:
        """Bytes of memory that the process holds, None where the system does not tell."""
        child = self._child
        return None if child is None else child.memory

    def load(self, report: Report) -> None:
        """Load the model unless it is loaded.

        Raises:
            AIError: it cannot be; says why and what to do.
        """
        self.enter()
        try:
            while not self._loading.acquire(timeout=BEAT):
                report(None, f"waiting for {self.file.name} to be loaded")
            try:
                if not self.loaded:
                    self._load(report)
            finally:
                self._loading.release()
        finally:
            self.leave()

    def _load(self, report: Report) -> None:
        begun = time.monotonic()
        self.kill()  # what is left of one that has ended by itself
        child = self._child = Child()
        answers: Answers = queue.SimpleQueue()
        child.load({"path": str(self.file.path), **asdict(self.settings)}, answers)
        try:
            while True:
                try:
                    answer = answers.get(timeout=BEAT)
                    break
                except queue.Empty:
                    self._report_load(report, time.monotonic() - begun)
        except BaseException:
            child.kill()  # stopped while it loaded: nobody waits for the model any more
            raise
        child.forget(0)
        if answer is None or "refused" in answer:
            child.leave()
            raise self._not_loaded(child, answer)
        self.load_seconds = time.monotonic() - begun

    def _report_load(self, report: Report, seconds: float) -> None:
        """The engine does not tell how far it is; how much of the file is in memory does, where the system tells that."""
        held = self.memory
        fraction = None if held is None else min(held / max(self.file.size, 1), 0.99)
        report(fraction, f"loading {self.file.name} ({self.file.size / 1e9:.1f} GB, {seconds:.0f} s)")

    def ask(self, body: dict[str, Any], answers: Answers) -> tuple[Child, int]:
        """Send a chat request to the process that runs now; what comes back is put into `answers`. Gives its number there."""
        child = self._child
        assert child is not None
        return child, child.ask(body, answers)

    def enter(self) -> None:
        """Somebody needs the process from now on, loaded or not yet: it is not ended under him. `leave` takes this back."""
        with self._lock:
            self._needed += 1

    def leave(self) -> None:
        """Nobody needs it for this any more; the last one ends a process that was to go."""
        with self._lock:
            self._needed -= 1
            last = self._retired and not self._needed
        if last:
            self.kill()

    def retire(self) -> None:
        """Free the memory: at once, or when the last answer under way is written."""
        with self._lock:
            self._retired, busy = True, bool(self._needed)
        if not busy:
            self.kill()

    def kill(self) -> None:
        """End the process."""
        self.load_seconds = None
        child = self._child
        if child is not None:
            child.kill()

    def broken(self, child: Child) -> AIError:
        """The error for a process that has ended while something was wanted of it."""
        return ProviderUnavailableError(
            f"the process that holds {self.file.name} ended {child.manner()}.{child.words()}",
            billed="no",
            hint="Call again: it is loaded anew. If it happens again, take a smaller model or a smaller n_ctx.",
        )

    def _not_loaded(self, child: Child, answer: dict[str, Any] | None) -> AIError:
        if answer is None:
            return self.broken(child)
        if "ModuleNotFoundError" in answer["refused"] or "ImportError" in answer["refused"]:
            return ConfigurationError(f"xllamacpp cannot be imported: {answer['refused']}.", hint=INSTALL)
        why = child.words() or f" {answer['refused']}."
        return InvalidRequestError(
            f"{str(self.file.path)!r} cannot be loaded.{why}",
            hint="Download it again if it is damaged; otherwise it may need a newer xllamacpp, or more memory "
            "(a smaller quantization or n_ctx needs less).",
        )


class Conversation:
    """One answer on its way. It is asked for by the first look at it, so that a call stopped before leaves nothing behind."""

    def __init__(self, engine: Engine, body: dict[str, Any]) -> None:
        self._engine = engine
        self._body = body
        self._asked: tuple[Child, int] | None = None
        self._answers: Answers = queue.SimpleQueue()
        self._over = False

    def next(self, report: Report) -> list[dict[str, Any]]:
        """The chunks that have come, at least one; none at the end.

        Raises:
            ProviderUnavailableError: the process has ended.
            AIError: the model cannot be loaded.
        """
        chunks: list[dict[str, Any]] = []
        if self._asked is None:
            self._engine.enter()
            try:
                self._engine.load(report)
                self._asked = self._engine.ask(self._body, self._answers)
            except BaseException:
                self._engine.leave()
                raise
        child, _number = self._asked
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
                raise self._engine.broken(child)
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
        if self._asked is not None:
            child, number = self._asked
            child.forget(number)
            if early:
                child.stop(number)
            self._engine.leave()
