"""Comparisons on disk: a folder or a zip file with `comparison.json` and the media beside it, named by their content."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import weakref
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

from viralai_sdk.compare.arms import Arm, arms
from viralai_sdk.compare.cells import Cell, read_cell
from viralai_sdk.compare.embedding import media_files, media_type
from viralai_sdk.interfaces.errors import InvalidRequestError, StorageError
from viralai_sdk.interfaces.media import EXTENSIONS
from viralai_sdk.interfaces.names import service_type
from viralai_sdk.store.files import adopt, storage_error, temporary_name
from viralai_sdk.store.redact import redact

if TYPE_CHECKING:
    from viralai_sdk.compare.comparison import Comparison
    from viralai_sdk.store.journal import Journal

FORMAT: Final = "viralai-comparison"
VERSION: Final = 1
DOCUMENT: Final = "comparison.json"
MOST_DOCUMENT_BYTES: Final = 256_000_000
FREE_BYTES: Final = 64_000_000
MOST_UNFOLDED: Final = 20
"""Media lie in a zip file as they are. Packed anew they may shrink, but what unfolds to more than so many times its size (beyond the
first `FREE_BYTES`) was made to fill the disk."""
_MEDIA: Final = re.compile(r"media/([0-9a-f]{64})\.[a-z0-9]{1,5}")
_ID: Final = re.compile(r"cmp_[0-9A-Za-z]{1,64}")
_CHUNK: Final = 1 << 20


# --- writing -----------------------------------------------------------------------------------------------------------------------


def save(comparison: Comparison, path: str | Path) -> Path:
    """Write a comparison, whole or not at all. A path that ends in `.zip` makes one file; an earlier saved comparison is replaced.

    Keys, signed addresses and this machine's paths are not in it. Parameters that are no plain data, such as pictures, are named only.

    Raises:
        InvalidRequestError: something else is at `path`.
        StorageError: it cannot be written, or a file of a result is gone. What was at `path` before is unharmed.
    """
    target = Path(path)
    check(target)
    document, media = _document(comparison)
    if target.suffix.lower() == ".zip":
        _write_zip(target, document, media)
    else:
        _write_folder(target, document, media)
    return target


def check(target: Path) -> None:
    """Refuse a place where something else lies.

    Raises:
        InvalidRequestError: it does.
    """
    if target.suffix.lower() == ".zip":
        if target.is_dir():
            raise InvalidRequestError(f"{target.name!r} is a folder.", hint="Choose another name.")
    elif target.exists() and not (target / DOCUMENT).is_file() and (not target.is_dir() or any(target.iterdir())):
        raise InvalidRequestError(
            f"{target.name or str(target)!r} exists and is no saved comparison.", hint="Choose another name."
        )


def _document(comparison: Comparison) -> tuple[bytes, dict[str, Path]]:
    media: dict[str, Path] = {}
    sizes: dict[str, int] = {}
    cells = []
    for cell in comparison.cells:
        data = cell.to_dict(comparison.service)
        if cell.response is not None:
            names = {}
            for file in media_files(cell.response):
                found, size = _named(file)
                names[str(file)], media[found], sizes[found] = found, file, size
            _rename(data["response"], lambda old, names=names: names[str(Path(old).absolute())])
        cells.append(data)
    said = {
        "format": FORMAT,
        "version": VERSION,
        "id": comparison.id,
        "service": comparison.service.short,
        "arms": [arm.to_dict() for arm in comparison.arms],
        "prompts": comparison.prompts,
        "parameters": comparison.parameters,
        "cells": cells,
        "votes": comparison.ballot.data(),
        "media": sizes,
    }
    return json.dumps(redact(said), indent=1, default=lambda value: f"<{type(value).__name__}>").encode(), media


def _named(file: Path) -> tuple[str, int]:
    """A file's name in the saved comparison, out of its content and nothing else."""
    ending = EXTENSIONS.get(media_type(file) or "", ".bin")
    try:
        with file.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
            return f"media/{digest}{ending}", source.tell()
    except OSError as error:
        raise storage_error("read", file, error) from error


def _rename(response: dict[str, Any], new: Any) -> None:
    """Change the paths of a response's data."""
    for field in ("video_path", "audio_path"):
        if response.get(field):
            response[field] = new(response[field])
    if response.get("image_paths"):
        response["image_paths"] = [new(path) for path in response["image_paths"]]
    for artifact in response.get("artifacts") or ():
        artifact["path"] = new(artifact["path"])


def _write_zip(target: Path, document: bytes, media: Mapping[str, Path]) -> None:
    temporary = temporary_name(target.parent)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(DOCUMENT, document, zipfile.ZIP_DEFLATED)
            for name, source in media.items():
                archive.write(source, name)
        adopt(temporary, target)
    except OSError as error:
        raise storage_error("write", target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _write_folder(target: Path, document: bytes, media: Mapping[str, Path]) -> None:
    temporary, old = temporary_name(target.parent), temporary_name(target.parent)
    try:
        (temporary / "media").mkdir(parents=True)
        for name, source in media.items():
            with source.open("rb") as origin, (temporary / name).open("xb") as copy:
                shutil.copyfileobj(origin, copy, _CHUNK)
                _settle(copy)
        with (temporary / DOCUMENT).open("xb") as file:
            file.write(document)
            _settle(file)
        if target.exists():
            target.rename(old)
        try:
            temporary.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError as error:
        raise storage_error("write", target, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)


def _settle(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


# --- reading -----------------------------------------------------------------------------------------------------------------------


def load(path: str | Path, journal: Journal | None = None) -> Comparison:
    """Read a comparison back. The media of a zip file are unpacked into a temporary folder that lives as long as the comparison.

    With a journal, votes that it knows of this comparison are taken in, and new ones are written there.

    Raises:
        InvalidRequestError: it is no saved comparison, from a newer SDK, broken, or its media are not what they were.
        StorageError: it cannot be read.
    """
    source = Path(path)
    try:
        if source.is_dir():
            return _read(_Folder(source), journal)
        with zipfile.ZipFile(source) as archive:
            place = Path(tempfile.mkdtemp(prefix="viralai-comparison-"))
            try:
                comparison = _read(_Zip(archive, place), journal)
            except BaseException:
                shutil.rmtree(place, ignore_errors=True)
                raise
            weakref.finalize(comparison, shutil.rmtree, place, ignore_errors=True)
            return comparison
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        if isinstance(error, RecursionError):
            raise _broken(source, "it is nested too deeply") from error
        raise _broken(source, f"no readable zip file ({error})") from error
    except StorageError:
        raise
    except OSError as error:
        raise storage_error("read", source, error) from error


class _Source(Protocol):
    """Where a saved comparison is read from."""

    path: Path

    def open(self, name: str) -> contextlib.AbstractContextManager[IO[bytes]]: ...

    def place(self, name: str, content: Iterator[bytes]) -> Path: ...


class _Folder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, name: str) -> IO[bytes]:
        file = self.path / name
        if file.is_symlink() or not file.is_file():
            raise _broken(self.path, f"{name} is missing")
        return file.open("rb")

    def place(self, name: str, content: Iterator[bytes]) -> Path:
        for _ in content:
            pass
        return self.path / name


class _Zip:
    def __init__(self, archive: zipfile.ZipFile, place: Path) -> None:
        self.path = Path(archive.filename or "")
        self._archive = archive
        self._place = place
        self._left = FREE_BYTES + MOST_UNFOLDED * self.path.stat().st_size

    def open(self, name: str) -> IO[bytes]:
        try:
            return self._archive.open(name)
        except KeyError:
            raise _broken(self.path, f"{name} is missing") from None

    def place(self, name: str, content: Iterator[bytes]) -> Path:
        target = self._place / Path(name).name
        with target.open("wb") as file:
            for piece in content:
                self._left -= len(piece)
                if self._left < 0:
                    raise InvalidRequestError("it unfolds to far more than its size")
                file.write(piece)
        return target


def _read(source: _Source, journal: Journal | None) -> Comparison:
    from viralai_sdk.compare.comparison import Comparison

    with source.open(DOCUMENT) as file:
        raw = file.read(MOST_DOCUMENT_BYTES + 1)
    try:
        if len(raw) > MOST_DOCUMENT_BYTES:
            raise ValueError("it is too large")
        said = json.loads(raw)
        if not isinstance(said, dict) or said.get("format") != FORMAT:
            raise ValueError("it says of itself that it is something else")
        if said.get("version") != VERSION:
            raise ValueError(f"it has version {said.get('version')!r}, this SDK reads {VERSION}")
        if not isinstance(said["id"], str) or not _ID.fullmatch(said["id"]):
            raise ValueError("its id is none")
        media = _Media(source, said["media"])
        columns, prompts = _columns(said["arms"]), _prompts(said["prompts"])
        cells = [_cell(data, media, {arm.name for arm in columns}, prompts) for data in said["cells"]]
        comparison = Comparison(
            service_type(said["service"]),
            columns,
            prompts,
            cells,
            parameters=said["parameters"],
            journal=journal,
            comparison_id=said["id"],
            votes=said["votes"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # InvalidRequestError is a ValueError too
        reason = error.message if isinstance(error, InvalidRequestError) else str(error)
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise _broken(source.path, kind + reason.rstrip(".")) from error
    comparison.ballot.recall()
    return comparison


def _columns(given: Any) -> tuple[Arm, ...]:
    for data in given:
        if data.keys() != Arm("x").to_dict().keys() or not isinstance(data["name"], str):
            raise ValueError("an arm cannot be read")
        if not all(isinstance(data[key], (str, type(None))) for key in ("provider", "model", "template")):
            raise ValueError("an arm cannot be read")
    found = arms(given)
    if [arm.name for arm in found] != [data["name"] for data in given]:
        raise ValueError("two arms have one name")
    return found


def _prompts(given: Any) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(words, str) for words in given.values()):
        raise ValueError("its prompts cannot be read")
    return given


def _cell(data: Any, media: _Media, columns: set[str], prompts: Mapping[str, str]) -> Cell:
    if data["response"] is not None:
        _rename(data["response"], media.path)
    cell = read_cell(data)
    well = cell.arm in columns and cell.prompt in prompts and isinstance(cell.words, str)
    well = well and type(cell.repeat) is int and cell.repeat >= 0 and isinstance(cell.seconds, (int, float))
    plain = all(isinstance(value, (str, int, float, type(None))) for value in cell.metrics.values())
    if not well or not plain or (cell.response is None) == (cell.error is None):
        raise ValueError("a cell does not fit")
    return cell


class _Media:
    """Finds the files of a saved comparison by their names in it, each checked once. A name never leads anywhere else."""

    def __init__(self, source: _Source, sizes: Mapping[str, int]) -> None:
        self._source = source
        self._sizes = sizes
        self._found: dict[str, str] = {}

    def path(self, name: Any) -> str:
        """Where the file lies now.

        Raises:
            InvalidRequestError: it is missing, or not what it was.
        """
        match = _MEDIA.fullmatch(name) if isinstance(name, str) else None
        size = self._sizes.get(name) if match else None
        if match is None or type(size) is not int:
            raise InvalidRequestError("a file in it has no proper name")
        if name not in self._found:
            digest = hashlib.sha256()
            with self._source.open(name) as file:
                self._found[name] = str(self._source.place(name, _pieces(file, digest, size)))
            if digest.hexdigest() != match[1]:
                raise InvalidRequestError(f"{name} is not what it was")
        return self._found[name]


def _pieces(file: IO[bytes], digest: Any, size: int) -> Iterator[bytes]:
    """The content, hashed on the way; never more than was promised, whatever a zip file unfolds to."""
    left = size
    while piece := file.read(_CHUNK):
        left -= len(piece)
        if left < 0:
            raise InvalidRequestError("a file in it is larger than it says")
        digest.update(piece)
        yield piece


def _broken(path: Path, why: str) -> InvalidRequestError:
    return InvalidRequestError(f"{path.name!r} cannot be read as a saved comparison: {why}.")
