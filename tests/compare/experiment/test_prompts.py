"""Prompt sets from lists and files; whatever is wrong is told with its file and line."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viralai_sdk.compare import prompts as module
from viralai_sdk.compare.prompts import Prompt, PromptSet, read_prompts
from viralai_sdk.interfaces.errors import InvalidRequestError


def test_a_list_of_texts_and_mappings_gets_ids_in_order() -> None:
    found = read_prompts(
        ["one", {"prompt": "two", "id": "second", "style": "noir"}, {"text": "three"}, Prompt("x", "four")]
    )
    assert [prompt.id for prompt in found] == ["p001", "second", "p003", "x"]
    assert found[1] == Prompt("second", "two", {"style": "noir"})
    assert (len(found), found[0:1][0].words, found.place("x")) == (4, "one", 3)
    assert read_prompts(found) is found
    assert [prompt.words for prompt in read_prompts("just one")] == ["just one"]
    assert [prompt.words for prompt in read_prompts(Prompt("a", "b"))] == ["b"]
    assert "4 prompts" in repr(found)
    with pytest.raises(InvalidRequestError, match=r"no prompt 'secnd'.*'second'"):
        found.place("secnd")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_csv_of_any_spreadsheet_is_read(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "set.csv"
    text = '\ufeffid,prompt,seed,options\nfox,"a fox, red\nand quick",7,"{""a"": 1}"\n\n,zwei äöü,,\n'
    rows = list(csv.reader(io.StringIO(text)))
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=separator).writerows(rows)
    path.write_text(buffer.getvalue(), "utf-8")
    found = read_prompts(str(path), {"seed", "options"})
    assert found[0] == Prompt("fox", "a fox, red\nand quick", {"seed": "7", "options": {"a": 1}})
    assert found[1] == Prompt("p002", "zwei äöü", {})


def test_a_jsonl_file_keeps_types_and_may_hold_plain_texts(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + '{"text": "one\u2028more", "seed": 7}\n\n"two"\r\n'.encode())
    assert list(read_prompts(path)) == [Prompt("p001", "one\u2028more", {"seed": 7}), Prompt("p002", "two")]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", "id,words\n1,x\n", r"a\.csv, line 1: the header has no column 'prompt'"),
        ("a.csv", "prompt,id\none,1\ntwo,1\n", r"a\.csv, line 3: the id '1' is taken by a\.csv, line 2"),
        ("a.csv", "prompt,id\n,1\n", r"a\.csv, line 2: has no 'prompt'"),
        ("a.csv", "prompt,text\na,b\n", r"a\.csv, line 2: has both"),
        ("a.csv", "prompt\na,b\n", r"a\.csv, line 2: has 2 cells, the header 1"),
        ("a.csv", "prompt,prompt\na,b\n", "two columns are named 'prompt'"),
        ("a.csv", "prompt,\na,b\n", "a column has no name"),
        ("a.csv", "prompt,sed\na,b\n", "line 2: 'sed' is no parameter of this service. Did you mean 'seed'"),
        ("a.csv", "prompt,options\na,{b\n", "line 2: 'options' is no JSON"),
        ("a.csv", 'prompt\n"a', r"a\.csv, line 2: cannot be read as CSV"),
        ("a.csv", "", "the prompt set is empty"),
        ("a.csv", "prompt\n", "the prompt set is empty"),
        ("a.csv", "prompt\n" + "x" * 200_000, "cannot be read as CSV"),
        ("a.jsonl", '{"prompt": "a"}\n{', r"a\.jsonl, line 2: is no JSON"),
        ("a.jsonl", "[" * 100_000, "line 1: is no JSON"),
        ("a.jsonl", "\n7", r"a\.jsonl, line 2: is a JSON int"),
        ("a.jsonl", '{"prompt": 7}', "line 1: the prompt is no text"),
        ("a.jsonl", '{"prompt": "  "}', "line 1: the prompt is blank"),
        ("a.ndjson", '{"id": "x"}', r"a\.ndjson, line 1: has no 'prompt'"),
        ("a.jsonl", json.dumps({"prompt": "a", "id": "x" * 65}), "an id has 1 to 64"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(tmp_path: Path, name: str, content: str, told: str) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(InvalidRequestError, match=told):
        read_prompts(tmp_path / name, {"seed", "options"})


def test_files_that_cannot_be_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidRequestError, match=r"none\.csv: cannot be read: No such file"):
        read_prompts(tmp_path / "none.csv")
    (tmp_path / "set.txt").write_text("one")
    with pytest.raises(InvalidRequestError, match="neither CSV nor JSONL"):
        read_prompts(tmp_path / "set.txt")
    (tmp_path / "set.csv").write_bytes(b"prompt\nok\ncaf\xe9\n")
    with pytest.raises(InvalidRequestError, match="line 3: is no UTF-8"):
        read_prompts(tmp_path / "set.csv")
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 4)
    with pytest.raises(InvalidRequestError, match="larger than"):
        read_prompts(tmp_path / "set.csv")


@pytest.mark.parametrize("wrong", [7, None, {"prompt": "x"}, [7], [None], [["x"]]])
def test_what_is_no_prompt_set_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidRequestError):
        read_prompts(wrong)


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PROMPTS", 2)
    monkeypatch.setattr(module, "MAX_PROMPT_CHARS", 5)
    with pytest.raises(InvalidRequestError, match="prompt 3: a prompt set has at most 2"):
        read_prompts(["a", "b", "c"])
    with pytest.raises(InvalidRequestError, match="more than 2"):
        PromptSet([Prompt(str(number), "x") for number in range(3)])
    with pytest.raises(InvalidRequestError, match="prompt 1: the prompt has more than 5"):
        read_prompts(["abcdef"])


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(
    str.strip
)


@given(st.lists(texts, min_size=1, max_size=6))
def test_any_texts_survive_both_kinds_of_file(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> None:
    folder = tmp_path_factory.mktemp("sets")
    lines = "".join(json.dumps({"prompt": word}, ensure_ascii=False) + "\n" for word in words)
    (folder / "a.jsonl").write_bytes(lines.encode())
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows([["prompt"], *([word] for word in words)])
    (folder / "a.csv").write_bytes(buffer.getvalue().encode())
    for name in ("a.jsonl", "a.csv"):
        assert [prompt.words for prompt in read_prompts(folder / name)] == words


@given(st.binary(max_size=200), st.sampled_from(["a.csv", "a.jsonl"]))
def test_any_bytes_give_prompts_or_our_own_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    path = tmp_path_factory.mktemp("sets") / name
    path.write_bytes(data)
    with contextlib.suppress(InvalidRequestError):
        assert len(read_prompts(path)) > 0
