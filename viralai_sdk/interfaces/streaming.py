"""Pictures and recordings that come in pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from viralai_sdk.interfaces.errors import MalformedResponseError
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.steps import END, Send, StreamSteps

R = TypeVar("R", bound=Response)
HEAD = 64
"""Bytes that tell what a file is."""


@dataclass(slots=True)
class MediaChunk(Generic[R]):
    """A piece of a streamed picture or recording. The last one has no data and carries the whole `response`.

    Attributes:
        data: of speech, the next bytes of the recording; of a picture, a whole file with a coarser state of it.
    """

    data: bytes
    response: R | None = None


def media_chunk(piece: bytes | None, response: Any) -> MediaChunk[Any]:
    """The chunk of a piece, or the last one, with the response."""
    return MediaChunk(piece or b"", response)


def byte_pieces(opening: Send, check: Callable[[bytes], object]) -> StreamSteps[bytes]:
    """Open a stream of bytes, hand on its chunks, and return them joined.

    Nothing is handed on before `check` has passed the first bytes, so that no error page is played as sound. At the end of a stream
    that is shorter than that, it is for the caller to judge the whole.

    Args:
        check: raises an `AIError` when a file cannot begin like this.

    Raises:
        MalformedResponseError: more bytes came than `opening.max_bytes`.
    """
    chunk = yield opening
    whole = bytearray()
    told = 0
    while chunk is not END:
        whole += chunk
        if len(whole) > opening.max_bytes:
            raise MalformedResponseError(f"the stream is longer than {opening.max_bytes:,} bytes.")
        piece = None
        if len(whole) >= HEAD:
            if told == 0:
                check(bytes(whole[:HEAD]))
            piece, told = bytes(whole[told:]) or None, len(whole)
        chunk = yield piece
    return bytes(whole)
