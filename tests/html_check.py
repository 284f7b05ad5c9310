"""Reads HTML as a browser does, and refuses what output in a notebook must never hold."""

from __future__ import annotations

import re
from html.parser import HTMLParser


class Elements(HTMLParser):
    """The elements of a piece of HTML; `open` must be empty at the end of well-formed markup."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def check_harmless(html: str) -> Elements:
    """Balanced markup without scripts, handlers, ids, styles of its own, outside addresses or control characters."""
    page = Elements(html)
    assert page.open == []
    for tag, attributes in page.found:
        assert tag not in {"script", "style", "iframe", "object", "link", "form"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name != "id"
            if name in ("src", "href", "poster"):
                assert value is not None
                assert ":" not in value or value.startswith(("data:image/", "data:audio/"))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\ud800-\udfff]", html)
    html.encode("utf-8")
    return page
