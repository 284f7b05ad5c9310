"""A call whose pieces are handed on while it runs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from viralai_sdk.interfaces.text import TextChunk, TextGenerationResponse
from viralai_sdk.services.call import Call

if TYPE_CHECKING:
    from viralai_sdk.services.manager import AIServiceManager


async def stream(manager: AIServiceManager, call: Call) -> AsyncGenerator[TextChunk, None]:
    """Run a text call, yielding each piece as it comes and last a chunk with the response.

    The call runs in a task of its own through the same pipeline as every other; leaving the loop early cancels it.
    """
    pieces: deque[str] = deque()
    ready = asyncio.Event()

    def emit(piece: str) -> None:
        pieces.append(piece)
        ready.set()

    call.emit = emit
    task = asyncio.ensure_future(manager.run_call(call))
    task.add_done_callback(lambda _: ready.set())
    try:
        while not task.done() or pieces:
            while pieces:
                yield TextChunk(pieces.popleft())
            if task.done():
                break
            ready.clear()
            await ready.wait()
        response = task.result()
        assert isinstance(response, TextGenerationResponse)
        yield TextChunk("", response)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
        elif not task.cancelled():
            task.exception()  # who left early does not want to hear of it; the journal has it
