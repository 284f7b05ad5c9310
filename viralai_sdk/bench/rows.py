"""The ledger of a run: one JSON line for every call, written when it ends, so that nothing measured is lost and nothing is paid twice."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from viralai_sdk.compare.cells import Value
from viralai_sdk.interfaces.errors import InvalidRequestError, StorageError
from viralai_sdk.store.files import storage_error
from viralai_sdk.store.redact import redact_json

LEDGER = "calls.jsonl"
SYNC_SECONDS = 1.0
"""So often what was written is forced onto the disk. A killed process loses nothing; a power cut loses a second."""

Outcome = Literal["ok", "failed", "cancelled"]


@dataclass(slots=True)
class Row:
    """One call.

    Attributes:
        id: the slot's.
        arm, provider, model: who was asked; `provider` and `model` are who answered, when somebody did.
        concurrency: level of the closed loop, 0 in the open one.
        cold: the first call of its arm in this process: it opens connections.
        at: when it began, in seconds since 1970.
        scheduled, started: seconds since the run began; `scheduled` is when it was due, which in the open loop may be earlier.
        seconds: from `scheduled` to its end: what a user would have waited.
        service_seconds: from `started` to its end.
        first: seconds from `scheduled` to the first piece of a streamed result.
        outcome: "cancelled" when the run was stopped under it: no statement about the provider.
        error: class name of the failure.
        retries: requests that were sent again within the call; None when a failed call does not tell.
        bytes: of the result: its files, or its text.
        metrics: objective measurements of the result, see `viralai_sdk.compare.metrics`.
        unmeasured: why some of them are missing.
    """

    id: str
    phase: str
    arm: str
    provider: str
    model: str | None
    prompt: str
    repeat: int
    concurrency: int
    cold: bool
    at: float
    scheduled: float
    started: float
    seconds: float
    service_seconds: float
    outcome: Outcome
    first: float | None = None
    error: str | None = None
    message: str | None = None
    billed: str | None = None
    retries: int | None = None
    attempts: int | None = None
    cost_usd: float | None = None
    cost_source: str | None = None
    bytes: int | None = None
    call_id: str | None = None
    session_id: str | None = None
    metrics: dict[str, Value] = field(default_factory=dict)
    unmeasured: str | None = None

    @property
    def ok(self) -> bool:
        """There is a result."""
        return self.outcome == "ok"

    @property
    def ended(self) -> float:
        """Seconds since the run began at which it was over."""
        return self.started + self.service_seconds

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        return {name: getattr(self, name) for name in _NAMES}


_NAMES = tuple(one.name for one in fields(Row))


def read_row(data: Mapping[str, Any]) -> Row:
    """A row out of what `Row.to_dict` wrote.

    Raises:
        InvalidRequestError: it is none.
    """
    try:
        return Row(**{name: value for name, value in data.items() if name in _NAMES})
    except TypeError as error:
        raise InvalidRequestError(f"a recorded call cannot be read: {error}.") from error


class Ledger:
    """Appends rows to `<folder>/calls.jsonl`. One process at a time; see `open`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LEDGER
        self._file: int | None = None
        self._timer: threading.Thread | None = None
        self._over = threading.Event()

    def open(self) -> None:
        """Begin to write, after cutting off a line that a crash left unfinished.

        Raises:
            StorageError: the file cannot be written, or another process is writing it.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            self._lock()
            whole = self.path.read_bytes()
            os.ftruncate(self._file, whole.rfind(b"\n") + 1)
        except OSError as error:
            self.close()
            raise storage_error("write", self.path, error) from error
        self._timer = threading.Thread(target=self._sync_often, name="bench-ledger", daemon=True)
        self._timer.start()

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # pragma: no cover - Windows
            return
        assert self._file is not None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            self._file = None
            raise StorageError(
                f"another process is writing {str(self.path)!r}.", hint="Wait for it, or give another folder."
            ) from error

    def begin(self, slot: str) -> None:
        """Note that a call is about to be sent: if nothing follows, it may have been paid for."""
        self._write({"begin": slot})

    def again(self, slot: str) -> None:
        """Note that a call is asked again whose first time may have been paid for."""
        self._write({"again": slot})

    def lag(self, seconds: float) -> None:
        """Note how late this process was at worst for what it had planned: so much of a latency may be its own."""
        self._write({"lag": seconds})

    def add(self, row: Row) -> None:
        """Write a call down.

        Raises:
            StorageError: it cannot be written.
        """
        self._write(row.to_dict())

    def _write(self, data: Mapping[str, Any]) -> None:
        if self._file is None:
            raise StorageError(f"{str(self.path)!r} is not open.")
        text = redact_json(data)
        assert text is not None, "only None has no text"
        line = text.encode("utf-8", "replace") + b"\n"
        try:
            written = os.write(self._file, line)
            while written < len(line):
                written += os.write(self._file, line[written:])
        except OSError as error:
            raise storage_error("write", self.path, error) from error

    def _sync_often(self) -> None:
        while not self._over.wait(SYNC_SECONDS):
            if self._file is not None:
                os.fsync(self._file)

    def close(self) -> None:
        """Force what was written onto the disk and let others write."""
        self._over.set()
        if self._timer is not None:
            self._timer.join()
            self._timer = None
        if self._file is not None:
            os.fsync(self._file)
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Ledger:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a ledger holds.

    Attributes:
        rows: the latest row of every slot, in order of writing.
        interrupted: slots that were begun and of which nothing more is known: they may have been paid for.
        again: slots that were asked again after such an end, or after they were cancelled.
        lag: seconds that our own process was late at worst, None when nobody noted it.
    """

    rows: list[Row]
    interrupted: list[str]
    again: list[str]
    lag: float | None = None


def read_ledger(folder: Path) -> Recorded:
    """What is known of a run; empty when there is no ledger. An unfinished last line is left out.

    Raises:
        StorageError: it cannot be read.
        InvalidRequestError: a line in the middle is broken.
    """
    path = folder / LEDGER
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return Recorded([], [], [])
    except OSError as error:
        raise storage_error("read", path, error) from error
    rows: dict[str, Row] = {}
    begun: dict[str, None] = {}
    again: dict[str, None] = {}
    lag: float | None = None
    for number, line in enumerate(lines, 1):
        try:
            data = json.loads(line)
        except ValueError as error:
            raise InvalidRequestError(f"{str(path)!r}, line {number}: it is no JSON.") from error
        if "lag" in data:
            lag = max(lag or 0.0, data["lag"])
        elif "again" in data:
            again[data["again"]] = None
        elif "begin" in data:
            begun[data["begin"]] = None
        else:
            row = read_row(data)
            rows[row.id] = row
            begun.pop(row.id, None)
    return Recorded(list(rows.values()), list(begun), list(again), lag)
