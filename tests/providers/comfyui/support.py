"""Helpers of this folder's tests."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.steps import Announce, Answer, Parallel, Pause, Send
from viralai_sdk.providers.comfyui import ComfyUIClient
from viralai_sdk.providers.comfyui.errors import error_from_answer
from viralai_sdk.providers.comfyui.schema import NodeClass, read_schema
from viralai_sdk.simulator import Simulator
from viralai_sdk.simulator.vendors.comfyui import Quirks, Server, server_of
from viralai_sdk.simulator.vendors.comfyui.nodes import describe

RECORDINGS = Path(__file__).parent / "recordings"
VERSIONS = ("0.3.64", "0.27.0")
_colors = itertools.count(1)


async def until(true: Callable[[], object]) -> None:
    """Return when something has come true, however long this machine takes for it."""
    async with asyncio.timeout(90):
        while not true():
            await asyncio.sleep(0.005)


def schema() -> dict[str, NodeClass]:
    return read_schema(describe(new=True))


def node(kind: str, title: str | None = None, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, **({"_meta": {"title": title}} if title else {})}


def picture_graph(**changes: Any) -> dict[str, Any]:
    """A graph that was never run before."""
    values = {"width": 32, "height": 32, "batch_size": 1, "color": next(_colors), **changes}
    return {
        "1": node("EmptyImage", "canvas", **values),
        "2": node("SaveImage", "result", images=["1", 0], filename_prefix="t/x"),
    }


def slow_graph(steps: int = 40, delay_ms: int = 25, **more: Any) -> dict[str, Any]:
    values = {"steps": steps, "delay_ms": delay_ms, "preview": "jpeg", "fail_at_step": 0, "error": "ValueError", **more}
    graph = picture_graph()
    graph["3"] = node("SDKTestSlowImage", "slow", image=["1", 0], nonce=next(_colors), **values)
    graph["2"]["inputs"]["images"] = ["3", 0]
    return graph


def recorded(version: str, name: str) -> list[dict[str, Any]]:
    lines = (RECORDINGS / version / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def messages(rows: list[dict[str, Any]]) -> list[str | bytes]:
    """The socket's messages of a recording, as they came."""
    found: list[str | bytes] = []
    for row in rows:
        if "ws_text" in row:
            found.append(json.dumps(row["ws_text"]))
        elif "ws_binary_base64" in row:
            found.append(base64.b64decode(row["ws_binary_base64"]))
    return found


class Rig:
    """One simulated server and ways to use and trouble it."""

    def __init__(self, sim: Simulator, vendor: str, folder: Path) -> None:
        self.sim = sim
        self.vendor = vendor
        self.folder = folder
        self.url = sim.url(vendor)
        self.server: Server = server_of(sim.state, vendor)
        self.kept: list[ViralAI] = []

    def client(self, **details: Any) -> ComfyUIClient:
        return ComfyUIClient(self.url, folder=self.folder / "results", **details)

    def ai(self, **settings: Any) -> ViralAI:
        shared = {"base_url": self.url, **settings}
        made = ViralAI({"providers": {"comfyui": shared}}, home=self.folder, progress=False)
        # Kept, so that its connections are closed with the test's loop and not by the garbage collector.
        self.kept.append(made)
        return made

    def do(self, work: Any) -> None:
        """Run a coroutine of the server's in its own loop."""
        assert self.server.loop is not None
        asyncio.run_coroutine_threadsafe(work, self.server.loop).result(90)

    async def aclose(self) -> None:
        for made in self.kept:
            await made.manager.runtime.aclose()
        if self.server.loop is not None:
            # The server outlives the test: what still runs there must not get in the way of the next one.
            self.do(self.reset())
            await until(lambda: self.server.running is None)

    async def reset(self) -> None:
        """Forget all jobs. In the server's own loop, so that its worker takes none in between."""
        self.sim.faults.clear()
        self.server.quirks = Quirks()
        self.server.interrupted = True
        self.server.pending.clear()
        self.server.history.clear()
        self.server.runs.clear()

    def requests(self, path: str, method: str = "POST") -> int:
        return sum(1 for row in self.sim.log if row.vendor == self.vendor and row.path == path and row.method == method)


Reply = Mapping[str, Any] | tuple[int, bytes] | AIError


def play(steps: Generator[Any, Any, Any], answers: Mapping[str, list[Reply]]) -> Any:
    """Drive steps with ready answers by path; the last one of a path is repeated."""
    value: Any = None
    error: AIError | None = None
    left = {path: list(rows) for path, rows in answers.items()}
    while True:
        try:
            step = steps.throw(error) if error is not None else steps.send(value)
        except StopIteration as stop:
            return stop.value
        value, error = None, None
        if isinstance(step, Send):
            rows = left[step.path]
            reply = rows.pop(0) if len(rows) > 1 else rows[0]
            try:
                value = answer(reply)
            except AIError as failure:
                error = failure
        elif isinstance(step, Parallel):
            value = [play(branch, answers) for branch in step.branches]
        else:
            assert isinstance(step, (Announce, Pause))


def answer(reply: Reply) -> Answer:
    if isinstance(reply, AIError):
        raise reply
    status, body = reply if isinstance(reply, tuple) else (200, json.dumps(reply).encode())
    made = Answer(status, {}, body)
    if status >= 400:
        raise error_from_answer(made)
    return made
