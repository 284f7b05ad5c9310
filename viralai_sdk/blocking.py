"""`ai.sync`: every helper without await.

The work runs on one private event loop in a daemon thread. So it needs no patched loop, works in a script, in any thread and
inside a running notebook loop, and a stop button ends the wait at once. Code that wants `asyncio.run` itself inside a notebook can
call `enable_nested`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

from viralai_sdk.interfaces.errors import AIError, ConfigurationError

if TYPE_CHECKING:
    from viralai_sdk.client import ViralAI

T = TypeVar("T")
BEAT = 0.1
"""Seconds between two looks at progress while the caller waits."""
STOP_SECONDS = 1.0
"""An interrupted call may take this long to clean up before the interrupt goes on."""


class _Loop:
    """The private loop. Started on first use; a daemon, so that it never keeps a process alive."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # the garbage collector may come by, and close a stream, while this is held
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._thread is None or not self._thread.is_alive():
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="viralai-sync", daemon=True)
                self._thread.start()
            return self._loop

    def inside(self) -> bool:
        return threading.current_thread() is self._thread


_LOOP = _Loop()


def run(work: Coroutine[Any, Any, T], on_beat: Callable[[], None] = lambda: None) -> T:
    """Run a coroutine to its end on the private loop and give its result. `on_beat` is called in this thread while it waits.

    Raises:
        KeyboardInterrupt: the wait was interrupted; the coroutine has been cancelled.
    """
    if _LOOP.inside():
        work.close()
        raise ConfigurationError("ai.sync cannot be used inside its own loop.", hint="Use the awaitable helper there.")
    future = asyncio.run_coroutine_threadsafe(work, _LOOP.get())
    try:
        while True:
            done, _ = concurrent.futures.wait([future], timeout=BEAT)
            if done:
                return future.result()
            on_beat()
    except KeyboardInterrupt:
        future.cancel()
        concurrent.futures.wait([future], timeout=STOP_SECONDS)
        raise
    finally:
        on_beat()


class Blocking:
    """Wraps an object: its coroutines block, its async iterators become iterators, everything else stays as it is."""

    def __init__(self, target: Any, on_beat: Callable[[], None]) -> None:
        self._target = target
        self._on_beat = on_beat

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._settle(self._target(*args, **kwargs))

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if inspect.iscoroutinefunction(found) or inspect.isasyncgenfunction(found):
            return Blocking(found, self._on_beat)
        return found

    def __iter__(self) -> Iterator[Any]:
        return self._iterate(self._target)

    def __repr__(self) -> str:
        return f"blocking {self._target!r}"

    def _settle(self, value: Any) -> Any:
        if inspect.iscoroutine(value):
            return self._wrapped(run(value, self._on_beat))
        if inspect.isasyncgen(value):
            return self._iterate(value)
        return self._wrapped(value)

    def _wrapped(self, value: Any) -> Any:
        """A job handle has methods to await as well; plain results pass."""
        return Blocking(value, self._on_beat) if hasattr(value, "__aiter__") and hasattr(value, "wait") else value

    def _iterate(self, source: AsyncIterator[Any]) -> Iterator[Any]:
        stream = source.__aiter__()
        mine = threading.get_ident()
        try:
            while True:
                try:
                    piece = run(_next(stream), self._on_beat)
                except StopAsyncIteration:
                    return
                yield piece
                mine = threading.get_ident()
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None and mine == threading.get_ident():
                with contextlib.suppress(AIError):
                    run(close(), self._on_beat)
            elif close is not None:
                # The garbage collector came by in whatever thread it did, the private loop's own among them: nobody there may wait.
                asyncio.run_coroutine_threadsafe(_closed(close), _LOOP.get())


async def _closed(close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with contextlib.suppress(AIError):
        await close()


async def _next(stream: AsyncIterator[Any]) -> Any:
    return await stream.__anext__()


class Sync:
    """Blocking twins of `ai.text`, `ai.image`, `ai.video`, `ai.speech`, `ai.compare`, `ai.models` and `ai.jobs`."""

    def __init__(self, client: ViralAI) -> None:
        self._client = client

    def _twin(self, helper: Any) -> Any:
        return Blocking(helper, self._client.runtime.hub.render)

    @property
    def text(self) -> Any:
        """`ai.sync.text("…")`, and `.stream` as a plain iterator."""
        return self._twin(self._client.text)

    @property
    def image(self) -> Any:
        """`ai.sync.image("…")`, and `.stream` as a plain iterator."""
        return self._twin(self._client.image)

    @property
    def video(self) -> Any:
        """`ai.sync.video("…")`, `ai.sync.video.submit("…").wait()`."""
        return self._twin(self._client.video)

    @property
    def speech(self) -> Any:
        """`ai.sync.speech("…")`, and `.stream` as a plain iterator."""
        return self._twin(self._client.speech)

    @property
    def compare(self) -> Any:
        """`ai.sync.compare.image("…", providers=[…])`."""
        return self._twin(self._client.compare)

    @property
    def models(self) -> Any:
        """`ai.sync.models.local.list("ollama")`, and `.pulling(…)` as a plain iterator."""
        return SimpleNamespace(local=self._twin(self._client.models.local))

    @property
    def jobs(self) -> Any:
        """`ai.sync.jobs.resume()`."""
        return self._twin(self._client.jobs)

    def experiment(self, name: str, **given: Any) -> Any:
        """`ai.sync.experiment("…").run()`; its other methods do not wait for anything anyway."""
        return self._twin(self._client.experiment(name, **given))

    def close(self) -> None:
        """Close the connections of the private loop."""
        run(self._client.aclose())


def enable_nested() -> None:
    """Let `asyncio.run` work inside a running notebook loop, by nest-asyncio2 (extra `notebook`). The SDK itself never needs it.

    Raises:
        ConfigurationError: nest-asyncio2 is not installed.
    """
    try:
        import nest_asyncio2
    except ImportError as error:
        raise ConfigurationError(
            "nest-asyncio2 is not installed.", hint='pip install "viralai-sdk[notebook]"'
        ) from error
    nest_asyncio2.apply()
