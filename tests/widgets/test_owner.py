"""One loop owns a panel: work from any thread ends up there, is held, is stopped, and its end is heard of."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from typing import Any

import pytest

from viralai_widgets.owner import Owner


async def in_thread(function: Any, *args: Any) -> Any:
    """Call in another thread that has a loop of its own, as kernels of 7.0 to 7.3 do."""

    def subshell() -> Any:
        async def inside() -> Any:
            return function(*args)

        return asyncio.run(inside())

    return await asyncio.to_thread(subshell)


async def test_a_call_from_a_foreign_thread_runs_on_the_owners_loop() -> None:
    owner, seen = Owner(), []
    done = asyncio.Event()

    def note() -> None:
        seen.append((threading.get_ident(), asyncio.get_running_loop()))
        done.set()

    await in_thread(owner.call, note)
    await done.wait()
    assert seen == [(threading.get_ident(), owner.loop)]


async def test_an_owner_made_in_a_foreign_thread_of_a_kernel_is_the_kernels_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Shell:
        class kernel:  # noqa: N801
            class io_loop:  # noqa: N801
                asyncio_loop = asyncio.get_running_loop()

    monkeypatch.setattr("IPython.core.getipython.get_ipython", Shell)
    assert (await in_thread(Owner)).loop is asyncio.get_running_loop()


def test_without_any_loop_the_owner_has_one_of_its_own() -> None:
    async def where() -> threading.Thread:
        return threading.current_thread()

    owner = Owner()
    thread = owner.start(where()).result(60)
    assert thread.name == "viralai-panels"
    owner.loop.call_soon_threadsafe(owner.loop.stop)
    thread.join(60)
    owner.loop.close()


async def test_work_is_held_while_it_runs_and_its_end_is_told() -> None:
    owner, ends = Owner(), []

    async def slow() -> int:
        await asyncio.sleep(0.02)
        return 7

    work = owner.start(slow(), lambda ended: ends.append(ended.done))
    gc.collect()
    assert await work == 7
    await asyncio.sleep(0)
    assert ends == [True]


async def test_an_error_reaches_whoever_waits_and_nobody_else() -> None:
    async def broken() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await Owner().start(broken())


async def test_work_cancelled_from_a_foreign_thread_cleans_up_before_it_is_done() -> None:
    owner, cleaned = Owner(), asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            cleaned.set()

    work = owner.start(endless())
    await asyncio.sleep(0)
    await in_thread(work.cancel)
    with pytest.raises(asyncio.CancelledError):
        await work
    assert cleaned.is_set()


async def test_cancelling_the_one_who_waits_leaves_the_work_alone() -> None:
    owner, go = Owner(), asyncio.Event()

    async def paid_for() -> str:
        await go.wait()
        return "kept"

    work = owner.start(paid_for())

    async def cell() -> str:
        return await work

    waiting = asyncio.create_task(cell())
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not work.done
    go.set()
    assert await work == "kept"


async def test_a_function_that_fails_is_logged_and_breaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise ValueError("no")

    with caplog.at_level(logging.ERROR):
        Owner().call(broken)
    assert "broken failed" in caplog.text


def test_a_closed_loop_refuses_work_and_leaves_no_coroutine_behind() -> None:
    loop = asyncio.new_event_loop()
    owner = Owner(loop)
    loop.close()

    async def never() -> None: ...

    with pytest.raises(RuntimeError):
        owner.start(never())
