"""Small tables: rows of plain values that read well as HTML, as aligned text and as a data frame."""

from __future__ import annotations

import importlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, overload

from viralai_sdk.interfaces.display.markup import CELL, MUTED, NUMBER, TABLE, Html, el, label, name

_LINE = "1px solid #888888"
_MAX_CELL = 400


class Table(Sequence[dict[str, Any]]):
    """Rows as dicts, shown as a table.

    Args:
        rows: one mapping a row; keys that are missing in a row show as empty.
        columns: names in order; None takes every key in order of appearance.
        caption: one line above the rows, also shown when there are none.
    """

    def __init__(
        self, rows: Iterable[Mapping[str, Any]] = (), columns: Iterable[str] | None = None, caption: str = ""
    ) -> None:
        self._rows = [dict(row) for row in rows]
        self.columns = list(columns) if columns is not None else columns_of(self._rows)
        self.caption = caption

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Table: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | Table:
        return Table(self._rows[index], self.columns, self.caption) if isinstance(index, slice) else self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, (Table, list)) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def column(self, column: str) -> list[Any]:
        """Values of one column in row order; None where a row has none."""
        return [row.get(column) for row in self._rows]

    def to_pandas(self) -> Any:
        """The rows as a `pandas.DataFrame` with the table's columns.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            raise ImportError("A data frame needs pandas, which is not installed: pip install pandas") from error
        return pandas.DataFrame(self._rows, columns=self.columns)

    def __repr__(self) -> str:
        return plain_table(self._rows, self.columns, self.caption)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/plain": repr(self), "text/html": str(table_html(self._rows, self.columns, self.caption))}


def table_html(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None, caption: str = "") -> Html:
    """An HTML table of escaped values: numbers to the right, unknown (None) as a dash, markup values (`Html`) as they are."""
    names = list(columns) if columns is not None else columns_of(rows)
    right = {column for column in names if _numeric(row.get(column) for row in rows)}
    head = [el("th", label(column), style=_cell(column in right, head=True), scope="col") for column in names]
    lines = [
        el("tr", *(el("td", _shown(row, column), style=_cell(column in right)) for column in names)) for row in rows
    ]
    if not lines:
        empty = el("td", "nothing here", colspan=max(len(names), 1), style=CELL)
        lines.append(el("tr", empty))
    above = el("caption", label(caption), style=f"{MUTED};caption-side:top;text-align:left") if caption else ""
    top = el("thead", el("tr", *head)) if head else ""
    return el("table", above, top, el("tbody", *lines), style=TABLE)


def plain_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], caption: str = "") -> str:
    """The same table as aligned text; widths count wide East Asian characters as two."""
    if not rows:
        return f"{label(caption)}\n(nothing here)" if caption else "(nothing here)"
    cells = [[label(column) for column in columns]]
    cells += [[_plain(row, column) for column in columns] for row in rows]
    right = [_numeric(row.get(column) for row in rows) for column in columns]
    widths = [max(_width(line[place]) for line in cells) for place in range(len(columns))]
    cells.insert(1, ["-" * width for width in widths])
    lines = []
    for line in cells:
        padded = [
            " " * (width - _width(text)) + text if to_right else text + " " * (width - _width(text))
            for text, width, to_right in zip(line, widths, right, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(([label(caption)] if caption else []) + lines)


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every key in order of first appearance."""
    return list(dict.fromkeys(str(key) for row in rows for key in row))


def rows_of(value: Any) -> list[dict[str, Any]] | None:
    """Rows of a value that reads well as a table: a flat mapping, or flat mappings in a list. None for anything else."""
    if isinstance(value, Mapping) and value and all(_flat(item) for item in value.values()):
        return [{"field": str(key), "value": item} for key, item in value.items()]
    if not isinstance(value, list) or not value or not all(isinstance(item, Mapping) and item for item in value):
        return None
    if not all(_flat(cell) for item in value for cell in item.values()) or len(columns_of(value)) > 12:
        return None
    return [{str(key): cell for key, cell in item.items()} for item in value]


def _flat(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= 12 and all(_flat(item) and not isinstance(item, list) for item in value)
    return value is None or isinstance(value, (str, int, float, bool))


def _numeric(values: Iterable[Any]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known)


def _word(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".") if 1e-4 <= abs(value) < 1e15 or value == 0 else f"{value:g}"
    if isinstance(value, list):
        return ", ".join(_word(item) for item in value)
    return str(value)


def _plain(row: Mapping[str, Any], column: str) -> str:
    return label(_word(row[column]), 80) if column in row else ""


def _shown(row: Mapping[str, Any], column: str) -> Html:
    value = row.get(column, "")
    return value if isinstance(value, Html) else name(_word(value), _MAX_CELL)


def _cell(right: bool, *, head: bool = False) -> str:
    return f"{NUMBER if right else CELL};border-bottom:{_LINE}" + (";font-weight:bold" if head else "")


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )
