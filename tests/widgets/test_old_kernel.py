"""On ipykernel 6 a click reaches the panel while a cell awaits it; every other message keeps its place."""

from __future__ import annotations

import asyncio
import json
import queue
from types import SimpleNamespace
from typing import Any

import pytest

from viralai_widgets import old_kernel
from viralai_widgets.owner import Owner


class Session:
    """Takes messages apart: one identity, then signature and header."""

    def feed_identities(self, message: list[Any], copy: bool) -> tuple[list[Any], list[Any]]:
        return message[:1], message[1:]

    def deserialize(self, frames: list[Any], content: bool, copy: bool) -> str:
        return str(frames[2])


def frames(kind: str, name: str) -> tuple[int, None, tuple[list[Any]]]:
    header = SimpleNamespace(bytes=json.dumps({"msg_type": kind}).encode())
    return 0, None, (["identity", "signature", header, name],)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Any:
    seen: list[str] = []
    comms = SimpleNamespace(comm_msg=lambda stream, ident, message: seen.append(message))
    kernel = SimpleNamespace(msg_queue=queue.Queue(), session=Session(), comm_manager=comms, seen=seen)
    monkeypatch.setattr("ipykernel._version.version_info", (6, 31, 0))
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: SimpleNamespace(kernel=kernel))
    return kernel


async def test_clicks_are_handed_on_while_work_is_awaited(kernel: Any) -> None:
    async def until_clicked() -> str:
        while not kernel.seen:
            await asyncio.sleep(0.01)
        return "done"

    cells = [frames("execute_request", "cell 2"), "broken", frames("execute_request", "cell 3")]
    for entry in (cells[0], frames("comm_msg", "click"), cells[1], cells[2]):
        kernel.msg_queue.put_nowait(entry)
    assert await Owner(asyncio.get_running_loop()).start(until_clicked()) == "done"
    assert kernel.seen == ["click"]
    assert [kernel.msg_queue.get_nowait() for _ in range(3)] == cells


def test_later_kernels_are_left_alone(kernel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipykernel._version.version_info", (7, 1, 0))
    kernel.msg_queue.put_nowait(frames("comm_msg", "click"))
    old_kernel.deliver_waiting()
    assert kernel.seen == []


def test_an_error_of_the_queue_itself_is_not_swallowed(kernel: Any) -> None:
    class QueueEmpty(Exception):  # noqa: N818
        """As tornado's."""

    def fail(error: type[Exception]) -> Any:
        def get() -> Any:
            raise error

        return get

    kernel.msg_queue.get_nowait = fail(QueueEmpty)
    old_kernel.deliver_waiting()
    kernel.msg_queue.get_nowait = fail(MemoryError)
    with pytest.raises(MemoryError):
        old_kernel.deliver_waiting()
