"""Measurements of films."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from viralai_sdk.compare.cells import Value
from viralai_sdk.compare.decode.backend import opened
from viralai_sdk.compare.decode.films import PURPOSE
from viralai_sdk.compare.decode.films import frames as decoded
from viralai_sdk.compare.decode.sounds import decode_sound
from viralai_sdk.compare.metrics.levels import describe as describe_sound
from viralai_sdk.compare.metrics.pixels import describe as describe_picture
from viralai_sdk.compare.metrics.registry import Sample
from viralai_sdk.compare.metrics.shape import compliance
from viralai_sdk.interfaces.errors import AIError, EmptyResultError
from viralai_sdk.store.measure import Measured
from viralai_sdk.store.measure import measure as facts_of

MAX_FRAMES = 3600
MAX_SECONDS = 30.0
"""Frames that are looked at, and seconds that looking may take: the rest of a long film is left out, which `looked_at` tells."""
STILLS = 8
"""Frames whose pixels are measured like pictures."""
_SMALL = (160, 90)
_DARK, _DARK_SHARE = 0.10, 0.98
_STILL, _STILL_SECONDS = 0.001, 0.5
_CUT = 10.0


@dataclass(slots=True)
class Watched:
    """What one pass over the frames found. Spans are (start, end) in seconds."""

    black: list[tuple[float, float]] = field(default_factory=list)
    frozen: list[tuple[float, float]] = field(default_factory=list)
    cuts: list[float] = field(default_factory=list)
    stills: list[Image.Image] = field(default_factory=list)
    seconds: float = 0.0


def measure(sample: Sample, failures: list[AIError]) -> dict[str, Value]:
    """All facts of a film. Why its pictures or sound could not be looked into is added to `failures`.

    Raises:
        AIError: it is gone or damaged.
    """
    given = getattr(sample.response, "video_path", None)
    if given is None:
        raise EmptyResultError("the response has no film.")
    path = Path(given)
    found = facts_of(path, "video")
    values = _outer(path, found, sample)
    try:
        values |= _pictures(path, found)
        if found.has_audio:
            values |= describe_sound(decode_sound(path)) | {"audio_gap": _gap(path)}
    except AIError as error:
        failures.append(error)
    return values


def _outer(path: Path, found: Measured, sample: Sample) -> dict[str, Value]:
    asked = sample.parameters.get("duration")
    shape = compliance(found.width, found.height, sample.parameters) if found.width and found.height else {}
    off = abs(found.duration - float(asked)) if asked and found.duration is not None else None
    return {
        "file_size": path.stat().st_size,
        "width": found.width,
        "height": found.height,
        **shape,
        "duration": found.duration,
        "duration_error": off,
        "fps": found.fps,
        "has_audio": found.has_audio,
    }


def _pictures(path: Path, found: Measured) -> dict[str, Value]:
    seen = watch(path, found.duration or 0.0)
    return {
        "looked_at": seen.seconds,
        "black_seconds": _total(seen.black),
        "black_stretches": len(seen.black),
        "frozen_seconds": _total(seen.frozen),
        "frozen_stretches": len(seen.frozen),
        "scene_cuts": len(seen.cuts),
        **_means([describe_picture(still) for still in seen.stills]),
    }


def _total(spans: Sequence[tuple[float, float]]) -> float:
    return sum((end - start for start, end in spans), 0.0)


def _means(rows: Sequence[dict[str, Value]]) -> dict[str, Value]:
    """The mean of each measurement over the frames that have it."""
    means: dict[str, Value] = {}
    for name in rows[0] if rows else ():
        numbers = [float(value) for row in rows if (value := row[name]) is not None]
        means[name] = float(np.mean(numbers)) if numbers else None
    return means


def watch(path: Path, seconds: float, *, frames: int = MAX_FRAMES, patience: float = MAX_SECONDS) -> Watched:
    """Look at a film's frames once, from the beginning.

    Args:
        seconds: its length, which spreads the stills.
        frames, patience: most frames, and most seconds of looking.

    Raises:
        ConfigurationError: PyAV is not installed.
        MalformedResponseError: it cannot be decoded.
    """
    seen = Watched()
    black, frozen = _Spans(0.0), _Spans(_STILL_SECONDS)
    before: NDArray[np.float32] | None = None
    change_before = at = 0.0
    deadline = time.monotonic() + patience
    for number, (start, end, frame) in enumerate(decoded(path)):
        if number >= frames or time.monotonic() > deadline:
            break
        if len(seen.stills) < STILLS and start >= seconds * (len(seen.stills) + 0.5) / STILLS:
            seen.stills.append(frame.to_image())
        grey = frame.reformat(*_SMALL, "gray").to_ndarray().astype(np.float32) / 255.0
        black.see(float((grey < _DARK).mean()) >= _DARK_SHARE, start, end)
        if before is not None:
            change = float(np.abs(grey - before).mean())
            frozen.see(change < _STILL, at, end)
            if min(change, abs(change - change_before)) * 100 >= _CUT:
                seen.cuts.append(start)
            change_before = change
        before, at, seen.seconds = grey, start, end
    seen.black, seen.frozen = black.finished(), frozen.finished()
    if before is None:
        raise EmptyResultError("the film has no picture in it.")
    return seen


class _Spans:
    """Joins moments in which something holds to stretches of a least length."""

    def __init__(self, least: float) -> None:
        self._least = least
        self._done: list[tuple[float, float]] = []
        self._open: tuple[float, float] | None = None

    def see(self, holds: bool, start: float, end: float) -> None:
        if holds:
            self._open = (self._open[0] if self._open else start, end)
        else:
            self._close()

    def _close(self) -> None:
        if self._open and self._open[1] - self._open[0] >= self._least:
            self._done.append(self._open)
        self._open = None

    def finished(self) -> list[tuple[float, float]]:
        self._close()
        return self._done


def _gap(path: Path) -> float | None:
    """Length of the sound minus length of the pictures, from the last packet of each."""
    ends: dict[str, float] = {}
    with opened(path, PURPOSE) as container:
        for packet in container.demux():
            if packet.pts is not None and packet.stream.type in ("video", "audio"):
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                ends[packet.stream.type] = max(ends.get(packet.stream.type, 0.0), end)
    return ends["audio"] - ends["video"] if len(ends) == 2 else None
