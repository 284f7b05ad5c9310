"""A JSON schema as Anthropic's structured output takes it.

The vendor enforces structure, not ranges: what it cannot enforce is moved into the descriptions, where the model at least reads it.
The result equals what the vendor's own client makes (anthropic 2.12); a test compares the two.
"""

from __future__ import annotations

from typing import Any

from viralai_sdk.interfaces.errors import UnsupportedCapabilityError

FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
"""String formats that are enforced."""
TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
REMARKS = frozenset(
    {"default", "examples", "example", "deprecated", "readOnly", "writeOnly", "discriminator", "$schema"}
)
"""Leftovers that demand nothing of the answer."""


def clean_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """A copy that the vendor accepts.

    Raises:
        UnsupportedCapabilityError: a part of the schema says nothing that the vendor could enforce.
    """
    return _Cleaner().clean(schema)


def schema_notes(schema: dict[str, Any]) -> list[str]:
    """What the vendor will not enforce, in words for the caller. Raises as `clean_schema`."""
    cleaner = _Cleaner()
    cleaner.clean(schema)
    notes = []
    if cleaner.moved:
        names = ", ".join(sorted(cleaner.moved))
        notes.append(f"the provider cannot enforce {names}; that was written into the descriptions instead.")
    if cleaner.closed:
        notes.append("the provider knows no objects with free keys; those were closed and come back without them.")
    return notes


class _Cleaner:
    def __init__(self) -> None:
        self.moved: set[str] = set()
        self.closed = False

    def clean(self, schema: Any) -> dict[str, Any]:
        if not isinstance(schema, dict):
            raise unsupported(f"a part of it is {schema!r}")
        rest = dict(schema)
        made: dict[str, Any] = {}
        if isinstance(rest.get("$defs"), dict):
            made["$defs"] = {name: self.clean(part) for name, part in rest.pop("$defs").items()}
        reference = rest.pop("$ref", None)
        if reference is not None:
            # What stands beside a reference is dropped.
            return {**made, "$ref": reference}
        kind = self._kind(rest, made)
        for word in ("description", "title"):
            text = rest.pop(word, None)
            if text is not None:
                made[word] = text
        if kind == "object":
            self._object(rest, made)
        elif kind == "string":
            form = rest.pop("format", None)
            if form:
                (made if form in FORMATS else rest)["format"] = form
        elif kind == "array":
            self._array(rest, made)
        self._describe(rest, made)
        return made

    def _kind(self, rest: dict[str, Any], made: dict[str, Any]) -> str | None:
        """Take out type, unions and literal values, of which the first that is there decides; returns the plain type, if that is it."""
        kind = rest.pop("type", None)
        unions = {word: rest.pop(word, None) for word in ("anyOf", "oneOf", "allOf")}
        literal = self._literals(rest, made)
        for word, parts in unions.items():
            if isinstance(parts, list):
                made["allOf" if word == "allOf" else "anyOf"] = [self.clean(part) for part in parts]
                return None if literal or not isinstance(kind, str) else kind
        if literal:
            return None
        if isinstance(kind, list):
            raise unsupported(f"a part has several types ({', '.join(map(str, kind))})", "Write them as anyOf.")
        if kind not in TYPES:
            raise unsupported("a part has neither a type nor a union nor a literal value")
        made["type"] = kind
        return str(kind)

    @staticmethod
    def _literals(rest: dict[str, Any], made: dict[str, Any]) -> bool:
        values = rest.get("enum")
        if isinstance(values, list) and values and all(map(_plain, values)):
            made["enum"] = list(rest.pop("enum"))
        if "const" in rest and _plain(rest["const"]):
            made["const"] = rest.pop("const")
        return "enum" in made or "const" in made

    def _object(self, rest: dict[str, Any], made: dict[str, Any]) -> None:
        properties = rest.pop("properties", {})
        made["properties"] = {name: self.clean(part) for name, part in properties.items()}
        free = rest.pop("additionalProperties", None)
        self.closed = self.closed or isinstance(free, dict) or free is True or (free is None and not properties)
        made["additionalProperties"] = False
        required = rest.pop("required", None)
        if required is not None:
            made["required"] = required

    def _array(self, rest: dict[str, Any], made: dict[str, Any]) -> None:
        items = rest.pop("items", None)
        if items is not None:
            made["items"] = self.clean(items)
        least = rest.pop("minItems", None)
        if least is not None:
            (made if least in (0, 1) else rest)["minItems"] = least

    def _describe(self, rest: dict[str, Any], made: dict[str, Any]) -> None:
        """Write what is left over into the description."""
        if not rest:
            return
        self.moved |= rest.keys() - REMARKS
        words = "{" + ", ".join(f"{name}: {value}" for name, value in rest.items()) + "}"
        before = made.get("description")
        made["description"] = words if before is None else f"{before}\n\n{words}"


def _plain(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))


def unsupported(what: str, hint: str | None = None) -> UnsupportedCapabilityError:
    """The error for a schema that the vendor cannot take."""
    return UnsupportedCapabilityError(f"schema: {what}; the provider cannot enforce that.", hint=hint)
