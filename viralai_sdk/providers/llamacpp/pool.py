"""Models in memory: one process for each file and way of loading it, shared by all services that want the same."""

from __future__ import annotations

import atexit
import threading
import weakref
from typing import Any

from viralai_sdk.providers.llamacpp.engine import Engine, Settings
from viralai_sdk.providers.llamacpp.files import ModelFile


class Pool:
    """The engines of this Python process. An engine lives until its last user has let go of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engines: dict[tuple[ModelFile, Settings], Engine] = {}
        self._users: dict[tuple[ModelFile, Settings], weakref.WeakSet[Any]] = {}

    def engine(self, file: ModelFile, settings: Settings, user: object) -> Engine:
        """The engine for a file; an older state of the same file is let go of."""
        key = (file, settings)
        with self._lock:
            if key not in self._engines:
                self._engines[key], self._users[key] = Engine(file, settings), weakref.WeakSet()
            self._users[key].add(user)
            stale = [other for other in self._engines if other[0].path == file.path and other[0] != file]
            engine, old = self._engines[key], self._take([*stale, *self._unused()])
        _retire(old)
        return engine

    def release(self, user: object, file: ModelFile | None = None) -> None:
        """A user lets go of its engines, or of those for one file."""
        with self._lock:
            for key, users in self._users.items():
                if file is None or key[0] == file:
                    users.discard(user)
            old = self._take(self._unused())
        _retire(old)

    def engines(self) -> list[Engine]:
        """Those with a model in memory."""
        with self._lock:
            return [engine for engine in self._engines.values() if engine.loaded]

    def unload(self, file: ModelFile) -> bool:
        """Free a model's memory, whoever uses it; the next call loads it again. False when it was not loaded."""
        with self._lock:
            found = [key for key, engine in self._engines.items() if key[0].path == file.path and engine.loaded]
            old = self._take(found)
        _retire(old)
        return bool(old)

    def clear(self) -> None:
        """End all processes."""
        with self._lock:
            old = self._take(list(self._engines))
        for engine in old:
            engine.kill()

    def _unused(self) -> list[tuple[ModelFile, Settings]]:
        return [key for key, users in self._users.items() if not users]

    def _take(self, keys: list[tuple[ModelFile, Settings]]) -> list[Engine]:
        for key in keys:
            self._users.pop(key, None)
        return [self._engines.pop(key) for key in dict.fromkeys(keys) if key in self._engines]


def _retire(engines: list[Engine]) -> None:
    for engine in engines:
        engine.retire()


POOL = Pool()
atexit.register(POOL.clear)
