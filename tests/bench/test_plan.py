"""Everything that can be known to be wrong is refused before the first call, in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.conftest import planned
from viralai_sdk import bench
from viralai_sdk.bench import parameters
from viralai_sdk.bench.planning import without_chain
from viralai_sdk.bench.prompts import read_prompts
from viralai_sdk.bench.schedule import schedule
from viralai_sdk.client import ViralAI
from viralai_sdk.compare.arms import arms
from viralai_sdk.interfaces.errors import AIError, ConfigurationError, InvalidRequestError

GOOD: dict[str, Any] = {"providers": ["openai"], "prompts": ["a fox"], "simulate": True}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"repeat": 3}, "no parameter 'repeat'"),
        ({"repeats": "3"}, "repeats"),
        ({"repeats": 0}, "repeats"),
        ({"repeats": True}, "repeats"),
        ({"concurrency": [0]}, "concurrency"),
        ({"concurrency": [4, 4]}, "twice"),
        ({"concurrency": []}, "nothing would be measured"),
        ({"budget_usd": float("nan")}, "budget_usd"),
        ({"rate": -1.0}, "rate"),
        ({"providers": []}, "providers"),
        ({"providers": ["openai", " "]}, "empty name"),
        ({"providers": ["opnai"]}, "no provider 'opnai'"),
        ({"providers": ["openai", "openai"]}, "twice"),
        ({"chain": ["gemni"]}, "gemni"),
        ({"prompts": []}, "there is no prompt"),
        ({"prompts": ["a", " "]}, "p002 is empty"),
        ({"settings": {"temprature": 1}}, "temprature"),
        ({"settings": {"temperature": "hot"}}, "temperature"),
        ({"settings": {"api_key": "vk-canary-0001"}}, "secret"),
        ({"settings": {"Temperature!": 1}}, "no parameter's name"),
        ({"vary": {"temperature": []}}, "no value"),
        ({"latency": {"*": "soon"}}, "soon"),
        ({"faults": {"openai": "explode"}}, "explode"),
        ({"repeats": 10_000, "concurrency": list(range(1, 16))}, "limit"),
    ],
)
def test_wrong_parameters_are_refused_in_one_line(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises((InvalidRequestError, ConfigurationError)) as caught:
        bench.plan("text", **{**GOOD, **wrong})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "vk-canary" not in str(caught.value)


def test_other_refusals_name_the_nearest_right_word() -> None:
    with pytest.raises(InvalidRequestError, match="Did you mean 'speech'"):
        bench.plan("speach", **GOOD)
    with pytest.raises(InvalidRequestError, match="Did you mean 'repeats'"):
        parameters.read({"service": "text", "repeat": 1})
    with pytest.raises(InvalidRequestError, match="does not come in pieces"):
        bench.plan("video", providers=["runway"], prompts=["a fox"], simulate=True, stream=True)
    with pytest.raises(ConfigurationError, match="nobody simulates 'llamacpp'"):
        bench.plan("text", **{**GOOD, "providers": ["llamacpp"]})


def test_a_budget_that_is_too_small_is_refused_with_both_sums() -> None:
    with pytest.raises(InvalidRequestError, match=r"expected to cost \$0\.\d+, the budget is \$0\.0001"):
        bench.plan("image", providers=["gemini"], prompts=["a fox"], simulate=True, budget_usd=0.0001)


def test_a_provider_without_its_key_is_refused(tmp_path: Path) -> None:
    ai = ViralAI({"providers": {"gemini": {"api_key": "vk-canary-0002"}}}, home=tmp_path, progress=False)
    with pytest.raises(ConfigurationError, match="openai cannot be measured"):
        bench.plan("text", ai=ai, providers=["openai"], prompts=["a fox"])
    with pytest.raises(ConfigurationError, match="openai cannot be measured"):
        bench.plan("text", providers=["openai"], prompts=["a fox"])
    ai.runtime.close()


def test_a_plan_says_what_it_will_do_and_what_it_will_not_reach(tmp_path: Path) -> None:
    plan = planned(tmp_path, concurrency=[1, 8], vary={"temperature": [0.0, 1.0]})
    assert [arm.name for arm in plan.arms] == [
        "openai temperature=0.0",
        "openai temperature=1.0",
        "gemini temperature=0.0",
        "gemini temperature=1.0",
    ]
    assert plan.cost_usd > 0
    assert plan.cost_unknown == 0
    assert "concurrency 8 is not reached" in repr(plan)
    bundle = plan._repr_mimebundle_()
    assert "concurrency 8 is not reached" in bundle["text/html"]
    assert "raise repeats to 8" in bundle["text/plain"]
    assert plan.table()[0]["calls"] == 1 + 2 * 2


def test_the_fingerprint_follows_what_is_measured_and_not_where_it_is_kept(tmp_path: Path) -> None:
    one, other = planned(tmp_path), planned(tmp_path, out=str(tmp_path / "other"))
    assert one.fingerprint == other.fingerprint
    assert planned(tmp_path, repeats=3).fingerprint != one.fingerprint


def test_the_same_plan_without_its_chain_has_a_folder_of_its_own(tmp_path: Path) -> None:
    plan = planned(tmp_path, fallback=True, chain=["anthropic"])
    alone = without_chain(plan)
    assert not alone.parameters.fallback
    assert alone.parameters.chain == []
    assert alone.parameters.out == str(tmp_path / "run" / "alone")


def test_a_limit_of_the_configuration_is_named(tmp_path: Path) -> None:
    block = {"api_key": "vk-canary-0003", "max_concurrency": 2}
    ai = ViralAI({"providers": {"openai": block}}, home=tmp_path, progress=False)
    plan = bench.plan("text", ai=ai, providers=["openai"], prompts=["a fox"] * 8, concurrency=[4])
    assert "at most 2 requests" in plan.notes[0]
    ai.runtime.close()


# --- order


def test_providers_take_turns() -> None:
    prompts = read("a\nb\n")
    slots = schedule(arms(["x", "y"]), prompts, repeats=2, levels=[1], warm_up=1)
    assert [slot.arm.name for slot in slots] == ["x", "y"] * 5
    assert [slot.phase for slot in slots[:2]] == ["warm_up", "warm_up"]
    assert len({slot.id for slot in slots}) == len(slots)
    assert len({slot.turn for slot in slots}) == len(slots)


def test_turns_above_concurrency_one_fill_their_places() -> None:
    slots = schedule(arms(["x", "y"]), read("a\nb\n"), repeats=8, levels=[2])
    turns = [[slot.arm.name for slot in slots if slot.turn == turn] for turn in sorted({slot.turn for slot in slots})]
    assert [(turn[0], len(turn)) for turn in turns] == [("x", 8), ("y", 8), ("x", 8), ("y", 8)]


def test_the_open_loop_asks_each_arm_at_its_rate_and_shifts_them() -> None:
    slots = schedule(arms(["x", "y"]), read("a\n"), repeats=3, levels=[], rate=2.0)
    assert [slot.offset for slot in slots if slot.arm.name == "x"] == [0.0, 0.5, 1.0]
    assert [slot.offset for slot in slots if slot.arm.name == "y"] == [0.25, 0.75, 1.25]


# --- prompts


def read(text: str, name: str = "p.txt") -> Any:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        return read_prompts(path)


def test_prompt_files_of_every_kind_are_read() -> None:
    assert [(one.id, one.words) for one in read("a fox\n\n a hare \n")] == [("p001", "a fox"), ("p002", "a hare")]
    assert read("\ufeffid,prompt\nx,a fox\n", "p.csv")[0].id == "x"
    assert read('prompt\n"a, b"\n', "p.CSV")[0].words == "a, b"
    assert read('{"prompt": "a", "id": 7}\n\n{"prompt": "b"}', "p.jsonl")[0].id == "7"


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("", "p.txt", "is empty"),
        ("\n \n", "p.jsonl", "is empty"),
        ("", "p.csv", "is empty"),
        ("prompt\n", "p.csv", "is empty"),
        ("text\na\n", "p.csv", "line 1: the column 'prompt' is missing"),
        ("prompt,style\na,b\n", "p.csv", "there is no column 'style'"),
        ("prompt,id\na\n", "p.csv", "line 2: it has not as many fields"),
        ("prompt\na,b\n", "p.csv", "line 2"),
        ('prompt\n"a\n', "p.csv", "line"),
        ('{"text": "a"}', "p.jsonl", "line 1: the column 'prompt' is missing"),
        ('{"prompt": 3}', "p.jsonl", "line 1: the prompt must be text, not int"),
        ('{"prompt": "a", "id": [1]}', "p.jsonl", "the id must be text"),
        ('{"prompt": "a"}\n[]', "p.jsonl", "line 2: it is no JSON object"),
        ("nonsense", "p.jsonl", "line 1: it is no JSON"),
        ('{"prompt": " "}', "p.jsonl", "line 1: the prompt is empty"),
        ('{"prompt": "a", "id": "x"}\n{"prompt": "b", "id": "x"}', "p.jsonl", "line 2: the id 'x' is there twice"),
        ("a", "p.md", "must end in"),
        ("a\udcff", "p.txt", "not UTF-8"),
    ],
)
def test_a_wrong_prompt_file_is_refused_with_file_and_line(text: str, name: str, words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read(text, name)
    assert words in str(caught.value)
    assert name in str(caught.value)


def test_a_missing_prompt_file_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        bench.plan("text", **{**GOOD, "prompts_file": "nowhere.txt"})


@given(st.text(), st.sampled_from(["p.txt", "p.csv", "p.jsonl"]))
def test_any_text_is_read_or_refused_and_never_breaks(text: str, name: str) -> None:
    try:
        found = read(text, name)
    except InvalidRequestError as error:
        found = None
        refusal = str(error)
    if found is None:
        assert "\n" not in refusal
    else:
        assert found
        assert all(prompt.words.strip() and prompt.id for prompt in found)


@given(
    st.dictionaries(
        st.sampled_from(sorted(parameters.Parameters.model_fields)),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers()),
    )
)
def test_any_parameters_are_taken_or_refused_with_an_error_of_ours(given_: dict[str, Any]) -> None:
    try:
        found = parameters.read({"service": "text", **given_})
    except AIError as error:
        found = None
        refusal = str(error)
    if found is None:
        assert "\n" not in refusal
    else:
        assert found.service in ("text", "image", "video", "speech")
