"""Texts: known answers, and what holds for every text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from tests.compare.media import response_of
from viralai_sdk.compare.metrics import examine, measure, text_difference
from viralai_sdk.compare.metrics.texts import (
    count_sentences,
    count_syllables,
    count_words,
    readability,
    repetition,
    schema_valid,
)
from viralai_sdk.interfaces.records import Usage

EASY = "The cat sat on the mat. The dog ran to the cat. They had a lot of fun in the sun with a big red ball."


class Answer(BaseModel):
    city: str
    people: int


def test_the_reading_ease_of_one_syllable_words_is_the_formula_itself() -> None:
    assert count_words(EASY) == 26
    assert count_sentences(EASY) == 3
    assert readability(EASY) == pytest.approx(206.835 - 1.015 * 26 / 3 - 84.6)


@pytest.mark.parametrize(
    ("word", "syllables"),
    [
        ("cat", 1), ("make", 1), ("table", 2), ("walked", 1), ("wanted", 2), ("boxes", 2), ("makes", 1),
        ("beautiful", 3), ("banana", 3), ("see", 1), ("the", 1), ("rhythm", 1), ("understanding", 4), ("x", 1),
    ],
)  # fmt: skip
def test_syllables(word: str, syllables: int) -> None:
    assert count_syllables(word) == syllables


def test_readability_is_for_english_of_some_length_only() -> None:
    german = "Der Hund läuft über die Straße und sieht eine Katze, die auf einem Baum sitzt und laut schreit, weil sie Hunger hat."
    french = "Le chien court dans la rue et voit un chat qui est assis sur un arbre et qui crie parce que il a très faim ce soir."
    assert readability(german) is None
    assert readability(french) is None
    assert readability("Too short to say.") is None
    assert readability("猫は木の上にいます。" * 10) is None


def test_repetition_counts_triples_that_came_before() -> None:
    assert repetition("one two three four five six seven eight nine ten") == 0
    assert repetition("a b c " * 4) == pytest.approx(1 - 3 / 10)
    assert repetition("a b c") is None


def test_scripts_without_spaces_have_no_words() -> None:
    assert count_words("今日はいい天気ですね") is None
    assert count_words("Tokyo (東京) is a very large city") == 7
    assert count_words("") == 0


@pytest.mark.parametrize(
    ("text", "parsed", "schema", "valid"),
    [
        ('{"city": "Ulm", "people": 5}', None, Answer, True),
        ('```json\n{"city": "Ulm", "people": 5}\n```', None, Answer, True),
        ('{"city": "Ulm"}', None, Answer, False),
        ("Ulm", None, Answer, False),
        ("", Answer(city="Ulm", people=5), Answer, True),
        ('{"city": "Ulm", "people": 5}', None, Answer.model_json_schema(), True),
        ('{"city": "Ulm", "people": "five"}', None, Answer.model_json_schema(), False),
        ("", Answer(city="Ulm", people=5), Answer.model_json_schema(), True),
        ("anything", None, None, None),
    ],
)
def test_a_schema_is_followed_or_not(text: str, parsed: Any, schema: Any, valid: bool | None) -> None:
    response = response_of(text, parsed=parsed)
    assert schema_valid(response, {"schema": schema}) is valid
    assert schema_valid(response, {"response_schema": schema}) is valid


def test_a_schema_that_cannot_be_checked_costs_only_its_own_value() -> None:
    found, problems = examine(response_of("{}"), "text", request_parameters={"schema": {"type": 7}})
    assert found["schema_valid"] is None
    assert found["characters"] == 2
    assert "cannot be checked" in str(problems[0])


def test_a_text_is_measured_whole() -> None:
    response = response_of(
        f"  {EASY}\n", usage=Usage(completion_tokens=40), generation_time=2.0, finish_reason="length"
    )
    found = measure(response, "text")
    assert found["characters"] == len(EASY)
    assert found["cut_off"] is True
    assert (found["output_tokens"], found["tokens_per_second"]) == (40, 20)
    assert (
        measure(response_of("x", usage=Usage(completion_tokens=4), generation_time=1.0, cached=True), "text")[
            "tokens_per_second"
        ]
        is None
    )


@given(st.text())
def test_every_text_can_be_measured(text: str) -> None:
    words = count_words(text)
    assert words is None or 0 <= words <= len(text)
    assert 0 <= count_sentences(text) <= len(text)
    share = repetition(text)
    assert share is None or 0 <= share <= 1
    readability(text)


@given(st.text(max_size=200), st.text(max_size=200))
def test_difference_is_a_share_and_none_to_itself(one: str, other: str) -> None:
    assert text_difference(one, one) == 0
    assert 0 <= text_difference(one, other) <= 1


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1))
def test_every_word_has_a_syllable_and_at_most_one_a_letter(word: str) -> None:
    assert 1 <= count_syllables(word) <= len(word)


def test_difference_of_known_texts() -> None:
    assert text_difference("one two three four", "one two three five") == pytest.approx(0.25)
    assert text_difference("a b", "c d") == 1
    assert text_difference("今日は", "今日も") == pytest.approx(1 / 3)
