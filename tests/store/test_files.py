"""Files appear whole or not at all, and every refusal of the system is a StorageError with a hint."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from viralai_sdk.interfaces.errors import StorageError
from viralai_sdk.store.files import adopt, sweep, temporary_name, write_atomic


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_write_makes_missing_folders_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "file.bin"
    write_atomic(target, b"one")
    write_atomic(target, b"two")
    assert target.read_bytes() == b"two"
    assert _names(target.parent) == ["file.bin"]


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), MemoryError()]
)
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_whatever_interrupts_a_write_the_old_file_stays_and_no_half_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, call: str
) -> None:
    target = tmp_path / "file.bin"
    write_atomic(target, b"old")

    def fail(*_: Any) -> None:
        raise error

    owner: Any = os if call == "fsync" else Path
    monkeypatch.setattr(owner, call, fail)
    with pytest.raises(StorageError if isinstance(error, OSError) else type(error)) as caught:
        write_atomic(target, b"new")
    assert target.read_bytes() == b"old"
    assert _names(tmp_path) == ["file.bin"]
    if isinstance(caught.value, StorageError):
        assert "disk is full" in str(caught.value)


def test_a_path_below_a_file_and_a_name_too_long_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="not a folder"):
        write_atomic(tmp_path / "file" / "x.png", b"1")
    with pytest.raises(StorageError, match="too long"):
        write_atomic(tmp_path / ("x" * 400), b"1")
    (tmp_path / "taken").mkdir()
    with pytest.raises(StorageError, match="in the way"):
        write_atomic(tmp_path / "taken", b"1")
    assert _names(tmp_path) == ["file", "taken"]


FULL = """
import resource, sys
from pathlib import Path
from viralai_sdk.interfaces.errors import StorageError
from viralai_sdk.store.files import write_atomic
folder = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    write_atomic(folder / "big.bin", bytes(50_000))
except StorageError as error:
    print(error.hint, sorted(path.name for path in folder.iterdir()))
"""


def test_a_filesystem_that_takes_no_more_leaves_nothing_behind(tmp_path: Path) -> None:
    shown = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "larger than this filesystem" in shown.stdout
    assert shown.stdout.strip().endswith("[]")


def test_a_finished_temporary_file_is_moved(tmp_path: Path) -> None:
    source = tmp_path / "download.part"
    source.write_bytes(b"film")
    adopt(source, tmp_path / "clips" / "film.mp4")
    assert (tmp_path / "clips" / "film.mp4").read_bytes() == b"film"
    assert not source.exists()


def test_between_filesystems_it_is_copied_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "download.part", tmp_path / "clips" / "film.mp4"
    source.write_bytes(b"film")
    move = Path.replace

    def cross(self: Path, to: Path) -> Path:
        if self == source:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return move(self, to)

    monkeypatch.setattr(Path, "replace", cross)
    adopt(source, target)
    assert target.read_bytes() == b"film"
    assert _names(target.parent) == ["film.mp4"]
    assert not source.exists()


def test_a_file_that_cannot_be_moved_stays_and_is_named(tmp_path: Path) -> None:
    source = tmp_path / "download.part"
    source.write_bytes(b"film")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError) as caught:
        adopt(source, tmp_path / "file" / "film.mp4")
    assert caught.value.rescued == str(source)
    assert source.read_bytes() == b"film"
    (tmp_path / "taken").mkdir()
    with pytest.raises(StorageError):
        adopt(source, tmp_path / "taken")
    assert source.exists()
    with pytest.raises(StorageError) as caught:
        adopt(tmp_path / "gone", tmp_path / "film.mp4")
    assert caught.value.rescued is None


def test_only_old_temporary_files_are_swept(tmp_path: Path) -> None:
    old, young, other = temporary_name(tmp_path), temporary_name(tmp_path), tmp_path / "mine.part"
    for path in (old, young, other):
        path.write_bytes(b"")
        os.utime(path, (1_000_000, 1_000_000))
    os.utime(young, (1_003_000, 1_003_000))
    assert sweep(tmp_path, now=1_000_000 + 3601) == 1
    assert _names(tmp_path) == sorted([young.name, "mine.part"])
    assert sweep(tmp_path / "nowhere") == 0
