"""The save format without its sub-graphs: one flat list of nodes and wires.

A sub-graph's instance is a node whose type is the definition's id. Inside, links from node -10 are its inputs and links to node -20 its
outputs. A flattened node's id is the path of instance ids, joined by colons, as ComfyUI itself exports it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.providers.comfyui.graph import MAX_NODES

INPUT_NODE, OUTPUT_NODE = "-10", "-20"
MAX_NESTING = 16
MUTED, BYPASSED = (2,), (4,)
"""Values of a node's mode."""
Wire: TypeAlias = "tuple[str, int]"
"""(node id, output slot)"""


@dataclass(slots=True)
class SavedNode:
    """One node of the flat graph.

    Attributes:
        wires: input name → where its link comes from.
        slots: input names and types by position; a bypassed node needs them.
        given: values that an instance sets on a widget inside it.
    """

    id: str
    type: str
    mode: int
    title: str
    data: Mapping[str, Any]
    wires: dict[str, Wire] = field(default_factory=dict)
    slots: list[tuple[str, str]] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Scope:
    """One level: a graph, the path that leads to it, and what flows in from outside."""

    path: str
    nodes: Mapping[str, Mapping[str, Any]]
    into: dict[tuple[str, int], tuple[str, int]]
    """(node, input slot) → (node, output slot), all inside this level."""
    wires: dict[int, Wire | None] = field(default_factory=dict)
    """Input of this level → the flat wire outside."""
    values: dict[int, Any] = field(default_factory=dict)
    """Input of this level → the value its instance sets, where no wire comes."""
    proxied: dict[tuple[str, str], Any] = field(default_factory=dict)
    """(inner node, widget) → value that its instance shows and keeps."""


class Flattener:
    """Takes a save-format workflow apart."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        where = data.get("definitions") or _mapping(data.get("extra")).get("definitions") or {}
        rows = where.get("subgraphs") or []
        rows = list(rows.values()) if isinstance(rows, Mapping) else rows
        self._definitions: dict[str, Mapping[str, Any]] = {
            str(row["id"]): row for row in rows if isinstance(row, Mapping) and "id" in row
        }
        self.nodes: dict[str, SavedNode] = {}
        self._exits: dict[Wire, Wire | None] = {}
        """(instance, slot) → the wire inside that feeds this output."""

    def flatten(self) -> dict[str, SavedNode]:
        """The flat nodes by id; wires that lead through instances are already resolved.

        Raises:
            InvalidRequestError: beyond the bounds, or a sub-graph inside itself.
        """
        self._level(_scope("", self._data), ())
        for node in self.nodes.values():
            node.wires = {name: wire for name, wire in ((n, self._exit(w)) for n, w in node.wires.items()) if wire}
        return self.nodes

    def _exit(self, wire: Wire | None) -> Wire | None:
        for _ in range(MAX_NESTING * 4):
            if wire is None or wire not in self._exits:
                return wire
            wire = self._exits[wire]
        raise InvalidRequestError("the sub-graphs of the workflow lead into each other in a circle.")

    def _level(self, scope: _Scope, above: tuple[str, ...]) -> None:
        if len(above) > MAX_NESTING:
            raise InvalidRequestError(f"the workflow nests sub-graphs deeper than {MAX_NESTING} levels.")
        for key, data in scope.nodes.items():
            if len(self.nodes) >= MAX_NODES:
                raise InvalidRequestError(f"the workflow has more than {MAX_NODES:,} nodes.")
            definition = self._definitions.get(str(data.get("type")))
            if definition is None:
                self._plain(scope, key, data)
            elif str(data["type"]) in above:
                raise InvalidRequestError(f"the sub-graph {definition.get('name', data['type'])!r} contains itself.")
            else:
                self._instance(scope, key, data, definition, above)

    def _plain(self, scope: _Scope, key: str, data: Mapping[str, Any]) -> None:
        node = SavedNode(
            id=scope.path + key,
            type=str(data.get("type")),
            mode=_whole(data.get("mode")),
            title=str(data.get("title") or ""),
            data=data,
            outputs=[str(row.get("type")) for row in _rows(data.get("outputs"))],
        )
        for slot, row in enumerate(_rows(data.get("inputs"))):
            name = str(_mapping(row.get("widget")).get("name") or row.get("name"))
            node.slots.append((name, str(row.get("type"))))
            wire, value, known = self._incoming(scope, key, slot)
            if wire is not None:
                node.wires[name] = wire
            elif known:
                node.given[name] = value
        for (inner, widget), value in scope.proxied.items():
            if inner == key and widget not in node.wires:
                node.given[widget] = value
        self.nodes[node.id] = node

    def _incoming(self, scope: _Scope, key: str, slot: int) -> tuple[Wire | None, Any, bool]:
        """(wire, value, whether the value counts) of an input."""
        found = scope.into.get((key, slot))
        if found is None:
            return None, None, False
        source, out = found
        if source == INPUT_NODE:
            wire = scope.wires.get(out)
            return wire, scope.values.get(out), wire is None and out in scope.values
        if source not in scope.nodes:
            return None, None, False
        return (scope.path + source, out), None, False

    def _instance(
        self, scope: _Scope, key: str, data: Mapping[str, Any], definition: Mapping[str, Any], above: tuple[str, ...]
    ) -> None:
        own, mode = scope.path + key, _whole(data.get("mode"))
        inner = _scope(f"{own}:", definition)
        rows = _rows(data.get("inputs"))
        names = [str(row.get("name")) for row in _rows(definition.get("inputs"))]
        for slot, row in enumerate(rows):
            # An instance may list fewer inputs than its definition; they are told apart by name.
            number = names.index(row["name"]) if row.get("name") in names else slot
            wire, value, known = self._incoming(scope, key, slot)
            inner.wires[number] = wire
            if known:
                inner.values[number] = value
        self._instance_values(scope, key, data, rows, names, inner)
        if mode in (*MUTED, *BYPASSED):
            # The whole instance counts as one muted or bypassed node.
            self._plain(scope, key, data)
            return
        self._level(inner, (*above, str(data["type"])))
        for slot in range(len(_rows(definition.get("outputs")))):
            found = inner.into.get((OUTPUT_NODE, slot))
            if found is None:
                self._exits[own, slot] = None
            elif found[0] == INPUT_NODE:
                self._exits[own, slot] = inner.wires.get(found[1])
            else:
                self._exits[own, slot] = (inner.path + found[0], found[1])

    def _instance_values(
        self,
        scope: _Scope,
        key: str,
        data: Mapping[str, Any],
        rows: Sequence[Mapping[str, Any]],
        names: list[str],
        inner: _Scope,
    ) -> None:
        """Values that an instance keeps for widgets inside: listed as `proxyWidgets`, or its own inputs that are widgets."""
        values = data.get("widgets_values")
        proxies = [
            (str(row[0]), str(row[1]))
            for row in _mapping(data.get("properties")).get("proxyWidgets") or ()
            if isinstance(row, Sequence) and not isinstance(row, str) and len(row) >= 2
        ]
        widgets = [str(row.get("name")) for row in rows if row.get("widget")]
        pairs: list[tuple[str, str, Any]] = []
        if isinstance(values, Mapping):
            pairs = [(INPUT_NODE, str(name), value) for name, value in values.items()]
        elif isinstance(values, list) and values:
            if len(values) == len(proxies):
                pairs = [(node, widget, value) for (node, widget), value in zip(proxies, values, strict=True)]
            elif len(values) == len(widgets):
                pairs = [(INPUT_NODE, name, value) for name, value in zip(widgets, values, strict=True)]
            elif proxies or any(row.get("widget") and row.get("link") is None for row in rows):
                # Otherwise every one of them is fed by a link, and what the instance keeps does not count.
                raise InvalidRequestError(
                    f"the sub-graph node {scope.path + key} keeps {len(values)} values for {len(proxies) or len(widgets)} "
                    "widgets; which belongs to which cannot be told.",
                    hint="In ComfyUI: File → Export (API).",
                )
        for node, widget, value in pairs:
            if node in ("-1", INPUT_NODE):
                if widget in names and inner.wires.get(names.index(widget)) is None:
                    inner.values[names.index(widget)] = value
            elif ":" in node:
                raise InvalidRequestError(
                    f"the sub-graph node {scope.path + key} shows a widget of a sub-graph inside it."
                )
            else:
                inner.proxied[node, widget] = value


def _scope(path: str, data: Mapping[str, Any]) -> _Scope:
    nodes = {str(row["id"]): row for row in _rows(data.get("nodes")) if "id" in row}
    into: dict[tuple[str, int], tuple[str, int]] = {}
    rows = data.get("links") or []
    for row in rows.values() if isinstance(rows, Mapping) else rows:
        found = _link(row)
        if found is not None:
            into[found[2:]] = found[:2]
    _follow_node_links(nodes, rows if isinstance(rows, list) else list(rows.values()), into)
    return _Scope(path, nodes, into)


def _link(row: Any) -> tuple[str, int, str, int] | None:
    """(from, slot, to, slot) of a link in either notation."""
    if isinstance(row, Mapping):
        parts = [row.get(name) for name in ("origin_id", "origin_slot", "target_id", "target_slot")]
    elif isinstance(row, list) and len(row) >= 5:
        parts = row[1:5]
    else:
        return None
    if not isinstance(parts[1], int) or not isinstance(parts[3], int):
        return None
    return str(parts[0]), parts[1], str(parts[2]), parts[3]


def _follow_node_links(
    nodes: Mapping[str, Mapping[str, Any]], rows: Sequence[Any], into: dict[tuple[str, int], tuple[str, int]]
) -> None:
    """A node's own note of its link wins over the list: slots move when widgets become inputs, and the list lags behind."""
    origins: dict[Any, tuple[str, int]] = {}
    for row in rows:
        found = _link(row)
        if found is not None:
            origins[row.get("id") if isinstance(row, Mapping) else row[0]] = found[:2]
    for key, node in nodes.items():
        for slot, entry in enumerate(_rows(node.get("inputs"))):
            link = entry.get("link")
            if link is None:
                into.pop((key, slot), None)
            elif link in origins:
                into[key, slot] = origins[link]


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0
