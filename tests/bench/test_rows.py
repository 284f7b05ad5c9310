"""The ledger: what was measured is not lost, and what was paid for is known."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.bench.conftest import failed, row
from viralai_sdk.bench.rows import LEDGER, Ledger, read_ledger, read_row
from viralai_sdk.interfaces.errors import InvalidRequestError, StorageError


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        for one in (row(1, metrics={"width": 3, "sharp": 0.5, "kept": True}), failed(2)):
            ledger.begin(one.id)
            ledger.add(one)
    assert read_ledger(tmp_path).rows == [row(1, metrics={"width": 3, "sharp": 0.5, "kept": True}), failed(2)]
    assert read_ledger(tmp_path).interrupted == []


def test_a_later_line_of_the_same_call_wins(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.add(row(1))
        ledger.add(row(1, metrics={"width": 3}))
    assert read_ledger(tmp_path).rows == [row(1, metrics={"width": 3})]


def test_calls_that_were_begun_and_never_ended_are_known(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.begin("one")
        ledger.begin(row(1).id)
        ledger.add(row(1))
    assert read_ledger(tmp_path).interrupted == ["one"]


def test_a_torn_last_line_costs_only_itself(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.add(row(1))
    path = tmp_path / LEDGER
    with path.open("ab") as file:
        file.write(b'{"id":"torn","pha')
    assert read_ledger(tmp_path).rows == [row(1)]
    with Ledger(tmp_path) as ledger:
        ledger.add(row(2))
    assert read_ledger(tmp_path).rows == [row(1), row(2)]


def test_a_broken_line_in_the_middle_is_told_with_its_number(tmp_path: Path) -> None:
    (tmp_path / LEDGER).write_text('{"begin":"a"}\nnonsense\n')
    with pytest.raises(InvalidRequestError, match="line 2"):
        read_ledger(tmp_path)
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        read_row({"id": "a"})


def test_two_processes_cannot_write_one_ledger(tmp_path: Path) -> None:
    with Ledger(tmp_path), pytest.raises(StorageError, match="another process"):
        Ledger(tmp_path).open()
    with Ledger(tmp_path) as again:
        again.begin("a")


def test_a_row_is_on_disk_before_anything_else_happens(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.add(row(1))
        assert read_ledger(tmp_path).rows == [row(1)]


def test_what_cannot_be_written_or_read_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="not open"):
        Ledger(tmp_path).add(row(1))
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        Ledger(tmp_path / "file").open()
    (tmp_path / "folder" / LEDGER).mkdir(parents=True)
    with pytest.raises(StorageError):
        read_ledger(tmp_path / "folder")
    ledger = Ledger(tmp_path)
    ledger.open()
    assert ledger._file is not None
    os.close(ledger._file)
    ledger._file, reader = os.open(tmp_path / LEDGER, os.O_RDONLY), ledger._file
    assert reader >= 0
    with pytest.raises(StorageError):
        ledger.add(row(1))
    ledger.close()


def test_no_secret_gets_into_the_ledger(tmp_path: Path) -> None:
    from viralai_sdk.store.redact import register_secret

    register_secret("vk-canary-bench-0002")
    with Ledger(tmp_path) as ledger:
        ledger.add(failed(1, prompt="vk-canary-bench-0002"))
    assert b"vk-canary" not in (tmp_path / LEDGER).read_bytes()
    assert (tmp_path / LEDGER).read_bytes().startswith(b'{"id":')
