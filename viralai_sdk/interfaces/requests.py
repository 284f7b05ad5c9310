"""What all requests share: they validate when they are made, and a wrong one says how to mend it."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import shorten, suggest

MAX_PROMPT_CHARS = 1_000_000
"""Longest text of a request, in characters. The largest model contexts of 2026 end below it."""
MAX_DEPTH = 200
"""Levels of dicts and lists in a field. Above some 250 the JSON writer gives up, above some 500 Python does."""
MIN_SIDE, MAX_SIDE = 16, 8192
"""Bounds of a picture's or film's side in pixels."""

NAMED_RATIOS = {"square": "1:1", "portrait": "9:16", "vertical": "9:16", "landscape": "16:9", "horizontal": "16:9"}
_RATIO = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)\s*[:x/]\s*(\d{1,4}(?:\.\d{1,3})?)", re.ASCII)


class Request(BaseModel):
    """Base of the requests. The first field may be given by position, as in the old dataclasses.

    Raises:
        InvalidRequestError: on construction, naming the field, what is wrong with it and what to give instead.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, validate_assignment=False)

    subject: ClassVar[str] = "prompt"
    """Name of the field that holds the words of the request."""

    options: dict[str, Any] = Field(default_factory=dict)
    """Vendor fields passed through untouched."""
    session_context: Any = Field(default=None, exclude=True, repr=False)
    """The old code's session object; results are filed in its session when it is given."""

    def __init__(self, *args: Any, **data: Any) -> None:
        names = list(type(self).model_fields)
        if args:
            if len(args) > 1 or self.subject in data:
                raise InvalidRequestError(
                    f"{type(self).__name__} takes only {self.subject!r} by position.", hint="Name the other fields."
                )
            data[self.subject] = args[0]
        unknown = data.keys() - set(names) - self._aliases().keys()
        if unknown:
            word = min(unknown)
            raise InvalidRequestError(
                f"{type(self).__name__} has no field {shorten(word)!r}.", hint=suggest(word, names)
            )
        for alias, name in self._aliases().items():
            if alias in data:
                data[name] = data.pop(alias)
        for name, value in data.items():
            if value and isinstance(value, (dict, list)):
                _bounded(value, name)
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise invalid(type(self).__name__, error) from None
        for name in names:
            _whole_characters(getattr(self, name), name)

    @classmethod
    def _aliases(cls) -> dict[str, str]:
        """Old or friendlier argument names → field names."""
        return {}

    def words(self) -> str:
        """The text that asks for something: the prompt, or the text to speak."""
        return str(getattr(self, self.subject))

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain values, without media and the session object. What JSON has no form for is named by its type."""
        return self.model_dump(mode="json", fallback=_type_name)

    def to_json(self) -> str:
        """`to_dict` as text."""
        return self.model_dump_json(fallback=_type_name)


def invalid(name: str, error: ValidationError) -> InvalidRequestError:
    """Turn pydantic's report into one sentence for each wrong field, without echoing long input."""
    parts = []
    for item in error.errors(include_url=False, include_context=False)[:3]:
        field = ".".join(str(part) for part in item["loc"]) or name
        message = item["msg"].removeprefix("Value error, ").removeprefix(f"{field}: ").rstrip(".")
        parts.append(f"{field}: {message} (given: {_shown(item['input'])})" if field != name else message)
    return InvalidRequestError("; ".join(parts) + ".")


def _shown(value: Any) -> str:
    """The start of what was given; content that may be long or private only by its type."""
    if isinstance(value, str):
        return repr(shorten(value))
    return shorten(repr(value)) if isinstance(value, (int, float, type(None))) else type(value).__name__


def _type_name(value: Any) -> str:
    return f"<{type(value).__name__}>"


def _bounded(value: Any, field: str) -> None:
    """Refuse what is nested deeper than anything that means something: it could be neither sent nor written down.

    Raises:
        InvalidRequestError: names the field.
    """
    pending = [(value, 1)]
    while pending:
        found, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise InvalidRequestError(
                f"{field}: is nested more than {MAX_DEPTH} levels deep, or contains itself.", hint="Simplify it."
            )
        inner = found.values() if isinstance(found, dict) else found
        pending += [(item, depth + 1) for item in inner if item and isinstance(item, (dict, list, tuple))]


def _whole_characters(value: Any, field: str) -> None:
    """Refuse half characters wherever text may stand: no wire format can carry them.

    Raises:
        InvalidRequestError: names the field.
    """
    if isinstance(value, str):
        if not value.isascii() and (place := _lone_surrogate(value)) is not None:
            raise InvalidRequestError(
                f"{field}: has a lone surrogate at position {place}, which is not text.",
                hint="Decode it properly first.",
            )
    elif isinstance(value, dict):
        for key, inner in value.items():
            _whole_characters(key, field)
            _whole_characters(inner, field)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _whole_characters(inner, field)


def _lone_surrogate(text: str) -> int | None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return error.start
    return None


def check_words(value: str, field: str) -> str:
    """Refuse empty, control-only and oversize text; NUL characters are taken out, since every vendor refuses them."""
    text = value.replace("\x00", "")
    if not text.strip():
        raise ValueError(f"is empty; say what you want as {field}")
    if len(text) > MAX_PROMPT_CHARS:
        raise ValueError(
            f"has {len(text):,} characters, the limit is {MAX_PROMPT_CHARS:,}; summarise it or send it in parts"
        )
    return text


def check_ratio(value: str | None) -> str | None:
    """Normalise "16:9", "16x9", "landscape"; refuse what is no ratio or flatter than 10:1."""
    if value is None:
        return None
    word = NAMED_RATIOS.get(value.strip().lower(), value.strip())
    match = _RATIO.fullmatch(word)
    if match is None:
        raise ValueError(
            f"is no ratio; write it as width:height, such as 1:1, 16:9 or 9:16. {suggest(value.lower(), NAMED_RATIOS)}".strip()
        )
    width, height = float(match[1]), float(match[2])
    if not width or not height or not 0.1 <= width / height <= 10:
        raise ValueError("must lie between 1:10 and 10:1")
    return f"{match[1]}:{match[2]}"


def ratio_value(ratio: str) -> float:
    """Width divided by height of a checked ratio."""
    width, height = ratio.split(":")
    return float(width) / float(height)


def check_side(value: int | None) -> int | None:
    """Refuse sides outside 16…8192 pixels."""
    if value is not None and not MIN_SIDE <= value <= MAX_SIDE:
        raise ValueError(f"must be {MIN_SIDE} to {MAX_SIDE} pixels")
    return value


def check_shape(width: int | None, height: int | None) -> None:
    """Refuse two sides that are flatter than 10:1."""
    if width and height and not 0.1 <= width / height <= 10:
        raise ValueError("width and height must lie between 1:10 and 10:1")
