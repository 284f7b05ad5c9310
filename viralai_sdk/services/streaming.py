"""A call whose pieces are handed on while it runs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from viralai_sdk.services.call import Call

if TYPE_CHECKING:
    from viralai_sdk.services.manager import AIServiceManager

C = TypeVar("C")


async def stream(manager: AIServiceManager, call: Call, chunk: Callable[[Any, Any], C]) -> AsyncGenerator[C, None]:
    """Run a call, yielding each piece as it comes and last the response.

    The call runs in a task of its own through the same pipeline as every other; leaving the loop early cancels it.

    Args:
        chunk: makes a chunk of a piece and None, and the last one of None and the response.
    """
    pieces: deque[Any] = deque()
    ready = asyncio.Event()

    def emit(piece: Any) -> None:
        pieces.append(piece)
        ready.set()

    call.emit = emit
    task = asyncio.ensure_future(manager.run_call(call))
    task.add_done_callback(lambda _: ready.set())
    try:
        while not task.done() or pieces:
            while pieces:
                yield chunk(pieces.popleft(), None)
            if task.done():
                break
            ready.clear()
            await ready.wait()
        yield chunk(None, task.result())
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
        elif not task.cancelled():
            task.exception()  # who left early does not want to hear of it; the journal has it
