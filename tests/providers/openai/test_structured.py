"""Strict schemas equal the vendor's own, and structured answers are checked."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any, Literal

import pytest
from openai.lib._pydantic import to_strict_json_schema
from pydantic import BaseModel, Field

from viralai_sdk.interfaces.errors import UnsupportedCapabilityError
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.providers.openai.structured import check_schema, schema_name, strict_schema


class Color(Enum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


class Plain(BaseModel):
    name: str
    age: int = 3
    nick: str | None = None


class Described(BaseModel):
    color: Color = Field(description="Main colour")
    inner: Plain = Field(description="The inner one", title="Inner")
    other: Plain | None = Field(default=None, description="Maybe another")


class Tree(BaseModel):
    label: str
    children: list[Tree] = []


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


class Zoo(BaseModel):
    animals: list[Cat | Dog]
    best: Cat | Dog = Field(discriminator="kind")
    opened: datetime
    pair: tuple[int, str]
    table: dict[str, int] = {}


class Folder(BaseModel):
    """A recursive type whose reference has words beside it."""

    parent: Folder | None = Field(default=None, description="Where it lies")


@pytest.mark.parametrize("model", [Plain, Described, Tree, Cat, Zoo, Folder])
def test_a_strict_schema_equals_the_vendors_own(model: type[BaseModel]) -> None:
    assert strict_schema(model.model_json_schema()) == to_strict_json_schema(model)


def test_a_single_all_of_is_merged_and_several_are_kept() -> None:
    one = {"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}}]}
    assert strict_schema(one)["required"] == ["a"]
    two = {"allOf": [{"type": "object"}, {"type": "object", "properties": {}}]}
    assert [part["additionalProperties"] for part in strict_schema(two)["allOf"]] == [False, False]


def test_the_callers_schema_stays_as_it_is() -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string", "default": None}}}
    strict_schema(schema)
    assert schema == {"type": "object", "properties": {"a": {"type": "string", "default": None}}}


def test_a_recursive_reference_with_words_beside_it_stays_a_reference() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node", "description": "the next one"}}}
    strict = strict_schema({"$defs": {"Node": node}, "$ref": "#/$defs/Node"})
    assert strict["properties"]["next"]["properties"]["next"] == {"$ref": "#/$defs/Node"}


@pytest.mark.parametrize("ref", ["#/$defs/Nothing", "https://example.com/schema", "#/$defs/a/b"])
def test_a_reference_to_nowhere_is_refused(ref: str) -> None:
    with pytest.raises(UnsupportedCapabilityError, match="points nowhere"):
        check_schema({"type": "object", "properties": {"a": {"$ref": ref, "title": "A"}}, "$defs": {"a": {}}})


def test_only_objects_are_structured_answers() -> None:
    with pytest.raises(UnsupportedCapabilityError, match="objects at the top"):
        check_schema({"type": "array", "items": {"type": "string"}})
    check_schema(Tree.model_json_schema())


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        (Plain, "Plain"),
        ({"type": "object", "title": "A café, please"}, "A_caf_please"),
        ({"type": "object"}, "answer"),
        ({"type": "object", "title": "…"}, "answer"),
        ({"type": "object", "title": "x" * 80}, "x" * 64),
    ],
)
def test_schema_names_meet_the_vendors_rule(schema: Any, name: str) -> None:
    assert schema_name(TextGenerationRequest("hi", schema=schema)) == name
