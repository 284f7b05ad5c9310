"""Parses configuration files: YAML or JSON into plain values, with the line of what is wrong."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from viralai_sdk.interfaces.errors import ConfigurationError

MAX_FILE = 1 << 20
MAX_VALUES, MAX_DEPTH = 20_000, 40
"""No configuration has more; a document whose aliases repeat or contain one another may unfold to any size."""


def read_document(path: Path) -> Any:
    """The content of a file; {} for an empty one.

    Raises:
        ConfigurationError: unreadable, too large, no UTF-8, broken, or a key twice; names the line.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise ConfigurationError(f"{path.name} is larger than {MAX_FILE} bytes; that is no configuration.")
        text = path.read_bytes().decode("utf-8-sig")
        data = _json(text) if path.suffix.lower() == ".json" else yaml.load(text, _Loader)  # noqa: S506 (a safe loader)
    except ConfigurationError:
        raise
    except OSError as error:
        raise ConfigurationError(f"cannot read the configuration {str(path)!r}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path.name} is not UTF-8 text (byte {error.start}).") from error
    except yaml.YAMLError as error:
        raise _broken(path, "YAML", error) from None  # the cause quotes the line, which may hold a key
    except json.JSONDecodeError as error:
        raise ConfigurationError(
            f"{path.name}, line {error.lineno}, column {error.colno}: not valid JSON ({error.msg})."
        ) from None
    except (ValueError, OverflowError, RecursionError) as error:
        raise ConfigurationError(f"{path.name} cannot be read: {type(error).__name__} ({str(error)[:80]}).") from None
    return {} if data is None else data


def check_size(data: Any, source: str) -> None:
    """Refuse documents that unfold beyond any configuration.

    Raises:
        ConfigurationError: too deep or too many values.
    """
    pending, seen = [(data, 0)], 0
    while pending:
        value, depth = pending.pop()
        seen += 1
        if seen > MAX_VALUES or depth > MAX_DEPTH:
            raise ConfigurationError(f"{source}: too many or too deeply nested values; that is no configuration.")
        inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
        pending += [(item, depth + 1) for item in inner]


class _Loader(yaml.SafeLoader):
    """The safe loader, which also refuses a key that stands twice: one of the two would silently do nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value[:40]!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _json(text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise ValueError(f"the key {key[:40]!r} stands twice")
            found[key] = value
        return found

    return json.loads(text, object_pairs_hook=once) if text.strip() else None


def _broken(path: Path, kind: str, error: yaml.YAMLError) -> ConfigurationError:
    mark = getattr(error, "problem_mark", None)
    where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    problem = getattr(error, "problem", None) or type(error).__name__
    return ConfigurationError(f"{path.name}{where}: not valid {kind} ({problem}).", hint="Mend that line.")
