"""kill -9 at any moment loses no ticket."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from viralai_sdk.store.journal import Journal

CHILD = """
import sys
from pathlib import Path
from viralai_sdk.store.journal import *
journal = Journal(Path(sys.argv[1]))
def tell(*words):
    sys.stdout.write(" ".join(words) + "\\n")
    sys.stdout.flush()
tell("ready")
while True:
    row = JobRow(new_id("job"), "video_generation", "runway")
    journal.open_job(row)
    tell("opened", row.job_id)
    journal.record_call(CallRow(new_id("call"), "s", "video_generation", "runway", request_json={"job": row.job_id}))
    journal.ticket(row.job_id, "remote-" + row.job_id, {"task": row.job_id})
    tell("ticket", row.job_id)
    if row.job_id[-1] in "02468":
        journal.close_job(row.job_id, "completed")
        tell("closed", row.job_id)
"""
ROUNDS = 30


@pytest.mark.timeout(900)  # it starts many interpreters, which a busy machine may take seconds for
def test_every_ticket_that_was_given_is_there_after_kill_9(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    path = tmp_path / "journal.db"
    told: dict[str, set[str]] = {"opened": set(), "ticket": set(), "closed": set(), "ready": set()}
    window = 0.0
    for number in range(ROUNDS):
        with subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            if number == 0:  # how long this machine takes for a job sets the moments of the others
                began, line = time.monotonic(), ""
                while not line.startswith("ticket"):
                    line = child.stdout.readline()
                    told[line.split()[0]].add(line.split()[1])
                window = 4 * (time.monotonic() - began)
            time.sleep(moments.uniform(0, window))
            child.send_signal(signal.SIGKILL)
            for line in child.stdout.read().split("\n")[:-1]:
                what, _, name = line.partition(" ")
                told[what].add(name)
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    journal = Journal(path)
    jobs = {row.job_id: row for row in journal.jobs()}
    journal.close()
    assert told["ticket"], "no round got as far as a ticket"
    assert told["opened"] <= jobs.keys()
    for name in told["ticket"]:
        assert jobs[name].remote_id == f"remote-{name}"
        assert jobs[name].state_json == f'{{"task":"{name}"}}'
        assert jobs[name].state in ("running", "completed")
    assert {jobs[name].state for name in told["closed"]} <= {"completed"}
