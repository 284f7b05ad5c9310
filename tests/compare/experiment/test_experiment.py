"""An experiment makes each cell once, keeps what happened, and goes on where it was."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.compare.experiment.conftest import Writers
from tests.doubles import client
from viralai_sdk import ViralAI
from viralai_sdk.compare.making import RunSummary, cells_to_make
from viralai_sdk.compare.planning import ComparisonPlan
from viralai_sdk.interfaces.errors import (
    BudgetExceededError,
    ConfigurationError,
    InvalidRequestError,
    ProviderUnavailableError,
    StorageError,
)

TWO: dict[str, Any] = {"service": "text", "arms": ["ada", "bob"], "prompts": ["one", "two", "three"]}


async def run(experiment: Any, **details: Any) -> RunSummary:
    summary = await experiment.run(**details)
    assert isinstance(summary, RunSummary)
    return summary


async def test_every_cell_is_made_once_and_told_when_it_is_written_down(ai: ViralAI, writers: Writers) -> None:
    experiment = ai.experiment("first", **TWO, repeats=2)
    told = []
    summary = await run(experiment, on_cell=lambda cell: told.append(cell.key))
    assert (summary.made, summary.failed, summary.collected) == (12, 0, 0)
    assert sorted(writers.asked) == sorted((arm, prompt) for arm in ("ada", "bob") for prompt in TWO["prompts"] * 2)
    assert sorted(told) == sorted(cell.key for cell in experiment.cells())
    assert all(cell.ok and cell.response.text.endswith(cell.words) for cell in experiment.cells())  # type: ignore[union-attr]
    again = await run(experiment)
    assert (again.made, len(writers.asked)) == (0, 12)


async def test_the_name_alone_reopens_it_in_a_fresh_client(ai: ViralAI, writers: Writers, home: Path) -> None:
    await run(ai.experiment("first", **TWO, seed=7))
    await ai.aclose()
    reopened = client({}, home).experiment("first")
    assert (reopened.definition.seed, len(reopened.cells())) == (7, 6)
    assert (await run(reopened)).made == 0
    assert len(writers.asked) == 6


async def test_the_same_definition_resumes_and_another_one_says_what_differs(ai: ViralAI) -> None:
    ai.experiment("first", **TWO)
    assert ai.experiment("first", **TWO).name == "first"
    with pytest.raises(InvalidRequestError, match=r"1 arm added: 'cyd'.*first-2") as found:
        ai.experiment("first", **{**TWO, "arms": ["ada", "bob", "cyd"]})
    assert "reopens" in str(found.value)
    with pytest.raises(InvalidRequestError, match="1 prompt missing: 'p003'; "):
        ai.experiment("first", **{**TWO, "prompts": ["one", "four"]}, seed=1)
    with pytest.raises(InvalidRequestError, match="another order"):
        ai.experiment("first", **{**TWO, "arms": ["bob", "ada"]})


async def test_a_name_that_nobody_used_and_a_half_definition_are_refused(ai: ViralAI) -> None:
    with pytest.raises(InvalidRequestError, match="no experiment 'first'"):
        ai.experiment("first")
    with pytest.raises(InvalidRequestError, match="lacks its arms and prompts"):
        ai.experiment("first", service="text")
    for wrong in ("", "  ", "a\nb", "x" * 200):
        with pytest.raises(InvalidRequestError, match="name"):
            ai.experiment(wrong, **TWO)


async def test_a_wrong_parameter_is_refused_before_anything_is_written_or_sent(ai: ViralAI, writers: Writers) -> None:
    with pytest.raises(InvalidRequestError, match="Did you mean 'temperature'"):
        ai.experiment("first", **TWO, temprature=1)
    with pytest.raises(InvalidRequestError, match="'fallback' cannot be set"):
        ai.experiment("first", **{**TWO, "arms": ["ada", {"provider": "bob", "fallback": True}]})
    experiment = ai.experiment("second", **{**TWO, "arms": ["ada", {"provider": "bob", "max_tokens": -1}]})
    with pytest.raises(InvalidRequestError, match=r"prompt p001: .*arm 'bob max_tokens=-1': max_tokens"):
        await experiment.run()
    assert writers.asked == []
    assert ai.experiments().column("name") == ["second"]


async def test_parameters_of_the_arm_win_over_the_prompts_and_those_over_the_shared(
    ai: ViralAI, writers: Writers
) -> None:
    arms = [{"provider": "ada", "name": "hot", "temperature": 0.9}, {"provider": "ada", "name": "plain"}]
    prompts = ["one", {"prompt": "two", "temperature": 0.5}]
    experiment = ai.experiment("first", service="text", arms=arms, prompts=prompts, temperature=0.1, max_tokens=9)
    found = {
        order.slot.key[:2]: (order.request.temperature, order.request.max_tokens)  # type: ignore[attr-defined]
        for order in cells_to_make(ai.manager, experiment.definition, lambda key: True)
    }
    assert found == {
        ("hot", "p001"): (0.9, 9),
        ("plain", "p001"): (0.1, 9),
        ("hot", "p002"): (0.9, 9),
        ("plain", "p002"): (0.5, 9),
    }


async def test_a_failed_cell_is_kept_and_made_again_only_when_asked(ai: ViralAI, writers: Writers) -> None:
    def act(name: str, prompt: str) -> None:
        if name == "bob" and prompt == "two":
            raise ProviderUnavailableError("down.")

    writers.act = act
    experiment = ai.experiment("first", **TWO)
    summary = await run(experiment)
    assert (summary.made, summary.failed) == (6, 1)
    (failed,) = [cell for cell in experiment.cells() if not cell.ok]
    assert (failed.key, type(failed.error)) == (("bob", "p002", 0), ProviderUnavailableError)
    asked = len(writers.asked)
    assert (await run(experiment)).made == 0
    assert len(writers.asked) == asked
    writers.act = lambda name, prompt: None
    assert (await run(experiment, retry_failed=True)).made == 1
    assert writers.asked[asked:] == [("bob", "two")]
    assert all(cell.ok for cell in experiment.cells())


async def test_nobody_steps_in_for_an_arm(writers: Writers, home: Path) -> None:
    def act(name: str, prompt: str) -> None:
        if name == "bob":
            raise ProviderUnavailableError("down.")

    writers.act = act
    chain = {"text_generation": {"default_provider": "ada", "fallback_chain": ["ada", "bob", "cyd"]}}
    experiment = client({"ai_services": chain}, home).experiment("first", **TWO)
    assert (await run(experiment)).failed == 3
    assert {name for name, _ in writers.asked} == {"ada", "bob"}


async def test_repeats_are_asked_for_even_when_answers_are_cached(writers: Writers, home: Path) -> None:
    experiment = client({"enable_caching": True}, home).experiment("first", **TWO, repeats=2)
    await run(experiment)
    assert len(writers.asked) == 12


async def test_a_dry_run_prices_the_cells_and_sends_nothing(ai: ViralAI, writers: Writers) -> None:
    experiment = ai.experiment("first", **{**TWO, "arms": ["ada", "embedded"]})
    plan = await experiment.run(dry_run=True)
    assert isinstance(plan, ComparisonPlan)
    assert (plan.calls, plan.unknown, writers.asked) == (6, 3, [])
    rows = {row["arm"]: row for row in plan.table()}
    assert rows["embedded"]["total"] == "$0.0000"
    assert rows["ada"]["total"] == "price unknown"


async def test_an_arm_without_its_key_is_told_before_anything_is_sent(ai: ViralAI, writers: Writers) -> None:
    experiment = ai.experiment("first", **{**TWO, "arms": ["ada", "openai"]})
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        await experiment.run()
    assert writers.asked == []


async def test_an_arm_that_names_nobody_keeps_who_served_when_it_was_made(ai: ViralAI, writers: Writers) -> None:
    arms = [{"name": "plain"}, {"name": "short", "template": "{prompt}, in one word"}]
    ai.switch("text", "cyd")
    experiment = ai.experiment("first", **{**TWO, "arms": arms})
    ai.switch("text", "dan")
    await run(experiment)
    assert {name for name, _ in writers.asked} == {"cyd"}
    with pytest.raises(InvalidRequestError, match="2 arms changed"):
        ai.experiment("first", **{**TWO, "arms": arms})


async def test_cells_that_the_budget_does_not_allow_are_refused_before_the_first_call(sim: Any, home: Path) -> None:
    from tests.doubles import config

    def experiment(**budget: float) -> Any:
        ai = client(config(sim, budget=budget), home)
        return ai.experiment("first", **{**TWO, "arms": ["openai", "embedded"]}, max_tokens=1000)

    price = (await experiment().run(dry_run=True)).total_usd
    assert price > 0
    with pytest.raises(BudgetExceededError, match="would cost about"):
        await experiment(session_usd=price * 0.9).run()
    with pytest.raises(BudgetExceededError, match="arm 'openai': a call would cost"):
        await experiment(call_usd=price / 6).run()
    assert sim.log == []
    assert (await run(experiment(session_usd=price * 1.1))).failed == 0


async def test_an_interrupted_run_goes_on_later(ai: ViralAI, writers: Writers) -> None:
    experiment = ai.experiment("first", **TWO)
    enough = asyncio.Event()
    told: list[Any] = []

    def on_cell(cell: Any) -> None:
        told.append(cell.key)
        if len(told) == 2:
            enough.set()

    task = asyncio.create_task(experiment.run(on_cell, concurrency=1))
    await enough.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    made = len(experiment.cells())
    assert 2 <= made < 6
    assert (await run(experiment)).made == 6 - made
    assert len(writers.asked) <= 7


async def test_a_disk_that_is_full_stops_the_run_and_counts_against_nobody(ai: ViralAI, writers: Writers) -> None:
    def act(name: str, prompt: str) -> None:
        raise StorageError("the disk is full.")

    writers.act = act
    experiment = ai.experiment("first", **TWO)
    with pytest.raises(StorageError, match="full"):
        await experiment.run(concurrency=1)
    assert (experiment.cells(), len(writers.asked)) == ([], 1)
    writers.act = lambda name, prompt: None
    assert (await run(experiment)).made == 6


async def test_a_watcher_that_stumbles_does_not_stop_the_run(ai: ViralAI, caplog: pytest.LogCaptureFixture) -> None:
    def on_cell(cell: Any) -> None:
        raise RuntimeError("stumbled")

    assert (await run(ai.experiment("first", **TWO), on_cell=on_cell)).made == 6
    assert "on_cell failed" in caplog.text


async def test_two_runs_at_once_make_each_cell_once(ai: ViralAI, writers: Writers, home: Path) -> None:
    one, other = ai.experiment("first", **TWO), client({}, home).experiment("first", **TWO)
    first, second = await asyncio.gather(run(one), run(other))
    assert len(writers.asked) == 6
    assert first.made + second.made == 6
    assert (await run(one)).made == 0


async def test_the_list_of_experiments_tells_how_far_each_is(ai: ViralAI) -> None:
    assert len(ai.experiments()) == 0
    await run(ai.experiment("first", **TWO))
    ai.experiment("second", **TWO, repeats=2)
    assert ai.experiments().column("cells") == ["6 of 6", "0 of 12"]
    assert "first" in repr(ai.experiment("first"))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"arms": ["ada"]}, "2 to 200 arms"),
        ({"repeats": 0}, "repeats"),
        ({"repeats": True}, "repeats"),
        ({"seed": "x"}, "seed"),
        ({"prompts": []}, "empty"),
        ({"arms": ["ada", {"provider": "bob", "options": {"f": object()}}]}, "cannot be written down"),
        ({"arms": ["ada", {"provider": "bob", "system": "key sk-live-0123456789abcdefSECRET"}]}, "looks like a key"),
    ],
)
async def test_a_definition_that_cannot_be_is_refused(ai: ViralAI, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        ai.experiment("first", **{**TWO, **wrong})


def test_an_experiment_runs_without_await(ai: ViralAI) -> None:
    experiment = ai.sync.experiment("first", **TWO)
    assert experiment.run().made == 6
    pair = experiment.next_pair("ann")
    assert experiment.vote(pair, "left", "ann").winner is not None
    ai.sync.close()


@pytest.mark.parametrize("part", [{"name": "half \ud800"}, {"prompts": ["half \ud800"]}, {"temperature": float("nan")}])
async def test_what_cannot_be_written_down_is_refused_before_it_blocks_its_name(
    ai: ViralAI, part: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequestError, match="cannot be written down"):
        ai.experiment(**{"name": "first", **TWO, **part})
    assert len(ai.experiments()) == 0


async def test_a_name_with_another_seed_or_number_of_repeats_does_not_reopen_it(ai: ViralAI) -> None:
    ai.experiment("first", **TWO, repeats=2, seed=3)
    assert ai.experiment("first", repeats=2, seed=3).definition.seed == 3
    with pytest.raises(InvalidRequestError, match="has seed 3, not 4"):
        ai.experiment("first", seed=4)
    with pytest.raises(InvalidRequestError, match="has repeats 2, not 1"):
        ai.experiment("first", repeats=1)


async def test_pictures_are_found_from_another_working_folder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    arms = [{"provider": "embedded", "seed": seed} for seed in (1, 2)]
    async with client({}, home) as ai:
        await ai.experiment("moved", service="image", arms=arms, prompts=["a fox"], width=64, height=64).run()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    async with client({}, home) as later:
        for cell in later.experiment("moved").cells():
            assert cell.response is not None
            assert Path(cell.response.first_image).is_file()  # type: ignore[attr-defined]
