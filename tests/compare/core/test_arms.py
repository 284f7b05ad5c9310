"""Arms, cells and judgements: how they are read, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viralai_sdk import AIProvider, AIServiceType, Arm
from viralai_sdk.compare.arms import arm, arms
from viralai_sdk.compare.ballot import CHOICES, KEYS, Judgement, choice, of_pair
from viralai_sdk.compare.cells import Cell, read_cell
from viralai_sdk.interfaces.errors import (
    AIError,
    ContentPolicyError,
    InvalidRequestError,
    RateLimitError,
)
from viralai_sdk.interfaces.text import TextGenerationResponse

TEXT = AIServiceType.TEXT_GENERATION
names = st.text(min_size=1, max_size=12).filter(lambda text: bool(text.strip()))
values = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.lists(st.integers(), max_size=3))
keys = st.from_regex(r"[a-z_]{1,10}", fullmatch=True).filter(
    lambda key: key not in {"provider", "model", "template", "name", "parameters"}
)


@given(
    names,
    st.none() | names,
    st.none() | names,
    st.none() | names.map(lambda text: f"{text} {{prompt}}"),
    st.dictionaries(keys, values),
)
def test_an_arm_survives_json(name: str, provider: str, model: str, template: str, parameters: dict[str, Any]) -> None:
    made = Arm(name, provider, model, template, parameters)
    assert arm(json.loads(json.dumps(made.to_dict()))) == made
    assert arm(made) is made


@given(names, st.dictionaries(keys, values))
def test_loose_keys_of_a_mapping_are_parameters_and_win_over_nested_ones(name: str, parameters: dict[str, Any]) -> None:
    made = arm({"name": name, "provider": "openai", "parameters": {"seed": 1, **parameters}, "seed": 2})
    assert made.parameters == {**parameters, "seed": 2}


@given(st.lists(st.sampled_from(["a", "b", "a #2", "a #1"]), min_size=1, max_size=5))
def test_arms_get_names_of_their_own(given_names: list[str]) -> None:
    found = arms([Arm(name, "openai", None, None, {"seed": place}) for place, name in enumerate(given_names)])
    assert len({one.name for one in found}) == len(given_names)
    assert [one.parameters["seed"] for one in found] == list(range(len(given_names)))


def test_an_arm_is_read_from_whatever_names_a_provider() -> None:
    assert arm(AIProvider.OPENAI) == Arm("openai", "openai")
    assert arm(" openai:gpt-6 ") == Arm("openai:gpt-6", "openai:gpt-6")
    assert arm({"provider": AIProvider.OPENAI, "model": "m", "style": "noir"}).name == "openai:m style=noir"
    assert arm({"template": "loud {prompt}"}).name == "default loud {prompt}"
    assert arms("openai") == (Arm("openai", "openai"),)


@pytest.mark.parametrize(
    "wrong", ["", "  ", 3, None, {"parameters": 3}, Arm(" "), Arm("a", template="none"), {"template": "x"}]
)
def test_what_is_no_arm_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidRequestError):
        arm(wrong)


def test_two_arms_that_do_not_differ_are_refused_and_so_is_none() -> None:
    with pytest.raises(InvalidRequestError, match="twice"):
        arms([Arm("one", "openai"), Arm("two", "openai")])
    with pytest.raises(InvalidRequestError, match="needs arms"):
        arms([])


def test_the_prompt_goes_where_the_template_says_and_the_name_does_not_change_the_fingerprint() -> None:
    loud = Arm("loud", "openai", template="{prompt}, LOUD {prompt}")
    assert loud.words("fox {x}") == "fox {x}, LOUD fox {x}"
    assert Arm("plain").words("fox") == "fox"
    assert loud.fingerprint() == Arm("other", "openai", template=loud.template).fingerprint()
    assert loud.fingerprint() != Arm("loud", "openai").fingerprint()


def test_a_cell_survives_json_with_its_result_or_its_error() -> None:
    response = TextGenerationResponse(text="hi", provider_used="openai", cost_usd=0.1, cost_source="catalog")
    good = Cell("a", "p001", "hello", 1, response, None, 0.5, {"words": 2, "ok": True, "none": None})
    again = read_cell(json.loads(json.dumps(good.to_dict(TEXT))))
    assert again == good
    assert again.ok
    assert again.key == ("a", "p001", 1)
    error = ContentPolicyError(
        "no", provider="openai", service="text_generation", hint="ask else", status=400, request_id="r", billed="yes"
    )
    read = read_cell(json.loads(json.dumps(Cell("a", "p001", "hello", error=error).to_dict(TEXT)))).error
    assert isinstance(read, ContentPolicyError)
    assert (str(read), read.billed, read.hint, read.status, read.request_id) == (
        str(error),
        "yes",
        "ask else",
        400,
        "r",
    )


def test_a_cell_of_an_error_that_nobody_knows_is_still_an_error() -> None:
    data = Cell("a", "p", "w", error=RateLimitError("slow down")).to_dict(TEXT)
    data["error"]["type"] = "Path"
    assert type(read_cell(data).error) is AIError


@pytest.mark.parametrize(
    "change",
    [
        {"service": "smell"},
        {"response": {"nonsense": 1}},
        {"response": 3},
        {"error": {"type": "AIError"}},
        {"error": {"type": 3, "message": "x"}},
        {"metrics": 3},
    ],
)
def test_a_broken_cell_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match="cell"):
        read_cell({**Cell("a", "p", "w").to_dict(TEXT), **change})


def test_a_cell_without_its_fields_is_refused() -> None:
    with pytest.raises(InvalidRequestError):
        read_cell({"service": "text"})


def test_a_judgement_names_its_winner_and_loser() -> None:
    assert (Judgement("a", "b", "left").winner, Judgement("a", "b", "left").loser) == ("a", "b")
    assert (Judgement("a", "b", "right").winner, Judgement("a", "b", "right").loser) == ("b", "a")
    for other in ("tie", "both_bad", "abstain"):
        assert Judgement("a", "b", choice(other)).winner is Judgement("a", "b", choice(other)).loser is None


def test_judgements_of_a_pair_are_found_in_either_order() -> None:
    votes = [Judgement("a", "b", "tie"), Judgement("b", "a", "left"), Judgement("a", "c", "left")]
    assert of_pair(votes, "a", "b") == votes[:2]


@given(st.sampled_from([*CHOICES, *KEYS]), st.sampled_from([str.upper, str.title, " {} ".format]))
def test_an_answer_is_read_by_name_and_by_key(word: str, change: Any) -> None:
    assert choice(change(word)) == KEYS.get(word, word)
    assert choice("both bad") == choice("Both-Bad") == "both_bad"


@given(st.text(max_size=5).filter(lambda text: text.strip().lower() not in {*CHOICES, *KEYS}))
def test_everything_else_is_no_answer(word: str) -> None:
    with pytest.raises(InvalidRequestError):
        choice(word)
