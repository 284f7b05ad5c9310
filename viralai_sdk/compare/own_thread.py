"""Foreign code in a thread of its own, which nobody waits for longer than he likes: neither the caller nor the end of the process."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_own_thread(function: Callable[[], T]) -> T:
    """Call a function in a fresh daemon thread. Whoever stops waiting leaves it behind.

    A worker of asyncio's pool would not do: one that hangs is gone for good, and the interpreter waits for it at its end.

    Raises:
        RuntimeError: the function wanted to end the process (`SystemExit`, `KeyboardInterrupt`): only its own thread ends.
        Exception: what it raised.
    """
    found: concurrent.futures.Future[T] = concurrent.futures.Future()
    found.set_running_or_notify_cancel()  # nobody who stops waiting may cancel it: the thread still brings its result

    def work() -> None:
        try:
            found.set_result(function())
        except Exception as error:
            found.set_exception(error)
        except BaseException as error:  # in the event loop it would end everything that runs there
            found.set_exception(RuntimeError(f"it wanted to end the process: {type(error).__name__}({error})"))

    threading.Thread(target=work, name="viralai-measure", daemon=True).start()
    return await asyncio.wrap_future(found)
