"""Files appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from viralai_sdk.interfaces.errors import StorageError

PREFIX = ".viralai-"
SUFFIX = ".part"
ABANDONED_AFTER = 3600.0
"""Seconds after which a temporary file cannot belong to a running write any more."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""What an engine's own writing meets when the disk, not the engine, is at fault."""

_HINTS = {
    errno.ENOSPC: "The disk is full: free some space, or set another output folder.",
    errno.EDQUOT: "Your disk quota is used up: free some space, or set another output folder.",
    errno.EFBIG: "The file is larger than this filesystem or process may write.",
    errno.EROFS: "The filesystem is read-only: set another output folder.",
    errno.EACCES: "You may not write there: change the folder's rights, or set another output folder.",
    errno.EPERM: "You may not write there: change the folder's rights, or set another output folder.",
    errno.ENAMETOOLONG: "The name is too long for this filesystem: use a shorter folder or session name.",
    errno.ENOTDIR: "Part of this path is a file, not a folder: set another output folder.",
    errno.EEXIST: "Part of this path is a file, not a folder: set another output folder.",
    errno.EISDIR: "A folder of that name is in the way: move it aside.",
    errno.EMFILE: "This process has too many open files: lower the concurrency.",
}


def storage_error(action: str, path: Path, error: OSError) -> StorageError:
    """The `StorageError` that an operating system's refusal means. `action` completes "cannot …"."""
    reason = error.strerror or error.__class__.__name__
    hint = _HINTS.get(error.errno or 0, "Check the folder, or set another output folder.")
    return StorageError(f"cannot {action} {shorten(str(path))!r}: {reason}.", hint=hint)


def shorten(text: str, limit: int = 160) -> str:
    """Keep the end of a long path: it says more than the start."""
    return text if len(text) <= limit else "…" + text[1 - limit :]


def write_atomic(target: Path, data: bytes, mode: int | None = None) -> None:
    """Write a file so that it is there whole or not at all, also after a crash. Missing folders are made.

    Args:
        mode: rights of the new file, set before anything is in it; None takes the system's usual ones.

    Raises:
        StorageError: it could not be written; whatever was at `target` before is unharmed.
    """

    def fill(file: BinaryIO) -> None:
        file.write(data)

    try:
        _replace(target, fill, mode)
    except OSError as error:
        raise storage_error("write", target, error) from error


def adopt(temporary: Path, target: Path) -> None:
    """Move a finished temporary file into place under the rules of `write_atomic`; copies when it lies on another filesystem.

    Raises:
        StorageError: it could not be moved; `temporary` is still there, and named as `rescued`.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        try:
            temporary.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy(temporary, target)
        else:
            _sync_folder(target.parent)
    except OSError as error:
        failure = storage_error("write", target, error)
        failure.rescued = str(temporary) if temporary.exists() else None
        raise failure from error


def sweep(folder: Path, now: float | None = None) -> int:
    """Remove temporary files that a killed process left in `folder` more than an hour ago; returns how many."""
    limit = (time.time() if now is None else now) - ABANDONED_AFTER
    removed = 0
    for path in folder.glob(f"{PREFIX}*{SUFFIX}"):
        # Another process may sweep the same folder at the same time.
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < limit:
                path.unlink()
                removed += 1
    return removed


def temporary_name(folder: Path) -> Path:
    """A fresh name that `sweep` recognises."""
    return folder / f"{PREFIX}{uuid.uuid4().hex[:16]}{SUFFIX}"


def _replace(target: Path, fill: Callable[[BinaryIO], None], mode: int | None = None) -> None:
    temporary = temporary_name(target.parent)
    try:
        with _create(temporary) as file:
            if mode is not None:
                temporary.chmod(mode)
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)


def _create(path: Path) -> BinaryIO:
    try:
        return path.open("xb")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")


def _copy(source: Path, target: Path) -> None:
    def fill(file: BinaryIO) -> None:
        with source.open("rb") as origin:
            shutil.copyfileobj(origin, file, 1 << 20)

    _replace(target, fill)
    # The result is safe now; a leftover of the copy is only untidy.
    with contextlib.suppress(OSError):
        source.unlink()


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable. Windows cannot open a folder, and some network filesystems refuse to sync one."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
