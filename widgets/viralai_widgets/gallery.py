"""`SessionGallery`: what was made, found again: look, filter, open, reuse a prompt, make it once more."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from viralai_sdk.interfaces.display import Html, el, label, table_html
from viralai_sdk.interfaces.display.files import Thumbnail, poster, thumbnail
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import SERVICES
from viralai_sdk.interfaces.responses import Response
from viralai_widgets.owner import Owner, Work
from viralai_widgets.panel import Panel
from viralai_widgets.records import Record, file_bytes, records_of, reproduced

if TYPE_CHECKING:
    from viralai_sdk.client import ViralAI

LIMIT = 1000
TILE_SIDE, TILE_BYTES = 320, 24_000
KEPT_THUMBNAILS = 400
STATIC_ROWS = 40
SERVICE_NAMES = ("", *(kind.short for kind in SERVICES))

Reused = Callable[[str, dict[str, Any]], object]


class SessionGallery(Panel):
    """The results of a session, or of all: thumbnails as they come into view, filters, the file itself on a click.

    >>> gallery = SessionGallery(ai)
    >>> gallery.on_reuse(lambda prompt, item: print(prompt))
    >>> await gallery.reproduce(gallery.found[0]["id"])

    Attributes:
        service, provider, text: filters; "" takes all. `text` is looked for in prompt, provider and model.
        all_sessions: results of the whole project.
        items: what there is, newest first; no media in it. `found` are those that pass the filters.
        selected: id of the item that is open, "" when none is.
        detail: what is known of it: prompt, parameters, files, price, and `code` that makes it again.
        prompt: the prompt that was reused last. Observe it, or use `on_reuse`.

    Args:
        ai: whose results.
        session: id of the session; None takes the client's own.
        all_sessions: see above.
        limit: most items; the latest are taken.
    """

    assets: ClassVar[tuple[str, ...]] = ("gallery",)

    service = traitlets.Enum(SERVICE_NAMES, "").tag(sync=True)
    provider = traitlets.Unicode("").tag(sync=True)
    text = traitlets.Unicode("").tag(sync=True)
    all_sessions = traitlets.Bool(False).tag(sync=True)
    items = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)
    selected = traitlets.Unicode("").tag(sync=True)
    detail = traitlets.Dict(read_only=True).tag(sync=True)
    prompt = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self,
        ai: ViralAI,
        session: str | None = None,
        *,
        all_sessions: bool = False,
        limit: int = LIMIT,
        owner: Owner | None = None,
        **state: Any,
    ) -> None:
        if type(limit) is not int or limit < 1:
            raise InvalidRequestError(f"limit must be 1 or more, not {limit!r}.")
        self._ai, self._session, self._limit = ai, session, limit
        self._records: dict[str, Record] = {}
        self._small: OrderedDict[str, Thumbnail | None] = OrderedDict()
        self._wanted: list[str] = []
        self._drawing = False
        self._reading = asyncio.Lock()
        self._listeners: list[Reused] = []
        super().__init__(owner=owner, title=state.pop("title", "Results"), all_sessions=all_sessions, **state)
        self.refresh()

    # From Python --------------------------------------------------------------------------------------------------------------

    def refresh(self) -> Work[None]:
        """Read the journal anew. Returns at once; await it to wait for the new items."""
        return self.owner.start(self._refresh())

    @property
    def found(self) -> list[dict[str, Any]]:
        """The items that pass the filters."""
        return [item for item in self.items if self._passes(item)]

    def on_reuse(self, callback: Reused) -> None:
        """Have `callback(prompt, item)` called on the owner's loop when somebody reuses a prompt."""
        self._listeners.append(callback)

    def reuse(self, item_id: str) -> str:
        """Take an item's prompt: sets `prompt` and tells the listeners.

        Raises:
            InvalidRequestError: there is no such item here.
        """
        record = self._record(item_id)
        self.prompt = record.prompt
        for listener in self._listeners:
            listener(record.prompt, record.item())
        return record.prompt

    def code(self, item_id: str) -> str:
        """The line that makes an item again.

        Raises:
            InvalidRequestError: there is no such item here.
        """
        return self._record(item_id).code()

    async def reproduce(self, item_id: str) -> Response:
        """Make an item again: the same request at the same provider and model, nobody stepping in. It is paid for anew.

        Raises:
            InvalidRequestError: there is no such item, or it was made from files that were given, which the journal does not keep.
            AIError: as any call.
        """
        made = await reproduced(self._ai, self._record(item_id))
        self.refresh()
        return made

    def _record(self, item_id: str) -> Record:
        found = self._records.get(item_id)
        if found is None:
            raise InvalidRequestError(
                f"there is no result {item_id[:60]!r} here.", hint="`gallery.items` has their ids."
            )
        return found

    def _passes(self, item: dict[str, Any]) -> bool:
        # The same rule as in gallery.js.
        words = " ".join((item["prompt"], item["provider"], item["model"])).casefold()
        return (
            self.service in ("", item["service"])
            and self.provider in ("", item["provider"])
            and all(word in words for word in self.text.casefold().split())
        )

    # On the owner's loop ------------------------------------------------------------------------------------------------------

    async def _refresh(self) -> None:
        async with self._reading:  # one after the other: a slow earlier look must not replace what a later one found
            try:
                self._records = await asyncio.to_thread(self._read)
            except Exception as error:
                self.show_error(error)
                return
            items = [record.item() for record in self._records.values()]
            if items != self.items:
                self.set_trait("items", items)
                self.snapshot()

    def _read(self) -> dict[str, Record]:
        journal = self._ai.runtime.journal
        journal.flush()
        session = None if self.all_sessions else self._session or self._ai.runtime.session_id
        return {record.id: record for record in records_of(journal, session, self._limit)}

    @traitlets.observe("all_sessions")
    def _other_range(self, _change: Any) -> None:
        if hasattr(self, "_listeners"):
            self.refresh()

    @traitlets.observe("service", "provider", "text")
    def _filtered(self, _change: Any) -> None:
        self.snapshot()

    @traitlets.observe("selected")
    def _opened(self, change: Any) -> None:
        record = self._records.get(change["new"])
        self.set_trait("detail", {} if record is None else record.detail())

    def on_message(self, kind: str, content: dict[str, Any], buffers: list[bytes]) -> None:
        """Thumbnails and files that the page needs, and its buttons."""
        if kind == "thumbnails":
            self._draw([str(item) for item in content.get("ids") or []])
        elif kind == "file":
            self.owner.start(self._send_file(str(content.get("id")), content.get("number")))
        elif kind == "reuse":
            self.reuse(str(content.get("id")))
            self.notice = "The prompt was taken."
        elif kind == "refresh":
            self.refresh()
        else:
            super().on_message(kind, content, buffers)

    def _draw(self, ids: Sequence[str]) -> None:
        """Make these thumbnails next. What was wished before and is out of view by now is forgotten."""
        self._wanted = [item for item in ids if item in self._records]
        if not self._drawing:
            self._drawing = True
            self.owner.start(self._drawn())

    async def _drawn(self) -> None:
        try:
            while self._wanted:
                await self._draw_one(self._wanted.pop(0))
        finally:
            self._drawing = False  # in the same breath as the last look at what is wanted: no wish falls in between

    async def _draw_one(self, item_id: str) -> None:
        record = self._records.get(item_id)
        if record is not None:  # else the list was read anew since it was wished
            if item_id in self._small:
                self._small.move_to_end(item_id)
            else:
                self._small[item_id] = await asyncio.to_thread(_tile, record)
            while len(self._small) > KEPT_THUMBNAILS:
                self._small.popitem(last=False)
            small = self._small[item_id]
            told = {"kind": "thumbnail", "id": item_id, "media_type": small.media_type if small else None}
            self.send(told, [small.data] if small else [])

    async def _send_file(self, item_id: str, number: Any) -> None:
        try:
            record = self._record(item_id)
            data, media_type = await asyncio.to_thread(file_bytes, record, number)
        except Exception as error:
            self.show_error(error)
            return
        self.send({"kind": "file", "id": item_id, "number": number, "media_type": media_type}, [data])

    # Static version -----------------------------------------------------------------------------------------------------------

    def static_html(self) -> Html:
        """The latest results as a table."""
        rows = [
            {name: item[name] for name in ("service", "provider", "model", "prompt", "price", "made")}
            for item in self.found[:STATIC_ROWS]
        ]
        return el("div", table_html(rows, caption=self.static_text()))

    def static_text(self) -> str:
        """How many results there are."""
        found = len(self.found)
        return f"{label(self.title)}: {found} of {len(self.items)} results"


def _tile(record: Record) -> Thumbnail | None:
    """A small picture of a result; None when there is nothing to see of it, or its file is gone or unreadable."""
    if not record.files:
        return None
    first = record.files[0]
    if record.service == "image":
        return thumbnail(first.path, TILE_SIDE, TILE_BYTES)
    return poster(first.path, TILE_SIDE, TILE_BYTES) if record.service == "video" else None
