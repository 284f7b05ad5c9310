"""Ends of models: what is found in the data, what a call is told, and what a vendor's 404 becomes. The clock is always given."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from viralai_sdk.catalog import check
from viralai_sdk.catalog.catalog import Catalog, Model, parse
from viralai_sdk.catalog.lifecycle import days, problems, retiring
from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces.errors import (
    AIError,
    AllProvidersFailedError,
    InvalidRequestError,
    ModelRetiredError,
    RateLimitError,
)
from viralai_sdk.services.lifecycle import explain
from viralai_sdk.simulator import Simulator

TODAY = datetime.date(2026, 11, 22)


def data(**rows: dict[str, Any]) -> dict[str, Any]:
    return {"models": {name: {"services": ["text"], "source": "a list", **row} for name, row in rows.items()}}


def day(number: int) -> str:
    return str(TODAY + datetime.timedelta(days=number))


def test_retiring_gives_the_nearest_end_first_and_leaves_out_what_has_ended() -> None:
    catalog = parse(
        "x",
        data(late={"retires": day(90)}, past={"retires": day(-1)}, soon={"retires": day(0)}, far={"retires": day(91)}),
    )
    assert [model.name for model in retiring([catalog], TODAY)] == ["soon", "late"]
    assert [model.name for model in retiring([catalog], TODAY, 91)] == ["soon", "late", "far"]


@pytest.mark.parametrize(("text", "number"), [("90d", 90), ("12w", 84), ("7", 7), (" 3 W ", 21)])
def test_spans_of_days(text: str, number: int) -> None:
    assert days(text) == number


@pytest.mark.parametrize("text", ["", "soon", "-3d", "3y"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="no span of days"):
        days(text)


@pytest.mark.parametrize(
    ("rows", "default", "word"),
    [
        ({"a": {"retires": day(89), "replaced_by": "b"}, "b": {}}, "a", "in 89 days; its successor is b"),
        ({"a": {"retires": day(-1)}}, "a", "ended on"),
        ({"a": {}}, "z", "is not in the catalog"),
        ({"a": {"services": ["image"]}}, "a", "does not serve it"),
        ({"a": {"source": None}}, "a", "no source"),
        ({"a": {"replaced_by": "ghost"}}, "a", "'ghost' is not in the catalog"),
        ({"a": {"retires": day(200), "replaced_by": "b"}, "b": {"retires": day(100)}}, "a", "does not outlive it"),
        ({"a": {"released": day(0), "retires": day(-400)}, "b": {}}, "b", "before it begins"),
        ({"a": {"prices": {"image": -1}}}, "a", "below 0"),
        ({"a": {"services": []}, "b": {}}, "b", "serves nothing"),
    ],
)
def test_problems_of_the_data_are_found(rows: dict[str, Any], default: str, word: str) -> None:
    catalog = parse("x", {**data(**rows), "defaults": {"text": default}})
    assert any(word in str(problem) for problem in problems(catalog, TODAY)), [*map(str, problems(catalog, TODAY))]


def test_sound_data_has_no_problems() -> None:
    rows = data(a={"retires": day(91), "replaced_by": "b"}, b={"retires": day(300)})
    assert problems(parse("x", {**rows, "defaults": {"text": "a"}}), TODAY) == []


def test_the_check_has_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    early = datetime.date(2020, 1, 1)
    assert check.main([], lambda: early) == 0, capsys.readouterr().out
    assert "no problems" in capsys.readouterr().out
    assert check.main([], lambda: datetime.date(2100, 1, 1)) == 1
    assert "the default for speech ended on" in capsys.readouterr().out
    mine = tmp_path / "mine.yaml"
    mine.write_text("openai: {models: {new-one: {services: [text]}}}", "utf-8")
    assert check.main(["--overlay", str(mine)], lambda: early) == 1
    assert "openai/new-one: its figures have no source" in capsys.readouterr().out
    assert check.main(["--overlay", str(tmp_path / "none.yaml")], lambda: early) == 2
    assert check.main(["--within", "soon"], lambda: early) == 2


ENDING = Model("old-1", "x", retires=TODAY + datetime.timedelta(days=10), replaced_by="new-1")
STEADY = Model("steady-1", "x")


def test_a_404_at_a_models_end_names_the_successor() -> None:
    error = explain(InvalidRequestError("no such thing", status=404, provider="x", request_id="r"), ENDING, TODAY)
    assert isinstance(error, ModelRetiredError)
    assert error.replaced_by == "new-1"
    assert error.provider == "x"
    assert error.request_id == "r"
    assert "Use 'new-1' instead." in str(error)
    assert isinstance(error.__cause__, InvalidRequestError)


def test_a_vendors_own_word_for_it_gets_the_successor() -> None:
    error = explain(ModelRetiredError("gone", status=410), ENDING, TODAY)
    assert isinstance(error, ModelRetiredError)
    assert error.replaced_by == "new-1"
    assert "2026-12-02" in (error.hint or "")
    named = ModelRetiredError("gone", replaced_by="vendor-says", hint="Use it.")
    assert explain(named, ENDING, TODAY) is named
    assert named.replaced_by == "vendor-says"


@pytest.mark.parametrize(
    ("error", "model"),
    [
        (InvalidRequestError("no such voice", status=404), STEADY),
        (InvalidRequestError("no such voice", status=404), None),
        (InvalidRequestError("too long", status=400), ENDING),
        (RateLimitError("slow down", status=429), ENDING),
        (
            InvalidRequestError("no such voice", status=404),
            Model("far", "x", retires=TODAY + datetime.timedelta(days=300)),
        ),
    ],
)
def test_other_errors_stay_what_they_are(error: AIError, model: Model | None) -> None:
    assert explain(error, model, TODAY) is error


def test_a_404_that_names_a_model_with_a_successor_is_its_end() -> None:
    model = Model("steady-2", "x", replaced_by="steady-3")
    assert isinstance(explain(InvalidRequestError("steady-2 is unknown", status=404), model, TODAY), ModelRetiredError)


def client(sim: Simulator, folder: Path, retires: str, **more: Any) -> ViralAI:
    mine = folder / "mine.yaml"
    mine.write_text(f"openai: {{models: {{gpt-6-luna: {{retires: {retires}, replaced_by: gpt-7-nova}}}}}}", "utf-8")
    settings = {"providers": {"openai": {"api_key": sim.key, "base_url": sim.url("openai")}}, "catalog": str(mine)}
    return ViralAI({**settings, **more}, home=folder, progress=False, today=lambda: TODAY)


async def test_calls_warn_within_sixty_days_and_are_refused_after_the_end(tmp_path: Path) -> None:
    with Simulator() as sim:
        for left, kinds in ((61, []), (60, ["deprecated"]), (0, ["deprecated"])):
            ai = client(sim, tmp_path, day(left))
            response = await ai.text("hello", provider="openai:gpt-6-luna")
            assert [warning.kind for warning in response.warnings] == kinds
            assert all("gpt-7-nova" in warning.message for warning in response.warnings)
            await ai.aclose()
            ai.runtime.close()
        sim.log.clear()
        ai = client(sim, tmp_path, day(-1))
        with pytest.raises(ModelRetiredError, match="gpt-7-nova") as caught:
            await ai.text("hello", provider="openai:gpt-6-luna")
        assert caught.value.billed == "no"
        assert sim.log == []
        await ai.aclose()
        ai.runtime.close()


@pytest.mark.parametrize("status", [404, 410])
async def test_the_vendors_gone_names_the_successor_and_the_chain_goes_on(tmp_path: Path, status: int) -> None:
    with Simulator() as sim:
        sim.faults.add("openai", status=status, message="unknown thing")
        ai = client(sim, tmp_path, day(30))
        with pytest.raises(ModelRetiredError) as caught:
            await ai.text("hello", provider="openai:gpt-6-luna")
        assert caught.value.replaced_by == "gpt-7-nova"
        assert caught.value.provider == "openai"
        assert caught.value.status == status
        with pytest.raises(ModelRetiredError):
            await anext(ai.text.stream("hello", provider="openai:gpt-6-luna"))
        ai.set_fallback_chain("text", ["openai:gpt-6-luna", "embedded"])
        served = await ai.text("hello", provider="openai:gpt-6-luna")
        assert [attempt.error for attempt in served.attempts] == ["ModelRetiredError", None]
        ai.set_fallback_chain("text", ["openai:gpt-6-luna", "openai:gpt-6-astra"])
        with pytest.raises(AllProvidersFailedError) as both:
            await ai.text("hello", provider="openai:gpt-6-luna")
        assert isinstance(both.value.errors[0], ModelRetiredError)
        await ai.aclose()
        ai.runtime.close()


def test_no_builtin_model_claims_a_successor_that_does_not_exist() -> None:
    from viralai_sdk.catalog.catalog import builtin_names

    early = datetime.date(2020, 1, 1)
    catalog = Catalog()
    assert [str(found) for name in builtin_names() for found in problems(catalog.provider(name), early)] == []
