"""Structured answers by a JSON schema given as a dict: the schema is checked before anything is sent, the answer before anyone sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doubles import TEXT, chain, client, config, rows, text_provider, use
from viralai_sdk.interfaces.errors import InvalidRequestError, MalformedResponseError
from viralai_sdk.interfaces.steps import TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest, TextGenerationResponse, TextGenerationService
from viralai_sdk.services.schemas import LONGEST_REASON, check_schema, misfit
from viralai_sdk.simulator import Simulator

CLIP: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "scenes": {"type": "array", "items": {"$ref": "#/$defs/scene"}},
        "mood": {"enum": ["calm", "wild"]},
    },
    "required": ["title"],
    "additionalProperties": False,
    "$defs": {"scene": {"type": "object", "properties": {"seconds": {"type": "number", "maximum": 10}}}},
}
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DEEP: dict[str, Any] = {}
for _ in range(200):
    DEEP = {"items": DEEP}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(
    ["type", "items", "properties", "$ref", "$schema", "$id", "$defs", "pattern", "enum", "required", "anyOf", "not"]
)
TYPES = st.sampled_from(["object", "array", "string", "#", "#/$defs/a", DRAFT_7, "http://["])
SCHEMAS = st.dictionaries(
    WORDS,
    st.recursive(
        JSON | TYPES,
        lambda inner: st.dictionaries(WORDS | st.just("a"), inner, max_size=3) | st.lists(inner, max_size=2),
        max_leaves=8,
    ),
    max_size=4,
)


class Unsent(TextGenerationService):
    """Must not be asked."""

    async def generate(self, request: Any) -> Any:
        raise AssertionError("was asked")


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "objekt"}, "schema: type: 'objekt'"),
        ({"properties": {"a": {"minLength": -1}}}, r"schema: properties\.a\.minLength: -1"),
        ({"properties": {"a": {"pattern": "("}}}, r"properties\.a\.pattern: '\(' is not a 'regex' that Python's re"),
        ({"items": [{}]}, "items"),
        ({"$schema": 7}, "no address of a dialect"),
        ({"$schema": "http://["}, "no address of a dialect"),
        ({"$ref": "#/$defs/nothing"}, "leads nowhere"),
        ({"items": {"$ref": "https://example.com/schema"}}, "nothing is fetched"),
        ({"$ref": "http://["}, "leads nowhere"),
        ({"$ref": "#/else/where", "else": {"where": {"type": 8}}}, r"#/else/where\.type"),
        ({"$ref": "#/other", "other": [1]}, "#/other"),
        ({"const": float("nan")}, "is no JSON"),
        ({"enum": {1, 2}}, "is no JSON"),
        (DEEP, "too deeply"),
        ({"type": "x" * 5000}, "type: 'xxx.* … .*xxx'"),
    ],
)
async def test_a_wrong_schema_is_refused_before_anything_is_sent(schema: dict[str, Any], told: str, home: Path) -> None:
    use(TEXT, unsent=Unsent)
    ai = client({}, home)
    for act in (
        lambda: ai.text("x", provider="unsent", schema=schema),
        lambda: anext(ai.text.stream("x", schema=schema)),
    ):
        with pytest.raises(InvalidRequestError, match=told) as caught:
            await act()
        assert (caught.value.billed, len(str(caught.value)) < 500) == ("no", True)
    with pytest.raises(InvalidRequestError, match=told):
        await ai.text("x", provider="unsent", schema=schema, dry_run=True)


@pytest.mark.parametrize(
    "schema",
    [
        CLIP,
        {},
        {"required": ("a", "b"), "properties": {"a": {}}},
        {"$schema": DRAFT_7, "items": [{"type": "integer"}]},
        {"$schema": "urn:a:dialect:of:my:own", "type": "object"},
        {"$id": "https://example.com/a", "$defs": {"b": {"$anchor": "c"}}, "items": {"$ref": "#c"}},
        {"$dynamicAnchor": "node", "items": {"$dynamicRef": "#node"}},
        {"$defs": {"tree": {"properties": {"next": {"$ref": "#/$defs/tree"}}}}, "$ref": "#/$defs/tree"},
        {"$ref": "https://json-schema.org/draft/2020-12/schema"},
    ],
)
def test_a_right_schema_is_taken(schema: dict[str, Any]) -> None:
    check_schema(schema)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({}, "the value: 'title' is a required property"),
        ([], "the value: [] is not of type 'object'"),
        ({"title": 5}, "title: 5 is not of type 'string'"),
        (
            {"title": "a", "scenes": [{"seconds": 3}, {"seconds": 11}]},
            "scenes.1.seconds: 11 is greater than the maximum",
        ),
        ({"title": "a", "mood": "loud"}, "mood: 'loud' is not one of ['calm', 'wild']"),
        ({"title": "a", "extra": 1}, "the value: Additional properties are not allowed ('extra' was unexpected)"),
    ],
)
async def test_an_answer_that_does_not_follow_the_schema_is_a_paid_failure(value: Any, told: str, home: Path) -> None:
    use(TEXT, odd=text_provider(lambda request: json.dumps(value)))
    ai = client({}, home)
    with pytest.raises(MalformedResponseError) as caught:
        await ai.text("a clip", provider="odd", schema=CLIP, fallback=False)
    await ai.aclose()
    assert f"does not follow the schema: {told}" in caught.value.message
    assert (caught.value.billed, rows(home)[0]["billed"], rows(home)[0]["outcome"]) == ("yes", "yes", "failed")


async def test_the_next_of_the_chain_serves_when_an_answer_does_not_fit(home: Path) -> None:
    use(TEXT, odd=text_provider(lambda _: '{"name": "fox"}'), good=text_provider(lambda _: '{"title": "fox"}'))
    response = await client({"ai_services": chain("odd", "good")}, home).text("a clip", schema=CLIP)
    assert (response.parsed, response.provider_used) == ({"title": "fox"}, "good")
    assert (response.attempts[0].error, response.attempts[0].billed) == ("MalformedResponseError", "yes")


async def test_a_streamed_answer_that_does_not_fit_ends_in_the_failure(sim: Simulator, home: Path) -> None:
    # Strict mode makes the vendor give every property, which this schema forbids.
    use(TEXT, good=text_provider(lambda _: "{}"))
    ai = client(config(sim, ai_services=chain("openai", "good")), home)
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "maxProperties": 0}
    pieces: list[str] = []
    with pytest.raises(MalformedResponseError, match=r"the value: .* is expected to be empty") as caught:
        async for chunk in ai.text.stream("a clip", schema=schema):
            assert chunk.response is None
            pieces.append(chunk.text)
    assert "title" in "".join(pieces)
    assert caught.value.billed == "yes"


async def test_a_value_that_the_provider_parsed_itself_is_checked_too(home: Path) -> None:
    use(TEXT, odd=text_provider(lambda _: TextPayload(text="a table", parsed={"title": None})))
    with pytest.raises(MalformedResponseError, match="title: None"):
        await client({}, home).text("a clip", provider="odd", schema=CLIP, fallback=False)


@pytest.mark.parametrize(("text", "fits"), [('```json\n{"title": "fox"}\n```', True), ('{"title": 5}', False)])
async def test_a_service_that_does_its_own_sending_is_held_to_the_schema(text: str, fits: bool, home: Path) -> None:
    class Own(TextGenerationService):
        async def generate(self, request: Any) -> TextGenerationResponse:
            return TextGenerationResponse(provider_used="own", text=text)

    use(TEXT, own=Own)
    asked = client({}, home).text("a clip", provider="own", schema=CLIP)
    if fits:
        assert (await asked).parsed == {"title": "fox"}
    else:
        with pytest.raises(MalformedResponseError, match="title: 5"):
            await asked


async def test_the_embedded_engine_follows_schemas(home: Path) -> None:
    response = await client({}, home).text("A clip about a fox", provider="embedded", schema=CLIP)
    assert misfit(CLIP, response.parsed) is None
    assert response.parsed["title"]


def test_a_reason_is_short_whatever_the_answer_holds() -> None:
    long = "word " * 10_000
    for value in ({"title": [long]}, {"title": "a", long: 1}, {"title": "a", "scenes": long}):
        told = misfit(CLIP, value)
        assert told is not None
        assert len(told) <= LONGEST_REASON + 130
        assert "\n" not in told


def test_what_cannot_be_checked_does_not_count_as_right() -> None:
    check_schema({"$ref": "#"})
    assert misfit({"$ref": "#"}, 1) == "the value: is nested too deeply to be checked"


@settings(derandomize=True, deadline=None)
@given(schema=SCHEMAS, value=JSON)
def test_whatever_is_given_the_answer_is_a_refusal_or_a_verdict(schema: dict[str, Any], value: Any) -> None:
    refused = None
    try:
        check_schema(schema)
    except InvalidRequestError as error:
        refused = error
    told = misfit(schema, value) if refused is None else refused.message
    assert told is None or 0 < len(told) <= LONGEST_REASON + 200


def test_the_library_is_loaded_only_for_a_schema(tmp_path: Path) -> None:
    code = (
        "import sys, viralai_sdk.client, viralai_sdk.services.pipeline\n"
        "from viralai_sdk import ViralAI\n"
        "ai = ViralAI({})\n"
        "ai.sync.text('a fox', provider='embedded')\n"
        "print('jsonschema' in sys.modules)\n"
        "ai.sync.text('a fox', provider='embedded', schema={'type': 'object'})\n"
        "print('jsonschema' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split() == ["False", "True"]


async def test_a_request_with_a_model_is_read_by_the_model(home: Path) -> None:
    from pydantic import BaseModel

    class Clip(BaseModel):
        title: str

    use(TEXT, odd=text_provider(lambda _: '{"title": "fox", "more": 1}'))
    response = await client({}, home).text("a clip", provider="odd", schema=Clip)
    assert response.parsed == Clip(title="fox")
    request = TextGenerationRequest("a clip", response_schema=Clip.model_json_schema())
    served: Any = await client({}, home).manager.run(TEXT, request, provider="odd")
    assert served.parsed == {"title": "fox", "more": 1}
