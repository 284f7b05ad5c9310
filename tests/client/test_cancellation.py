"""Stopping: at every single step of every kind of call, and soon."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.doubles import JobServer, client, config, films_config, rows
from viralai_sdk import ViralAI
from viralai_sdk.simulator import Simulator

MOST_STEPS = 400

STALL = 60.0
"""Seconds for which a stalled provider does not answer: a stop takes a fraction of a second, and no machine so long."""


@pytest.fixture(autouse=True)
def _no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes on behind a stopped call is waited for as long as this machine needs for it."""
    monkeypatch.setattr("viralai_sdk.services.runtime.CLOSE_SECONDS", STALL)
    monkeypatch.setattr("viralai_sdk.services.jobs.CANCEL_SECONDS", STALL)


class StepLoop(asyncio.SelectorEventLoop):
    """A loop that counts its turns and stops a task at one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = 0
        self.stop_at: int | None = None
        self.victim: asyncio.Task[Any] | None = None

    def _run_once(self) -> None:
        if self.victim is not None and not self.victim.done():
            self.turn += 1
            if self.turn == self.stop_at:
                self.victim.cancel()
        super()._run_once()  # type: ignore[misc]


def stopped_at(step: int, work: Callable[[], Awaitable[Any]], ai: ViralAI) -> bool:
    """Run `work`, stopping it at a turn of the loop. True when it had finished before. Nothing may be left behind."""

    async def main() -> bool:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, StepLoop)
        task = asyncio.ensure_future(work())
        loop.victim, loop.stop_at = task, step  # type: ignore[assignment]
        try:
            await task
        except asyncio.CancelledError:
            finished = False
        else:
            finished = True
        await ai.aclose()
        # What a thread had begun to write may take as long as this machine's disk does; everything ends by itself.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        left = (await asyncio.wait(others, timeout=STALL))[1] if others else set()
        assert not left, f"step {step}: {left}"
        return finished

    with asyncio.Runner(loop_factory=StepLoop) as runner:
        return runner.run(main())


def connections() -> int:
    return len([item for item in psutil.Process().net_connections() if item.status == "ESTABLISHED"])


def campaign(home: Path, ai: ViralAI, work: Callable[[], Awaitable[Any]], stride: int = 1) -> int:
    """Stop `work` at every step until it gets through; returns how many that were."""
    stopped_at(MOST_STEPS * 1000, work, ai)  # everything is imported and connected once
    before = connections()
    for step in range(1, MOST_STEPS, stride):
        calls = len(rows(home))
        finished = stopped_at(step, work, ai)
        new = rows(home)[calls:]
        assert [row["outcome"] for row in new] in (
            ["ok"] if finished else ["cancelled"],
            [] if step <= 2 else ["?"],
            ["ok"],
        ), step
        unfinished = [path for path in home.rglob("*") if path.name.endswith(".part") or ".viralai/tmp/" in str(path)]
        assert not unfinished, f"step {step}: {unfinished}"
        if finished:
            assert connections() <= before + 2
            return step
    raise AssertionError("it never got through")


def test_a_text_call_can_be_stopped_at_every_step(sim: Simulator, home: Path) -> None:
    ai = client(config(sim), home)
    assert campaign(home, ai, lambda: ai.text("hello")) > 5


def test_a_streamed_text_can_be_stopped_at_every_step(sim: Simulator, home: Path) -> None:
    ai = client(config(sim), home)

    async def work() -> None:
        async for chunk in ai.text.stream("hello"):
            _ = chunk.text

    assert campaign(home, ai, work) > 5


@pytest.mark.parametrize("service", ["speech", "image"])
def test_streamed_media_can_be_stopped_at_every_step(sim: Simulator, home: Path, service: str) -> None:
    ai = client(config(sim), home)

    async def work() -> None:
        async for chunk in getattr(ai, service).stream("hello"):
            _ = chunk.data

    assert campaign(home, ai, work) > 5


def test_a_picture_over_http_can_be_stopped_at_every_step(sim: Simulator, home: Path) -> None:
    ai = client(config(sim), home)
    assert campaign(home, ai, lambda: ai.image("a fox")) > 5


def test_an_embedded_picture_can_be_stopped_at_every_step(home: Path) -> None:
    ai = client({}, home)
    assert campaign(home, ai, lambda: ai.image("a fox", width=64, height=64)) > 3


def test_an_embedded_film_can_be_stopped_at_every_step(home: Path) -> None:
    ai = client({}, home)
    assert campaign(home, ai, lambda: ai.video("a fox", duration=0.5, width=64, height=48, fps=8)) > 3


def test_a_job_can_be_stopped_at_every_step(films: JobServer, home: Path) -> None:
    ai = client(films_config(films), home)
    steps = campaign(home, ai, lambda: ai.video("a fox", duration=1), stride=3)
    assert steps > 10
    jobs = rows(home, "jobs")
    # Whatever was accepted is completed, cancelled at the provider, or still open; nothing was created without a row.
    assert len(films.creates) <= len(jobs)
    accepted = {row["remote_id"]: row["state"] for row in jobs if row["remote_id"]}
    assert set(films.creates) == accepted.keys()
    assert {row["state"] for row in jobs} <= {"completed", "cancelled", "collecting"}
    assert {name for name, state in accepted.items() if state == "cancelled"} <= set(films.cancelled)
    # A stop between the download and its place on the disk leaves a job that anybody can collect.
    result = asyncio.run(client(films_config(films), home).jobs.resume())
    assert len(result.ok) == sum(state == "collecting" for state in accepted.values())
    assert result.failed == []


async def test_leaving_a_stream_early_ends_the_call(home: Path) -> None:
    from viralai_sdk.simulator import SimulatorConfig

    with Simulator(SimulatorConfig(chunk_pause=0.05)) as sim:
        ai = client(config(sim), home)
        async for chunk in ai.text.stream("tell me a long story"):
            if chunk.text:
                break
        async with asyncio.timeout(60):
            while asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.sleep(0.01)
        await ai.aclose()
        assert [row["outcome"] for row in rows(home)] == ["cancelled"]
        assert (await ai.text("again")).text


STALLED = """
import asyncio, sys, time
from viralai_sdk import ViralAI
ai = ViralAI({"providers": {"openai": {"api_key": "sim-key", "base_url": sys.argv[1]}}}, home=sys.argv[2], progress=False)
print("ready", flush=True)
try:
    BODY
except KeyboardInterrupt:
    print("stopped", flush=True)
    print("usable" if ai.sync.text("hello", provider="embedded").text else "broken", flush=True)
"""


def interrupted(body: str, sim: Simulator, home: Path) -> float:
    """Seconds from the interrupt of a stalled call in a process of its own to its end."""
    code = STALLED.replace("BODY", body)
    command = [sys.executable, "-W", "error", "-c", code, sim.url("openai"), str(home)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == "ready\n"
        wait_for(lambda: len(sim.log) > 0)
        time.sleep(0.1)
        began = time.perf_counter()
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "stopped\n"
        seconds = time.perf_counter() - began
        assert child.stdout.readline() == "usable\n"
        child.wait()
        assert child.stderr.read() == ""
        assert child.returncode == 0
    return seconds


def wait_for(ready: Callable[[], bool], seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


@pytest.mark.parametrize("body", ["asyncio.run(ai.text('hello'))", "ai.sync.text('hello')", "ai.sync.image('a fox')"])
def test_ctrl_c_in_a_script_takes_effect_at_once(body: str, sim: Simulator, home: Path) -> None:
    sim.faults.add("openai", "slow", seconds=STALL)
    seconds = interrupted(body, sim, home)
    print(f"{body}: {seconds:.3f} s")
    assert seconds < STALL / 3
    sim.faults.clear()


def test_a_call_is_woken_by_its_own_heartbeat(sim: Simulator, home: Path) -> None:
    """What the kernel does: the task is cancelled from a signal handler, and nothing else wakes the loop's selector."""
    sim.faults.add("openai", "slow", seconds=STALL)
    ai = client(config(sim), home)
    ended: list[float] = []

    async def main() -> None:
        task = asyncio.ensure_future(ai.text("hello"))
        threading.Timer(
            0.5, lambda: (ended.append(-time.perf_counter()), task.cancel())
        ).start()  # no call_soon_threadsafe
        with pytest.raises(asyncio.CancelledError):
            await task
        ended[0] += time.perf_counter()
        await ai.aclose()

    asyncio.run(main())
    print(f"heartbeat: {ended[0]:.3f} s")
    assert ended[0] < STALL / 3


def test_the_stop_button_of_a_real_kernel_takes_effect_at_once(sim: Simulator, home: Path) -> None:
    from jupyter_client.manager import start_new_kernel

    sim.faults.add("openai", "slow", path="chat", seconds=STALL)
    sim.faults.add("openai", "slow", path="images", seconds=STALL)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "JUPYTER_PLATFORM_DIRS": "1"}
    manager, kernel = start_new_kernel(kernel_name="python3", env=env, cwd=str(home))
    try:
        setup = (
            "from viralai_sdk import ViralAI\n"
            f"ai = ViralAI({config(sim)!r}, home={str(home)!r}, progress=False)\n"
            "await ai.text('warm', provider='embedded')"
        )
        assert ask(kernel, setup)["status"] == "ok"
        ask(kernel, "1/0")  # IPython imports what draws tracebacks
        cells = {
            "await ai.text('hello')": lambda: len(sim.log) >= 1,
            "ai.sync.image('a fox')": lambda: len(sim.log) >= 2,
            "await ai.video('a fox in the snow', duration=60, provider='embedded')": lambda: unfinished(home),
        }
        for cell, started in cells.items():
            message = kernel.execute(cell)
            wait_for(started)
            time.sleep(0.7)
            began = time.perf_counter()
            manager.interrupt_kernel()
            reply = reply_to(kernel, message)
            seconds = time.perf_counter() - began
            print(f"{cell}: {seconds:.3f} s, {reply.get('ename')}")
            assert reply["status"] == "error"
            assert reply["ename"] in ("CancelledError", "KeyboardInterrupt")
            assert seconds < STALL / 3
            after = "(await ai.text('still here', provider='embedded')).text[:1] and ai.sync.text('here', provider='embedded').text[:1]"
            assert ask(kernel, after)["status"] == "ok"
        # The stopped film's thread has noticed, and took its unfinished file along.
        wait_for(lambda: not unfinished(home))
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def unfinished(home: Path) -> bool:
    """Some call has a folder for what is not finished."""
    return any((home / ".viralai" / "tmp").iterdir())


def ask(kernel: Any, code: str) -> dict[str, Any]:
    # For a moment after a cell has failed, a kernel refuses what was asked in the meantime ("aborted"), and that has not run.
    for _ in range(20):
        reply = reply_to(kernel, kernel.execute(code))
        if reply["status"] != "aborted":
            break
        time.sleep(0.1)
    return reply


def reply_to(kernel: Any, message: str) -> dict[str, Any]:
    while True:
        reply = kernel.get_shell_msg(timeout=120)
        if reply["parent_header"].get("msg_id") == message:
            found: dict[str, Any] = reply["content"]
            return found
