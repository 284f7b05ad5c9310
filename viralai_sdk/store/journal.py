"""The journal: every call, job and vote of a project, in one SQLite file that several kernels share."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

from viralai_sdk.interfaces.errors import StorageError
from viralai_sdk.store.connection import Connection
from viralai_sdk.store.redact import redact, redact_json
from viralai_sdk.store.rows import (
    CALL_COLUMNS,
    JOB_COLUMNS,
    JOB_STATES,
    OVER,
    CallRow,
    JobRow,
    Json,
    Total,
    Vote,
    new_id,
)
from viralai_sdk.store.writer import CallWriter, writable_text

__all__ = ["CallRow", "JobRow", "Journal", "Total", "Vote", "new_id"]

LEASE_SECONDS = 60.0
"""How long a claim on a job holds without `renew`."""

_job_cells = attrgetter(*JOB_COLUMNS)
_INSERT_JOB = f"INSERT INTO jobs ({', '.join(JOB_COLUMNS)}) VALUES ({', '.join('?' * len(JOB_COLUMNS))})"  # noqa: S608


class Journal:
    """One journal file. Cheap to make: nothing is opened before the first use. All methods are safe from any thread and process.

    `record_call` returns at once and is written within moments; everything else is committed when it returns, and blocks for about a
    millisecond (use `asyncio.to_thread` in a coroutine).

    Raises (every method but `record_call`):
        StorageError: the file cannot be used: damaged, another program's, from a newer SDK, read-only, or the disk is full.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = Path(path)
        self._clock = clock
        self._file = Connection(self.path)
        self._writer = CallWriter(self._file)

    # --- calls -------------------------------------------------------------------------------------------------------------------

    def record_call(self, row: CallRow) -> None:
        """Note a call; never blocks and never raises. The row and what is in it belong to the journal from now on.

        A failure to write is warned of once, and raised by the next `flush` or durable call.
        """
        self._writer.put(row)

    def calls(
        self, session_id: str | None = None, service: str | None = None, limit: int | None = 1000
    ) -> list[CallRow]:
        """Recorded calls, newest first."""
        where, values = _where(session_id=session_id, service=service)
        rows = self._read(
            f"SELECT {', '.join(CALL_COLUMNS)} FROM calls{where} ORDER BY started DESC, call_id DESC LIMIT ?",  # noqa: S608
            [*values, -1 if limit is None else limit],
        )
        found = [CallRow(*cells) for cells in rows]
        for row in found:
            row.cached = bool(row.cached)
        return found

    def session_ids(self) -> list[str]:
        """Every session that has a call: one that only made texts has no folder."""
        return [
            str(row[0]) for row in self._read("SELECT DISTINCT session_id FROM calls WHERE session_id IS NOT NULL", [])
        ]

    def spent(self, session_id: str | None = None) -> float:
        """Sum of the known costs in USD, of one session or of all."""
        where, values = _where(session_id=session_id)
        rows = self._read(f"SELECT total(cost_usd) FROM calls{where}", values)  # noqa: S608
        return float(rows[0][0]) if rows else 0.0

    def totals(self, session_id: str | None = None, since: float | None = None) -> list[Total]:
        """Sums per service and provider, the busiest first; `since` is Unix time."""
        where, values = _where(session_id=session_id)
        if since is not None:
            where += (" AND" if where else " WHERE") + " started >= ?"
            values.append(since)
        rows = self._read(
            "SELECT service, provider, count(*), sum(outcome = 'ok'), total(seconds), total(cost_usd), count(cost_usd), "  # noqa: S608
            f"sum(cost_usd IS NULL AND billed <> 'no') FROM calls{where} GROUP BY service, provider ORDER BY 3 DESC, 1, 2",
            values,
        )
        return [Total(*cells) for cells in rows]

    # --- jobs --------------------------------------------------------------------------------------------------------------------

    def open_job(self, row: JobRow) -> None:
        """Note the intent to create a job, before the provider hears of it."""
        _known_state(row.state)
        cells = [
            writable_text(redact_json(cell)) if name.endswith("_json") else cell
            for name, cell in zip(JOB_COLUMNS, _job_cells(row), strict=True)
        ]
        with self._durable() as db:
            db.execute(_INSERT_JOB, cells)

    def ticket(self, job_id: str, remote_id: str, state_json: Json = None) -> None:
        """Note that the provider accepted the job: from now on it can be found again."""
        self._change(job_id, state="running", remote_id=remote_id, state_json=writable_text(redact_json(state_json)))

    def mark(self, job_id: str, state: str) -> None:
        """Note a state on the way, such as "collecting"."""
        self._change(job_id, state=_known_state(state))

    def close_job(self, job_id: str, state: str, message: str | None = None, response_json: Json = None) -> None:
        """Note how a job ended; its lease is given up. A completed job stays completed."""
        if _known_state(state) not in OVER:
            raise ValueError(f"state: a job cannot end as {state!r}; give one of {', '.join(OVER)}")
        ending = {"state": state, "message": writable_text(redact(message)), "owner": None, "heartbeat": None}
        self._change(job_id, **ending, response_json=writable_text(redact_json(response_json)))

    def job(self, job_id: str) -> JobRow | None:
        """One job, None when this journal does not know it."""
        rows = self._read(f"SELECT {', '.join(JOB_COLUMNS)} FROM jobs WHERE job_id = ?", [job_id])  # noqa: S608
        return JobRow(*rows[0]) if rows else None

    def jobs(self, states: Iterable[str] | None = None, session_id: str | None = None) -> list[JobRow]:
        """Jobs, oldest first; of the given states only."""
        where, values = _where(session_id=session_id)
        if states is not None:
            wanted = [_known_state(state) for state in states]
            where += (" AND" if where else " WHERE") + f" state IN ({', '.join('?' * len(wanted))})"
            values += wanted
        rows = self._read(f"SELECT {', '.join(JOB_COLUMNS)} FROM jobs{where} ORDER BY job_id", values)  # noqa: S608
        return [JobRow(*cells) for cells in rows]

    def claim(self, job_id: str, owner: str) -> bool:
        """Take the job for `owner`, so that no other kernel collects it too; False when it is over, unknown or another's.

        A claim lapses 60 s after the last `renew`.
        """
        now = self._clock()
        # A heartbeat from the future was written before the clock was set back; it must not lock the job for long.
        return self._touched(
            "UPDATE jobs SET owner = ?, heartbeat = ? WHERE job_id = ? AND state NOT IN ('completed', 'failed', 'cancelled', 'lost') "
            "AND (owner IS NULL OR owner = ? OR heartbeat IS NULL OR heartbeat < ? OR heartbeat > ?)",
            [owner, now, job_id, owner, now - LEASE_SECONDS, now + LEASE_SECONDS],
        )

    def renew(self, job_id: str, owner: str) -> bool:
        """Keep a claim alive; False when it is not `owner`'s any more."""
        return self._touched(
            "UPDATE jobs SET heartbeat = ? WHERE job_id = ? AND owner = ?", [self._clock(), job_id, owner]
        )

    def release(self, job_id: str, owner: str) -> bool:
        """Give a claim up; False when it was not `owner`'s."""
        return self._touched(
            "UPDATE jobs SET owner = NULL, heartbeat = NULL WHERE job_id = ? AND owner = ?", [job_id, owner]
        )

    # --- votes -------------------------------------------------------------------------------------------------------------------

    def add_vote(self, experiment: str, payload: Json) -> int:
        """Append to an experiment's ballot; returns the entry's number. Entries are never changed or removed."""
        text = writable_text(redact_json(payload)) or "null"
        with self._durable() as db:
            cursor = db.execute(
                "INSERT INTO votes (experiment, payload, created) VALUES (?, ?, ?)", [experiment, text, self._clock()]
            )
            return int(cursor.lastrowid or 0)

    def votes(self, experiment: str, after: int = 0) -> list[Vote]:
        """An experiment's ballot, in order; only the entries after number `after`, for who has read the others."""
        rows = self._read(
            "SELECT vote_id, experiment, payload, created FROM votes WHERE experiment = ? AND vote_id > ? ORDER BY vote_id",
            [experiment, after],
        )
        return [Vote(*cells) for cells in rows]

    # --- the file ----------------------------------------------------------------------------------------------------------------

    def writable(self) -> None:
        """Prove that rows can be written, before anything is paid for.

        Raises:
            StorageError: they cannot.
        """
        with self._writer.transaction():
            pass

    def flush(self) -> None:
        """Return when every recorded call is in the file."""
        self._writer.flush()

    def close(self) -> None:
        """Flush and close the file. A later use opens it again."""
        try:
            self._writer.close()
        finally:
            self._file.close()

    def _read(self, sql: str, values: Sequence[Any]) -> list[Any]:
        self._writer.settle()
        if not self._file.exists():
            return []
        with self._file.reading() as db:
            return db.execute(sql, values).fetchall()

    def _durable(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        return self._writer.transaction(durable=True)

    def _touched(self, sql: str, values: Sequence[Any]) -> bool:
        """Change a lease; True when there was one to change. A lease need not survive a power cut: its holder does not either."""
        if not self._file.exists():
            return False
        with self._writer.transaction() as db:
            return bool(db.execute(sql, values).rowcount == 1)

    def _change(self, job_id: str, **cells: Any) -> None:
        cells["updated"] = self._clock()
        names = ", ".join(f"{name} = ?" for name in cells)
        with self._durable() as db:
            guard = "" if cells["state"] == "completed" else " AND state <> 'completed'"
            sql = f"UPDATE jobs SET {names} WHERE job_id = ?{guard}"  # noqa: S608
            if db.execute(sql, [*cells.values(), job_id]).rowcount:
                return
            if db.execute("SELECT 1 FROM jobs WHERE job_id = ?", [job_id]).fetchone() is None:
                raise StorageError(
                    f"the journal {str(self.path)!r} does not know the job {job_id!r}.", hint="Call open_job first."
                )


def _where(**equal: Any) -> tuple[str, list[Any]]:
    given = {name: value for name, value in equal.items() if value is not None}
    return (" WHERE " + " AND ".join(f"{name} = ?" for name in given) if given else ""), list(given.values())


def _known_state(state: str) -> str:
    if state not in JOB_STATES:
        raise ValueError(f"state: there is no {state!r}; give one of {', '.join(JOB_STATES)}")
    return state
