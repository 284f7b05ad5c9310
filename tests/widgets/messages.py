"""What the page says to a panel, and what the panel said to the page: comm messages without a browser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from viralai_widgets import Panel


def from_page(kind: str, **content: Any) -> dict[str, Any]:
    """A message of the page, as the kernel hands it on."""
    return {"content": {"data": {"method": "custom", "content": {"kind": kind, **content}}}, "buffers": []}


def page_sets(**state: Any) -> dict[str, Any]:
    """The page has changed traits."""
    return {"content": {"data": {"method": "update", "state": state, "buffer_paths": []}}, "buffers": []}


def receive(panel: Panel, message: Mapping[str, Any]) -> None:
    """What the comm does when a message has come, in whichever thread this is called."""
    panel._handle_msg(message)


@contextmanager
def sent_by(panel: Panel) -> Iterator[list[dict[str, Any]]]:
    """Everything the panel sends meanwhile: `{"data": …, "buffers": …}`."""
    seen: list[dict[str, Any]] = []
    original = panel.comm.send

    def send(data: Any = None, metadata: Any = None, buffers: Any = None) -> None:
        seen.append({"data": data, "buffers": list(buffers or ())})
        original(data, metadata, buffers)

    panel.comm.send = send
    try:
        yield seen
    finally:
        panel.comm.send = original


def custom(sent: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The custom messages of one kind among them."""
    return [
        message["data"]["content"]
        for message in sent
        if message["data"].get("method") == "custom" and message["data"]["content"].get("kind") == kind
    ]
