"""A simulated ComfyUI server's memory: queue, worker, history, cache, files and sockets."""

from __future__ import annotations

import asyncio
import heapq
import json
import struct
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from viralai_sdk.simulator.state import State
from viralai_sdk.simulator.vendors.comfyui import nodes
from viralai_sdk.simulator.vendors.comfyui.checks import validate
from viralai_sdk.simulator.vendors.comfyui.job import Job
from viralai_sdk.simulator.vendors.comfyui.surprises import Quirks


@dataclass(slots=True)
class _Socket:
    socket: WebSocket
    deaf: bool = False
    flags: dict[str, Any] = field(default_factory=dict)


class Server:
    """One server of one version."""

    def __init__(self, state: State, version: str) -> None:
        self.state = state
        self.version = version
        self.new = version != "0.3.64"
        self.quirks = Quirks()
        self.classes = nodes.describe(new=self.new)
        self.files: dict[tuple[str, str, str], bytes] = {}
        self.loop: asyncio.AbstractEventLoop | None = None
        self.runs: dict[str, int] = {}
        """How often each id was run."""
        self._reset()

    def _reset(self) -> None:
        self.pending: list[tuple[float, str, Any, Any, list[str]]] = []
        self.running: tuple[float, str, Any, Any, list[str]] | None = None
        self.history: dict[str, Any] = {}
        self.counter = 0
        self.cache: dict[str, tuple[Any, Any]] = {}
        self.sockets: dict[str, _Socket] = {}
        self._known: set[str] = set()
        self._events: deque[tuple[Any, str | None]] = deque()
        self._signal = asyncio.Event()
        self.interrupted = False
        self._tasks: list[asyncio.Task[None]] = []

    def _work(self) -> None:
        self.loop = asyncio.get_running_loop()
        if not self._tasks or self._tasks[0].done():
            self._signal = asyncio.Event()
            self._tasks = [asyncio.create_task(self._worker()), asyncio.create_task(self._publisher())]
        self._signal.set()

    async def restart(self) -> None:
        """Die and come back: queue, history and caches are gone, stored files are kept. Runs in the server's loop."""
        tasks, sockets = self._tasks, list(self.sockets.values())
        self._reset()
        for task in tasks:
            task.cancel()
        self.files = {key: data for key, data in self.files.items() if key[0] != "temp"}
        for entry in sockets:
            await _drop(entry.socket)

    async def drop_sockets(self) -> None:
        """Cut all sockets."""
        for entry in list(self.sockets.values()):
            await _drop(entry.socket)

    # --- prompts -----------------------------------------------------------------------------------------------------

    def accept(self, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """POST /prompt: status and answer."""
        number = float(body["number"]) if "number" in body else self.counter * (-1 if body.get("front") else 1)
        if "number" not in body:
            self.counter += 1
        if "prompt" not in body:
            return 400, {
                "error": {"type": "no_prompt", "message": "No prompt provided", "details": "", "extra_info": {}},
                "node_errors": {},
            }
        prompt_id = str(body.get("prompt_id", uuid.uuid4()))
        if (self.new or self.quirks.strict_ids) and not _canonical(prompt_id):
            return 400, {
                "error": {
                    "type": "invalid_prompt_id",
                    "message": "prompt_id must be a UUID",
                    "details": "",
                    "extra_info": {},
                },
                "node_errors": {},
            }
        error, good, errors = validate(
            body["prompt"], self.classes, self.files, new=self.new, choices=not self.quirks.unchecked_choices
        )
        if error is not None:
            return 400, {"error": error, "node_errors": errors}
        if self.quirks.strikes("reject_with_500"):
            return 500, {}
        extra = {**(body.get("extra_data") or {}), **({"client_id": body["client_id"]} if "client_id" in body else {})}
        copies = 0 if self.quirks.strikes("vanishing") else 2 if self.quirks.strikes("queued_twice") else 1
        for copy in range(copies):
            heapq.heappush(self.pending, (number + copy * 0.5, prompt_id, body["prompt"], extra, good))
        self._status()
        self._work()
        if self.quirks.strikes("accept_but_fail"):
            return 500, {}
        if self.quirks.strikes("half_rejected"):
            key = next(iter(body["prompt"]))
            refused = {
                "type": "custom_validation_failed",
                "message": "Custom validation failed for node",
                "details": "",
            }
            kind = body["prompt"][key]["class_type"]
            errors = {key: {"errors": [refused], "dependent_outputs": [], "class_type": kind}}
        return 200, {"prompt_id": prompt_id, "number": number, "node_errors": errors}

    def delete(self, prompt_ids: list[str]) -> None:
        """Take waiting jobs out of the queue. Nothing is said of them ever after."""
        self.pending = [row for row in self.pending if row[1] not in prompt_ids]
        heapq.heapify(self.pending)
        self._status()

    def interrupt(self, prompt_id: str | None) -> None:
        """Stop the running job, if it is this one, or whichever it is without an id."""
        if self.running is not None and prompt_id in (None, self.running[1]):
            self.interrupted = True

    @property
    def remaining(self) -> int:
        """Waiting and running jobs."""
        return len(self.pending) + (self.running is not None)

    # --- the worker --------------------------------------------------------------------------------------------------

    async def _worker(self) -> None:
        while True:
            while not self.pending:
                self._signal.clear()
                await self._signal.wait()
            self.running = heapq.heappop(self.pending)
            self.interrupted = self.quirks.strikes("interrupted")
            self._status()
            await self._run(self.running)

    async def _run(self, row: tuple[float, str, Any, Any, list[str]]) -> None:
        _, prompt_id, graph, extra, targets = row
        self.runs[prompt_id] = self.runs.get(prompt_id, 0) + 1
        job = Job(self, prompt_id, graph, extra.get("client_id"), targets)
        messages, outputs = await job.run()
        if self.quirks.history_delay:
            await asyncio.sleep(self.quirks.history_delay)
        failed = messages[-1][0] in ("execution_error", "execution_interrupted")
        self.history[prompt_id] = {
            "prompt": list(row),
            "outputs": outputs,
            "status": {"status_str": "error" if failed else "success", "completed": not failed, "messages": messages},
            "meta": {},
        }
        self.running = None
        self._status()
        if not self.quirks.announces_nothing:
            self.say("executing", {"node": None, "prompt_id": prompt_id}, extra.get("client_id"))
        await asyncio.sleep(0)

    def view(self, prompt_id: str) -> dict[str, Any] | None:
        """GET /api/jobs/{id}."""
        if self.running is not None and self.running[1] == prompt_id:
            return {"id": prompt_id, "status": "in_progress", "priority": self.running[0]}
        for row in self.pending:
            if row[1] == prompt_id:
                return {"id": prompt_id, "status": "pending", "priority": row[0]}
        entry = self.history.get(prompt_id)
        if entry is None:
            return None
        messages = dict(entry["status"]["messages"])
        status = (
            "cancelled"
            if "execution_interrupted" in messages
            else "failed"
            if "execution_error" in messages
            else "completed"
        )
        found = {"id": prompt_id, "status": status, "outputs": entry["outputs"], "execution_status": entry["status"]}
        return found | ({"execution_error": messages["execution_error"]} if status == "failed" else {})

    def store(self, prefix: str, ending: str, data: bytes, kind: str) -> dict[str, str]:
        """Keep a file under the next free name."""
        folder, _, name = prefix.rpartition("/")
        number = 1 + sum(
            1 for where, sub, file in self.files if (where, sub) == (kind, folder) and file.startswith(f"{name}_")
        )
        filename = f"{name}_{number:05d}_{ending}"
        self.files[kind, folder, filename] = data
        return {"filename": filename, "subfolder": folder, "type": kind}

    # --- sockets -----------------------------------------------------------------------------------------------------

    def _status(self) -> None:
        self.say("status", {"status": {"exec_info": {"queue_remaining": self.remaining}}}, None)

    def say(self, kind: str, data: Mapping[str, Any], client_id: str | None) -> None:
        """Queue a message for one client, or for all."""
        self._events.append((json.dumps({"type": kind, "data": data}), client_id))
        self._signal.set()

    def show(self, node: str, prompt_id: str, picture: bytes, client_id: str | None) -> None:
        """Queue a preview for one client, in the form that it understands."""
        entry = self.sockets.get(client_id or "")
        image = 1 if picture[:2] == b"\xff\xd8" else 2
        if entry is not None and entry.flags.get("supports_preview_metadata"):
            facts = json.dumps(
                {
                    "node_id": node,
                    "prompt_id": prompt_id,
                    "display_node_id": node,
                    "parent_node_id": None,
                    "real_node_id": node,
                    "image_type": "image/jpeg" if image == 1 else "image/png",
                }
            ).encode()
            self._events.append((struct.pack(">II", 4, len(facts)) + facts + picture, client_id))
        else:
            self._events.append((struct.pack(">II", 1, image) + picture, client_id))

    async def _publisher(self) -> None:
        """One message after the other, each waited for: one client that does not read holds up all."""
        while True:
            while self._events:
                message, client_id = self._events.popleft()
                for key, entry in list(self.sockets.items()):
                    if client_id in (None, key) and not (entry.deaf or self.quirks.stalled_events):
                        await _send(entry.socket, message)
            await asyncio.sleep(0.001)

    async def serve(self, socket: WebSocket) -> None:
        """GET /ws: one client until it leaves."""
        await socket.accept()
        sid = socket.query_params.get("clientId") or uuid.uuid4().hex
        entry = self.sockets[sid] = _Socket(socket, deaf=self.quirks.deaf_reconnects and sid in self._known)
        self._known.add(sid)
        await _send(
            socket,
            json.dumps(
                {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": self.remaining}}, "sid": sid}}
            ),
        )
        self._work()
        first = True
        try:
            while True:
                text = await socket.receive_text()
                if first and '"feature_flags"' in text:
                    entry.flags = json.loads(text).get("data") or {}
                    flags = {"supports_preview_metadata": True, "max_upload_size": 104857600}
                    await _send(socket, json.dumps({"type": "feature_flags", "data": flags}))
                first = False
        except (WebSocketDisconnect, RuntimeError, KeyError, ValueError):
            pass
        finally:
            # As the real one does: whoever leaves takes the id along, even when another socket has it now.
            self.sockets.pop(sid, None)


def _canonical(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


async def _send(socket: WebSocket, message: str | bytes) -> None:
    try:
        await (socket.send_text(message) if isinstance(message, str) else socket.send_bytes(message))
    except (WebSocketDisconnect, RuntimeError, OSError):
        return


async def _drop(socket: WebSocket) -> None:
    try:
        await socket.close(1011)
    except (WebSocketDisconnect, RuntimeError, OSError):
        return
