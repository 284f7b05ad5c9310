"""Changes one setting in the text of a configuration file and nothing else: comments, order and spelling stay.

PyYAML tells where every value stands in the text. The new text is read again before anybody gets it: if it says anything but what was
there before with that one setting changed, the change is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import yaml

from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.interfaces.names import AIServiceType, service_type

_PLAIN = re.compile(r"[A-Za-z][\w./-]*")


def with_default_provider(text: str, service: AIServiceType, spec: str, *, as_json: bool = False) -> str:
    """The file's text with another default provider for a service, in whichever of the accepted shapes it is written.

    Args:
        text: a whole configuration that can be read; may be empty.
        spec: the provider, with a model after a colon or without.
        as_json: the file is JSON; it is written anew with its own indentation.

    Raises:
        ConfigurationError: the place cannot be changed without touching more than that (an alias, several documents).
    """
    before = (json.loads(text) if as_json and text.strip() else None if as_json else yaml.safe_load(text)) or {}
    place = _place(before, service.canonical)
    wanted = _copied(before)
    _put(wanted, place, spec)
    if as_json:
        indent = re.search(r"\n([ \t]+)", text)
        return json.dumps(wanted, indent=indent[1] if indent else 2, ensure_ascii=False) + "\n"
    try:
        changed = _edited(text, place, spec)
        same = yaml.safe_load(changed) == wanted
    except (yaml.YAMLError, ValueError):
        same = False
    if not same:
        raise ConfigurationError(
            "this file cannot be changed by a program without touching more than the one setting.",
            hint=f"Set {'.'.join(place)} to {spec!r} by hand.",
        )
    return changed


def _place(data: dict[str, Any], service: AIServiceType) -> list[str]:
    """Keys of the setting that decides; where there is none yet, those of the canonical shape."""
    for holder, last in ((["default_providers"], []), (["ai_config", "providers"], ["default"])):
        block = _inner(data, holder)
        for name in block:
            if _names(name, service) and (not last or _inner(block, [name]).get(last[0])):
                return [*holder, name, *last]
    block = _inner(data, ["ai_services"])
    name = next((name for name in block if _names(name, service)), service.value)
    return ["ai_services", name, "default_provider"]


def _inner(data: Any, keys: Sequence[str]) -> dict[str, Any]:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _names(name: Any, service: AIServiceType) -> bool:
    return isinstance(name, str) and service_type(name).canonical is service


def _copied(value: Any) -> Any:
    """A copy in which nothing is shared any more, so that a change reaches one place only."""
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def _put(data: dict[str, Any], place: Sequence[str], value: str) -> None:
    for key in place[:-1]:
        if data.get(key) is None:
            data[key] = {}
        data = data[key]
    data[place[-1]] = value


def _edited(text: str, place: Sequence[str], spec: str) -> str:
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    if node is None or place[0] not in _keys(node):
        end = "" if not text or text.endswith("\n") else "\n"
        return text + end + _block(place, spec)
    left = list(place)
    while left and isinstance(node, yaml.MappingNode) and left[0] in _keys(node):
        node = _keys(node)[left.pop(0)]
    start, end_ = node.start_mark.index, node.end_mark.index
    if not left:
        return text[:start] + _scalar(spec) + text[end_:]
    if not isinstance(node, yaml.MappingNode):  # a key without a value, or with `null`
        return text[:start] + (" " if start == end_ else "") + _flow(left, spec) + text[end_:]
    if node.flow_style:
        entry = _flow(left, spec)[1:-1]
        return text[: start + 1] + entry + (", " if node.value else "") + text[start + 1 :]
    return text[:start] + f"{left[0]}: {_flow(left[1:], spec)}\n" + " " * node.start_mark.column + text[start:]


def _keys(node: Any) -> dict[str, Any]:
    return {key.value: value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}


def _flow(keys: Sequence[str], spec: str) -> str:
    return f"{{{keys[0]}: {_flow(keys[1:], spec)}}}" if keys else _scalar(spec)


def _block(keys: Sequence[str], spec: str) -> str:
    lines = ["  " * depth + key + ":" for depth, key in enumerate(keys)]
    return "\n".join(lines) + f" {_scalar(spec)}\n"


def _scalar(spec: str) -> str:
    return spec if _PLAIN.fullmatch(spec) else json.dumps(spec, ensure_ascii=False)
