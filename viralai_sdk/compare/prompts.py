"""Prompt sets: the questions of an experiment, from a list, a CSV file or a JSONL file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, overload

from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import shorten, suggest
from viralai_sdk.interfaces.requests import MAX_PROMPT_CHARS

MAX_PROMPTS = 10_000
MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_ID_CHARS = 64
WORDS = ("prompt", "text")
"""Columns or keys that may hold a prompt's words."""
_FILES = (".csv", ".tsv", ".jsonl", ".ndjson")

Row: TypeAlias = "tuple[str, Mapping[str, Any]]"
"""Where a prompt stands, for messages, and what stands there."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question.

    Attributes:
        id: names it in its set, such as "p003".
        words: what is asked, before an arm words it its own way.
        parameters: parameters of the helper for this prompt only, such as `aspect_ratio`.
    """

    id: str
    words: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        return {"id": self.id, "words": self.words, "parameters": dict(self.parameters)}


class PromptSet(Sequence[Prompt]):
    """Prompts in order, each with an id of its own.

    Raises:
        InvalidRequestError: it is empty, too large, or two prompts have one id.
    """

    def __init__(self, prompts: Iterable[Prompt]) -> None:
        self._prompts = tuple(prompts)
        if not self._prompts:
            raise InvalidRequestError(
                "the prompt set is empty.", hint="Give prompts=['a red fox', …] or the path of a CSV or JSONL file."
            )
        if len(self._prompts) > MAX_PROMPTS:
            raise InvalidRequestError(f"{len(self._prompts):,} prompts are more than {MAX_PROMPTS:,}.")
        self._places = {prompt.id: place for place, prompt in enumerate(self._prompts)}

    @overload
    def __getitem__(self, index: int) -> Prompt: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Prompt, ...]: ...
    def __getitem__(self, index: int | slice) -> Prompt | tuple[Prompt, ...]:
        return self._prompts[index]

    def __len__(self) -> int:
        return len(self._prompts)

    def __repr__(self) -> str:
        return f"PromptSet({len(self)} prompts)"

    def place(self, prompt_id: str) -> int:
        """Where the prompt of this id stands.

        Raises:
            InvalidRequestError: there is none.
        """
        try:
            return self._places[prompt_id]
        except KeyError:
            raise InvalidRequestError(
                f"there is no prompt {shorten(str(prompt_id))!r}.", hint=suggest(str(prompt_id), self._places)
            ) from None


def read_prompts(given: Any, parameters: Collection[str] | None = None) -> PromptSet:
    """Read a prompt set.

    Args:
        given: a list of texts and mappings, or the path of a CSV, TSV, JSONL or NDJSON file (UTF-8, with or without BOM). A mapping or
            row has its words under `prompt` or `text`, may have an `id`, and everything else in it is a parameter of the helper. An
            empty cell of a table is a parameter that is not given; one that starts with a bracket is JSON.
        parameters: the parameters there are; None takes any.

    Raises:
        InvalidRequestError: says in which file and line, or at which place of the list, what is missing or wrong.
    """
    if isinstance(given, PromptSet):
        return given
    if isinstance(given, Prompt):
        given = [given]
    if isinstance(given, (str, Path)):
        path = Path(given)
        if isinstance(given, Path) or path.suffix.lower() in _FILES:
            return _collected(_rows_of_file(path), parameters)
        given = [given]
    if isinstance(given, Mapping) or not isinstance(given, Iterable):
        raise InvalidRequestError(
            f"prompts are a list or a file, not a {type(given).__name__}.", hint="Put a single one into brackets."
        )
    return _collected(_rows_of_list(given), parameters)


def _collected(rows: Iterable[Row], parameters: Collection[str] | None) -> PromptSet:
    found: list[Prompt] = []
    places: dict[str, str] = {}
    for where, row in rows:
        prompt = _prompt(where, row, len(found) + 1, parameters)
        if prompt.id in places:
            raise InvalidRequestError(
                f"{where}: the id {shorten(prompt.id)!r} is taken by {places[prompt.id]}.", hint="Ids must differ."
            )
        places[prompt.id] = where
        found.append(prompt)
        if len(found) > MAX_PROMPTS:
            raise InvalidRequestError(f"{where}: a prompt set has at most {MAX_PROMPTS:,} prompts.")
    return PromptSet(found)


def _prompt(where: str, row: Mapping[str, Any], number: int, parameters: Collection[str] | None) -> Prompt:
    rest = dict(row)
    given = [name for name in WORDS if rest.get(name) not in (None, "")]
    if len(given) != 1:
        told = "has both 'prompt' and 'text'; give one" if given else "has no 'prompt' (or 'text')"
        raise InvalidRequestError(f"{where}: {told}.")
    words = rest[given[0]]
    for name in WORDS:
        rest.pop(name, None)
    if not isinstance(words, str) or not words.strip():
        raise InvalidRequestError(f"{where}: the prompt is {'blank' if isinstance(words, str) else 'no text'}.")
    if len(words) > MAX_PROMPT_CHARS:
        raise InvalidRequestError(f"{where}: the prompt has more than {MAX_PROMPT_CHARS:,} characters.")
    said = rest.pop("id", None)
    name = f"p{number:03d}" if said in (None, "") else str(said).strip()
    if not name or len(name) > MAX_ID_CHARS:
        raise InvalidRequestError(f"{where}: an id has 1 to {MAX_ID_CHARS} characters.")
    for parameter in rest:
        if parameters is not None and parameter not in parameters:
            raise InvalidRequestError(
                f"{where}: {shorten(str(parameter))!r} is no parameter of this service.",
                hint=suggest(str(parameter), parameters),
            )
    return Prompt(name, words, {key: value for key, value in rest.items() if value is not None})


def _rows_of_list(given: Iterable[Any]) -> Iterator[Row]:
    for number, item in enumerate(given, 1):
        where = f"prompt {number}"
        if isinstance(item, Prompt):
            yield where, {"id": item.id, "prompt": item.words, **item.parameters}
        elif isinstance(item, str):
            yield where, {"prompt": item}
        elif isinstance(item, Mapping):
            yield where, item
        else:
            raise InvalidRequestError(f"{where}: is a text or a mapping, not a {type(item).__name__}.")


def _rows_of_file(path: Path) -> Iterator[Row]:
    text = _text_of(path)
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return _rows_of_jsonl(path.name, text)
    if path.suffix.lower() in (".csv", ".tsv"):
        return _rows_of_csv(path.name, text)
    raise InvalidRequestError(f"{path.name}: is neither CSV nor JSONL.", hint="End its name with .csv or .jsonl.")


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InvalidRequestError(f"{path.name}: cannot be read: {error.strerror}.") from error
    if len(data) > MAX_FILE_BYTES:
        raise InvalidRequestError(f"{path.name}: is larger than {MAX_FILE_BYTES // 1024**2} MB.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InvalidRequestError(f"{path.name}, line {line}: is no UTF-8.", hint="Save the file as UTF-8.") from error


def _rows_of_jsonl(name: str, text: str) -> Iterator[Row]:
    # Only line feeds end a line: JSON text may hold other separators, such as U+2028, as they are.
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{name}, line {number}"
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InvalidRequestError(f"{where}: is no JSON ({error}).") from error
        if isinstance(row, str):
            row = {"prompt": row}
        if not isinstance(row, dict):
            raise InvalidRequestError(f"{where}: is a JSON {type(row).__name__}; an object with a 'prompt' is needed.")
        yield where, row


def _rows_of_csv(name: str, text: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            where = f"{name}, line {reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _header(where, cells)
                continue
            if len(cells) > len(header):
                raise InvalidRequestError(f"{where}: has {len(cells)} cells, the header {len(header)}.")
            yield where, {key: _value(where, key, cell) for key, cell in zip(header, cells, strict=False) if cell != ""}
    except csv.Error as error:
        raise InvalidRequestError(f"{name}, line {reader.line_num}: cannot be read as CSV ({error}).") from error


def _delimiter(text: str) -> str:
    """Spreadsheets of half of Europe write semicolons."""
    first = text.lstrip().partition("\n")[0]
    return next((sign for sign in (",", ";", "\t") if sign in first), ",")


def _header(where: str, cells: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not set(WORDS) & set(names):
        raise InvalidRequestError(f"{where}: the header has no column 'prompt' (or 'text').")
    for name in names:
        if not name:
            raise InvalidRequestError(f"{where}: a column has no name.")
        if names.count(name) > 1:
            raise InvalidRequestError(f"{where}: two columns are named {shorten(name)!r}.")
    return names


def _value(where: str, key: str, cell: str) -> Any:
    if key in (*WORDS, "id") or cell.strip()[:1] not in ("{", "["):
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"{where}: {shorten(key)!r} is no JSON ({error}).") from error
