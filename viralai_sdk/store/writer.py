"""The thread that writes calls down, so that the caller never waits for the disk."""

from __future__ import annotations

import atexit
import contextlib
import os
import sqlite3
import sys
import threading
import time
import warnings
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from operator import attrgetter
from queue import Empty, SimpleQueue
from typing import Any

from viralai_sdk.interfaces.errors import StorageError
from viralai_sdk.store.connection import Connection
from viralai_sdk.store.redact import redact, redact_columns
from viralai_sdk.store.rows import CALL_COLUMNS, CallRow

GATHER_SECONDS = 0.02
QUIET_ROUNDS = 50
IDLE_SECONDS = 10.0
"""The thread ends after this time without work; the next call starts another."""
KEPT_ROWS = 50_000
"""Calls kept in memory while the file cannot be written; beyond that the oldest are given up, and that is told."""

_cells = attrgetter(*CALL_COLUMNS)
_INSERT = f"INSERT OR REPLACE INTO calls ({', '.join(CALL_COLUMNS)}) VALUES ({', '.join('?' * len(CALL_COLUMNS))})"  # noqa: S608
_JSON = tuple(index for index, name in enumerate(CALL_COLUMNS) if name.endswith("_json"))
_MESSAGE = CALL_COLUMNS.index("message")


class CallWriter:
    """Takes rows from any thread and writes them in batches through one `Connection`."""

    def __init__(self, file: Connection) -> None:
        self._file = file
        self._pending: deque[CallRow] = deque()
        self._reset()
        self._lost = 0
        _writers.add(self)

    def put(self, row: CallRow) -> None:
        """Take a row; never blocks on the disk, never raises."""
        self._pending.append(row)
        if not self._scheduled:
            self._schedule()

    def flush(self) -> None:
        """Return when every row is in the file.

        Raises:
            StorageError: it cannot be written (the rows are kept for the next try), or rows were lost since the last flush.
        """
        with self._file.lock:
            self.settle()
            if self._lost:
                lost, self._lost = self._lost, 0
                raise StorageError(
                    f"{lost} calls could not be written to the journal {str(self._file.path)!r} and are lost.",
                    hint="Earlier warnings tell why.",
                )

    def settle(self) -> None:
        """Write what is pending, without a word on what was lost before.

        Raises:
            StorageError: as for `flush`.
        """
        # The thread takes rows and commits them under the lock: who holds it and sees nothing pending knows all is written.
        with self._file.lock:
            if self._pending:
                with self.transaction():
                    pass

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction that writes what is pending first."""
        with self._file.lock:
            rows = [self._pending.popleft() for _ in range(len(self._pending))]
            try:
                with self._file.writing(durable=durable) as db:
                    poor = _insert(db, rows)
                    yield db
            except BaseException:
                self._put_back(rows)
                raise
            self._warned = False
            if poor:
                self._lost += poor
                self._warn(f"{poor} calls hold a value that cannot be stored")

    def close(self) -> None:
        """Flush and let the thread end."""
        self._closing = True
        self._wake.put(None)
        self.flush()

    def release(self) -> None:
        """Close the file; the next use opens it again."""
        self._file.close()

    def forget(self) -> None:
        """In a forked child: the parent writes the rows that were pending; threads and locks did not come along."""
        self._pending.clear()
        self._lost = 0
        self._reset()

    def _reset(self) -> None:
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._scheduled = False
        self._closing = False
        self._warned = False

    def _put_back(self, rows: Sequence[CallRow]) -> None:
        self._pending.extendleft(reversed(rows))
        while len(self._pending) > KEPT_ROWS:
            self._pending.popleft()
            self._lost += 1

    def _schedule(self) -> None:
        with self._start:
            if self._scheduled:
                return
            self._scheduled = True
            self._closing = False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="viralai-journal", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:  # the interpreter is shutting down and makes no threads any more
                    self._thread = None
                    self._scheduled = False
                else:
                    _flush_at_end_of_worker(self)
            if self._thread is not None:
                self._wake.put(None)
                return
        self._write()

    def _run(self) -> None:
        """Write every 20 ms while calls come in; after a quiet second wait to be woken; after ten end.

        Waking a thread costs the caller more than everything else in `put`, so the thread stays awake as long as it is `_scheduled`.
        """
        try:
            while not self._done():
                quiet = 0
                while quiet < QUIET_ROUNDS and not self._closing:
                    time.sleep(GATHER_SECONDS)
                    quiet = 0 if self._pending else quiet + 1
                    self._write()
                self._scheduled = False
                self._write()  # a row that came just before saw the thread awake and did not wake it
        finally:
            with self._start:
                if self._thread is threading.current_thread():  # it failed: the next call starts another
                    self._thread, self._scheduled = None, False

    def _done(self) -> bool:
        """Wait for work; True when there was none for long."""
        with contextlib.suppress(Empty):
            self._wake.get(timeout=0.001 if self._closing else IDLE_SECONDS)
            return False
        with self._start:
            if not self._wake.empty():
                return False
            self._thread = None
            return True

    def _write(self) -> None:
        try:
            self.settle()
        except StorageError as error:
            self._warn(error)

    def _warn(self, why: StorageError | str) -> None:
        if not self._warned:
            self._warned = True
            # Where warnings are errors there is nobody in this thread to catch one; `flush` raises the same.
            with contextlib.suppress(Warning):
                warnings.warn(f"calls are not being recorded: {why}", RuntimeWarning, stacklevel=2)


def _insert(db: sqlite3.Connection, rows: Sequence[CallRow]) -> int:
    """Write the rows; returns how many SQLite cannot take at all (a value of a strange type), which must not hold up the others."""
    if not rows:
        return 0
    try:
        db.executemany(_INSERT, [_values(row) for row in rows])
    except (
        sqlite3.IntegrityError,
        sqlite3.InterfaceError,
        sqlite3.ProgrammingError,
        ValueError,
        TypeError,
        OverflowError,
        RecursionError,
    ):
        return sum(not _insert_alone(db, row) for row in rows)
    return 0


def _insert_alone(db: sqlite3.Connection, row: CallRow) -> bool:
    try:
        db.execute(_INSERT, [writable_text(cell) for cell in _values(row)])
    except (
        sqlite3.IntegrityError,
        sqlite3.InterfaceError,
        sqlite3.ProgrammingError,
        ValueError,
        TypeError,
        OverflowError,
        RecursionError,
    ):
        return False
    return True


def _values(row: CallRow) -> list[Any]:
    values = list(_cells(row))
    for index, text in zip(_JSON, redact_columns([values[index] for index in _JSON]), strict=True):
        values[index] = text
    if values[_MESSAGE] is not None:
        values[_MESSAGE] = redact(values[_MESSAGE])
    return values


def writable_text(value: Any) -> Any:
    """Half characters (lone surrogates), which models do emit, become question marks: SQLite takes only whole ones."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


_writers: weakref.WeakSet[CallWriter] = weakref.WeakSet()


def _close_all() -> None:
    for writer in list(_writers):
        try:
            writer.close()
            writer.release()
        except StorageError as error:
            warnings.warn(f"calls were not recorded: {error}", RuntimeWarning, stacklevel=1)


def _forget_all() -> None:
    for writer in list(_writers):
        writer.forget()


def _flush_at_end_of_worker(writer: CallWriter) -> None:
    """A worker process of `multiprocessing` leaves without running `atexit`; it has its own list of last things to do."""
    # Asked of the loaded modules: importing multiprocessing only to learn that this is no worker would cost every process milliseconds.
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(writer, _close_all, exitpriority=10)


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
