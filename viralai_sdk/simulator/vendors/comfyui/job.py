"""One run of one graph on the simulated server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from viralai_sdk.simulator.vendors.comfyui import nodes

if TYPE_CHECKING:
    from viralai_sdk.simulator.vendors.comfyui.server import Server


class Interrupted(Exception):  # noqa: N818
    """The running job was told to stop."""


class Job:
    """One run of one graph."""

    def __init__(self, server: Server, prompt_id: str, graph: Any, client_id: str | None, targets: list[str]) -> None:
        self._server = server
        self._id = prompt_id
        self._graph = graph
        self._client = client_id
        self._targets = targets
        self._states: dict[str, Any] = {}
        self._values: dict[str, Any] = {}
        self._outputs: dict[str, Any] = {}
        self._done: list[str] = []

    def _say(self, kind: str, **data: Any) -> tuple[str, dict[str, Any]]:
        body = {"prompt_id": self._id, **data}
        if self._client is not None or kind in ("progress", "progress_state", "execution_interrupted"):
            self._server.say(kind, body, self._client)
        return kind, body

    def _order(self) -> list[str]:
        found: dict[str, None] = {}

        def visit(key: str) -> None:
            if key not in found:
                for value in self._graph[key].get("inputs", {}).values():
                    if isinstance(value, list) and len(value) == 2 and value[0] in self._graph:
                        visit(value[0])
                found[key] = None

        for key in self._targets:
            visit(key)
        return list(found)

    async def run(self) -> tuple[list[Any], dict[str, Any]]:
        """The messages and outputs that the history keeps."""
        order = self._order()
        signatures = self._signatures(order)
        cached = [key for key in order if signatures[key] in self._server.cache]
        stamp = {"timestamp": int(time.time() * 1000)}
        messages = [self._say("execution_start", **stamp), self._say("execution_cached", nodes=cached, **stamp)]
        for key in order:
            try:
                if key in cached:
                    self._repeat(key, signatures[key])
                else:
                    await self._node(key, signatures[key])
            except nodes.Failure as failure:
                facts = {"node_id": key, "node_type": self._graph[key]["class_type"], "executed": self._done}
                trace = ['  File "/srv/comfyui/execution.py", line 1, in execute\n']
                messages.append(
                    self._say(
                        "execution_error",
                        exception_type=failure.kind,
                        exception_message=str(failure),
                        traceback=trace,
                        current_inputs={},
                        current_outputs=[],
                        **facts,
                        **stamp,
                    )
                )
                return messages, self._outputs
            except Interrupted:
                facts = {"node_id": key, "node_type": self._graph[key]["class_type"], "executed": self._done}
                messages.append(self._say("execution_interrupted", **facts, **stamp))
                return messages, self._outputs
        messages.append(self._say("execution_success", timestamp=int(time.time() * 1000)))
        return messages, self._outputs

    def _signatures(self, order: list[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for key in order:
            values = {
                name: [found[value[0]], value[1]] if isinstance(value, list) and value[0] in found else value
                for name, value in self._graph[key].get("inputs", {}).items()
            }
            found[key] = nodes.signature(self._graph[key]["class_type"], values)
        return found

    def _repeat(self, key: str, signature: str) -> None:
        self._values[key], shown = self._server.cache[signature]
        if self._server.quirks.cached_files_gone:
            self._server.files.clear()
        if shown is not None:
            self._outputs[key] = shown
            self._say("executed", node=key, display_node=key, output=shown)

    def _state(self, key: str, value: float, whole: float, state: str) -> None:
        own = {
            "node_id": key,
            "prompt_id": self._id,
            "display_node_id": key,
            "parent_node_id": None,
            "real_node_id": key,
        }
        self._states[key] = {"value": value, "max": whole, "state": state, **own}
        self._say("progress_state", nodes=dict(self._states))

    async def _node(self, key: str, signature: str) -> None:
        server, node = self._server, self._graph[key]
        if server.interrupted:
            raise Interrupted
        self._state(key, 0.0, 1.0, "running")
        self._say("executing", node=key, display_node=key)
        await asyncio.sleep(server.quirks.pause)
        values = self._inputs(node)
        for item in nodes.run(node["class_type"], values, server.state.media, self._load):
            if isinstance(item, nodes.Step):
                if item.preview is not None:
                    server.show(key, self._id, item.preview, self._client)
                self._state(key, item.value, item.whole, "running")
                self._say("progress", value=item.value, max=item.whole, node=key)
                await asyncio.sleep(item.seconds)
                if server.interrupted:
                    raise Interrupted
            else:
                self._made(key, signature, values, item)
        self._done.append(key)
        self._state(key, 1.0, 1.0, "finished")

    def _inputs(self, node: Mapping[str, Any]) -> dict[str, Any]:
        described = self._server.classes[node["class_type"]]["input"]
        known = {**described["required"], **described.get("optional", {})}
        found = {name: row[1]["default"] for name, row in known.items() if len(row) > 1 and "default" in row[1]}
        for name, value in node.get("inputs", {}).items():
            link = isinstance(value, list) and len(value) == 2 and value[0] in self._values
            found[name] = self._values[value[0]][value[1]] if link else value
        return found

    def _load(self, name: str) -> bytes:
        folder, _, file = name.rpartition("/")
        return self._server.files["input", folder, file]

    def _made(self, key: str, signature: str, values: Mapping[str, Any], made: nodes.Made) -> None:
        server = self._server
        self._values[key] = made.values
        for number, picture in enumerate(made.sent or ()):
            self._say("progress", value=number, max=len(made.sent or ()), node=key)
            server.show(key, self._id, picture, self._client)
        shown: dict[str, Any] | None = None
        if made.files is not None:
            prefix = values.get("filename_prefix", "ComfyUI_temp")
            place = "images" if server.quirks.all_images else made.key
            shown = {place: [server.store(prefix, ending, data, made.type) for ending, data in made.files]}
        if made.extra is not None:
            shown = {**(shown or {}), **made.extra}
        if shown is None and server.quirks.extra_outputs and made.values and isinstance(made.values[0], list):
            shown = {"images": [server.store("extra", ".png", nodes.png(made.values[0][0]), "temp")]}
        server.cache[signature] = (made.values, shown)
        if shown is not None:
            self._outputs[key] = shown
            self._say("executed", node=key, display_node=key, output=shown)
