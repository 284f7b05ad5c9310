"""Puts a result where `--out` says. The session keeps media, and a text that cannot be put there, so nothing is lost when this fails."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path

from viralai_sdk.interfaces.errors import InvalidRequestError, StorageError
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.store.artifacts import rescue_folders
from viralai_sdk.store.files import adopt, storage_error, temporary_name, write_atomic


def check(target: Path, option: str = "--out") -> None:
    """Refuse a target that cannot be written, before anything is paid for.

    Raises:
        InvalidRequestError: its folder does not exist, or a device or a pipe is there, which a file would replace.
        StorageError: one may not write there.
    """
    try:
        target.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # nothing is in the way; its folder is looked at below
    except OSError as error:  # such as a name that is too long
        raise storage_error("write", target, error) from error
    if target.exists() and not (target.is_dir() or target.is_file()):
        raise InvalidRequestError(
            f"{option}: {str(target)!r} is neither a file nor a folder.", hint="Name a file; it is written as a whole."
        )
    folder = target if target.is_dir() else target.absolute().parent
    if not folder.is_dir():
        raise InvalidRequestError(f"{option}: there is no folder {str(folder)!r}.", hint="Make it first.")
    if not os.access(folder, os.W_OK):
        raise StorageError(f"{option}: you may not write in {str(folder)!r}.", hint="Choose another folder.")


def words(response: Response) -> str | None:
    """The text of a text response, its structured value as JSON when there is one; None for media."""
    if not isinstance(response, TextGenerationResponse):
        return None
    if response.parsed is None:
        return response.text
    return json.dumps(response.parsed, indent=2, ensure_ascii=False, default=str)


def put_aside(response: Response, session: Path) -> str | None:
    """Where the result is safe when it cannot be shown: media lie in the session; a text is written there, or where rescued media go.

    None when it can be written nowhere.
    """
    text = words(response)
    if text is None:
        return ", ".join(str(artifact.path) for artifact in response.artifacts)
    data = (text + "\n").encode()
    name = f"answer_{hashlib.sha256(data).hexdigest()[:10]}.txt"
    for folder in (session / "scripts", *rescue_folders(session.name)):
        with contextlib.suppress(
            StorageError
        ):  # the next place is tried; the caller tells what went wrong in the first
            write_atomic(folder / name, data)
            return str(folder / name)
    return None


def deliver(response: Response, target: Path, session: Path) -> list[Path]:
    """Write the text, or copy the files: several get numbers, a folder takes them under their own names.

    Args:
        session: the session's folder, which keeps what cannot be written.

    Raises:
        StorageError: it cannot be written; `rescued` is where the result is safe.
    """
    text = words(response)
    if text is not None:
        path = target / "answer.txt" if target.is_dir() else target
        try:
            write_atomic(path, (text + "\n").encode())
        except StorageError as failure:
            failure.rescued = put_aside(response, session)
            raise
        return [path]
    sources = [artifact.path for artifact in response.artifacts]
    targets = [_place(target, source, number, len(sources)) for number, source in enumerate(sources, 1)]
    for source, path in zip(sources, targets, strict=True):
        copy(source, path)
    return targets


def _place(target: Path, source: Path, number: int, of: int) -> Path:
    if target.is_dir():
        return target / source.name
    # The bytes decide what a file is; a name that says something else would lead other programs astray.
    ending = target.suffix if target.suffix.lower() in _same(source.suffix) else source.suffix
    return target.with_name(f"{target.stem}-{number}{ending}" if of > 1 else f"{target.stem}{ending}")


def _same(ending: str) -> tuple[str, ...]:
    return {".jpg": (".jpg", ".jpeg"), ".ogg": (".ogg", ".opus")}.get(ending, (ending,))


def copy(source: Path, target: Path) -> None:
    """Copy a file so that it appears whole or not at all.

    Raises:
        StorageError: it cannot be written; `rescued` names the source.
    """
    temporary = temporary_name(target.parent)
    try:
        shutil.copyfile(source, temporary)
        adopt(temporary, target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        failure = storage_error("write", target, error)
        failure.rescued = str(source)
        raise failure from error
    except StorageError as failure:
        temporary.unlink(missing_ok=True)
        failure.rescued = str(source)
        raise
