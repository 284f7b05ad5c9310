"""Prompts: given one by one, or read from a text, CSV or JSONL file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import shorten
from viralai_sdk.store.files import shorten as shorten_path

MAX_BYTES = 32 << 20
COLUMNS = ("id", "prompt")
"""What a row may hold; `id` may be left out."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked, and the name under which rows and tables know it."""

    id: str
    words: str


def prompts_of(words: Sequence[str], file: str = "") -> tuple[Prompt, ...]:
    """The prompts of a benchmark.

    Raises:
        InvalidRequestError: there is none, one is empty, or the file cannot be read as what its name says.
    """
    if file:
        return read_prompts(Path(file))
    found = tuple(Prompt(_numbered(place), text) for place, text in enumerate(words))
    for prompt in found:
        if not prompt.words.strip():
            raise InvalidRequestError(f"prompt {prompt.id} is empty.", hint="Say what is asked.")
    if not found:
        raise InvalidRequestError("there is no prompt.", hint="Give prompts, or a file of them.")
    return found


def read_prompts(path: Path) -> tuple[Prompt, ...]:
    """Prompts of a file: one a line (.txt), or rows with `prompt` and perhaps `id` (.csv with a head line, .jsonl).

    Raises:
        InvalidRequestError: see `prompts_of`; it names the file and the line.
    """
    readers = {".txt": _lines, ".csv": _csv, ".jsonl": _jsonl}
    where = shorten_path(str(path))
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InvalidRequestError(f"prompts file {where!r}: its name must end in {', '.join(readers)}.")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidRequestError(f"prompts file {where!r} is larger than {MAX_BYTES >> 20} MB.")
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise InvalidRequestError(f"prompts file {where!r} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidRequestError(f"prompts file {where!r} is not UTF-8 text.", hint="Save it as UTF-8.") from error
    found: dict[str, Prompt] = {}
    try:
        for line, row in reader(text):
            prompt = _prompt(line, row, len(found))
            if prompt.id in found:
                raise _Wrong(f"line {line}: the id {shorten(prompt.id)!r} is there twice")
            found[prompt.id] = prompt
    except _Wrong as error:
        raise InvalidRequestError(f"prompts file {where!r}, {error}.") from None
    if not found:
        raise InvalidRequestError(f"prompts file {where!r} is empty.", hint="Put one prompt into each line.")
    return tuple(found.values())


class _Wrong(Exception):  # noqa: N818 - what is wrong with a line, on its way to the message
    pass


def _lines(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield number, {"prompt": line.strip()}


def _csv(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if not text.strip():
        return
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = [str(name).strip() for name in reader.fieldnames or ()]
        _known(columns, 1)
        reader.fieldnames = columns
        for row in reader:
            if None in row or None in row.values():
                raise _Wrong(f"line {reader.line_num}: it has not as many fields as the head line")
            yield reader.line_num, row
    except csv.Error as error:
        raise _Wrong(f"line {reader.line_num}: {error}") from None


def _jsonl(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise _Wrong(f"line {number}: it is no JSON") from None
        if not isinstance(row, dict):
            raise _Wrong(f"line {number}: it is no JSON object")
        _known(list(row), number)
        yield number, row


def _known(columns: Sequence[str], line: int) -> None:
    if "prompt" not in columns:
        raise _Wrong(f"line {line}: the column 'prompt' is missing")
    for name in columns:
        if name not in COLUMNS:
            raise _Wrong(f"line {line}: there is no column {shorten(str(name))!r}, only {' and '.join(COLUMNS)}")


def _prompt(line: int, row: Mapping[str, Any], place: int) -> Prompt:
    words, name = row["prompt"], row.get("id", "")
    if not isinstance(words, str):
        raise _Wrong(f"line {line}: the prompt must be text, not {type(words).__name__}")
    if not isinstance(name, (str, int)) or isinstance(name, bool):
        raise _Wrong(f"line {line}: the id must be text or a whole number, not {type(name).__name__}")
    if not words.strip():
        raise _Wrong(f"line {line}: the prompt is empty")
    return Prompt(str(name).strip() or _numbered(place), words)


def _numbered(place: int) -> str:
    return f"p{place + 1:03d}"
