"""What must hold at one place of the value: all schemas that apply there, flattened over $ref and allOf."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .budget import Budget, Unsatisfiable
from .document import Document, Part
from .patterns import compiled

TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")

Alternative = tuple[Part, ...]


@dataclass(slots=True)
class Conjunction:
    """Schemas that hold together. `layers` are the flat ones; `choices` are alternatives still to choose from."""

    pointer: str
    layers: list[Part] = field(default_factory=list)
    choices: list[list[Alternative]] = field(default_factory=list)
    types: set[str] = field(default_factory=lambda: set(TYPES))
    excluded: list[Any] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def copy(self) -> "Conjunction":
        """An independent copy, to try one alternative."""
        return Conjunction(
            self.pointer, list(self.layers), list(self.choices), set(self.types), list(self.excluded), set(self.seen)
        )

    def every(self, key: str) -> list[Any]:
        """The values that the layers give for a keyword."""
        return [layer.schema[key] for layer in self.layers if isinstance(layer.schema, Mapping) and key in layer.schema]

    def largest(self, key: str, default: int) -> int:
        return int(max([*self.every(key), default]))

    def smallest(self, key: str, default: int) -> int:
        return int(min([*self.every(key), default]))


class Flattener:
    """Adds schemas to conjunctions."""

    def __init__(self, document: Document, budget: Budget) -> None:
        self.document = document
        self.budget = budget

    def flatten(self, parts: Sequence[Part]) -> Conjunction:
        """The conjunction of the parts. Raises Unsatisfiable when `false` is among them."""
        found = Conjunction(parts[0].pointer)
        for part in parts:
            self.add(found, part)
        return found

    def add(self, found: Conjunction, part: Part) -> None:
        """Adds one more schema that must hold. Raises Unsatisfiable."""
        self.budget.spend(1)
        schema = part.schema
        if schema is True:
            return
        if schema is False:
            raise Unsatisfiable("the schema false allows nothing", part.pointer)
        assert isinstance(schema, Mapping)
        found.layers.append(part)
        if "type" in schema:
            types = {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])
            found.types &= types | ({"integer"} if "number" in types else set())
            if not found.types:
                raise Unsatisfiable("no type satisfies all the schemas that apply", part.pointer)
        if "$ref" in schema and schema["$ref"] not in found.seen:
            found.seen.add(schema["$ref"])
            self.add(found, self.document.target(schema["$ref"]))
        for index in range(len(schema.get("allOf", ()))):
            self.add(found, part.at("allOf", index))
        for key in ("anyOf", "oneOf"):
            if key in schema:
                found.choices.append([(part.at(key, index),) for index in range(len(schema[key]))])
        if "if" in schema:
            then = [part.at("then")] if "then" in schema else []
            otherwise = [part.at("else")] if "else" in schema else []
            unless = Part({"not": schema["if"]}, f"{part.pointer}/if")
            found.choices.append([(part.at("if"), *then), (*otherwise, unless)])
        if "not" in schema:
            self._exclude(found, part.at("not"))
        for name in schema.get("dependentSchemas", {}):
            absent = Part({"properties": {name: False}}, part.pointer)
            present = Part({"required": [name]}, part.pointer)
            found.choices.append([(part.at("dependentSchemas", name), present), (absent,)])

    def _exclude(self, found: Conjunction, part: Part) -> None:
        """Rules out the part where that can be said directly; the validator sees to the rest."""
        schema = part.schema
        if schema is True or schema == {}:
            raise Unsatisfiable("not: true allows nothing", part.pointer)
        if not isinstance(schema, Mapping):
            return
        keys = set(schema)
        if keys == {"type"}:
            types = {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])
            found.types -= types | ({"integer"} if "number" in types else set())
            if not found.types:
                raise Unsatisfiable("not leaves no type", part.pointer)
        elif keys == {"const"}:
            found.excluded.append(schema["const"])
        elif keys == {"enum"}:
            found.excluded.extend(schema["enum"])
        elif keys == {"required"}:
            absent: list[Alternative] = [
                (Part({"properties": {name: False}}, part.pointer),) for name in schema["required"]
            ]
            others = found.types - {"object"}
            found.choices.append([*absent, (Part({"type": sorted(others)}, part.pointer),)] if others else absent)
        elif keys == {"anyOf"}:
            for index in range(len(schema["anyOf"])):
                self._exclude(found, part.at("anyOf", index))
        elif keys == {"not"}:
            self.add(found, part.at("not"))

    def of_property(self, found: Conjunction, name: str) -> list[Part]:
        """Every schema that applies to the property of this name."""
        parts: list[Part] = []
        for layer in found.layers:
            schema = layer.schema
            assert isinstance(schema, Mapping)
            own = [layer.at("properties", name)] if name in schema.get("properties", {}) else []
            own += [
                layer.at("patternProperties", source)
                for source in schema.get("patternProperties", {})
                if compiled(source).search(name, self.budget.spend)
            ]
            if not own and "additionalProperties" in schema:
                own = [layer.at("additionalProperties")]
            parts += own
        return parts or [Part(True, f"{found.pointer}/properties/{name}")]

    def of_item(self, found: Conjunction, index: int) -> list[Part]:
        """Every schema that applies to the array item at the index."""
        parts: list[Part] = []
        for layer in found.layers:
            schema = layer.schema
            assert isinstance(schema, Mapping)
            if index < len(schema.get("prefixItems", ())):
                parts.append(layer.at("prefixItems", index))
            elif "items" in schema:
                parts.append(layer.at("items"))
        return parts or [Part(True, f"{found.pointer}/items")]


def own_copy(value: Any) -> Any:
    """A deep copy, so that the caller's schema never shares a list with the value."""
    return copy.deepcopy(value)


def is_false(parts: Sequence[Part]) -> bool:
    """Whether one of the parts is the schema `false`."""
    return any(part.schema is False for part in parts)
