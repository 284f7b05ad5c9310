"""Workflow files: which of ComfyUI's formats one is in, and the graph that a server runs.

The API format is a map of node id → {class_type, inputs, _meta}. An input is a literal, or a link `["node id", slot]`.
"""

from __future__ import annotations

import copy
import json
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from viralai_sdk.interfaces.errors import InvalidRequestError

Graph: TypeAlias = "dict[str, dict[str, Any]]"
Format = Literal["api", "save", "named"]

MAX_BYTES = 32 * 1024 * 1024
MAX_NODES = 10_000
MAX_DEPTH = 64
"""Bounds of a workflow file: it may come from anywhere."""
PNG = b"\x89PNG\r\n\x1a\n"
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


def read_workflow(source: str | Path | bytes | Mapping[str, Any]) -> dict[str, Any]:
    """A workflow as its file has it: from a path (JSON, or a PNG that ComfyUI made), JSON text, or a mapping, which is copied.

    Raises:
        InvalidRequestError: no such file, no JSON, no workflow, or beyond the bounds.
    """
    if isinstance(source, Mapping):
        data: Any = copy.deepcopy(dict(source)) if _shallow(source) else None
    elif isinstance(source, str) and source.lstrip().startswith("{"):
        data = _parse(source.encode("utf-8", "replace"), "the text")
    elif isinstance(source, bytes):
        data = _parse(source, "the file")
    else:
        data = _parse(_read(Path(source)), Path(source).name)
    if not isinstance(data, dict) or not _shallow(data):
        raise InvalidRequestError("a workflow is a JSON object that is not nested endlessly; this is none.")
    return data


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES * 4:
            raise InvalidRequestError(f"{path.name} is too large for a workflow.")
        return path.read_bytes()
    except OSError as error:
        raise InvalidRequestError(
            f"the workflow {str(path)!r} cannot be read: {error.strerror}.", hint="Check the path."
        ) from error


def _parse(data: bytes, name: str) -> Any:
    if data.startswith(PNG):
        return _from_png(data, name)
    if len(data) > MAX_BYTES:
        raise InvalidRequestError(f"{name} has {len(data):,} bytes; a workflow has at most {MAX_BYTES:,}.")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"{name} is no JSON ({error.__class__.__name__}).") from error


def _from_png(data: bytes, name: str) -> Any:
    """The graph that ComfyUI wrote into a picture, chunk by chunk; the save format when only that is there."""
    found: dict[str, bytes] = {}
    position = len(PNG)
    while position + 12 <= len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        kind, body = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        position += 12 + length
        if kind == b"tEXt" and len(body) <= MAX_BYTES:
            key, _, value = body.partition(b"\0")
            found[key.decode("latin-1")] = value
        elif kind == b"iTXt" and len(body) <= MAX_BYTES:
            key, _, rest = body.partition(b"\0")
            value = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
            found[key.decode("latin-1")] = _inflate(value) if rest[:1] == b"\1" else value
    for word in ("prompt", "workflow"):
        if word in found:
            return _parse(found[word], f"the {word} in {name}")
    raise InvalidRequestError(f"{name} holds no workflow.", hint="ComfyUI writes none with --disable-metadata.")


def _inflate(value: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(value, MAX_BYTES)
    except zlib.error as error:
        raise InvalidRequestError("the workflow in the picture is damaged.") from error


def _shallow(value: Any) -> bool:
    """True when nothing is nested deeper than `MAX_DEPTH`; walks without recursion."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, (Mapping, list))
            for child in (item.values() if isinstance(item, Mapping) else item)
        ]
        if not level:
            return True
    return False


def format_of(data: Mapping[str, Any]) -> Format:
    """Which format a workflow is in.

    Raises:
        InvalidRequestError: in none that is known.
    """
    if isinstance(data.get("nodes"), list) and isinstance(data.get("links", []), (list, dict)):
        return "save"
    inner = data.get("workflow")
    if isinstance(inner, Mapping) and isinstance(inner.get("nodes"), Mapping):
        return "named"
    if data and all(isinstance(node, Mapping) and "class_type" in node for node in data.values()):
        return "api"
    if isinstance(data.get("prompt"), Mapping) and "class_type" not in data:
        return format_of(data["prompt"])
    raise InvalidRequestError(
        "this is no ComfyUI workflow: neither nodes with a class_type (API format) nor nodes and links (save format).",
        hint="In ComfyUI: File → Export (API).",
    )


def api_graph(data: Mapping[str, Any]) -> Graph:
    """The graph of an API-format workflow, checked in form: string ids, inputs, and links that lead somewhere.

    Raises:
        InvalidRequestError: what is wrong and with which node.
    """
    if "prompt" in data and isinstance(data["prompt"], Mapping) and "class_type" not in data["prompt"]:
        data = data["prompt"]
    if len(data) > MAX_NODES:
        raise InvalidRequestError(f"the workflow has {len(data):,} nodes; at most {MAX_NODES:,} are taken.")
    graph: Graph = {}
    for key, node in data.items():
        if not isinstance(node, Mapping) or not isinstance(node.get("class_type"), str):
            raise InvalidRequestError(f"node {key!r} has no class_type.")
        inputs = node.get("inputs", {})
        if not isinstance(inputs, Mapping):
            raise InvalidRequestError(f"the inputs of node {key!r} are no object.")
        graph[str(key)] = {**node, "inputs": {str(name): _link_ids(value) for name, value in inputs.items()}}
    check_links(graph)
    return graph


def _link_ids(value: Any) -> Any:
    """Link ids must be strings on the wire; files written by hand often have numbers."""
    if isinstance(value, list) and len(value) == 2 and _is_int(value[0]) and _is_int(value[1]):
        return [str(value[0]), value[1]]
    return value


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_link(value: Any) -> bool:
    """True for `["node id", slot]`."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and _is_int(value[1])


def literal(value: Any) -> Any:
    """A value as the server takes it: a bare list would be taken for a link."""
    return {"__value__": value} if isinstance(value, list) else value


def links_of(node: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """(input name, node id, slot) of every link into a node."""
    for name, value in node["inputs"].items():
        if is_link(value):
            yield name, value[0], value[1]


def check_links(graph: Graph) -> None:
    """Refuse links to nodes that are not there, and circles.

    Raises:
        InvalidRequestError: it names the nodes.
    """
    for key, node in graph.items():
        for name, source, _ in links_of(node):
            if source not in graph:
                raise InvalidRequestError(
                    f"input {name!r} of {label(graph, key)} comes from node {source!r}, which is not in the workflow."
                )
    waiting = {key: {source for _, source, _ in links_of(node)} for key, node in graph.items()}
    ready = [key for key, sources in waiting.items() if not sources]
    users: dict[str, list[str]] = {}
    for key, sources in waiting.items():
        for source in sources:
            users.setdefault(source, []).append(key)
    done = 0
    while ready:
        source = ready.pop()
        done += 1
        for key in users.get(source, ()):
            waiting[key].discard(source)
            if not waiting[key]:
                ready.append(key)
    if done < len(graph):
        circle = ", ".join(label(graph, key) for key in [key for key in graph if waiting[key]][:4])
        raise InvalidRequestError(f"the workflow runs in a circle through {circle}.")


def title(node: Mapping[str, Any]) -> str:
    """What the user called a node, "" when it has no title."""
    meta = node.get("_meta")
    found = meta.get("title") if isinstance(meta, Mapping) else None
    return found if isinstance(found, str) else ""


def label(graph: Graph, key: str) -> str:
    """A node as messages name it: node 3 (KSampler "second pass")."""
    node = graph.get(key)
    if node is None:
        return f"node {key}"
    named = title(node)
    return f"node {key} ({node['class_type']}" + (f" {named!r})" if named and named != node["class_type"] else ")")


def placeholders(graph: Graph) -> dict[str, list[tuple[str, str]]]:
    """`${name}` in the literals: name → [(node id, input name)]."""
    found: dict[str, list[tuple[str, str]]] = {}
    for key, node in graph.items():
        for name, value in node["inputs"].items():
            if isinstance(value, str):
                for word in dict.fromkeys(PLACEHOLDER.findall(value)):
                    found.setdefault(word, []).append((key, name))
    return found


def fill(text: str, values: Mapping[str, Any]) -> Any:
    """A literal with its placeholders filled. One that is nothing but a placeholder becomes the value itself, type and all."""
    whole = PLACEHOLDER.fullmatch(text)
    if whole and whole[1] in values:
        return values[whole[1]]
    return PLACEHOLDER.sub(lambda match: str(values[match[1]]) if match[1] in values else match[0], text)


def named_graph(data: Mapping[str, Any]) -> Graph:
    """A workflow of the shape {"workflow": {"nodes": {name: {type, inputs}}}} as a graph: same links, `type` for `class_type`.

    Raises:
        InvalidRequestError: a node without a type; links as in `api_graph`.
    """
    nodes = data["workflow"]["nodes"]
    converted: dict[str, Any] = {}
    for name, node in nodes.items():
        kind = (node.get("type") or node.get("class_type")) if isinstance(node, Mapping) else None
        if not isinstance(kind, str):
            raise InvalidRequestError(f"node {name!r} of the workflow has no type.")
        converted[name] = {"class_type": kind, "inputs": node.get("inputs", {}), "_meta": {"title": str(name)}}
    return api_graph(converted)
