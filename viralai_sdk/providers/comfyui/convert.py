"""From the save format (what ComfyUI's editor writes) to the graph that a server runs.

The server has no such conversion; the editor does it when it queues. What is needed to do it here is the order of each class's widgets,
which the server tells. What cannot be converted for certain is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import suggest
from viralai_sdk.providers.comfyui.flatten import BYPASSED, MUTED, Flattener, SavedNode, Wire
from viralai_sdk.providers.comfyui.graph import Graph, check_links, literal
from viralai_sdk.providers.comfyui.parameters import SEED_INPUTS, Place
from viralai_sdk.providers.comfyui.schema import PLAIN, Input, NodeClass, Schema, check_value

EXPORT = "In ComfyUI: File → Export (API)."
NOTES = ("Note", "MarkdownNote")
REROUTE, PRIMITIVE = "Reroute", "PrimitiveNode"
SET_NODE, GET_NODE = "SetNode", "GetNode"
AFTER_GENERATE = ("fixed", "increment", "decrement", "randomize", "increment-wrap")
"""Values of the widget that changes a seed after each run. It exists in the editor only."""
MAX_HOPS = 1000


def convert(data: Mapping[str, Any], schema: Schema) -> Graph:
    """The graph of a save-format workflow.

    Raises:
        InvalidRequestError: what cannot be converted, with which node and why.
    """
    return _Converter(Flattener(data).flatten(), schema).graph()


def classes_of(data: Mapping[str, Any]) -> list[str]:
    """The classes whose description a conversion needs."""
    nodes = Flattener(data).flatten().values()
    return sorted({node.type for node in nodes if node.mode not in (*MUTED, *BYPASSED) and not _only_in_editor(node)})


def exposed(data: Mapping[str, Any], graph: Graph) -> dict[str, list[Place]]:
    """The inputs that the app mode shows (`extra.linearData`), by widget name."""
    extra = data.get("extra")
    linear = extra.get("linearData") if isinstance(extra, Mapping) else None
    found: dict[str, list[Place]] = {}
    for row in (linear.get("inputs") if isinstance(linear, Mapping) else None) or ():
        if isinstance(row, list) and row and isinstance(row[-1], str):
            parts = [part for item in row for part in str(item).split(":")]
            widget, path = parts[-1], parts[:-1]
            # In sub-graphs the path may begin with the definition's id; what identifies the node is the path's end.
            keys = [key for key in graph if key == ":".join(path) or (path and key.split(":")[-1] == path[-1])]
            exact = [key for key in keys if key == ":".join(path)] or keys
            if len(exact) == 1:
                found.setdefault(widget, []).append(Place(exact[0], widget))
    return found


def exposed_outputs(data: Mapping[str, Any]) -> list[str]:
    """Ids of the output nodes that the app mode shows."""
    extra = data.get("extra")
    linear = extra.get("linearData") if isinstance(extra, Mapping) else None
    return [str(item) for item in (linear.get("outputs") if isinstance(linear, Mapping) else None) or ()]


def _only_in_editor(node: SavedNode) -> bool:
    return node.type in (*NOTES, REROUTE, PRIMITIVE, SET_NODE, GET_NODE)


class _Converter:
    def __init__(self, nodes: Mapping[str, SavedNode], schema: Schema) -> None:
        self._nodes = nodes
        self._schema = schema
        self._named = {_first(node): node for node in nodes.values() if node.type == SET_NODE}

    def graph(self) -> Graph:
        graph: Graph = {}
        for node in self._nodes.values():
            if node.mode in (*MUTED, *BYPASSED) or _only_in_editor(node):
                continue
            known = self._schema.get(node.type)
            if known is None:
                if not node.wires and not any(
                    node.id == wire[0] for other in self._nodes.values() for wire in other.wires.values()
                ):
                    continue  # a panel or label of some extension: it touches nothing
                raise self._unknown(node)
            graph[node.id] = {
                "inputs": self._inputs(node, known),
                "class_type": node.type,
                "_meta": {"title": node.title or known.title or node.type},
            }
        if not graph:
            raise InvalidRequestError("nothing of the workflow would run: every node is muted, bypassed or a note.")
        check_links(graph)
        return graph

    def _unknown(self, node: SavedNode) -> InvalidRequestError:
        if node.type.startswith(("workflow>", "workflow/")):
            return InvalidRequestError(
                f"node {node.id} is a group node ({node.type}), which is not converted.",
                hint=f"Turn it into a sub-graph, or export it. {EXPORT}",
            )
        pack = _properties(node).get("cnr_id") or _properties(node).get("aux_id")
        where = f"It belongs to the custom nodes {pack!r}." if pack and pack != "comfy-core" else ""
        near = suggest(node.type, self._schema, where or "Its custom nodes may not be installed.")
        return InvalidRequestError(
            f"node {node.id}: the server has no class {node.type!r}, so its widgets are unknown.", hint=near
        )

    def _inputs(self, node: SavedNode, known: NodeClass) -> dict[str, Any]:
        inputs: dict[str, Any] = {name: literal(value) for name, value in self._widgets(node, known).items()}
        for name, wire in node.wires.items():
            source = self._follow(wire)
            if isinstance(source, _Value):
                inputs[name] = literal(source.value)
            elif source is not None:
                inputs[name] = [source[0], source[1]]
            elif known.accepts(name, inputs) is None or not _is_widget(known, name, inputs):
                inputs.pop(name, None)
        return inputs

    def _follow(self, wire: Wire | None) -> Wire | _Value | None:
        """What really feeds a wire, behind reroutes, bypassed nodes and the like; None when nothing does."""
        for _ in range(MAX_HOPS):
            if wire is None:
                return None
            node = self._nodes.get(wire[0])
            if node is None:
                return None
            # Nodes of the editor alone pass on what they get even while muted: their mode says nothing, as they never run.
            if node.type == PRIMITIVE:
                return _Value(_first(node, node.given.get("value")))
            if node.type == REROUTE:
                wire = next(iter(node.wires.values()), None)
            elif node.type == GET_NODE:
                setter = self._named.get(_first(node))
                wire = next(iter(setter.wires.values()), None) if setter else None
            elif node.type == SET_NODE:
                wire = next(iter(node.wires.values()), None)
            elif node.mode in MUTED:
                return None
            elif node.mode in BYPASSED:
                wire = _through(node, wire[1])
            else:
                return wire
        raise InvalidRequestError("the workflow's wires run in a circle.")

    def _widgets(self, node: SavedNode, known: NodeClass) -> dict[str, Any]:
        values = node.data.get("widgets_values_named") or node.data.get("widgets_values")
        if isinstance(values, Mapping):
            found = {name: value for name, value in values.items() if known.accepts(name, values) is not None}
        else:
            found = _by_position(node, known, list(values) if isinstance(values, list) else [])
        found |= {name: value for name, value in node.given.items() if known.accepts(name, found) is not None}
        for item in known.flat(found):
            if item.widget and item.name not in found and (value := _initial(item)) is not None:
                found[item.name] = value
        return found


def _initial(item: Input) -> Any:
    """What the editor puts into a widget that the file knows nothing of, optional ones included: a newer class may have it."""
    empty = {"STRING": "", "BOOLEAN": False}.get(item.kind)
    return item.default if item.default is not None else empty


class _Value:
    """A literal that a primitive node feeds."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _by_position(node: SavedNode, known: NodeClass, values: list[Any]) -> dict[str, Any]:
    """Widgets are stored in the order of the class's inputs, with widgets in between that only the editor has."""
    found: dict[str, Any] = {}
    names = {
        str(row["widget"].get("name"))
        for row in node.data.get("inputs") or ()
        if isinstance(row, Mapping) and isinstance(row.get("widget"), Mapping)
    }
    position = 0
    for item in known.flat(found):
        if not (item.widget or item.name in names) or item.options.get("socketless") is False:
            continue
        if position >= len(values):
            break
        value = values[position]
        if value is None and item.kind in PLAIN and item.default is not None:
            value = item.default
        _check(node, item, value)
        found[item.name] = value
        position += 1
        if position < len(values) and _followed(item, values[position]):
            position += 1
        if item.upload and position < len(values) and isinstance(values[position], (str, type(None))):
            # The button's own value. It is the last widget of all loaders but a few, whose next value would not be text.
            following = _next(known, found, item)
            if (
                following is None
                or following.kind in ("INT", "FLOAT", "BOOLEAN")
                or values[position] in ("image", None, "")
            ):
                position += 1
    return found


def _next(known: NodeClass, found: Mapping[str, Any], item: Input) -> Input | None:
    after = False
    for other in known.flat(found):
        if after and other.widget:
            return other
        after = after or other.name == item.name
    return None


def _followed(item: Input, value: Any) -> bool:
    """True when the value after this input's own belongs to its "control after generate"."""
    if item.kind not in ("INT", "FLOAT", "COMBO"):
        return False
    if isinstance(value, bool):
        return item.kind == "INT" and (bool(item.options.get("control_after_generate")) or item.name in SEED_INPUTS)
    # Its words stand nowhere else after a number; after a choice they count only where the server says so.
    return value in AFTER_GENERATE and (item.kind != "COMBO" or bool(item.options.get("control_after_generate")))


def _check(node: SavedNode, item: Input, value: Any) -> None:
    """A value of the wrong type means that the file's widgets are not those of the server's class."""
    kinds: dict[str, tuple[type, ...]] = {
        "INT": (int, float),
        "FLOAT": (int, float),
        "STRING": (str,),
        "BOOLEAN": (bool,),
    }
    wanted = kinds.get(item.kind)
    wrong = wanted is not None and (
        not isinstance(value, wanted) or (item.kind in ("INT", "FLOAT") and isinstance(value, bool))
    )
    if item.kind == "STRING" and isinstance(value, (int, float)):
        wrong = False
    if wrong or (
        item.kind == "COMBO" and isinstance(value, (dict, list)) and check_value(item, value) and not item.options
    ):
        raise InvalidRequestError(
            f"node {node.id} ({node.type}): the value {str(value)[:40]!r} stands where {item.name!r} ({item.kind}) is expected; "
            "the file was saved with another version of this node.",
            hint=EXPORT,
        )


def _is_widget(known: NodeClass, name: str, values: Mapping[str, Any]) -> bool:
    found = known.accepts(name, values)
    return found is not None and found.widget


def _through(node: SavedNode, slot: int) -> Wire | None:
    """The input that a bypassed node hands on for an output: the one beside it when the types agree, else the first that does."""
    kind = node.outputs[slot] if slot < len(node.outputs) else "*"
    order = [*node.slots[slot : slot + 1], *node.slots]
    for name, offered in order:
        if name in node.wires and (offered == kind or "*" in (offered, kind)):
            return node.wires[name]
    return None


def _first(node: SavedNode, given: Any = None) -> Any:
    if given is not None:
        return given
    values = node.data.get("widgets_values")
    if isinstance(values, Mapping):
        return next(iter(values.values()), None)
    return values[0] if isinstance(values, list) and values else None


def _properties(node: SavedNode) -> Mapping[str, Any]:
    found = node.data.get("properties")
    return found if isinstance(found, Mapping) else {}
