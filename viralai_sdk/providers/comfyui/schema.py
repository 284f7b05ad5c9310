"""What a server says of its node classes (`/object_info`), and checks of a graph against it.

A server ignores unknown input names without a word and does not check every choice, so a typo is found here or never.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import suggest
from viralai_sdk.providers.comfyui.graph import Graph, is_link, label, links_of

PLAIN = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
DYNAMIC_COMBO, AUTOGROW = "COMFY_DYNAMICCOMBO_V3", "COMFY_AUTOGROW_V3"
FILE_ENDINGS = (".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".onnx", ".pkl")
UPLOADS = ("image_upload", "audio_upload", "video_upload", "file_upload", "animated_image_upload")
MAX_SHOWN = 12
MISSING = "is missing."
"""How the sentence about an absent input ends."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a class.

    Attributes:
        kind: INT, FLOAT, STRING, BOOLEAN, COMBO, or the type of a link.
        choices: of a combo; None when the server does not list them here.
        options: the rest of what the server says: default, min, max, step, multiline, …
        branches: of a dynamic combo: its key → the inputs that come with it.
    """

    name: str
    kind: str
    required: bool
    choices: Sequence[Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    branches: Mapping[str, Sequence[Input]] = field(default_factory=dict)

    @property
    def widget(self) -> bool:
        """True when the value is set on the node itself and not only by a link."""
        return self.kind in (*PLAIN, DYNAMIC_COMBO) and not self.options.get("forceInput")

    @property
    def default(self) -> Any:
        """Value when nobody gives one: the server's, or a combo's first choice."""
        if "default" in self.options:
            return self.options["default"]
        return self.choices[0] if self.choices else None

    @property
    def fresh(self) -> bool:
        """True for choices in the newer notation, which older servers do not check themselves."""
        return self.kind == DYNAMIC_COMBO or (self.kind == "COMBO" and "options" in self.options)

    @property
    def upload(self) -> bool:
        """True when it takes the name of an uploaded file."""
        return any(self.options.get(name) for name in UPLOADS)


@dataclass(frozen=True, slots=True)
class NodeClass:
    """One class of nodes."""

    name: str
    inputs: Sequence[Input]
    outputs: Sequence[str] = ()
    is_output: bool = False
    title: str = ""

    def accepts(self, name: str, values: Mapping[str, Any]) -> Input | None:
        """The input of a name, dotted ones of dynamic inputs included; None when the class has none of that name."""
        for item in self.flat(values):
            if item.name == name:
                return item
        for item in self.inputs:
            if item.kind == AUTOGROW and name.startswith(f"{item.name}."):
                return Input(name, "*", False)
        return None

    def flat(self, values: Mapping[str, Any]) -> Iterator[Input]:
        """The inputs in order; after a dynamic combo, those that its present choice brings."""
        yield from _flat(self.inputs, values)


def _flat(inputs: Sequence[Input], values: Mapping[str, Any], depth: int = 0) -> Iterator[Input]:
    for item in inputs:
        yield item
        if item.kind == DYNAMIC_COMBO and depth < 8:
            chosen = values.get(item.name, item.default)
            if isinstance(chosen, str):
                yield from _flat(item.branches.get(chosen, ()), values, depth + 1)


def read_class(name: str, data: Mapping[str, Any]) -> NodeClass:
    """One class out of `/object_info`. Keys nobody knows are passed over."""
    sections = data.get("input") or {}
    inputs = [
        found
        for section in ("required", "optional")
        for key, row in _ordered(data, sections, section)
        if (found := _input(key, row, section == "required")) is not None
    ]
    return NodeClass(
        name=name,
        inputs=inputs,
        outputs=[str(kind) if isinstance(kind, str) else "COMBO" for kind in data.get("output") or ()],
        is_output=bool(data.get("output_node")),
        title=data.get("display_name") or "",
    )


def _ordered(data: Mapping[str, Any], sections: Mapping[str, Any], section: str) -> list[tuple[str, Any]]:
    rows = sections.get(section) or {}
    order = (data.get("input_order") or {}).get(section) or list(rows)
    return [(name, rows[name]) for name in [*order, *(key for key in rows if key not in order)] if name in rows]


def _input(name: str, row: Any, required: bool, prefix: str = "") -> Input | None:
    if not isinstance(row, (list, tuple)) or not row:
        return None
    kind, options = row[0], row[1] if len(row) > 1 and isinstance(row[1], Mapping) else {}
    name = prefix + name
    if isinstance(kind, list):
        return Input(name, "COMBO", required, kind, options)
    kind = str(kind)
    if kind == DYNAMIC_COMBO:
        branches = {
            str(option.get("key")): _branch(option, name)
            for option in options.get("options") or ()
            if isinstance(option, Mapping)
        }
        return Input(name, kind, required, list(branches), options, branches)
    choices = options.get("options") if kind == "COMBO" else None
    return Input(name, kind, required, choices if isinstance(choices, list) else None, options)


def _branch(option: Mapping[str, Any], name: str) -> list[Input]:
    sections = option.get("inputs") or {}
    return [
        found
        for section in ("required", "optional")
        for key, row in (sections.get(section) or {}).items()
        if (found := _input(key, row, section == "required", f"{name}.")) is not None
    ]


Schema = Mapping[str, NodeClass]


def read_schema(data: Mapping[str, Any]) -> dict[str, NodeClass]:
    """All classes of an `/object_info` answer."""
    return {name: read_class(name, row) for name, row in data.items() if isinstance(row, Mapping)}


def check_graph(graph: Graph, schema: Schema) -> list[str]:
    """What would certainly go wrong, in sentences; empty when nothing would. Values that the server checks itself are left to it.

    Input names that nobody knows are common in exported files (left-overs of buttons) and harmless; one that is nearly the name of an
    input which is missing is a typo, and the server would run without the value.
    """
    problems = []
    for key, node in graph.items():
        if node["class_type"] not in schema:
            near = suggest(node["class_type"], schema, "Its custom nodes may not be installed.")
            problems.append(f"{label(graph, key)}: the server has no such class. {near}")
    for key in needed(graph, schema):
        known = schema.get(graph[key]["class_type"])
        if known is not None:
            problems += [f"{label(graph, key)}: {text}" for text in _check_node(graph[key]["inputs"], known)]
    return problems


def needed(graph: Graph, schema: Schema) -> list[str]:
    """The nodes that lead to an output, in the graph's order: only those are run and checked by the server."""
    found: set[str] = set()
    todo = [key for key, node in graph.items() if (known := schema.get(node["class_type"])) and known.is_output]
    while todo:
        key = todo.pop()
        if key not in found and key in graph:
            found.add(key)
            todo += [source for _, source, _ in links_of(graph[key])]
    return [key for key in graph if key in found]


def _check_node(values: Mapping[str, Any], known: NodeClass) -> Iterator[str]:
    missing = [
        item.name
        for item in known.flat(values)
        if item.required and item.name not in values and item.kind != AUTOGROW and not item.options.get("lazy")
    ]
    for name, value in values.items():
        found = known.accepts(name, values)
        if found is None:
            absent = [item.name for item in known.flat(values) if item.name not in values]
            near = difflib.get_close_matches(name, absent, n=1, cutoff=0.7)
            if near:
                missing = [other for other in missing if other != near[0]]
                yield f"it has no input {name!r}. Did you mean {near[0]!r}?"
        elif found.fresh and not is_link(value) and (problem := check_value(found, value)):
            yield f"{name} {problem}"
    for name in missing:
        yield f"the input {name!r} {MISSING}"


def check_value(item: Input, value: Any) -> str | None:
    """What is wrong with a literal for an input, as the end of a sentence; None when it is right."""
    if isinstance(value, Mapping) and "__value__" in value:
        return None
    if item.kind == "INT" and (isinstance(value, bool) or not isinstance(value, (int, float)) or value != _int(value)):
        return f"must be a whole number, not {value!r}."
    if item.kind == "FLOAT" and (isinstance(value, bool) or not isinstance(value, (int, float))):
        return f"must be a number, not {value!r}."
    if item.kind in ("INT", "FLOAT"):
        return _range(item, value)
    if item.kind == "STRING" and not isinstance(value, str):
        return f"must be text, not {value!r}."
    if item.kind == "BOOLEAN" and not isinstance(value, bool):
        return f"must be true or false, not {value!r}."
    if item.kind in ("COMBO", DYNAMIC_COMBO) and item.choices is not None:
        return _choice(item, value)
    return None


def _int(value: int | float) -> int | None:
    return int(value) if math.isfinite(value) else None


def _range(item: Input, value: float) -> str | None:
    low, high = item.options.get("min"), item.options.get("max")
    if not math.isfinite(value):
        return "must be a finite number."
    if isinstance(low, (int, float)) and value < low:
        return f"must be at least {low}, not {value}."
    if isinstance(high, (int, float)) and value > high:
        return f"must be at most {high}, not {value}."
    return None


def _choice(item: Input, value: Any) -> str | None:
    assert item.choices is not None
    if value in item.choices or item.upload or item.options.get("multiselect") or "remote" in item.options:
        return None
    if is_file(value) or not item.choices:
        shown = ", ".join(map(str, item.choices[:MAX_SHOWN])) or "none"
        return f"is {value!r}, which the server does not have. It has: {shown}."
    near = suggest(str(value), map(str, item.choices), f"Choices: {', '.join(map(str, item.choices[:MAX_SHOWN]))}.")
    return f"cannot be {value!r}. {near}"


def is_file(value: Any) -> bool:
    """True for the name of a model file."""
    return isinstance(value, str) and value.lower().endswith(FILE_ENDINGS)


def refuse(problems: Sequence[str], *, hint: str | None = None) -> InvalidRequestError:
    """The error for a graph with these problems."""
    shown = " · ".join(problems[:8]) + (f" · and {len(problems) - 8} more" if len(problems) > 8 else "")
    return InvalidRequestError(f"the workflow cannot run on this server: {shown}", hint=hint)
