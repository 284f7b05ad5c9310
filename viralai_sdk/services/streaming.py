"""A call whose pieces are handed on while it runs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

from viralai_sdk.services.call import Call

if TYPE_CHECKING:
    from viralai_sdk.services.manager import AIServiceManager

C = TypeVar("C")


async def stream(manager: AIServiceManager, call: Call, chunk: Callable[[Any, Any], C]) -> AsyncGenerator[C, None]:
    """Run a call through the pipeline, yielding each piece as it comes and last the response; see `relay`."""
    async with aclosing(relay(call, manager.run_call(call), chunk)) as chunks:
        async for made in chunks:
            yield made


async def relay(call: Call, work: Coroutine[Any, Any, Any], chunk: Callable[[Any, Any], C]) -> AsyncGenerator[C, None]:
    """Run work that emits a call's pieces, yielding each as it comes and last the result.

    The work runs in a task of its own; leaving the loop early cancels it.

    Args:
        chunk: makes a chunk of a piece and None, and the last one of None and the result.
    """
    pieces: deque[Any] = deque()
    ready = asyncio.Event()

    def emit(piece: Any) -> None:
        pieces.append(piece)
        ready.set()

    call.emit = emit
    task = asyncio.ensure_future(work)
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
