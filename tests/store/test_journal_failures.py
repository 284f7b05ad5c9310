"""A journal whose file cannot be used says so, keeps what it can, and harms nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.store.test_journal import call, job
from viralai_sdk.interfaces.errors import StorageError
from viralai_sdk.store import connection, writer
from viralai_sdk.store.journal import Journal
from viralai_sdk.store.schema import VERSION


def _foreign(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (a)")
    db.close()


def _ours(path: Path) -> None:
    made = Journal(path)
    made.add_vote("x", {})
    made.close()


def _newer(path: Path) -> None:
    _ours(path)
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()


def _damaged(path: Path) -> None:
    _ours(path)
    content = bytearray(path.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.write_bytes(b"not a database at all, but text"), "not a database"),
        (_foreign, "another program"),
        (_newer, "newer version"),
        (_damaged, "damaged"),
    ],
)
def test_a_file_that_is_not_our_journal_is_named_and_left_untouched(tmp_path: Path, spoil: Any, told: str) -> None:
    path = tmp_path / "journal.db"
    spoil(path)
    before = path.read_bytes()
    journal = Journal(path)
    for use in (lambda: journal.open_job(job()), lambda: journal.jobs(), lambda: journal.add_vote("x", {})):
        with pytest.raises(StorageError, match=f"{told}.*Move it aside"):
            use()
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir() if each.stat().st_size) == ["journal.db"]


def test_calls_that_cannot_be_written_warn_once_and_are_kept_for_later(tmp_path: Path) -> None:
    (tmp_path / "folder").write_bytes(b"a file in the way")
    journal = Journal(tmp_path / "folder" / "journal.db")

    def record() -> None:
        for _ in range(3):
            journal.record_call(call())
            journal._writer._write()

    with pytest.warns(RuntimeWarning, match="calls are not being recorded") as warned:
        record()
    assert len(warned) == 1
    with pytest.raises(StorageError, match="not a folder"):
        journal.flush()
    with pytest.raises(StorageError):
        journal.open_job(job())
    (tmp_path / "folder").unlink()
    assert len(journal.calls()) == 3
    journal.close()


def test_calls_given_up_after_long_failure_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "KEPT_ROWS", 2)
    (tmp_path / "folder").write_bytes(b"")
    journal = Journal(tmp_path / "folder" / "journal.db")
    journal._writer._warned = True
    for _ in range(5):
        journal.record_call(call())
    with pytest.raises(StorageError):
        journal.flush()
    (tmp_path / "folder").unlink()
    with pytest.raises(StorageError, match="3 calls"):
        journal.flush()
    assert len(journal.calls()) == 2
    journal.close()


FULL = """
import resource, sys
from viralai_sdk.interfaces.errors import StorageError
from viralai_sdk.store.journal import *
from pathlib import Path
journal = Journal(Path(sys.argv[1]))
row = JobRow("job_1", "video_generation", "runway")
journal.open_job(row)
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
told = None
for number in range(200):
    try:
        journal.add_vote("fill", "x" * 5000)
    except StorageError as error:
        told = error
        break
assert told is not None and told.hint, "the limit was not met"
kept = number
try:
    journal.ticket("job_1", "r")
except StorageError:
    pass
else:
    assert journal.job("job_1").remote_id == "r"
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
journal.ticket("job_1", "r")
print(kept == len(journal.votes("fill")), journal.job("job_1").remote_id, told.hint)
"""


def test_a_full_disk_is_told_and_what_was_committed_stays(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    shown = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=False)
    assert shown.stdout.startswith("True r The disk"), shown.stdout + shown.stderr
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


def test_a_folder_in_the_file_s_place_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot open the journal"):
        Journal(tmp_path).open_job(job())


def test_a_journal_held_by_another_program_is_told_after_patience(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    path = tmp_path / "journal.db"
    for new in (True, False):
        if not new:
            _ours(path)
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        holder.execute("CREATE TABLE IF NOT EXISTS held (a)")
        journal = Journal(path)
        with pytest.raises(StorageError, match="Another program holds"):
            journal.add_vote("x", {})
        holder.execute("ROLLBACK")
        holder.close()
        assert journal.add_vote("x", {}) > 0
        journal.close()


def test_a_failing_migration_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.db"
    _ours(path)
    monkeypatch.setattr(
        "viralai_sdk.store.schema.MIGRATIONS", ((), ("CREATE TABLE extra (a)", "CREATE TABLE extra (a)"))
    )
    monkeypatch.setattr("viralai_sdk.store.schema.VERSION", 2)
    with pytest.raises(StorageError, match="already exists"):
        Journal(path).jobs()
    monkeypatch.setattr("viralai_sdk.store.schema.MIGRATIONS", ((), ("CREATE TABLE extra (a)",)))
    journal = Journal(path)
    assert len(journal.votes("x")) == 1
    journal.close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
    db.close()
