"""Structured output is valid, or an error that says where: never something in between."""

import datetime
import json
import uuid
from enum import Enum
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from viralai_sdk.providers.embedded.writing import WritingError, sample

_SLOW_MACHINE = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))

_NAMES = st.sampled_from(["title", "hook", "tags", "duration", "url", "a/b~c", "n", "été", "kind"])
_FORMATS = ("date-time", "date", "time", "email", "uri", "uuid", "ipv4", "ipv6", "hostname", "duration")
_PATTERNS = (
    "^[a-z]{2,5}$",
    r"^\d{3}-\d{4}$",
    "foo|bar",
    "^(?:x|yz)+$",
    r"^(?=.*[A-Z])(?=.*\d)[A-Za-z\d]{8,}$",
    r"\bcat\b",
    "^#[^#]+$",
)


@st.composite
def _strings(draw: st.DrawFn) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    kind = draw(st.sampled_from(["length", "pattern", "format"]))
    if kind == "length":
        least = draw(st.integers(0, 40))
        schema |= {"minLength": least, "maxLength": least + draw(st.integers(0, 200))}
    elif kind == "pattern":
        schema["pattern"] = draw(st.sampled_from(_PATTERNS))
    else:
        schema["format"] = draw(st.sampled_from(_FORMATS))
    return schema


@st.composite
def _numbers(draw: st.DrawFn) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": draw(st.sampled_from(["integer", "number", ["number", "null"]]))}
    low = draw(st.integers(-1000, 1000))
    schema[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = low
    schema[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = low + draw(st.integers(12, 1000))
    if draw(st.booleans()):
        schema["multipleOf"] = draw(st.sampled_from([1, 2, 5, 0.5, 0.25, 0.1]))
    return schema


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@st.composite
def _objects(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    properties = draw(st.dictionaries(_NAMES, inner, max_size=4))
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if properties:
        schema["required"] = draw(st.lists(st.sampled_from(sorted(properties)), unique=True))
        if draw(st.booleans()):
            schema["dependentRequired"] = {
                draw(st.sampled_from(sorted(properties))): [draw(st.sampled_from(sorted(properties)))]
            }
    schema["additionalProperties"] = draw(st.one_of(st.booleans(), inner))
    if schema["additionalProperties"] is not False and draw(st.booleans()):
        schema["minProperties"] = draw(st.integers(0, 4))
    return schema


@st.composite
def _arrays(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "array", "items": draw(inner)}
    if draw(st.booleans()):
        schema["prefixItems"] = draw(st.lists(inner, min_size=1, max_size=3))
    if draw(st.booleans()):
        schema["minItems"] = draw(st.integers(0, 4))
        schema["maxItems"] = schema["minItems"] + draw(st.integers(0, 3))
    schema["uniqueItems"] = draw(st.booleans())
    return schema


def _combined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    branches = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        _objects(inner),
        _arrays(inner),
        st.builds(lambda listed: {"anyOf": listed}, branches),
        st.builds(lambda listed: {"oneOf": listed}, branches),
        st.builds(lambda one, two: {"allOf": [one, two]}, inner, inner),
        st.builds(lambda one, two: {**one, "not": two} if isinstance(one, dict) else {"not": two}, inner, inner),
        st.builds(lambda one, two, three: {"if": one, "then": two, "else": three}, inner, inner, inner),
        st.builds(lambda one, two: {"type": "array", "contains": one, "items": two, "maxContains": 2}, inner, inner),
    )


_LEAVES = st.one_of(
    _strings(),
    _numbers(),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({}),
    st.just(True),
    st.builds(lambda values: {"enum": values}, st.lists(_JSON, min_size=1, max_size=4)),
    st.builds(lambda value: {"const": value}, _JSON),
    st.builds(lambda value: {"type": "string", "default": value}, _JSON),
)
_SCHEMAS = st.recursive(_LEAVES, _combined, max_leaves=8)


def _check(value: Any, schema: Any) -> None:
    dialect = jsonschema.Draft202012Validator
    dialect(schema, format_checker=dialect.FORMAT_CHECKER).validate(value)


@_SLOW_MACHINE
@given(_SCHEMAS.filter(lambda schema: isinstance(schema, dict)), st.integers(0, 3))
def test_a_value_is_valid_or_the_error_points_into_the_schema(schema: dict[str, Any], seed: int) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    before = json.dumps(schema)
    try:
        value = sample(schema, seed=seed, topic="red foxes")
    except WritingError as error:
        assert error.pointer is not None  # noqa: PT017
        assert error.pointer.startswith("#")  # noqa: PT017
    else:
        jsonschema.Draft202012Validator(schema).validate(value)
        assert json.loads(json.dumps(value)) == value
        assert sample(schema, seed=seed, topic="red foxes") == value
    assert json.dumps(schema) == before


_SOUND = st.recursive(
    st.one_of(_strings(), _numbers(), st.just({"type": "boolean"}), st.just({"type": "null"})),
    lambda inner: st.one_of(
        st.builds(lambda properties: {"type": "object", "properties": properties, "required": sorted(properties)},
                  st.dictionaries(_NAMES, inner, max_size=4)),
        st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 4)),
        st.builds(lambda listed: {"anyOf": listed}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=12,
)  # fmt: skip


@_SLOW_MACHINE
@given(_SOUND, st.integers(0, 3))
def test_a_schema_that_can_be_satisfied_is_satisfied_with_its_formats(schema: dict[str, Any], seed: int) -> None:
    _check(sample(schema, seed=seed), schema)


class Mood(Enum):
    calm = "calm"
    loud = "loud"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: Annotated[int, Field(ge=1, le=9, multiple_of=3)]


class Dog(BaseModel):
    kind: Literal["dog"]
    name: Annotated[str, Field(min_length=3, max_length=8, pattern=r"^[A-Z][a-z]+$")]


class Node(BaseModel):
    title: str
    parent: "Node | None" = None
    children: "list[Node]" = []


class Plan(BaseModel):
    model_config = {"extra": "forbid"}
    title: Annotated[str, Field(max_length=30)]
    hook: str | None = None
    moods: list[Mood]
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    views: dict[str, int]
    pair: tuple[int, str, float]
    many: tuple[int, ...] = ()
    unique: set[Literal["a", "b", "c"]]
    when: datetime.datetime
    day: datetime.date
    span: datetime.timedelta
    key: uuid.UUID
    score: Annotated[float, Field(gt=0, lt=1)]
    tree: Node
    hashtags: Annotated[list[str], Field(min_length=3, max_length=5)]
    either: int | list[bool] | Cat


@pytest.mark.parametrize("seed", range(20))
def test_a_pydantic_model_gets_what_it_asks_for(seed: int) -> None:
    value = sample(Plan.model_json_schema(), seed=seed, topic="cold brew coffee")
    Plan.model_validate(value)
    Plan.model_validate_json(json.dumps(value))
    assert value["hashtags"][0] == "#ColdBrewCoffee"
    assert "coffee" in value["hook"].lower()


@pytest.mark.parametrize(
    "kind", [Node, list[Node], dict[str, Plan], Cat | Dog, list[list[int]], Annotated[str, Field(pattern="^a+$")]]
)
def test_other_pydantic_types_work_too(kind: Any) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    adapter.validate_python(json.loads(json.dumps(sample(adapter.json_schema()))), strict=False)


def test_recursion_ends_by_the_shortest_branch() -> None:
    expression = {"oneOf": [{"$ref": "#/$defs/Sum"}, {"$ref": "#/$defs/Leaf"}]}
    parts = {"left": expression, "right": expression}
    schema = {
        "$defs": {
            "Sum": {"type": "object", "properties": parts, "required": ["left", "right"]},
            "Leaf": {"type": "integer"},
        },
        **expression,
    }
    _check(sample(schema), schema)


_HARD: list[dict[str, Any]] = [
    {"type": "object", "patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": False, "minProperties": 3},
    {"type": "object", "propertyNames": {"enum": ["p", "q", "r"]}, "minProperties": 3, "additionalProperties": {"type": "null"}},
    {"type": "object", "propertyNames": {"pattern": "^[a-c]$"}, "minProperties": 2},
    {"type": "object", "properties": {"a": {}}, "required": ["a"], "dependentSchemas": {"a": {"required": ["b"]}}},
    {"type": "object", "properties": {"a": {}, "b": {}}, "not": {"required": ["a", "b"]}, "minProperties": 1},
    {"type": "object", "properties": {"k": {"enum": ["x", "y"]}}, "required": ["k"],
     "if": {"properties": {"k": {"const": "x"}}}, "then": {"required": ["v"]}, "else": {"required": ["w"]}},
    {"type": "array", "contains": {"const": 7}, "minContains": 2, "maxContains": 2, "minItems": 4, "items": {"type": "integer"}},
    {"type": "array", "contains": {"const": 7}, "minContains": 0, "items": {"type": "string"}},
    {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 2},
    {"type": "array", "items": {"enum": [1, 2, 3]}, "uniqueItems": True, "minItems": 3},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
    {"type": "number", "multipleOf": 0.01, "minimum": 0.045, "maximum": 0.055},
    {"allOf": [{"type": "integer", "multipleOf": 4}, {"multipleOf": 6, "minimum": 13}]},
    {"not": {"type": "string"}},
    {"not": {"anyOf": [{"type": "string"}, {"type": "object"}, {"const": None}]}},
    {"not": {"not": {"const": 4}}},
    {"enum": [1, 2], "not": {"const": 1}},
    {"oneOf": [{"type": "integer"}, {"minimum": 2}]},
    {"type": ["string", "null"], "default": None},
    {"type": "string", "examples": ["one", "two"], "maxLength": 3},
    {"type": "string", "format": "email", "minLength": 60},
    {"type": "string", "format": "uri", "minLength": 100},
    {"type": "string", "pattern": "b", "minLength": 20, "maxLength": 20},
    {"type": "string", "pattern": r"^(?!abc)\p{Lu}?[^\W\d]+\u0041$"} ,
    {"type": "string", "minLength": 5_000},
    {"allOf": [{"type": "string", "pattern": "^a"}, {"pattern": "z$"}]},
    {"type": "integer", "minimum": 10**30, "maximum": 10**30 + 5},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
    {"type": "number", "minimum": 1e300},
    {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
    {"minItems": 2, "items": {"type": "null"}},
    {"const": {"deep": [1, None]}},
    {"$ref": "#/definitions/a~1b", "definitions": {"a/b": {"type": "integer"}}},
    {},
]  # fmt: skip


@pytest.mark.parametrize("schema", _HARD, ids=lambda schema: json.dumps(schema)[:60])
def test_every_supported_keyword_is_satisfied(schema: dict[str, Any]) -> None:
    for seed in range(5):
        value = sample(schema, seed=seed, topic="foxes")
        if "\\p" in json.dumps(schema):  # the independent validator's regex engine has no \p
            assert value.endswith("A")
        else:
            _check(value, schema)


_BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"type": "object", "properties": {"a": {"type": "integer", "minimum": 5, "maximum": 4}}, "required": ["a"]}, "#/properties/a"),
    ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "#/properties/a"),
    ({"type": "string", "minLength": 5, "maxLength": 4}, "#"),
    ({"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 3}, "#/items"),
    ({"type": "array", "minItems": 3, "maxItems": 2}, "#"),
    ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "#/allOf/1"),
    ({"not": {}}, "#/not"),
    ({"not": {"type": ["string", "number", "null", "object", "array", "boolean"]}}, "#/not"),
    ({"enum": []}, "#"),
    ({"anyOf": []}, "#/anyOf"),
    ({"anyOf": [False, {"const": 1, "type": "string"}]}, "#"),
    ({"$ref": "https://example.com/schema.json"}, "#/$ref"),
    ({"$ref": "#/$defs/Missing"}, "#/$ref"),
    ({"type": "text"}, "#/type"),
    ({"type": 3}, "#/type"),
    ({"properties": {"a": {"pattern": "(?<=x)y"}}}, "#/properties/a/pattern"),
    ({"pattern": 3}, "#/pattern"),
    ({"patternProperties": {"(": {}}}, "#/patternProperties"),
    ({"unevaluatedProperties": False}, "#/unevaluatedProperties"),
    ({"minLength": -1}, "#/minLength"),
    ({"multipleOf": 0}, "#/multipleOf"),
    ({"minimum": float("nan")}, "#/minimum"),
    ({"minimum": 10**4000}, "#/minimum"),
    ({"required": "a"}, "#/required"),
    ({"enum": "abc"}, "#/enum"),
    ({"properties": []}, "#/properties"),
    ({"allOf": {}}, "#/allOf"),
    ({"items": 3}, "#/items"),
    ({"type": "object", "required": ["a", "b"], "maxProperties": 1}, "#"),
    ({"type": "object", "minProperties": 2, "propertyNames": {"const": "only"}}, "#"),
    ({"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "required": ["a"]}}}, "#"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "pointer"), _BROKEN, ids=range(len(_BROKEN)))
def test_what_cannot_be_done_is_an_error_with_the_place_and_a_hint(schema: dict[str, Any], pointer: str) -> None:
    with pytest.raises(WritingError) as caught:
        sample(schema)
    assert caught.value.pointer is not None
    assert caught.value.pointer.startswith(pointer)
    assert caught.value.hint
    assert pointer in str(caught.value)


def _deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema, "minItems": 1}
    return schema


def _looping() -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "array"}
    schema["items"] = schema
    return schema


_WIDE = {
    "type": "object",
    "required": list("abcdefgh"),
    "properties": {name: {"$ref": "#/$defs/n0"} for name in "abcdefgh"},
}
_EXPLODING = {
    "$defs": {
        **{
            f"n{at}": {**_WIDE, "properties": {name: {"$ref": f"#/$defs/n{at + 1}"} for name in "abcdefgh"}}
            for at in range(9)
        },
        "n9": {"type": "null"},
    },
    **_WIDE,
}


@pytest.mark.parametrize(
    "schema",
    [
        _deep(500),
        _looping(),
        _EXPLODING,
        {"type": "array", "minItems": 10**9},
        {"type": "string", "minLength": 10**9},
        {"type": "object", "minProperties": 10**9},
        {"pattern": "^((a{1000}){1000}){1000}$"},
        {"pattern": "(" * 500 + ")" * 500},
        {"pattern": "a" * 5000},
        {"allOf": [{"pattern": "^(a+)+$"}, {"pattern": "^(a|aa)+b$"}], "minLength": 3000},
        {"allOf": [{"anyOf": [{"const": at}, {"const": -at}]} for at in range(1, 30)]},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    ],
    ids=lambda schema: str(list(schema))[:40],
)
def test_a_hostile_schema_ends_in_an_error_instead_of_hanging(schema: dict[str, Any]) -> None:
    with pytest.raises(WritingError):
        sample(schema)


def test_the_value_shares_nothing_with_the_schema() -> None:
    schema: dict[str, Any] = {"const": {"list": [1]}}
    sample(schema)["list"].append(2)
    assert schema == {"const": {"list": [1]}}


def test_defaults_and_examples_are_used_when_valid_and_only_then() -> None:
    assert sample({"type": "string", "default": "as given"}) == "as given"
    assert sample({"type": "integer", "default": "not a number"}) != "not a number"
    assert sample({"type": "string", "examples": ["shown"], "default": "other"}) == "shown"
    assert isinstance(sample({"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}), int)
