"""Puts a result where `--out` says. The session keeps its own copy, so nothing is lost when this fails."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from viralai_sdk.interfaces.errors import InvalidRequestError, StorageError
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.store.files import adopt, storage_error, temporary_name, write_atomic


def check(target: Path) -> None:
    """Refuse a target that cannot be written, before anything is paid for.

    Raises:
        InvalidRequestError: its folder does not exist.
        StorageError: one may not write there.
    """
    folder = target if target.is_dir() else target.parent
    if not folder.is_dir():
        raise InvalidRequestError(f"--out: there is no folder {str(folder)!r}.", hint="Make it first.")
    if not os.access(folder, os.W_OK):
        raise StorageError(f"--out: you may not write in {str(folder)!r}.", hint="Choose another folder.")


def words(response: Response) -> str | None:
    """The text of a text response, its structured value as JSON when there is one; None for media."""
    if not isinstance(response, TextGenerationResponse):
        return None
    if response.parsed is None:
        return response.text
    return json.dumps(response.parsed, indent=2, ensure_ascii=False, default=str)


def deliver(response: Response, target: Path) -> list[Path]:
    """Write the text, or copy the files: several get numbers, a folder takes them under their own names.

    Raises:
        StorageError: it cannot be written; `rescued` is where the session keeps the result.
    """
    text = words(response)
    if text is not None:
        path = target / "answer.txt" if target.is_dir() else target
        write_atomic(path, (text + "\n").encode())
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
