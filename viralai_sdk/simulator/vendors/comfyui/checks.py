"""What the simulated server refuses, in the words of each version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Crash(Exception):  # noqa: N818 - the server's own fault, answered with 500
    """Something the real server does not catch."""


def top(kind: str, message: str, details: str = "", extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An error of the whole prompt."""
    return {"type": kind, "message": message, "details": details, "extra_info": dict(extra or {})}


def validate(
    graph: Any,
    classes: Mapping[str, Any],
    files: Mapping[tuple[str, str, str], Any],
    *,
    new: bool,
    choices: bool = True,
) -> tuple[dict[str, Any] | None, list[str], dict[str, Any]]:
    """(error of the whole, output nodes that are fine, errors by node). Without `choices` any value passes for one.

    Raises:
        Crash: input that the server stumbles over.
    """
    if not isinstance(graph, dict):
        raise Crash
    for key, node in graph.items():
        if not isinstance(node, dict) or "class_type" not in node:
            if new and not isinstance(node, dict):
                raise Crash
            details = f"Node ID '#{key}'"
            return (
                top("invalid_prompt", "Cannot execute because a node is missing the class_type property.", details),
                [],
                {},
            )
        if node["class_type"] not in classes:
            return _unknown(key, node, new), [], {}
    outputs = [key for key, node in graph.items() if classes[node["class_type"]]["output_node"]]
    if not outputs:
        return top("prompt_no_outputs", "Prompt has no outputs"), [], {}
    good: list[str] = []
    errors: dict[str, Any] = {}
    for key in outputs:
        try:
            bad = _branch(graph, key, classes, files, new, ())
            if not choices:
                kept = {node: [row for row in rows if row["type"] != "value_not_in_list"] for node, rows in bad.items()}
                bad = {node: rows for node, rows in kept.items() if rows}
        except RecursionError:
            return (top("dependency_cycle", "Dependency cycle detected") if new else top("invalid_prompt", "")), [], {}
        if not bad:
            good.append(key)
        for node, rows in bad.items():
            entry = errors.setdefault(
                node, {"errors": rows, "dependent_outputs": [], "class_type": graph[node]["class_type"]}
            )
            entry["dependent_outputs"].append(key)
    if good:
        return None, good, errors
    return top("prompt_outputs_failed_validation", "Prompt outputs failed validation"), [], errors


def _unknown(key: str, node: Mapping[str, Any], new: bool) -> dict[str, Any]:
    kind = node["class_type"]
    if not new:
        return top("invalid_prompt", f"Cannot execute because node {kind} does not exist.", f"Node ID '#{key}'")
    name = (node.get("_meta") or {}).get("title") or kind
    extra = {"node_id": key, "class_type": kind, "node_title": name}
    message = f"Node '{name}' not found. The custom node may not be installed."
    return top("missing_node_type", message, f"Node ID '#{key}'", extra)


def _branch(
    graph: Mapping[str, Any],
    key: str,
    classes: Mapping[str, Any],
    files: Mapping[Any, Any],
    new: bool,
    above: tuple[str, ...],
) -> dict[str, list[dict[str, Any]]]:
    if key in above:
        raise RecursionError
    node = graph[key]
    described = classes[node["class_type"]]["input"]
    found: dict[str, list[dict[str, Any]]] = {}
    rows = [
        error
        for name, config in described["required"].items()
        if (error := _input(graph, node, name, config, files, new)) is not None
    ]
    if rows:
        found[key] = rows
    for value in node.get("inputs", {}).values():
        if isinstance(value, list) and len(value) == 2 and value[0] in graph:
            found |= _branch(graph, value[0], classes, files, new, (*above, key))
    return found


def _input(graph: Any, node: Any, name: str, config: Any, files: Any, new: bool) -> dict[str, Any] | None:
    kind, options = config[0], config[1] if len(config) > 1 else {}
    values = node.get("inputs", {})
    extra = {"input_name": name, "input_config": config}
    if name not in values:
        return (
            None
            if kind == "COMFY_AUTOGROW_V3"
            else top("required_input_missing", "Required input is missing", name, extra)
        )
    value = values[name]
    if isinstance(value, list):
        if len(value) != 2:
            return top(
                "bad_linked_input", "Bad linked input, must be a length-2 list of [node_id, slot_index]", name, extra
            )
        if value[0] not in graph:
            return top(
                "exception_during_validation",
                "Exception when validating node",
                repr(value[0]),
                {"exception_type": "KeyError"},
            )
        return None
    extra["received_value"] = value
    if kind in ("INT", "FLOAT"):
        try:
            value = values[name] = int(value) if kind == "INT" else float(value)
        except (TypeError, ValueError) as error:
            return top(
                "invalid_input_type",
                f"Failed to convert an input value to a {kind} value",
                f"{name}, {value}, {error}",
                extra,
            )
        if "min" in options and value < options["min"]:
            return top("value_smaller_than_min", f"Value {value} smaller than min of {options['min']}", name, extra)
        if "max" in options and value > options["max"]:
            return top("value_bigger_than_max", f"Value {value} bigger than max of {options['max']}", name, extra)
    if options.get("image_upload"):
        folder, _, file = str(value).rpartition("/")
        if ("input", folder, file) not in files:
            return top(
                "custom_validation_failed",
                "Custom validation failed for node",
                f"{name} - Invalid image file: {value}",
                extra,
            )
        return None
    # The older version does not look at choices in the newer notation.
    choices = kind if isinstance(kind, list) else options.get("options") if kind == "COMBO" and new else None
    if isinstance(choices, list) and value not in choices:
        return top("value_not_in_list", "Value not in list", f"{name}: '{value}' not in {choices}", extra)
    return None
