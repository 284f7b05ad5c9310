"""A small, bounded validator of the supported keywords. Whatever the sampler makes has to pass it."""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from viralai_sdk.providers.embedded.writing.errors import WritingError

from .budget import Budget
from .document import Document, Schema
from .formats import CHECKS
from .patterns import compiled

_DEEPEST = 120


def type_of(value: Any) -> str | None:
    """The JSON type of a Python value (`integer` for whole numbers), or None when it has none."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return "integer" if value.is_integer() else "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object" if isinstance(value, dict) else None


def is_json(value: Any, depth: int = 0) -> bool:
    """Whether the value is made of JSON types only."""
    if depth > _DEEPEST or type_of(value) is None:
        return False
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_json(inner, depth + 1) for key, inner in value.items())
    return not isinstance(value, list) or all(is_json(inner, depth + 1) for inner in value)


def same(left: Any, right: Any) -> bool:
    """Equality of JSON values: 1 is 1.0, but neither is true."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def is_multiple(value: int | float, step: int | float) -> bool:
    """Whether the value is a multiple both as decimal figures and in floating point, so that every validator agrees."""
    if Fraction(str(value)) % Fraction(str(step)):
        return False
    if isinstance(step, float):
        try:
            return (value / step).is_integer()
        except OverflowError:
            return not Fraction(value) % Fraction(step)
    return value % step == 0


class Validator:
    """Says whether values satisfy the schemas of one document. Work is charged to the budget."""

    def __init__(self, document: Document, budget: Budget) -> None:
        self.document = document
        self.budget = budget
        self.formats_assert = False

    def valid(self, value: Any, schema: Schema) -> bool:
        """Whether the value satisfies the schema both for validators that check formats and for those that do not."""
        self.formats_assert = False
        if not self.accepts(value, schema):
            return False
        self.formats_assert = self.document.has_formats
        return not self.formats_assert or self.accepts(value, schema)

    def accepts(self, value: Any, schema: Schema, depth: int = 0) -> bool:
        """Whether the value satisfies the schema. Raises WritingError when that takes too much work."""
        self.budget.spend(1)
        if isinstance(schema, bool):
            return schema
        if depth > _DEEPEST:
            raise WritingError("The schema refers to itself without end", pointer="#", hint="Break the cycle of $ref.")
        kind = type_of(value)
        return (
            kind is not None
            and self._typed(value, kind, schema)
            and self._combined(value, schema, depth + 1)
            and (kind != "string" or self._string(value, schema))
            and (kind not in ("integer", "number") or self._number(value, schema))
            and (kind != "array" or self._array(value, schema, depth + 1))
            and (kind != "object" or self._object(value, schema, depth + 1))
        )

    def _typed(self, value: Any, kind: str, schema: Mapping[str, Any]) -> bool:
        if "type" in schema:
            types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
            if kind not in types and not (kind == "integer" and "number" in types):
                return False
        if "const" in schema and not same(value, schema["const"]):
            return False
        return "enum" not in schema or any(same(value, allowed) for allowed in schema["enum"])

    def _combined(self, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
        if "$ref" in schema and not self.accepts(value, self.document.target(schema["$ref"]).schema, depth):
            return False
        if not all(self.accepts(value, inner, depth) for inner in schema.get("allOf", ())):
            return False
        if "anyOf" in schema and not any(self.accepts(value, inner, depth) for inner in schema["anyOf"]):
            return False
        if "oneOf" in schema and sum(self.accepts(value, inner, depth) for inner in schema["oneOf"]) != 1:
            return False
        if "not" in schema and self.accepts(value, schema["not"], depth):
            return False
        if "if" in schema:
            branch = "then" if self.accepts(value, schema["if"], depth) else "else"
            return self.accepts(value, schema.get(branch, True), depth)
        return True

    def _string(self, value: str, schema: Mapping[str, Any]) -> bool:
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            return False
        if "pattern" in schema and not compiled(schema["pattern"]).search(value, self.budget.spend):
            return False
        # The values that an enum lists are right as they are.
        if not self.formats_assert or "enum" in schema or "const" in schema:
            return True
        check = CHECKS.get(str(schema.get("format")))
        return check is None or check(value)

    def _number(self, value: float, schema: Mapping[str, Any]) -> bool:
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            return False
        if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
            return False
        if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
            return False
        return "multipleOf" not in schema or is_multiple(value, schema["multipleOf"])

    def _array(self, value: list[Any], schema: Mapping[str, Any], depth: int) -> bool:
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            return False
        prefix = schema.get("prefixItems", ())
        for index, item in enumerate(value):
            if not self.accepts(item, prefix[index] if index < len(prefix) else schema.get("items", True), depth):
                return False
        if schema.get("uniqueItems") is True and not self._distinct(value):
            return False
        if "contains" in schema:
            found = sum(self.accepts(item, schema["contains"], depth) for item in value)
            return bool(schema.get("minContains", 1) <= found <= schema.get("maxContains", found))
        return True

    def _distinct(self, value: list[Any]) -> bool:
        for index, item in enumerate(value):
            self.budget.spend(index)
            if any(same(item, other) for other in value[:index]):
                return False
        return True

    def _object(self, value: dict[str, Any], schema: Mapping[str, Any], depth: int) -> bool:
        if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value)):
            return False
        if any(name not in value for name in schema.get("required", ())):
            return False
        if not all(self.accepts(value[name], inner, depth) for name in value for inner in self.of_name(name, schema)):
            return False
        if "propertyNames" in schema and not all(self.accepts(name, schema["propertyNames"], depth) for name in value):
            return False
        for name, needed in schema.get("dependentRequired", {}).items():
            if name in value and any(other not in value for other in needed):
                return False
        dependent = schema.get("dependentSchemas", {}).items()
        return all(self.accepts(value, inner, depth) for name, inner in dependent if name in value)

    def of_name(self, name: str, schema: Mapping[str, Any]) -> list[Schema]:
        """Every schema that the object schema gives for a property of this name."""
        found = [schema["properties"][name]] if name in schema.get("properties", {}) else []
        for source, inner in schema.get("patternProperties", {}).items():
            if compiled(source).search(name, self.budget.spend):
                found.append(inner)
        return found or ([schema["additionalProperties"]] if "additionalProperties" in schema else [])
