"""What is typed into a form becomes arguments of a helper, or words that help."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_widgets.parameters import arguments_of, fields_of
from viralai_widgets.provider_picker import SERVICE_NAMES


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_every_service_has_a_form_of_known_kinds(service: str) -> None:
    assert {field["kind"] for field in fields_of(service)} <= {"text", "number", "choice"}
    assert json.dumps(fields_of(service))


def test_empty_fields_are_not_sent_numbers_are_numbers_and_json_wins() -> None:
    values = {"seed": "7", "style": "", "aspect_ratio": "16:9"}
    assert arguments_of("image", values, '{"num_images": 2, "aspect_ratio": "1:1"}') == {
        "seed": 7,
        "aspect_ratio": "1:1",
        "num_images": 2,
    }
    assert arguments_of("text", {"temperature": "0.5"}, "") == {"temperature": 0.5}
    assert arguments_of("video", {"duration": 4}, "") == {"duration": 4}


@pytest.mark.parametrize(
    ("service", "values", "more", "words"),
    [
        ("image", {"seed": "many"}, "", "no number"),
        ("text", {"temperature": "9"}, "", "between 0 and 2"),
        ("text", {"temperature": "nan"}, "", "between 0 and 2"),
        ("image", {}, "{", "cannot be read"),
        ("image", {}, "[1]", "must be an object"),
    ],
)
def test_what_cannot_be_meant_is_refused(service: str, values: dict[str, str], more: str, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        arguments_of(service, values, more)


@given(st.text())
def test_any_text_in_the_json_field_gives_arguments_or_a_refusal(text: str) -> None:
    try:
        found = arguments_of("image", {}, text)
    except InvalidRequestError:
        return
    assert isinstance(found, dict)
