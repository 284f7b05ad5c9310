"""The demo's facts as data, each read from the finished file where a file can tell it."""

from __future__ import annotations

import datetime
import hashlib
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from viralai_sdk import __version__
from viralai_sdk.cli.demo_items import Item
from viralai_sdk.store.isobmff import Reader
from viralai_sdk.store.provenance import read_stamp

_STREAMS = {b"vide": "video", b"soun": "audio", b"sbtl": "subtitle", b"text": "subtitle"}


def manifest(items: Sequence[Item], *, seconds: float) -> dict[str, Any]:
    """What was made. `seconds` is the wall time of all of it."""
    return {
        "made_with": f"viralai-sdk {__version__}",
        "made_by": "rules, not by an AI model",
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "seconds": round(seconds, 2),
        "items": [_row(item) for item in items],
    }


def _row(item: Item) -> dict[str, Any]:
    data = item.source.read_bytes()
    response = item.response
    measured = response.artifacts[0] if response.artifacts else None
    row: dict[str, Any] = {
        "service": item.ask.service,
        "path": item.path,
        "title": item.ask.title,
        "prompt": item.ask.words,
        "parameters": item.ask.parameters,
        "media_type": measured.media_type if measured else "text/plain",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "engine": response.metadata["engine"],
        "provider": response.provider_used,
        "model": response.model_used,
        "is_model": response.is_model,
        "cost_usd": response.cost_usd,
        "seconds": round(response.generation_time, 3),
        "caption": response.caption(),
        "captions": item.captions.name if item.captions else None,
        "warnings": [warning.model_dump() for warning in response.warnings],
        "provenance": read_stamp(item.source),
    }
    if measured is not None:
        facts = {name: getattr(measured, name) for name in ("width", "height", "duration", "fps")}
        row |= {name: value for name, value in facts.items() if value is not None}
    if item.ask.service == "video":
        row["streams"] = streams(item.source)
    return row


def streams(film: Path) -> list[dict[str, Any]]:
    """Kind and length in seconds of every track of an MP4."""
    with film.open("rb") as file:
        tracks = Reader(file, film.stat().st_size).movie().tracks
    return [
        {"type": _STREAMS[track.handler], "samples": track.samples, "seconds": round(track.seconds, 3)}
        for track in tracks
        if track.handler in _STREAMS
    ]
