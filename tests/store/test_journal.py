"""The journal: fast for calls, durable for jobs, append-only for votes, honest when the file fails."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from viralai_sdk.interfaces.errors import StorageError
from viralai_sdk.store import writer
from viralai_sdk.store.journal import CallRow, JobRow, Journal, new_id


class Clock:
    """A clock that moves only when told."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(tmp_path: Path, clock: Clock) -> Iterator[Journal]:
    made = Journal(tmp_path / ".viralai" / "journal.db", clock=clock)
    yield made
    made.close()


def call(session: str | None = "s1", provider: str = "openai", **more: Any) -> CallRow:
    return CallRow(new_id("call"), session, "image_generation", provider, **more)


def job(**more: Any) -> JobRow:
    return JobRow(new_id("job"), "video_generation", "runway", session_id="s1", **more)


def test_nothing_is_on_disk_before_the_first_write(journal: Journal) -> None:
    assert journal.calls() == []
    assert journal.jobs() == []
    assert journal.job("job_x") is None
    assert journal.spent("s1") == 0.0
    assert journal.totals() == []
    assert journal.votes("x") == []
    assert not journal.claim("job_x", "me")
    journal.flush()
    assert not journal.path.parent.exists()


def test_a_call_comes_back_as_it_was_recorded(journal: Journal) -> None:
    row = call(
        model="m", outcome="failed", error="RateLimitError", message="slow down", seconds=1.5, retries=2, billed="maybe", cached=True,
        cost_usd=0.04, cost_source="catalog", started=5.0, prompt_sha256="ab", request_json={"a": [1, "ü"]}, response_json='{"b":2}',
        artifacts_json=["x.png"], attempts_json=None, warnings_json=[],
    )  # fmt: skip
    journal.record_call(row)
    (found,) = journal.calls()
    row.request_json, row.artifacts_json, row.warnings_json = '{"a":[1,"ü"]}', '["x.png"]', "[]"
    assert found == row


def test_the_writer_writes_by_itself(journal: Journal) -> None:
    row = call()
    journal.record_call(row)
    for _ in range(12_000):
        if journal.path.exists() and not journal._writer._pending:
            break
        threading.Event().wait(0.005)
    with journal._file.lock, sqlite3.connect(journal.path) as db:
        assert db.execute("SELECT call_id FROM calls").fetchall() == [(row.call_id,)]
    db.close()


def test_calls_are_found_by_session_and_service_newest_first(journal: Journal) -> None:
    rows = [call("s1", started=1.0), call("s2", started=2.0), call("s1", started=3.0)]
    text = CallRow(new_id("call"), "s1", "text_generation", "openai", started=2.5)
    for row in [*rows, text]:
        journal.record_call(row)
    assert [row.started for row in journal.calls("s1")] == [3.0, 2.5, 1.0]
    assert [row.started for row in journal.calls("s1", "image_generation", limit=1)] == [3.0]
    assert len(journal.calls(limit=None)) == 4


def test_spending_counts_known_costs_only_and_totals_tell_how_many_are_unknown(journal: Journal) -> None:
    journal.record_call(call(cost_usd=0.25, seconds=1))
    journal.record_call(call(cost_usd=None, seconds=2, outcome="failed", billed="maybe"))
    journal.record_call(call("s3", "vertex", outcome="failed"))  # nothing was sent: nothing is unknown
    journal.record_call(call("s2", cost_usd=0.5, started=10.0))
    journal.record_call(call("s2", "gemini"))
    assert (journal.spent("s1"), journal.spent("s2"), journal.spent()) == (0.25, 0.5, 0.75)
    first, second, third = journal.totals()
    assert (first.provider, first.calls, first.successes, first.cost_known, first.cost_unknown) == (
        "openai",
        3,
        2,
        2,
        1,
    )
    assert (first.seconds, first.cost_usd) == (3.0, 0.75)
    assert (second.provider, second.cost_usd, second.cost_known) == ("gemini", 0.0, 0)
    assert (third.provider, third.calls, third.cost_unknown) == ("vertex", 1, 0)
    assert journal.totals("s1", since=11.0)[0].calls == 2


def test_a_call_recorded_again_replaces_itself(journal: Journal) -> None:
    row = call()
    journal.record_call(row)
    journal.record_call(call())
    row.outcome = "cancelled"
    journal.record_call(row)
    assert sorted(found.outcome for found in journal.calls()) == ["cancelled", "ok"]


def test_calls_from_many_threads_all_arrive(journal: Journal) -> None:
    def work() -> None:
        for _ in range(200):
            journal.record_call(call())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(journal.calls(limit=None)) == 1600


def test_ids_are_unique_and_sort_by_time() -> None:
    ids = [new_id("job") for _ in range(2000)]
    assert len(set(ids)) == 2000
    assert ids == sorted(ids)
    assert {len(each) for each in ids} == {30}


def test_a_row_that_sqlite_cannot_take_does_not_hold_up_the_others(journal: Journal) -> None:
    def record() -> None:
        journal.record_call(call(message="half a character \ud800"))
        journal.record_call(call(model=object()))
        journal.record_call(call())
        assert journal.jobs() == []

    with pytest.warns(RuntimeWarning, match="cannot be stored"):
        record()
    with pytest.raises(StorageError, match="1 calls"):
        journal.flush()
    assert sorted(row.message or "" for row in journal.calls()) == ["", "half a character ?"]


def test_the_writer_ends_when_idle_and_starts_again(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(writer, "QUIET_ROUNDS", 1)
    for number in (1, 2):
        journal.record_call(call())
        thread = journal._writer._thread
        if thread is not None:
            thread.join(20)
        assert len(journal.calls()) == number
        assert journal._writer._thread is None


def test_without_threads_at_shutdown_calls_are_written_at_once(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    journal.record_call(call())
    assert not journal._writer._pending
    assert len(journal.calls()) == 1


# --- jobs -----------------------------------------------------------------------------------------------------------------------------


def test_a_job_s_life_is_written_step_by_step(journal: Journal, clock: Clock) -> None:
    row = job(request_json={"prompt": "fox"}, created=1.0, updated=1.0)
    journal.open_job(row)
    assert journal.job(row.job_id).state == "submitting"  # type: ignore[union-attr]
    journal.ticket(row.job_id, "remote-1", {"task": 7})
    found = journal.job(row.job_id)
    assert found is not None
    assert (found.state, found.remote_id, found.state_json, found.updated) == (
        "running",
        "remote-1",
        '{"task":7}',
        clock.now,
    )
    journal.mark(row.job_id, "collecting")
    assert journal.claim(row.job_id, "me")
    journal.close_job(row.job_id, "completed", response_json={"video": "a.mp4"})
    found = journal.job(row.job_id)
    assert found is not None
    assert (found.state, found.owner, found.over, found.response_json) == ("completed", None, True, '{"video":"a.mp4"}')


def test_a_completed_job_stays_completed(journal: Journal) -> None:
    row = job()
    journal.open_job(row)
    journal.close_job(row.job_id, "lost", "gone")
    journal.close_job(row.job_id, "completed")
    journal.close_job(row.job_id, "failed", "late")
    journal.ticket(row.job_id, "late")
    found = journal.job(row.job_id)
    assert found is not None
    assert (found.state, found.message, found.remote_id) == ("completed", None, None)
    assert not journal.claim(row.job_id, "me")


def test_jobs_are_listed_by_state_and_session_oldest_first(journal: Journal) -> None:
    rows = [job(), job(), job()]
    for row in rows:
        journal.open_job(row)
    journal.ticket(rows[1].job_id, "r")
    assert [row.job_id for row in journal.jobs()] == [row.job_id for row in rows]
    assert [row.job_id for row in journal.jobs(["running"], "s1")] == [rows[1].job_id]
    assert journal.jobs(["running"], "s2") == []
    assert journal.jobs([]) == []


def test_wrong_use_of_jobs_is_told(journal: Journal) -> None:
    with pytest.raises(StorageError, match="does not know"):
        journal.ticket("job_nobody", "r")
    row = job()
    journal.open_job(row)
    with pytest.raises(StorageError, match="UNIQUE"):
        journal.open_job(row)
    for wrong in (
        lambda: journal.close_job(row.job_id, "running"),
        lambda: journal.jobs(["done"]),
        lambda: journal.mark(row.job_id, "x"),
    ):
        with pytest.raises(ValueError, match="state"):
            wrong()
    assert journal.jobs()[0].state == "submitting"


def test_only_one_kernel_collects_a_job_until_its_claim_lapses(journal: Journal, clock: Clock) -> None:
    row = job()
    journal.open_job(row)
    other = Journal(journal.path, clock=clock)
    assert journal.claim(row.job_id, "a")
    assert journal.claim(row.job_id, "a")
    assert not other.claim(row.job_id, "b")
    clock.now += 50
    assert journal.renew(row.job_id, "a")
    clock.now += 50
    assert not other.claim(row.job_id, "b")
    clock.now += 11
    assert other.claim(row.job_id, "b")
    assert not journal.renew(row.job_id, "a")
    assert not journal.release(row.job_id, "a")
    assert other.release(row.job_id, "b")
    assert journal.claim(row.job_id, "a")
    clock.now -= 10_000  # a clock set back must not lock the job for hours
    assert other.claim(row.job_id, "b")
    other.close()


# --- votes ----------------------------------------------------------------------------------------------------------------------------


def test_votes_are_appended_and_can_never_be_changed(journal: Journal, clock: Clock) -> None:
    assert [journal.add_vote("fox", {"winner": "a"}), journal.add_vote("fox", '{"winner":"b"}')] == [1, 2]
    journal.add_vote("hen", None)
    assert [(vote.payload, vote.created) for vote in journal.votes("fox")] == [
        ('{"winner":"a"}', clock.now),
        ('{"winner":"b"}', clock.now),
    ]
    assert [vote.payload for vote in journal.votes("hen")] == ["null"]
    with sqlite3.connect(journal.path) as db:
        for sql in ("DELETE FROM votes", "UPDATE votes SET payload = 1"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(sql)
    db.close()


# --- secrets --------------------------------------------------------------------------------------------------------------------------


def test_no_secret_and_no_signed_address_reaches_the_file(journal: Journal) -> None:
    from viralai_sdk.store.redact import register_secret

    register_secret("journal-s3cret")
    signed = "https://bucket.example/a.mp4?X-Goog-Signature=SIGNEDPART"
    dirty = {"url": signed, "note": "key journal-s3cret", "headers": {"Authorization": "Bearer abcdefghijklmnop1"}}
    row = job(request_json=dirty, state_json=json.dumps(dirty))
    journal.open_job(row)
    journal.ticket(row.job_id, "r", dirty)
    journal.close_job(row.job_id, "failed", f"could not fetch {signed}", response_json=json.dumps(dirty))
    journal.record_call(
        call(message=f"see {signed}", request_json=json.dumps(dirty), response_json=dirty, attempts_json=[dirty])
    )
    journal.add_vote("x", dirty)
    journal.close()
    content = b"".join(path.read_bytes() for path in journal.path.parent.iterdir())
    assert b"bucket.example" in content
    for secret in (b"SIGNEDPART", b"journal-s3cret", b"abcdefghijklmnop1"):
        assert secret not in content


def test_a_journal_that_nobody_closed_leaves_no_file_open(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = Journal(path)
    journal.open_job(job())
    with journal._file.reading() as db:
        assert db.execute("SELECT COUNT(*) FROM jobs").fetchone() == (1,)
    del journal
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        db.execute("SELECT 1")
    again = Journal(path)
    assert len(again.jobs()) == 1
    again.close()


# --- several processes ----------------------------------------------------------------------------------------------------------------

WRITE = """
import sys
from pathlib import Path
from viralai_sdk.store.journal import *
journal = Journal(Path(sys.argv[1]))
for number in range(2000):
    journal.record_call(CallRow(new_id("call"), sys.argv[2], "text_generation", "openai", request_json={"number": number}))
    if number % 500 == 0:
        journal.add_vote("both", {"by": sys.argv[2]})
"""


def test_two_kernels_write_at_once_and_leave_without_goodbye(tmp_path: Path) -> None:
    path = tmp_path / ".viralai" / "journal.db"
    children = [subprocess.Popen([sys.executable, "-c", WRITE, str(path), name]) for name in ("a", "b")]
    assert [child.wait(100) for child in children] == [0, 0]
    journal = Journal(path)
    assert len(journal.calls("a", limit=None)) == len(journal.calls("b", limit=None)) == 2000
    assert len(journal.votes("both")) == 8
    journal.close()


def _in_child(journal: Journal) -> None:
    journal.record_call(call("child"))
    if journal.claim("job_fork", "child"):
        os._exit(3)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_after_a_fork_both_write_and_nothing_is_written_twice(journal: Journal) -> None:
    journal.open_job(JobRow("job_fork", "video_generation", "runway"))
    assert journal.claim("job_fork", "parent")
    journal.record_call(call("parent"))
    child = multiprocessing.get_context("fork").Process(target=_in_child, args=(journal,))
    child.start()
    journal.record_call(call("parent"))
    child.join(60)
    assert child.exitcode == 0
    assert len(journal.calls("parent")) == 2
    assert len(journal.calls("child")) == 1
