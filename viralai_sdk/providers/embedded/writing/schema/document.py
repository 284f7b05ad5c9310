"""The schema document: checked and measured once, its local references resolved, and the depth its recursion needs."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import unquote

from viralai_sdk.providers.embedded.writing.errors import WritingError

from .budget import DEEPEST_SCHEMA, MOST_SCHEMA_NODES
from .patterns import PatternError, compiled

Schema = Mapping[str, Any] | bool

_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_SINGLES = ("items", "additionalProperties", "propertyNames", "contains", "not", "if", "then", "else")
_COUNTS = (
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minContains",
    "maxContains",
)
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_UNSUPPORTED = (
    "unevaluatedProperties",
    "unevaluatedItems",
    "$dynamicRef",
    "$recursiveRef",
    "dependencies",
    "additionalItems",
)


class Part(NamedTuple):
    """A schema and the JSON pointer of where it stands."""

    schema: Schema
    pointer: str

    def at(self, *keys: str | int) -> "Part":
        """The subschema under the keys."""
        found: Any = self.schema
        for key in keys:
            found = found[key]
        return Part(found, self.pointer + "".join(f"/{escape(str(key))}" for key in keys))


def escape(key: str) -> str:
    """The key as one step of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _bad(part: Part, key: str, problem: str, hint: str) -> WritingError:
    return WritingError(problem, pointer=f"{part.pointer}/{escape(key)}", hint=hint)


def subschemas(part: Part) -> Iterator[Part]:
    """The schemas directly inside this one. Raises WritingError where something else stands in a schema's place."""
    schema = part.schema
    if isinstance(schema, bool):
        return
    for key in _LISTS:
        if key in schema:
            if not isinstance(schema[key], Sequence) or isinstance(schema[key], str):
                raise _bad(part, key, f"{key} is not a list of schemas", "Give a list.")
            yield from (part.at(key, index) for index in range(len(schema[key])))
    for key in _MAPS:
        if key in schema:
            if not isinstance(schema[key], Mapping) or not all(isinstance(name, str) for name in schema[key]):
                raise _bad(part, key, f"{key} is not a mapping of names to schemas", "Give an object.")
            yield from (part.at(key, name) for name in schema[key])
    for key in _SINGLES:
        if key in schema:
            yield part.at(key)


class Document:
    """A checked schema. Raises WritingError with a JSON pointer when it is malformed, too large or unsupported."""

    def __init__(self, root: Schema) -> None:
        self.root = Part(root, "#")
        self._references: dict[str, Part] = {}
        self.has_formats = False
        todo = [(self.root, 0)]
        seen = 0
        while todo:
            part, depth = todo.pop()
            seen += 1
            if seen > MOST_SCHEMA_NODES or depth > DEEPEST_SCHEMA:
                raise WritingError(
                    "The schema is too large or too deep", pointer=part.pointer[:200], hint="Simplify it."
                )
            self._check(part)
            todo.extend((inner, depth + 1) for inner in subschemas(part))
            if isinstance(part.schema, Mapping) and "$ref" in part.schema:
                reference = part.schema["$ref"]
                if reference not in self._references:
                    target = self._resolve(reference, part)
                    self._references[reference] = target
                    todo.append((target, depth + 1))

    def target(self, reference: str) -> Part:
        """What a ``$ref`` of this document refers to."""
        return self._references[reference]

    def _resolve(self, reference: Any, source: Part) -> Part:
        if not isinstance(reference, str) or (reference != "#" and not reference.startswith("#/")):
            hint = "Put the schema under $defs and refer to it as #/$defs/Name."
            raise _bad(source, "$ref", f"Only local references are supported, not {str(reference)[:80]!r}", hint)
        found: Any = self.root.schema
        for step in unquote(reference[2:]).split("/") if len(reference) > 2 else ():
            key: Any = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and key.isascii() and key.isdecimal() and len(key) < 9 and int(key) < len(found):
                key = int(key)
            elif not isinstance(found, Mapping) or key not in found:
                raise _bad(source, "$ref", f"The reference {reference[:80]!r} leads nowhere", "Add it under $defs.")
            found = found[key]
        return Part(found, reference)

    def _check(self, part: Part) -> None:
        schema = part.schema
        if isinstance(schema, bool):
            return
        if not isinstance(schema, Mapping):
            raise WritingError("A schema is an object, true or false", pointer=part.pointer, hint="Correct this place.")
        for key in _UNSUPPORTED:
            if key in schema:
                raise _bad(part, key, f"{key} is not supported", "Leave it out, or use a real model.")
        types = schema.get("type", [])
        for name in [types] if isinstance(types, str) else types if isinstance(types, Sequence) else [types]:
            if name not in _TYPES:
                raise _bad(part, "type", f"Unknown type {name!r}", f"Use one of {', '.join(_TYPES)}.")
        for key in _COUNTS:
            value = schema.get(key, 0)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0 or value != value // 1:
                raise _bad(part, key, f"{key} is not a whole number from 0 up", "Correct the figure.")
        for key in _NUMBERS:
            value = schema.get(key, 1)
            whole = isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 4_096
            if not whole and not (isinstance(value, float) and math.isfinite(value)):
                raise _bad(part, key, f"{key} is not a finite number of ordinary size", "Correct the figure.")
        if schema.get("multipleOf", 1) <= 0:
            raise _bad(part, "multipleOf", "multipleOf is not above 0", "Correct the figure.")
        self.has_formats |= "format" in schema
        self._check_names(part, schema)
        for source in [*([schema["pattern"]] if "pattern" in schema else []), *schema.get("patternProperties", {})]:
            try:
                compiled(source)
            except (PatternError, TypeError) as error:
                place = "pattern" if source == schema.get("pattern") else "patternProperties"
                raise _bad(part, place, f"Unusable pattern: {error}", "Write it with the supported syntax.") from error

    def _check_names(self, part: Part, schema: Mapping[str, Any]) -> None:
        required = {"required": schema.get("required", []), **schema.get("dependentRequired", {})}
        for names in required.values():
            if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(n, str) for n in names):
                raise _bad(part, "required", "A list of required names is not a list of strings", "Correct it.")
        if "enum" in schema and (not isinstance(schema["enum"], Sequence) or isinstance(schema["enum"], str)):
            raise _bad(part, "enum", "enum is not a list", "Give a list of values.")
        for key in ("anyOf", "oneOf"):
            if key in schema and not schema[key]:
                raise _bad(part, key, f"{key} is empty, so nothing can satisfy it", "Give one schema or more.")

    @cached_property
    def _heights(self) -> dict[str, float]:
        """For each reference, how many levels its smallest value needs; infinite when it never ends."""
        heights = dict.fromkeys(self._references, math.inf)
        for _ in range(len(heights) + 1):
            self._known = heights
            updated = {reference: self._height(part.schema) for reference, part in self._references.items()}
            if updated == heights:
                break
            heights = updated
        return heights

    def height(self, schema: Schema) -> float:
        """How many levels the smallest value of the schema needs; infinite when its recursion never ends."""
        self._known = self._heights
        return self._height(schema)

    def _height(self, schema: Schema) -> float:
        if isinstance(schema, bool) or "const" in schema or "enum" in schema:
            return 0.0
        needed = [0.0]
        if "$ref" in schema:
            needed.append(self._known[schema["$ref"]])
        needed += [self._height(inner) for inner in schema.get("allOf", ())]
        needed += [min(map(self._height, schema[key])) for key in ("anyOf", "oneOf") if key in schema]
        kinds = schema.get("type", ())
        kinds = (kinds,) if isinstance(kinds, str) else kinds
        if not kinds or set(kinds) == {"object"}:
            properties = schema.get("properties", {})
            needed += [1 + self._height(properties[name]) for name in schema.get("required", ()) if name in properties]
        if not kinds or set(kinds) == {"array"}:
            least = int(schema.get("minItems", 0))
            prefix = schema.get("prefixItems", ())[:least]
            needed += [1 + self._height(inner) for inner in prefix]
            if least > len(prefix) and "items" in schema:
                needed.append(1 + self._height(schema["items"]))
        return max(needed)
