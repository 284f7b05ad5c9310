"""The journal's tables, and how an older file becomes a current one."""

from __future__ import annotations

import sqlite3

APPLICATION_ID = 0x56414931
""" "VAI1" in the file's header: tells our journal from any other SQLite file."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE calls (
            call_id TEXT PRIMARY KEY, session_id TEXT, service TEXT NOT NULL, provider TEXT NOT NULL, model TEXT,
            outcome TEXT NOT NULL, error TEXT, message TEXT, seconds REAL NOT NULL, retries INTEGER NOT NULL, billed TEXT NOT NULL,
            cost_usd REAL, cost_source TEXT, cached INTEGER NOT NULL, started REAL NOT NULL, prompt_sha256 TEXT,
            request_json TEXT, response_json TEXT, artifacts_json TEXT, attempts_json TEXT, warnings_json TEXT
        )""",
        "CREATE INDEX calls_by_session ON calls (session_id, cost_usd)",
        """CREATE TABLE jobs (
            job_id TEXT PRIMARY KEY, service TEXT NOT NULL, provider TEXT NOT NULL, model TEXT, session_id TEXT, call_id TEXT,
            state TEXT NOT NULL, remote_id TEXT, state_json TEXT, request_json TEXT, response_json TEXT, message TEXT,
            created REAL NOT NULL, updated REAL NOT NULL, owner TEXT, heartbeat REAL
        ) WITHOUT ROWID""",
        "CREATE INDEX jobs_by_state ON jobs (state, session_id)",
        """CREATE TABLE votes (
            vote_id INTEGER PRIMARY KEY AUTOINCREMENT, experiment TEXT NOT NULL, payload TEXT NOT NULL, created REAL NOT NULL
        )""",
        "CREATE INDEX votes_by_experiment ON votes (experiment, vote_id)",
        "CREATE TRIGGER votes_stay BEFORE UPDATE ON votes BEGIN SELECT RAISE(ABORT, 'votes are append-only'); END",
        "CREATE TRIGGER votes_remain BEFORE DELETE ON votes BEGIN SELECT RAISE(ABORT, 'votes are append-only'); END",
    ),
)
"""Step n brings a file of version n to version n + 1. Never change a released step; add one."""

VERSION = len(MIGRATIONS)


class ForeignFileError(Exception):
    """The file is SQLite's, but not ours, or from a newer SDK."""


def check(connection: sqlite3.Connection) -> int:
    """Version of the file, 0 when it is new. Only reads.

    Raises:
        ForeignFileError: another program's file, or a newer version than this SDK knows.
    """
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if application != APPLICATION_ID:
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application or version or tables:
            raise ForeignFileError("is a database of another program")
    elif version > VERSION:
        raise ForeignFileError(f"was written by a newer version of the SDK (schema {version}, known up to {VERSION})")
    return version


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the current version, in one transaction; several processes may try at once."""
    if check(connection) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in MIGRATIONS[check(connection) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
