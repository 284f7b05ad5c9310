"""Films frame by frame."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from viralai_sdk.compare.decode.backend import opened
from viralai_sdk.interfaces.errors import EmptyResultError

PURPOSE = "looking into films"


def frames(path: Path) -> Iterator[tuple[float, float, Any]]:
    """(start, end, PyAV frame) in seconds from the first frame. A frame ends where the next begins.

    Raises:
        ConfigurationError: PyAV is not installed.
        MalformedResponseError: it cannot be decoded.
    """
    with opened(path, PURPOSE) as container:
        stream = next(iter(container.streams.video), None)
        if stream is None:
            return
        stream.thread_type = "AUTO"
        usual = 1 / float(stream.average_rate) if stream.average_rate else 0.04
        held: tuple[float, Any] | None = None
        first = 0.0
        for frame in container.decode(stream):
            at = float(frame.time) if frame.time is not None else (held[0] + usual + first if held else 0.0)
            if held is None:
                first = at
            else:
                yield held[0], at - first, held[1]
            held = (at - first, frame)
        if held is not None:
            yield held[0], held[0] + usual, held[1]


def contact_sheet(path: Path, *, columns: int = 3, rows: int = 2, side: int = 1536) -> bytes:
    """Frames spread evenly over a film, from left to right and top to bottom, as one JPEG of at most `side` pixels, without metadata.

    Raises:
        ConfigurationError: PyAV is not installed.
        EmptyResultError: the film has no picture in it.
        MalformedResponseError: it cannot be decoded.
    """
    stills = _stills(path, columns * rows)
    gap = 8
    width, height = stills[0].size
    scale = min(1.0, (side - gap * (columns - 1)) / (width * columns), (side - gap * (rows - 1)) / (height * rows))
    cell = max(1, int(width * scale)), max(1, int(height * scale))
    used = -(-len(stills) // columns)
    across = min(columns, len(stills))
    sheet = Image.new("RGB", (across * (cell[0] + gap) - gap, used * (cell[1] + gap) - gap), (255, 255, 255))
    for number, still in enumerate(stills):
        place = (number % columns) * (cell[0] + gap), (number // columns) * (cell[1] + gap)
        sheet.paste(still.resize(cell, Image.Resampling.LANCZOS), place)
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _stills(path: Path, count: int) -> list[Image.Image]:
    """Frames from the middle of each of `count` equal parts. Only what lies behind the last key frame before each is decoded."""
    found: list[Image.Image] = []
    with opened(path, PURPOSE) as container:
        stream = next(iter(container.streams.video), None)
        if stream is None:
            raise EmptyResultError(f"{path.name} has no picture in it.")
        seconds = container.duration / 1_000_000 if container.duration else 0.0
        first = (container.start_time or 0) / 1_000_000
        for number in range(count):
            wanted = first + seconds * (number + 0.5) / count
            container.seek(int(wanted * 1_000_000), backward=True)
            chosen = None
            for frame in container.decode(stream):
                chosen = frame
                if frame.time is None or frame.time >= wanted:
                    break
            if chosen is not None:
                found.append(_upright(chosen))
            if not seconds:
                break
    if not found:
        raise EmptyResultError(f"{path.name} has no picture in it.")
    return found


def _upright(frame: Any) -> Image.Image:
    image: Image.Image = frame.to_image()
    turns = round(frame.rotation / 90) % 4
    return image.rotate(90 * turns, expand=True) if turns else image
