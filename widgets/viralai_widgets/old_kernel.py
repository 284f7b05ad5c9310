"""Buttons that work while a cell awaits on ipykernel 6.

That kernel handles one message at a time: a click waits in its queue until the awaiting cell has ended, so no button could stop what
the cell awaits. Whoever awaits a panel's work therefore looks into the queue at every beat and hands the widgets' messages on. Kernels
from 7 on need none of this, and get none.
"""

from __future__ import annotations

import asyncio
import json
import logging
import queue
from typing import Any

log = logging.getLogger(__name__)

_EMPTY = (asyncio.QueueEmpty, queue.Empty)
_HEADER = 1
"""Place of the header in a message: signature, header, parent, metadata, content."""


def deliver_waiting() -> None:
    """Hand on the widgets' messages that wait behind the awaiting cell; everything else keeps its place. Call it on the kernel's loop."""
    kernel = _old_kernel()
    if kernel is None:
        return
    waiting = []
    while True:
        try:
            waiting.append(kernel.msg_queue.get_nowait())
        except _EMPTY:
            break
        except Exception as error:  # tornado's own QueueEmpty, which cannot be imported without tornado
            if type(error).__name__ != "QueueEmpty":
                raise
            break
    due = []
    for entry in waiting:
        frames = _comm_frames(kernel, entry)
        if frames is None:
            kernel.msg_queue.put_nowait(entry)
        else:
            due.append(frames)
    for frames in due:
        # Not through the kernel's dispatcher: that would make the click the parent of what the cell prints from now on.
        kernel.comm_manager.comm_msg(None, None, kernel.session.deserialize(frames, content=True, copy=False))


def _old_kernel() -> Any:
    """The kernel when it is of ipykernel 6 and has the parts that are needed, else None."""
    try:
        from ipykernel._version import version_info
        from IPython.core.getipython import get_ipython
    except ImportError:
        return None
    if version_info[0] != 6:
        return None
    kernel = getattr(get_ipython(), "kernel", None)
    return kernel if hasattr(kernel, "msg_queue") and hasattr(kernel, "comm_manager") else None


def _comm_frames(kernel: Any, entry: Any) -> Any:
    """The message of a queue's entry when it is one of the widgets', else None."""
    try:
        _, _, (message, *_) = entry
        _, frames = kernel.session.feed_identities(message, copy=False)
        kind = json.loads(bytes(frames[_HEADER].bytes))["msg_type"]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        log.debug("a waiting message is left alone: %r", error)
        return None
    return frames if kind == "comm_msg" else None
