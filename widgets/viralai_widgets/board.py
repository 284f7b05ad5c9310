"""`Board`: tables that stay up to date while somebody looks at them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import traitlets

from viralai_sdk.interfaces.display import Html, clean, el, label, table_html
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_widgets.owner import Owner, Work
from viralai_widgets.panel import Panel

Kind = Literal["text", "code", "time", "number", "badge", "interval", "progress"]
Tone = Literal["good", "warn", "bad", "idle"]
EVERY = 2.0
"""Seconds between two looks of a live board."""
_CELL = 400


def column(key: str, words: str, kind: Kind = "text", help: str = "") -> dict[str, Any]:  # noqa: A002
    """A column: what cells it has, and what stands above them."""
    return {"key": key, "label": words, "kind": kind, "help": help}


def badge(text: str, tone: Tone = "idle", title: str = "") -> dict[str, str]:
    """A state in a word; the tone only underlines it."""
    return {"text": label(text, 80), "tone": tone, "title": label(title)}


def action(act: str, words: str, name: str) -> dict[str, str]:
    """A button of a row; `name` says for screen readers what it is about."""
    return {"act": act, "label": words, "name": label(name, 120)}


def row(key: str, cells: Mapping[str, Any], actions: Iterable[Mapping[str, str]] = ()) -> dict[str, Any]:
    """One line. Plain text is cleaned and bounded; None is an empty cell."""
    plain = {name: label(value, _CELL) if isinstance(value, str) else value for name, value in cells.items()}
    return {"key": key, "cells": plain, "actions": [dict(each) for each in actions]}


def section(
    id_: str,
    title: str,
    columns: Sequence[Mapping[str, Any]] = (),
    rows: Iterable[Mapping[str, Any]] = (),
    *,
    words: Iterable[tuple[str, Tone]] = (),
    empty: str = "",
) -> dict[str, Any]:
    """One table with its heading and what is said above it."""
    told = [{"text": clean(text), "tone": tone} for text, tone in words]
    return {
        "id": id_,
        "title": title,
        "columns": [dict(each) for each in columns],
        "rows": list(rows),
        "words": told,
        "empty": empty,
    }


class Board(Panel):
    """What the boards share: `sections` are data, drawn by `static/board.js`.

    A live board looks again every two seconds on the owner's loop, only while it is on a page, and sends only what has changed.

    Attributes:
        live: look again by itself. `refresh()` looks at once.
        sections: the tables as data; read them to know what the board shows.
    """

    assets: ClassVar[tuple[str, ...]] = ("board", "board-panel")
    switches_offered: ClassVar[tuple[tuple[str, str], ...]] = ()
    tools_offered: ClassVar[tuple[tuple[str, str], ...]] = ()

    live = traitlets.Bool(True).tag(sync=True)
    sections = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)
    switches = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)
    tools = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)

    def __init__(self, *, owner: Owner | None = None, every: float = EVERY, **state: Any) -> None:
        if not every > 0:
            raise InvalidRequestError(f"every is a number of seconds above 0, not {every!r}.")
        self._every = every
        self._views: set[str] = set()
        self._watch: Work[None] | None = None
        self._looking = asyncio.Lock()
        super().__init__(owner=owner, **state)
        self.set_trait("switches", [{"trait": name, "label": words} for name, words in self.switches_offered])
        self.set_trait("tools", [{"act": act, "label": words} for act, words in self.tools_offered])
        self.refresh()

    # What a board says --------------------------------------------------------------------------------------------------------

    async def look(self) -> list[dict[str, Any]]:
        """The sections as they are now. Runs on the owner's loop; what blocks belongs into a thread."""
        raise NotImplementedError

    async def act(self, act: str, key: str) -> str:
        """Do what a button asks for; a line about what happened."""
        raise InvalidRequestError(f"{type(self).__name__} knows no action {act!r}.")

    def refresh(self) -> Work[None]:
        """Look now. Returns at once; await it, or call `.result()` in another thread, to wait for the new state."""
        return self.owner.start(self._refresh())

    async def _refresh(self) -> None:
        async with self._looking:
            try:
                found = await self.look()
            except Exception as error:
                self.show_error(error)
                return
            if found != self.sections:
                self.set_trait("sections", found)
                self.snapshot()

    # Live ---------------------------------------------------------------------------------------------------------------------

    def on_message(self, kind: str, content: dict[str, Any], buffers: list[bytes]) -> None:
        """A view came or went, or a button was pressed."""
        if kind == "shown":
            self._views.add(str(content.get("view")))
            self.refresh()
            self._watch_or_rest()
        elif kind == "gone":
            self._views.discard(str(content.get("view")))
            self._watch_or_rest()
        elif kind == "act":
            self.owner.start(self._act(str(content.get("act")), str(content.get("key"))))
        else:
            super().on_message(kind, content, buffers)

    async def _act(self, act: str, key: str) -> None:
        try:
            if act != "refresh":
                self.clear_error()
                self.notice = label(await self.act(act, key))
        except Exception as error:
            self.show_error(error)
        await self._refresh()

    @traitlets.observe("live")
    def _live_changed(self, _change: Any) -> None:
        if hasattr(self, "_every"):
            self.owner.call(self._watch_or_rest)

    def _watch_or_rest(self) -> None:
        wanted = self.live and bool(self._views)
        if wanted and (self._watch is None or self._watch.done):
            self._watch = self.owner.start(self._watching())
        elif not wanted and self._watch is not None:
            self._watch.cancel()
            self._watch = None

    async def _watching(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            await self._refresh()

    def close(self) -> None:
        """Take the board away and stop looking."""
        watch: Work[None] | None = getattr(self, "_watch", None)  # ipywidgets closes what could not be made as well
        if watch is not None:
            watch.cancel()
        super().close()

    # Static version -----------------------------------------------------------------------------------------------------------

    def static_html(self) -> Html:
        """The tables as they were."""
        parts = [el("strong", label(self.title)), *sections_html(self.sections)]
        return el("div", *parts)

    def static_text(self) -> str:
        """The board's name and how many lines it has."""
        counted = ", ".join(f"{each['title']}: {len(each['rows'])}" for each in self.sections)
        return f"{label(self.title)} ({counted or 'nothing yet'})"


def sections_html(sections: Iterable[Mapping[str, Any]]) -> list[Html]:
    """Sections for readers without a kernel."""
    parts: list[Html] = []
    for each in sections:
        parts.append(el("div", el("em", each["title"])))
        parts += [el("div", line["text"]) for line in each["words"]]
        if each["rows"] or each["empty"]:
            parts.append(table_html(_plain_rows(each), [name["label"] for name in each["columns"]]))
    return parts


def _plain_rows(of: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{name["label"]: _plain(line["cells"].get(name["key"])) for name in of["columns"]} for line in of["rows"]]


def _plain(cell: Any) -> str:
    if cell is None:
        return ""
    return str(cell["text"]) if isinstance(cell, Mapping) else str(cell)
