"""`viralai compare`."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.cli.conftest import Viralai, viralai
from viralai_sdk import Comparison
from viralai_sdk.cli.compare import arm, setting
from viralai_sdk.compare.helper import CompareHelper
from viralai_sdk.simulator import Simulator

__all__ = ["viralai"]
SMALL = ("--set", "width=64", "--set", "height=64")
TWO = ("--provider", "embedded", "--arm", "provider=embedded,style=neon,name=neon")

keys = st.from_regex(r"[a-z_]{1,8}", fullmatch=True).filter(
    lambda key: key not in {"name", "provider", "model", "template"}
)
values = st.one_of(
    st.integers(), st.booleans(), st.text(st.characters(exclude_characters='",\r\n\x00', codec="utf-8"), max_size=10)
)


@given(st.dictionaries(keys, values, min_size=1, max_size=4))
@example({"word": "NaN"})
@example({"word": "-Infinity"})
def test_an_arm_is_read_back_from_its_words(wanted: dict[str, Any]) -> None:
    said = ",".join(
        f"{key}={json.dumps(value) if not isinstance(value, str) else value}" for key, value in wanted.items()
    )
    found = arm(said)
    assert list(found) == list(wanted)
    for key, value in wanted.items():
        assert found[key] == value or (isinstance(value, str) and found[key] == setting(f"x={value}")[1])


def test_a_comma_inside_a_value_is_written_in_quotes_and_names_stay_words() -> None:
    assert arm('provider=openai,"template={prompt}, loud",seed=7,name=7') == {
        "provider": "openai",
        "template": "{prompt}, loud",
        "seed": 7,
        "name": "7",
    }


@pytest.mark.parametrize("wrong", ["", "openai", "=3", "seed=1,seed=2", '"provider=x', "a=1,"])
def test_what_is_no_arm_is_refused(wrong: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        arm(wrong)


def test_pictures_are_compared_and_written(viralai: Viralai) -> None:
    done = viralai(
        "compare", "image", "a fox", *TWO, *SMALL, "--html", "page.html", "--save", "out.zip", "--repeats", "2"
    )
    assert done.code == 0, done.err
    assert "2 arms × 1 prompt × 2 repeats · free" in done.out
    assert "neon" in done.out
    assert "written: page.html" in done.err
    assert (viralai.place / "page.html").read_text("utf-8").count("data:image/png") == 4
    assert len(Comparison.load(viralai.place / "out.zip").cells) == 4


def test_texts_are_printed_and_json_is_one_document(viralai: Viralai) -> None:
    done = viralai("compare", "text", "Write 3 hooks about tea", "Say hi", "--provider", "embedded", "--timeout", "20")
    assert "[embedded · p001]" in done.out
    assert "tea" in done.out
    found = viralai("compare", "text", "Say hi", "--provider", "embedded", "--save", "out", "--json").document
    assert found["cells"][0]["ok"] is True
    assert found["saved"] == "out"
    assert found["errors"] == []


def test_a_dry_run_shows_prices_and_sends_nothing(viralai: Viralai) -> None:
    done = viralai("compare", "text", "hi", *("--provider", "embedded"), "--dry-run")
    assert done.code == 0
    assert "nothing was sent" in done.out
    assert viralai("compare", "text", "hi", "--provider", "embedded", "--dry-run", "--json").document["calls"] == 1
    assert not (viralai.place / "outputs").exists()


def test_one_failure_is_shown_and_only_all_failures_fail(viralai: Viralai, monkeypatch: pytest.MonkeyPatch) -> None:
    with Simulator() as sim:
        sim.faults.add("openai", status=401)
        monkeypatch.setenv("OPENAI_API_KEY", sim.key)
        monkeypatch.setenv("OPENAI_BASE_URL", sim.url("openai"))
        done = viralai("compare", "text", "hi", "--provider", "embedded", "--provider", "openai", "--repeats", "2")
        assert done.code == 0
        assert "openai · p001: AuthenticationError" in done.err
        assert "#2" in done.out
        assert sim.key not in done.out + done.err
        done = viralai("compare", "text", "hi", "--provider", "openai", "--json")
        assert done.code == 1
        assert done.document["errors"][0]["type"] == "AuthenticationError"
        assert sim.key not in done.out + done.err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--provider", "nobody"),
        ("--provider", "embedded", "--set", "colour=red"),
        ("--provider", "embedded", "--set", "red"),
        ("--provider", "embedded", "--html", "no/such/folder.html"),
        ("--provider", "embedded", "--html", "."),
        ("--provider", "embedded", "--save", "no/such/folder"),
        ("--provider", "embedded", "--save", "."),
        ("--provider", "embedded", "--repeats", "0"),
    ],
)
def test_wrong_use_is_told_before_anything_is_made(viralai: Viralai, words: tuple[str, ...]) -> None:
    (viralai.place / "something").write_text("x")
    assert viralai("compare", "text", "hi", *words).code == 2
    assert not (viralai.place / "outputs").exists()


@pytest.mark.parametrize("finished", [True, False])
def test_what_was_finished_before_an_interrupt_is_still_written(
    viralai: Viralai, monkeypatch: pytest.MonkeyPatch, finished: bool
) -> None:
    start = CompareHelper.start

    def interrupted(self: CompareHelper, *args: Any, **details: Any) -> Any:
        run = start(self, *args, **details)
        task = asyncio.current_task()
        assert task is not None
        if finished:
            run.when_done(lambda _: task.cancel())
        else:
            task.cancel()
        return run

    monkeypatch.setattr(CompareHelper, "start", interrupted)
    with pytest.raises(asyncio.CancelledError):
        viralai("compare", "text", "hi", "--provider", "embedded", "--save", "out")
    assert (viralai.place / "out").exists() is finished


def test_every_service_is_there(viralai: Viralai) -> None:
    done = viralai(
        "compare", "speech", "Hi.", "--provider", "embedded", "--arm", "provider=embedded,speed=1.3", "--html", "s.html"
    )
    assert done.code == 0
    assert Path("s.html").read_text("utf-8").count("<audio") == 2
    done = viralai(
        "compare", "video", "a fox", "--provider", "embedded", *SMALL, "--set", "duration=0.5", "--set", "fps=6"
    )
    assert done.code == 0, done.err
