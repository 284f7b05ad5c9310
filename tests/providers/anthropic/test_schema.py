"""Schemas are cleaned exactly as the vendor's own client cleans them."""

from __future__ import annotations

import enum
from datetime import date
from typing import Any, Literal
from uuid import UUID

import pytest
from anthropic import transform_schema
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel

from viralai_sdk.interfaces.errors import UnsupportedCapabilityError
from viralai_sdk.providers.anthropic.schema import clean_schema, schema_notes


class Color(enum.Enum):
    RED = "red"


class Leaf(BaseModel):
    """One leaf."""

    size: int = Field(default=3, ge=0, multiple_of=2, description="In cells")
    born: date
    key: UUID
    color: Color | None = None


class Tree(BaseModel):
    kind: Literal["oak", "fir"]
    name: str = Field(pattern="^[A-Z]", max_length=9)
    leaves: list[Leaf] = Field(min_length=2)
    first: Leaf = Field(description="The first leaf")
    pair: tuple[int, str] | None = None
    children: list[Tree] = []
    notes: dict[str, int] = {}


class Trees(RootModel[list[Tree]]):
    pass


@pytest.mark.parametrize("model", [Leaf, Tree, Trees], ids=lambda model: model.__name__)
def test_models_become_what_the_vendors_client_makes_of_them(model: type[BaseModel]) -> None:
    assert clean_schema(model.model_json_schema()) == transform_schema(model)


WORDS: dict[str, st.SearchStrategy[Any]] = {
    "description": st.text(max_size=4),
    "title": st.text(max_size=4),
    "format": st.sampled_from(["date", "binary", "", "uuid"]),
    "minLength": st.integers(0, 3),
    "minimum": st.integers(0, 3),
    "minItems": st.sampled_from([0, 1, 2, None]),
    "enum": st.lists(st.sampled_from([1, "a", None, 2.5]) | st.just([1]), max_size=2),
    "const": st.sampled_from([1, "a", None]),
    "default": st.sampled_from([1, "a", None]),
    "required": st.lists(st.text(max_size=2), max_size=2),
    "additionalProperties": st.booleans(),
    "type": st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null"]),
}


def schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    parts = st.lists(inner, min_size=1, max_size=2)
    tables = st.dictionaries(st.text(max_size=2), inner, max_size=2)
    more = {"properties": tables, "items": inner, "anyOf": parts, "oneOf": parts, "allOf": parts, "$defs": tables}
    return st.fixed_dictionaries({}, optional={**WORDS, **more, "$ref": st.just("#/$defs/a")})


SCHEMA = st.recursive(st.fixed_dictionaries({}, optional=WORDS), schemas, max_leaves=6)


@given(SCHEMA)
def test_any_schema_becomes_what_the_vendors_client_makes_of_it(schema: dict[str, Any]) -> None:
    try:
        theirs = transform_schema(schema)
    except ValueError:
        with pytest.raises(UnsupportedCapabilityError):
            clean_schema(schema)
    else:
        assert clean_schema(schema) == theirs


def test_the_schema_given_is_left_as_it_was() -> None:
    schema = Tree.model_json_schema()
    before = repr(schema)
    clean_schema(schema)
    assert repr(schema) == before


def test_what_is_not_enforced_is_told() -> None:
    notes = schema_notes(Tree.model_json_schema())
    assert "maxLength, minItems, minimum, multipleOf, pattern" in notes[0].replace("maxItems, ", "")
    assert "free keys" in notes[1]
    assert schema_notes({"type": "object", "properties": {"a": {"type": "string", "default": "x"}}}) == []


@pytest.mark.parametrize(
    "schema",
    [{}, {"type": "any"}, {"type": ["string", "null"]}, {"type": "array", "items": True}, {"anyOf": [3]}],
)
def test_what_says_nothing_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedCapabilityError, match="cannot enforce"):
        clean_schema(schema)
