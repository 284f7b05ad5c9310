"""Sessions: a folder on first write, facts that are never overwritten silently."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from viralai_sdk.interfaces.errors import ConfigurationError, StorageError
from viralai_sdk.store.sessions import METADATA, Session, list_sessions, measure_folder


def test_making_a_session_touches_nothing(tmp_path: Path) -> None:
    session = Session(tmp_path / "outputs")
    assert re.fullmatch(r"session_\d{8}_\d{6}_[0-9a-f]{4}", session.session_id)
    assert session.metadata["status"] == "active"
    assert session.summary()["files"] == 0
    assert list_sessions(tmp_path / "outputs") == []
    assert not (tmp_path / "outputs").exists()


def test_metadata_comes_back_in_the_next_kernel(tmp_path: Path) -> None:
    session = Session(tmp_path / "outputs", "session_a")
    session.metadata["mission"] = "füchse"
    session.metadata["where"] = Path("x")
    session.save_metadata()
    again = Session(tmp_path / "outputs", "session_a").metadata
    assert again == {**session.metadata, "where": "x"}
    assert again["session_dir"] == "outputs/session_a"
    assert again["session_id"] == "session_a"


@pytest.mark.parametrize("content", [b"{broken", b"[1]", b"\xff\xfe"])
def test_broken_metadata_is_named_and_never_overwritten(tmp_path: Path, content: bytes) -> None:
    session = Session(tmp_path, "session_a")
    path = session.dir / METADATA
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"session_metadata\.json.*move it aside"):
        _ = session.metadata
    path.unlink()
    session.save_metadata()
    path.write_bytes(content)
    with pytest.raises(StorageError, match="left untouched"):
        session.save_metadata()
    assert path.read_bytes() == content


def test_metadata_that_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    session = Session(tmp_path, "session_a")
    (session.dir / METADATA).mkdir(parents=True)
    with pytest.raises(StorageError, match="cannot read"):
        _ = session.metadata
    other = Session(tmp_path, "session_b")
    other.metadata["loop"] = other.metadata
    with pytest.raises(ConfigurationError, match="JSON"):
        other.save_metadata()


def test_folders_are_made_when_asked_for(tmp_path: Path) -> None:
    session = Session(tmp_path, "session_a")
    assert session.folder("scripts").is_dir()
    with pytest.raises(ConfigurationError):
        session.folder("../x")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        Session(tmp_path / "file", "session_a").folder("images")


def test_the_summary_counts_files_and_bytes(tmp_path: Path) -> None:
    session = Session(tmp_path, "session_a")
    (session.folder("images") / "a.png").write_bytes(b"12345")
    (session.folder("images") / "deep").mkdir()
    (session.folder("images") / "deep" / "b.png").write_bytes(b"1")
    (session.dir / "loose.txt").write_bytes(b"12")
    session.folder("audio")
    found = session.summary()
    assert found["folders"] == {"audio": {"files": 0, "bytes": 0}, "images": {"files": 2, "bytes": 6}}
    assert (found["files"], found["bytes"]) == (3, 8)
    assert repr(session) == "Session('session_a')"


def test_a_file_that_vanishes_while_counting_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"1")

    def gone(_: Path) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "lstat", gone)
    assert measure_folder(tmp_path).files == 0


def test_sessions_are_listed_and_other_folders_left_out(tmp_path: Path) -> None:
    for name in ("session_2", "session_1", "other", "mine"):
        (tmp_path / name).mkdir()
    (tmp_path / "session_bad name").mkdir()
    (tmp_path / "session_file").write_bytes(b"")
    Session(tmp_path, "mine").save_metadata()
    assert [session.session_id for session in list_sessions(tmp_path)] == ["mine", "session_1", "session_2"]
    assert json.loads((tmp_path / "mine" / METADATA).read_text())["session_id"] == "mine"
