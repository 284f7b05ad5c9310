"""Text answers: deterministic, and open about being simulated. Values for a JSON schema."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

DEPTH = 6
"""How deep generated values nest before optional parts end."""
FORMATS = {
    "date": "2026-11-22",
    "date-time": "2026-11-22T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1M",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def echo(prompt: str) -> str:
    """The answer to a prompt."""
    return f"simulated answer to: {prompt.strip()}"


def tokens(text: str) -> int:
    """Tokens of a text, by a rule of thumb."""
    return -(-len(text) // 4)


def pieces(text: str, limit: int | None = None) -> Iterator[str]:
    """A text in pieces of about a token; `limit` cuts it after so many tokens' worth of characters."""
    cut = text if limit is None else text[: limit * 4]
    yield from re.findall(r"\s*\S{1,6}|\s+", cut)


def value_for(schema: dict[str, Any], words: str, chance: random.Random) -> Any:
    """A value that a JSON schema allows; strings repeat `words`."""
    return _Values(schema, words, chance).make(schema, 0)


class _Values:
    def __init__(self, root: dict[str, Any], words: str, chance: random.Random) -> None:
        self._root = root
        self._words = words
        self._chance = chance

    def make(self, schema: dict[str, Any], depth: int) -> Any:
        schema = self._resolve(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._chance.choice(schema["enum"])
        for union in ("anyOf", "oneOf"):
            if union in schema:
                return self.make(self._choose(schema[union], depth), depth + 1)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = "null" if depth > DEPTH and "null" in kind else next(word for word in kind if word != "null")
        makers = {"object": self._object, "array": self._array, "string": self._string}
        if kind in makers:
            return makers[kind](schema, depth)
        return self._scalar(kind, schema)

    def _resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            target: Any = self._root
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part] if part not in ("#", "") else target
            schema = {**target, **{name: value for name, value in schema.items() if name != "$ref"}}
        for part in schema.get("allOf", ()):
            schema = {**schema, **self._resolve(part)}
        return schema

    def _choose(self, variants: list[dict[str, Any]], depth: int) -> dict[str, Any]:
        nulls = [variant for variant in variants if variant.get("type") == "null"]
        if depth > DEPTH and nulls:
            return nulls[0]
        return self._chance.choice([variant for variant in variants if variant not in nulls] or variants)

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        return {name: self.make(part, depth + 1) for name, part in schema.get("properties", {}).items()}

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        least, most = schema.get("minItems", 0), schema.get("maxItems", 3)
        length = least if depth > DEPTH else max(least, min(most, self._chance.randint(1, 3)))
        if "prefixItems" in schema:
            return [self.make(part, depth + 1) for part in schema["prefixItems"]]
        return [self.make(schema.get("items", {"type": "string"}), depth + 1) for _ in range(length)]

    def _string(self, schema: dict[str, Any], depth: int) -> str:
        text = FORMATS.get(schema.get("format", ""), f"simulated {self._words}"[:60])
        text = text.ljust(schema.get("minLength", 0), "x")
        return text[: schema.get("maxLength", len(text))]

    def _scalar(self, kind: str, schema: dict[str, Any]) -> Any:
        if kind == "null":
            return None
        if kind == "boolean":
            return self._chance.random() < 0.5
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + (1 if "exclusiveMinimum" in schema else 0))
        high = schema.get("maximum", max(low, schema.get("exclusiveMaximum", low + 10) - 1))
        if kind == "integer":
            step = schema.get("multipleOf", 1)
            return -(-self._chance.randint(int(low), int(max(low, high))) // step) * step
        return round(self._chance.uniform(low, max(low, high)), 2)
