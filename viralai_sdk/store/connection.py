"""One SQLite connection of one process: opened late, closed before a fork, every failure told as a `StorageError`."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from viralai_sdk.interfaces.errors import StorageError
from viralai_sdk.store.files import shorten, storage_error
from viralai_sdk.store.schema import ForeignFileError, check, migrate

BUSY_SECONDS = 30.0
"""How long a writer waits for another process's transaction."""

_MAGIC = b"SQLite format 3\0"


class Connection:
    """The journal file. `lock` guards every use; several threads share the one connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._left_open: weakref.finalize[..., Connection] | None = None
        with _registry.lock:
            _open.add(self)

    def exists(self) -> bool:
        """True when there is something to read."""
        return self._connection is not None or self.path.exists()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for queries.

        Raises:
            StorageError: the file cannot be used.
        """
        with self.lock, self._told("read"):
            yield self._get()

    @contextlib.contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction, committed on leaving and undone on any exception. `durable`: it also survives a power cut.

        Raises:
            StorageError: it could not be committed.
        """
        with self.lock, self._told("write"):
            connection = self._get()
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self.lock:
            connection, self._connection = self._connection, None
            if self._left_open is not None:
                self._left_open.detach()
            if connection is not None:
                connection.close()

    def _get(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._connect()
            # Nobody has to close a client. From Python 3.13 on sqlite3 warns of a file that is left to the garbage collector.
            self._left_open = weakref.finalize(self, self._connection.close)
            self._left_open.atexit = False  # the writer closes at exit, after the last rows
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        self._prepare()
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            # Switching to WAL does not wait for other processes by itself, so two kernels that start together must be patient here.
            _patiently(lambda: _set_up(connection))
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError), self.path.open("rb") as file:
                head = file.read(len(_MAGIC))
                if head and head != _MAGIC:
                    raise ForeignFileError("is not a database, or it is damaged")
        except OSError as error:
            raise storage_error("open the journal", self.path, error) from error

    @contextlib.contextmanager
    def _told(self, action: str) -> Iterator[None]:
        try:
            yield
        except ForeignFileError as error:
            raise self._unusable(f"{error}") from error
        except sqlite3.Error as error:
            # A connection that has met an I/O error or a damaged page may hold a wrong picture of the file.
            with contextlib.suppress(sqlite3.Error):
                self.close()
            code = getattr(error, "sqlite_errorcode", None)
            if code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise self._unusable(f"is damaged ({error})") from error
            raise StorageError(
                f"cannot {action} the journal {shorten(str(self.path))!r}: {error}.", hint=_hint(code)
            ) from error

    def _unusable(self, what: str) -> StorageError:
        name = self.path.name
        return StorageError(
            f"the journal {shorten(str(self.path))!r} {what}. It was left untouched.",
            hint=f"Move it aside: rename {name!r} (with {name}-wal and {name}-shm, if there) and a new one is begun.",
        )

    def before_fork(self) -> None:
        """Close the file: SQLite's locks and memory maps must not be shared with a child."""
        self.lock.acquire()
        with contextlib.suppress(sqlite3.Error):
            self.close()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self.lock.release()

    def after_fork_in_child(self) -> None:
        """Start over: the lock belongs to a thread that is not here any more."""
        self.lock = threading.RLock()


def _set_up(connection: sqlite3.Connection) -> None:
    check(connection)  # before anything is changed in a file that may not be ours
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
    migrate(connection)


def _patiently(action: Callable[[], None]) -> None:
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            action()
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _hint(code: int | None) -> str:
    return {
        sqlite3.SQLITE_FULL: "The disk is full: free some space, then try again.",
        sqlite3.SQLITE_IOERR: "The disk does not take it: free some space or check the disk, then try again.",
        sqlite3.SQLITE_READONLY: "The place is read-only: start from a folder you may write, or give home=.",
        sqlite3.SQLITE_CANTOPEN: "Check the folder: start from one you may write, or give home=.",
        sqlite3.SQLITE_BUSY: "Another program holds the journal for long: close it, then try again.",
    }.get((code or 0) & 0xFF, "Check the file and its folder.")


class _Registry:
    """Guards the list of open files; a forked child gets a fresh lock."""

    lock = threading.Lock()


_registry = _Registry()
_open: weakref.WeakSet[Connection] = weakref.WeakSet()
_held: list[Connection] = []


def _before_fork() -> None:
    _registry.lock.acquire()
    _held[:] = list(_open)
    for connection in _held:
        connection.before_fork()


def _after_fork_in_parent() -> None:
    while _held:
        _held.pop().after_fork_in_parent()
    _registry.lock.release()


def _after_fork_in_child() -> None:
    _registry.lock = threading.Lock()
    while _held:
        _held.pop().after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
