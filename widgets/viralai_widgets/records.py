"""Results as the journal knows them: what a gallery shows of them, and the call that makes them again."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viralai_sdk.helpers import ImageHelper, SpeechHelper, TextHelper, VideoHelper
from viralai_sdk.helpers.base import Helper
from viralai_sdk.interfaces.display import clean, label
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError, StorageError
from viralai_sdk.interfaces.money import dollars
from viralai_sdk.interfaces.names import AIServiceType, service_type
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.store.history import cell_value, text_of
from viralai_sdk.store.rows import CallRow

if TYPE_CHECKING:
    from viralai_sdk.client import ViralAI
    from viralai_sdk.store.journal import Journal

HELPERS: dict[str, type[Helper[Any]]] = {
    helper.service.short: helper for helper in (TextHelper, ImageHelper, VideoHelper, SpeechHelper)
}
SENT_BYTES = 64_000_000
"""Largest file that is sent to a page; a larger one is told by its path."""
SHOWN_LETTERS = 20_000
"""Of a text. The page's state may be saved into the notebook; the journal has all of it."""
_TILE_WORDS = 240
_RENAMED = {"response_schema": "schema"}
_GIVEN_FILES = "given_media"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a result, as it was when it was stored."""

    path: Path
    media_type: str
    size: int
    width: int | None = None
    height: int | None = None
    duration: float | None = None

    def told(self) -> dict[str, Any]:
        """For the page."""
        return {
            "name": label(self.path.name, 160),
            "media_type": self.media_type,
            "size": self.size,
            "width": self.width,
            "height": self.height,
            "duration": self.duration,
            "there": self.path.is_file(),
        }


@dataclass(frozen=True, slots=True)
class Record:
    """One call that succeeded.

    Attributes:
        id: of the call.
        service: short name.
        request: its fields as the journal keeps them, without media.
        text: the answer, when it was a text.
    """

    id: str
    service: str
    provider: str
    model: str
    prompt: str
    request: dict[str, Any]
    files: list[StoredFile]
    seconds: float
    cost_usd: float | None
    cached: bool
    started: float
    warnings: list[dict[str, Any]] = field(default_factory=list)
    text: str | None = None

    @property
    def given_media(self) -> list[str]:
        """Fields that files were given for. The journal knows of them, but does not keep them."""
        return [str(name) for name in self.request.get(_GIVEN_FILES) or []]

    @property
    def price(self) -> str:
        """In words; unknown is not free."""
        return "price unknown" if self.cost_usd is None else "free" if self.cost_usd == 0 else dollars(self.cost_usd)

    def item(self) -> dict[str, Any]:
        """For a gallery's tile: plain and short."""
        return {
            "id": self.id,
            "service": self.service,
            "provider": label(self.provider, 80),
            "model": label(self.model, 80),
            "prompt": label(self.prompt, _TILE_WORDS),
            "files": len(self.files),
            "duration": self.files[0].duration if self.files else None,
            "price": self.price,
            "made": time.strftime("%Y-%m-%d %H:%M", time.localtime(self.started)),
        }

    def detail(self) -> dict[str, Any]:
        """For the open item: all that the journal knows of it."""
        caption = [self.provider, self.model, f"{self.seconds:.1f} s", self.price, "from cache" if self.cached else ""]
        return {
            "id": self.id,
            "service": self.service,
            "prompt": clean(self.prompt),
            "caption": label(" · ".join(part for part in caption if part)),
            "text": None if self.text is None else clean(self.text)[:SHOWN_LETTERS],
            "parameters": {label(name, 60): label(_short(value), 300) for name, value in self.parameters().items()},
            "files": [one.told() for one in self.files],
            "warnings": [label(one.get("message", "")) for one in self.warnings],
            "code": clean(self.code()),
        }

    def parameters(self) -> dict[str, Any]:
        """What was asked for beside the prompt: fields that differ from their defaults, by the helper's names."""
        helper = HELPERS[self.service]
        known = inspect.signature(helper.__call__).parameters
        fields = helper.request_class.model_fields
        found: dict[str, Any] = {}
        for name, value in self.request.items():
            if name == helper.request_class.subject or name not in fields:
                continue
            if value == fields[name].get_default(call_default_factory=True):
                continue
            name = _RENAMED.get(name, name)
            if name in known:
                found[name] = value
        return found

    def code(self) -> str:
        """The line that makes it again."""
        spec = f"{self.provider}:{self.model}" if self.model else self.provider
        given = [repr(self.prompt), f"provider={spec!r}"]
        given += [f"{name}={value!r}" for name, value in self.parameters().items()]
        given += [f"{name}=..." for name in self.given_media]  # Python's own "to be filled in"
        line = f"await ai.{self.service}({', '.join([*given, 'fallback=False'])})"
        return (
            line
            if len(line) <= 120
            else f"await ai.{self.service}(\n    " + ",\n    ".join([*given, "fallback=False"]) + ",\n)"
        )


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def records_of(journal: Journal, session: str | None, limit: int) -> Iterator[Record]:
    """The successful calls of a session, or of all, newest first."""
    found = 0
    for call in journal.calls(session, None, None):
        record = _record(call) if call.outcome == "ok" else None
        if record is not None:
            yield record
            found += 1
        if found == limit:
            return


def _record(call: CallRow) -> Record | None:
    """None for a service that this SDK does not know."""
    try:
        kind = service_type(call.service)
    except AIError:
        return None
    request = cell_value(call.request_json, {})
    return Record(
        id=call.call_id,
        service=kind.short,
        provider=call.provider,
        model=call.model or "",
        prompt=str(request.get(HELPERS[kind.short].request_class.subject) or ""),
        request=request,
        files=[_file(one) for one in cell_value(call.artifacts_json, [])],
        seconds=call.seconds,
        cost_usd=call.cost_usd,
        cached=call.cached,
        started=call.started,
        warnings=cell_value(call.warnings_json, []),
        text=text_of(call),
    )


def _file(one: dict[str, Any]) -> StoredFile:
    return StoredFile(
        Path(one["path"]), one["media_type"], one["size"], one.get("width"), one.get("height"), one.get("duration")
    )


def file_bytes(record: Record, number: Any) -> tuple[bytes, str]:
    """One file of a result and its media type. Blocks.

    Raises:
        InvalidRequestError: it has no such file, or it is too large for a page.
        StorageError: the file is gone.
    """
    if type(number) is not int or not 0 <= number < len(record.files):
        raise InvalidRequestError(f"this result has no file {number!r}.")
    one = record.files[number]
    try:
        if one.path.stat().st_size > SENT_BYTES:
            raise InvalidRequestError(f"{one.path.name} is too large to be shown here.", hint=f"It lies at {one.path}.")
        return one.path.read_bytes(), one.media_type
    except OSError as error:
        raise StorageError(f"{one.path.name} cannot be read: {error.strerror}.") from error


async def reproduced(ai: ViralAI, record: Record) -> Response:
    """The same request at the same provider and model, once more.

    Raises:
        AIError: as any call; InvalidRequestError when the journal does not have all that was asked.
    """
    if record.given_media:
        raise InvalidRequestError(
            f"this was made from files that were given as {', '.join(record.given_media)}; the journal does not keep them.",
            hint="Take the line in `gallery.code(id)` and give them again.",
        )
    kind: AIServiceType = service_type(record.service)
    request_class = HELPERS[record.service].request_class
    fields = {name: value for name, value in record.request.items() if name in request_class.model_fields}
    request = request_class(**fields)
    details: dict[str, Any] = {"model": record.model} if record.model else {}
    return await ai.manager.run(kind, request, provider=record.provider, fallback=False, **details)
