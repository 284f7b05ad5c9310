"""What the server's WebSocket says of one job: text messages and binary frames, understood without any I/O."""

from __future__ import annotations

import json
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from viralai_sdk.interfaces.steps import Report

PREVIEW, TEXT, PREVIEW_WITH_FACTS = 1, 3, 4
"""Kinds of binary frames. The first four bytes, big-endian like all numbers in them."""
MAX_CAUGHT = 512 * 1024 * 1024
"""Bytes of pictures kept of one job that sends its results over the socket."""
ENDINGS = ("execution_error", "execution_interrupted")


@dataclass(frozen=True, slots=True)
class Frame:
    """One binary frame. `node` and `prompt_id` are None where the frame does not say."""

    kind: int
    data: bytes
    node: str | None = None
    prompt_id: str | None = None


def read_frame(message: bytes) -> Frame | None:
    """Take a binary frame apart; None for kinds nobody knows, and for broken ones."""
    if len(message) < 8:
        return None
    kind, second = struct.unpack(">II", message[:8])
    if kind == PREVIEW:
        return Frame(kind, message[8:])
    if kind not in (TEXT, PREVIEW_WITH_FACTS) or 8 + second > len(message):
        return None
    head, rest = message[8 : 8 + second], message[8 + second :]
    if kind == TEXT:
        return Frame(kind, rest, head.decode("utf-8", "replace"))
    try:
        facts = json.loads(head)
    except (ValueError, RecursionError):
        return None
    if not isinstance(facts, dict):
        return None
    node = facts.get("display_node_id") or facts.get("node_id")
    return Frame(kind, rest, None if node is None else str(node), facts.get("prompt_id"))


@dataclass(slots=True, weakref_slot=True, eq=False)
class JobEar:
    """Listens for one job: overall percentage, the node at work, previews, and what exists only on the socket.

    Attributes:
        nodes: node id → how people call it.
        senders: nodes that send their pictures over the socket instead of storing them.
        outputs: what `executed` messages reported: the only early source, and the last one when the history was cleared.
        pictures: pictures that came from `senders`, as (node id, file).
    """

    prompt_id: str
    nodes: Mapping[str, str]
    senders: Collection[str] = ()
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    pictures: list[tuple[str, bytes]] = field(default_factory=list)
    over: bool = False
    succeeded: bool = False
    _cached: set[str] = field(default_factory=set)
    _done: set[str] = field(default_factory=set)
    _running: dict[str, float] = field(default_factory=dict)
    _current: str | None = None
    _fraction: float | None = None
    _caught: int = 0

    def hear(self, message: str | bytes) -> Report | None:
        """Take one message. Other jobs' messages, and kinds that nobody knows, say nothing."""
        if isinstance(message, bytes):
            frame = read_frame(message)
            return None if frame is None else self._frame(frame)
        data = json.loads(message)
        if not isinstance(data, dict):
            return None
        kind, body = data.get("type"), data.get("data")
        if not isinstance(body, dict) or body.get("prompt_id") != self.prompt_id:
            return None
        return self._event(str(kind), body)

    def _event(self, kind: str, body: Mapping[str, Any]) -> Report | None:
        if kind == "progress_state":
            return self._state(body.get("nodes") or {})
        if kind == "progress":
            return self._progress(body)
        if kind == "executing":
            return self._executing(body)
        if kind == "executed":
            if isinstance(body.get("output"), dict):
                self.outputs[str(body.get("display_node") or body.get("node"))] = body["output"]
            return self._finish(str(body.get("display_node") or body.get("node")))
        if kind == "execution_cached":
            self._cached = {str(node) for node in body.get("nodes") or ()} & self.nodes.keys()
            return self._report()
        if kind == "execution_start":
            return Report(0.0, "started")
        if kind == "execution_success":
            self.succeeded = True
            return Report(1.0, "finishing")
        if kind in ENDINGS:
            self.over = True
        return None

    def _state(self, nodes: Mapping[str, Any]) -> Report:
        for key, row in nodes.items():
            node = str(row.get("display_node_id") or row.get("real_node_id") or key)
            if row.get("state") == "finished":
                if key == node:
                    self._done.add(node)
                    self._running.pop(node, None)
            elif row.get("state") == "running" and node not in self._done:
                self._running[node] = _share(row.get("value"), row.get("max"))
        return self._report()

    def _progress(self, body: Mapping[str, Any]) -> Report:
        node = str(body.get("node") or self._current or "")
        self._current = node
        if node in self.nodes:
            self._running[node] = _share(body.get("value"), body.get("max"))
        steps = f" · step {body.get('value')} of {body.get('max')}" if (body.get("max") or 0) > 1 else ""
        return self._report(steps)

    def _executing(self, body: Mapping[str, Any]) -> Report | None:
        node = body.get("node")
        if node is None:
            # Sent after the history is written: a look now finds it.
            self.over = True
            return None
        self._current = str(body.get("display_node") or node)
        self._running.setdefault(self._current, 0.0)
        return self._report()

    def _finish(self, node: str) -> Report:
        self._done.add(node)
        self._running.pop(node, None)
        return self._report()

    def _report(self, steps: str = "", preview: bytes | None = None) -> Report:
        whole = [node for node in self.nodes if node not in self._cached]
        if whole:
            parts = sum(1.0 for node in whole if node in self._done)
            parts += sum(share for node, share in self._running.items() if node in whole and node not in self._done)
            # A lazy node may run twice; what was shown is not taken back.
            self._fraction = max(self._fraction or 0.0, min(parts / len(whole), 1.0))
        name = self.nodes.get(self._current or "", self._current or "")
        return Report(self._fraction, f"{name}{steps}" if name else "running", preview)

    def _frame(self, frame: Frame) -> Report | None:
        if frame.prompt_id is not None and frame.prompt_id != self.prompt_id:
            return None
        node = frame.node or self._current
        if frame.kind == TEXT:
            text = frame.data.decode("utf-8", "replace").strip()
            return Report(self._fraction, text[:200]) if text and self._current is not None else None
        if node is None:
            return None
        if node in self.senders:
            self._caught += len(frame.data)
            if self._caught <= MAX_CAUGHT:
                self.pictures.append((node, frame.data))
        return self._report(preview=frame.data)


def _share(value: Any, whole: Any) -> float:
    if not isinstance(value, (int, float)) or not isinstance(whole, (int, float)) or whole <= 0:
        return 0.0
    return min(max(value / whole, 0.0), 1.0)
