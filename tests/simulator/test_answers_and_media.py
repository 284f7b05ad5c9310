"""Simulated values follow any schema; simulated media are real."""

from __future__ import annotations

import io
import random
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from viralai_sdk.simulator.answers import echo, pieces, value_for
from viralai_sdk.simulator.media import RATE, EngineMedia, SmallMedia, encode_audio, encode_picture

SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {"type": "integer", "minimum": 3, "maximum": 4}, "b": {"type": "number"}}},
    {"type": "object", "properties": {"a": {"type": "integer", "multipleOf": 5, "minimum": 7}}},
    {"type": "array", "items": {"enum": ["x", "y"]}, "minItems": 2, "maxItems": 2},
    {"type": "array", "prefixItems": [{"type": "string"}, {"const": 3}], "minItems": 2},
    {"type": ["null", "string"], "minLength": 70, "maxLength": 80},
    {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
    {"oneOf": [{"type": "null"}]},
    {"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 9},
    {"type": "string", "format": "date-time"},
    {"allOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": {"properties": {"a": {"type": "null"}}}}},
    {
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {
                    "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
                    "kind": {"type": ["string", "null"]},
                },
                "required": ["next", "children", "kind"],
                "additionalProperties": False,
            }
        },
        "$ref": "#/$defs/Node",
    },
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_values_follow_their_schema_and_repeat(schema: dict[str, Any]) -> None:
    for seed in range(20):
        value = value_for(schema, "a fox", random.Random(seed))
        jsonschema.validate(value, schema)
        assert value == value_for(schema, "a fox", random.Random(seed))


def test_answers_say_that_they_are_simulated() -> None:
    assert echo(" hi ") == "simulated answer to: hi"
    assert "simulated" in value_for({"type": "string"}, "hi", random.Random(1))


@given(st.text(), st.none() | st.integers(1, 20))
def test_pieces_join_to_the_text(text: str, limit: int | None) -> None:
    assert "".join(pieces(text, limit)) == (text if limit is None else text[: limit * 4])


@pytest.mark.parametrize("maker", [SmallMedia(), EngineMedia()], ids=["small", "engines"])
def test_pictures_and_sound_are_real_and_repeat(maker: Any) -> None:
    picture = maker.picture("a red fox", 96, 64)
    assert picture.size == (96, 64)
    assert len(picture.convert("RGB").getcolors(96 * 64)) > 10
    assert picture.tobytes() == maker.picture("a red fox", 96, 64).tobytes()
    samples = maker.samples("hello world", voice="alloy", speed=1.0)
    assert 0.2 < len(samples) / 2 / RATE < 5
    assert any(samples)


def test_pictures_come_in_every_format() -> None:
    picture = SmallMedia().picture("a fox", 32, 16)
    for kind in ("png", "webp", "jpeg", "gif"):
        with Image.open(io.BytesIO(encode_picture(picture, kind))) as image:
            assert (image.format, image.size) == (kind.upper(), (32, 16))


def test_compressed_sound_is_decodable() -> None:
    import av
    from av.container import InputContainer

    samples = SmallMedia().samples("hello to the whole world", voice="nova", speed=1.0)
    for kind in ("mp3", "opus", "aac", "flac", "wav"):
        with av.open(io.BytesIO(encode_audio(samples, kind))) as file:
            assert isinstance(file, InputContainer)
            length = sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
        assert length == pytest.approx(len(samples) / 2 / RATE, abs=0.12)
