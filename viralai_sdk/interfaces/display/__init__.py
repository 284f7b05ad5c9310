"""How results look in a notebook, on GitHub, in a report and on a terminal.

Nothing here runs a script or asks for anything from outside; whatever people or providers wrote is escaped. Pictures travel in
the notebook as bounded thumbnails, films and recordings stay files beside it.
"""

from __future__ import annotations

from typing import Any

from viralai_sdk.interfaces.display.files import relative_url, thumbnail
from viralai_sdk.interfaces.display.markup import Html, clean, el, escape, label
from viralai_sdk.interfaces.display.results import about, body, caption, error_body, page, picture_of, plain
from viralai_sdk.interfaces.display.table import Table, plain_table, table_html
from viralai_sdk.interfaces.responses import Response

__all__ = [
    "Html",
    "Table",
    "about",
    "body",
    "caption",
    "clean",
    "el",
    "error_body",
    "escape",
    "label",
    "mimebundle",
    "page",
    "picture_of",
    "plain",
    "plain_table",
    "relative_url",
    "table_html",
    "thumbnail",
]


def mimebundle(response: Response) -> dict[str, Any]:
    """The MIME bundle of a response: `text/html`, `text/plain` and, for pictures and films, one picture of at most 150 kB."""
    bundle = {"text/plain": plain(response), "text/html": str(page(response))}
    small = picture_of(response)
    if small is not None:
        bundle[small.media_type] = small.base64
    return bundle
