"""Structured output: a JSON schema made strict, as OpenAI wants it. `services/structured.py` reads the answers, for all providers."""

from __future__ import annotations

import copy
import re
from typing import Any

from viralai_sdk.interfaces.errors import UnsupportedCapabilityError
from viralai_sdk.interfaces.text import TextGenerationRequest


def strict_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """A copy that meets OpenAI's strict mode: closed objects, every property required, no default of null, no `$ref` with company.

    The result equals what the vendor's own client sends for a pydantic model (openai 3.54, `chat.completions.parse`).

    Raises:
        UnsupportedCapabilityError: a `$ref` that needs inlining points outside the schema.
    """
    root = copy.deepcopy(schema)
    strict: dict[str, Any] = _strict(root, root, ())
    return strict


def _strict(node: Any, root: dict[str, Any], inlined: tuple[str, ...]) -> Any:
    if not isinstance(node, dict):
        return node
    for table in ("$defs", "definitions"):
        if isinstance(node.get(table), dict):
            for name in node[table]:
                node[table][name] = _strict(node[table][name], root, inlined)
    if node.get("type") == "object":
        node.setdefault("additionalProperties", False)
    if isinstance(node.get("properties"), dict):
        node["required"] = list(node["properties"])
        node["properties"] = {name: _strict(part, root, inlined) for name, part in node["properties"].items()}
    if isinstance(node.get("items"), dict):
        node["items"] = _strict(node["items"], root, inlined)
    if isinstance(node.get("anyOf"), list):
        node["anyOf"] = [_strict(part, root, inlined) for part in node["anyOf"]]
    _merge_all_of(node, root, inlined)
    if "default" in node and node["default"] is None:
        del node["default"]
    ref = node.get("$ref")
    if isinstance(ref, str) and len(node) > 1:
        return _inline(node, ref, root, inlined)
    return node


def _merge_all_of(node: dict[str, Any], root: dict[str, Any], inlined: tuple[str, ...]) -> None:
    parts = node.get("allOf")
    if not isinstance(parts, list):
        return
    strict = [_strict(part, root, inlined) for part in parts]
    if len(strict) == 1 and isinstance(strict[0], dict):
        del node["allOf"]
        node.update(strict[0])
    else:
        node["allOf"] = strict


def _inline(node: dict[str, Any], ref: str, root: dict[str, Any], inlined: tuple[str, ...]) -> Any:
    """Replace a reference by what it points to; what stands beside the reference wins."""
    if ref in inlined:
        # Writing out a recursive type would never end. The plain reference says the same without the words beside it.
        return {"$ref": ref}
    target: Any = root
    for part in ref.removeprefix("#/").split("/") if ref.startswith("#/") else [ref]:
        target = target.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(target, dict) else None
    if not isinstance(target, dict):
        raise UnsupportedCapabilityError(
            f"schema: the reference {ref!r} points nowhere.", hint="Define it under $defs of the same schema."
        )
    merged = {**copy.deepcopy(target), **node}
    del merged["$ref"]
    return _strict(merged, root, (*inlined, ref))


def schema_name(request: TextGenerationRequest) -> str:
    """Name the vendor wants beside a schema: letters, digits, `_` and `-`, at most 64."""
    model = request.schema_model
    title = getattr(model, "__name__", None) or (request.response_schema or {}).get("title") or "answer"
    return re.sub(r"[^A-Za-z0-9_-]+", "_", str(title)).strip("_")[:64] or "answer"


def check_schema(schema: dict[str, Any]) -> None:
    """Refuse what strict mode cannot say, before anything is sent.

    Raises:
        UnsupportedCapabilityError: the schema does not describe an object, or has references that cannot be resolved.
    """
    if strict_schema(schema).get("type") != "object":
        raise UnsupportedCapabilityError(
            "structured answers must be objects at the top.",
            hint='Wrap the value: {"type": "object", "properties": {"value": …}}.',
        )
