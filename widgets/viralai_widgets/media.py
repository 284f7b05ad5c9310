"""Results as bytes for a page: masked where names are hidden, as they are where not, never in a trait."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from viralai_sdk.compare.cells import Cell
from viralai_sdk.compare.masking import mask
from viralai_sdk.interfaces.display import thumbnail
from viralai_sdk.interfaces.errors import EmptyResultError, StorageError
from viralai_sdk.interfaces.image import ImageGenerationResponse
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.speech import SpeechSynthesisResponse
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.interfaces.video import VideoGenerationResponse

AS_IT_IS_BYTES = 24_000_000
"""A larger file goes to the page in its masked, smaller form."""
KEPT_BYTES = 96_000_000
"""Bytes of media kept for pages that ask again."""
PREVIEW_SIDE, PREVIEW_BYTES = 256, 40_000
CHARACTERS = 200_000
"""Most characters of a text that a page gets."""


@dataclass(frozen=True, slots=True)
class Medium:
    """What a page can show: bytes of a media type, or text."""

    media_type: str
    data: bytes = b""
    text: str = ""


class MediaShelf:
    """Prepares media in a thread, each once while it is kept."""

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self._limit = limit
        self._kept: OrderedDict[str, Medium] = OrderedDict()
        self._size = 0

    async def get(self, key: str, prepare: Callable[[], Medium]) -> Medium:
        """The medium of a key; `prepare` runs in a thread when it is not kept."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        made = await asyncio.to_thread(prepare)
        if key not in self._kept:
            self._kept[key] = made
            self._size += len(made.data)
        while self._size > self._limit and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1].data)
        return made

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._size = 0


def prepare(cell: Cell, *, blind: bool) -> Medium:
    """A result for the page. Blocks: call it in a thread.

    Raises:
        EmptyResultError: there is nothing to show.
        AIError: the file is gone, or masking needs an extra that is not installed.
    """
    if cell.response is None:
        raise EmptyResultError("there is no result here.")
    if isinstance(cell.response, TextGenerationResponse) and not blind:
        return Medium("text/plain", text=cell.response.text[:CHARACTERS])
    path = None if blind else _file(cell.response)
    if path is not None:
        try:
            if path.stat().st_size <= AS_IT_IS_BYTES:
                data = path.read_bytes()
                return Medium(sniff(data[:64]) or "application/octet-stream", data)
        except OSError as error:
            raise StorageError(f"{path.name} cannot be read: {error.strerror}.") from error
    masked = mask(cell.response)
    return Medium(masked.media_type, masked.data or b"", (masked.text or "")[:CHARACTERS])


def preview(data: bytes) -> Medium | None:
    """A call's preview, small and without metadata; None when it is no picture. Blocks."""
    small = thumbnail(data, PREVIEW_SIDE, PREVIEW_BYTES)
    return None if small is None else Medium(small.media_type, small.data)


def _file(response: Response) -> Path | None:
    if isinstance(response, ImageGenerationResponse):
        return Path(response.image_paths[0]) if response.image_paths else None
    if isinstance(response, VideoGenerationResponse):
        return Path(response.video_path) if response.video_path else None
    return Path(response.audio_path) if isinstance(response, SpeechSynthesisResponse) else None
