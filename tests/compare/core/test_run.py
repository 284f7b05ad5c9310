"""Comparisons that run: over HTTP against the simulator and with engines of this process; failing, stopped and resumed."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import TEXT, client, config, rows, text_provider, use
from viralai_sdk import Arm, ViralAI
from viralai_sdk.compare.run import ComparisonRun
from viralai_sdk.compare.slots import Slot
from viralai_sdk.interfaces.adapter import TextAdapter
from viralai_sdk.interfaces.errors import (
    BudgetExceededError,
    ConfigurationError,
    InvalidRequestError,
    MalformedResponseError,
    ModelRetiredError,
    ProviderUnavailableError,
)
from viralai_sdk.interfaces.steps import Pause, TextPayload
from viralai_sdk.simulator import Simulator

SMALL = {"width": 64, "height": 64}


def two(sim: Simulator, **blocks: Any) -> dict[str, Any]:
    """OpenAI and Stability at the simulator."""
    given = config(sim, **blocks)
    given["providers"]["stability"] = {"api_key": sim.key, "base_url": sim.url("stability")}
    return given


def others() -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


async def until(condition: Any) -> None:
    async with asyncio.timeout(90):
        while not condition():
            await asyncio.sleep(0.005)


async def test_every_arm_serves_every_prompt_as_often_as_asked(sim: Simulator, home: Path) -> None:
    async with client(config(sim), home) as ai:
        found = await ai.compare.image(
            ["a fox", "a boat"],
            ["openai", {"provider": "embedded", "name": "neon", "style": "neon"}],
            repeats=2,
            seed=5,
            **SMALL,
        )
    assert [cell.key for cell in found.cells] == [
        (arm, prompt, repeat) for prompt in ("p001", "p002") for repeat in (0, 1) for arm in ("openai", "neon")
    ]
    assert all(cell.ok for cell in found.cells)
    for cell in found.cells:
        assert cell.response is not None
        assert cell.response.provider_used == {"openai": "openai", "neon": "embedded"}[cell.arm]
        assert Path(cell.response.artifacts[0].path).is_file()
    assert len({cell.response.artifacts[0].sha256 for cell in found.cells if cell.arm == "neon" and cell.response}) == 4
    assert len(rows(home)) == 8
    assert found.cost_usd is not None
    assert found.cost_usd > 0
    assert found.cost_unknown == 0


async def test_arms_take_turns(home: Path) -> None:
    order: list[str] = []
    use(
        TEXT,
        **{name: text_provider(lambda request, name=name: order.append(name) or "x") for name in ("aa", "bb", "cc")},
    )
    async with client({}, home) as ai:
        run = ai.compare.start("text", ["1", "2"], ["aa", "bb", "cc"], concurrency=1)
        assert [slot.arm for slot in run.cells] == ["aa", "bb", "cc"] * 2
        await run
    assert order == ["aa", "bb", "cc"] * 2


async def test_one_arms_failure_is_its_cell_and_nothing_else(sim: Simulator, home: Path) -> None:
    sim.faults.add("stability", status=500)
    given = two(sim)
    given["ai_services"] = {
        "image_generation": {"default_provider": "stability", "fallback_chain": ["stability", "openai"]}
    }
    async with client(given, home) as ai:
        found = await ai.compare.image("a fox", ["stability", "openai"], aspect_ratio="1:1")
    bad, good = found.cells
    assert isinstance(bad.error, ProviderUnavailableError)
    assert bad.response is None
    assert bad.error.provider == "stability"
    assert bad.error.__traceback__ is None
    assert good.ok
    assert found.failed == [bad]


async def test_a_providers_code_that_breaks_is_a_cell_with_its_cause(home: Path) -> None:
    def broken(request: Any) -> str:
        raise KeyError("oops")

    use(TEXT, broken=text_provider(broken))
    async with client({}, home) as ai:
        found = await ai.compare.text("x", ["broken", "embedded"])
    assert isinstance(found.cell("broken").error, MalformedResponseError)
    assert found.cell("embedded").ok


async def test_whatever_surprise_a_call_brings_is_the_arms_cell(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with client({}, home) as ai:

        async def surprise(call: Any) -> Any:
            raise LookupError("nobody thought of that")

        monkeypatch.setattr(ai.manager, "run_call", surprise)
        found = await ai.compare.text("x", ["embedded"])
    error = found.cells[0].error
    assert isinstance(error, MalformedResponseError)
    assert isinstance(error.__cause__, LookupError)
    assert error.provider == "embedded"


async def test_all_reasons_against_a_comparison_are_told_before_anything_is_sent(sim: Simulator, home: Path) -> None:
    async with client(config(sim), home) as ai:
        with pytest.raises(ConfigurationError) as caught:
            await ai.compare.text("x", ["openai", "opnai", "anthropic", {"provider": "embedded", "colour": "red"}])
        for word in ("opnai", "Anthropic", "colour", "Nothing was sent"):
            assert word in str(caught.value)
        with pytest.raises(InvalidRequestError, match="colour"):
            await ai.compare.text("x", ["openai"], colour="red")
        with pytest.raises(InvalidRequestError, match=r"and 2 more"):
            await ai.compare.text("x", arms=[{"provider": "openai", "colour": n} for n in range(10)])
    assert sim.log == []
    assert not (home / ".viralai" / "journal.db").exists() or rows(home) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": []},
        {"prompt": 3},
        {"prompt": [3]},
        {"prompt": {"": "x"}},
        {"prompt": b"x"},
        {"repeats": 0},
        {"repeats": True},
        {"concurrency": 0},
        {"provider": "openai"},
        {"model": "x"},
        {"fallback": True},
        {"timeout": -1},
        {"providers": []},
    ],
)
async def test_wrong_use_is_refused_with_its_reason(home: Path, wrong: dict[str, Any]) -> None:
    async with client({}, home) as ai:
        with pytest.raises(InvalidRequestError):
            await ai.compare.text(**{"prompt": "x", "providers": ["embedded"], **wrong})
        assert others() == set()


async def test_an_arm_is_fixed_when_the_comparison_starts(home: Path) -> None:
    use(TEXT, one=text_provider(lambda request: "one"), two=text_provider(lambda request: "two"))
    async with client({}, home) as ai:
        ai.switch("text", "one")
        run = ai.compare.start(
            "text", {"a": "x", "b": "y"}, arms=[Arm("whoever"), Arm("other", model="m")], concurrency=1
        )
        ai.switch("text", "two")
        found = await run
    assert {cell.response.provider_used for cell in found.cells if cell.response} == {"one"}
    assert found.cell("other", "b").response.model_used == "m"  # type: ignore[union-attr]


async def test_a_repeat_is_never_answered_from_the_cache(home: Path) -> None:
    calls: list[int] = []
    use(TEXT, counts=text_provider(lambda request: calls.append(1) or f"answer {len(calls)}"))
    async with client({"enable_caching": True}, home) as ai:
        found = await ai.compare.text("x", ["counts"], repeats=3, concurrency=1)
    assert len(calls) == 3
    assert not any(cell.response.cached for cell in found.cells if cell.response)


async def test_a_seed_goes_up_with_each_repeat(home: Path) -> None:
    seeds: list[int] = []
    use(TEXT, seeds=text_provider(lambda request: seeds.append(request.seed) or "x"))
    async with client({}, home) as ai:
        await ai.compare.text("x", ["seeds"], repeats=3, seed=7, concurrency=1)
    assert seeds == [7, 8, 9]


async def test_a_slow_provider_does_not_sit_on_the_places_of_the_others(home: Path) -> None:
    gate = threading.Event()
    at_once = {"slow": 0, "most": 0}

    class Waits(TextAdapter):
        def steps(self, request: Any, model: str) -> Any:
            at_once["slow"] += 1
            at_once["most"] = max(at_once.values())
            while not gate.is_set():
                yield Pause(0.005)
            at_once["slow"] -= 1
            return TextPayload(text="late")

    use(TEXT, waits=Waits, quick=text_provider(lambda request: "x"))
    async with client({"providers": {"quick": {"max_concurrency": 1}}}, home) as ai:
        run = ai.compare.start("text", [str(n) for n in range(12)], ["waits", "quick"], concurrency=4)
        await until(lambda: all(slot.over for slot in run.cells if slot.arm == "quick") and at_once["slow"] == 2)
        assert not any(slot.over for slot in run.cells if slot.arm == "waits")
        gate.set()
        found = await run
    assert at_once["most"] == 2
    assert all(cell.ok for cell in found.cells)


# --- watching ----------------------------------------------------------------------------------------------------------------------


async def test_watchers_see_states_and_progress_and_a_broken_one_is_put_aside(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[tuple[str, str]] = []
    stages: set[str] = set()

    def watch(slot: Slot) -> None:
        seen.append((slot.arm, slot.state))
        if slot.progress is not None:
            stages.add(slot.progress.stage)

    def broken(slot: Slot) -> None:
        raise ValueError("broken view")

    async with client({}, home) as ai:
        posted: list[Any] = []
        post = ai.runtime.hub.post
        ai.runtime.hub.post = lambda event: (posted.append(event), post(event))[1]  # type: ignore[method-assign]
        run = ai.compare.start("image", "a fox", ["embedded"], **SMALL)
        run.subscribe(watch)
        run.subscribe(broken)
        end = run.subscribe(lambda slot: seen.append(("never", "")))
        end()
        end()
        assert repr(run) == "<comparison of image: 1 queued>"
        assert not run.done
        found = await run
        assert run.done
        assert found is run.comparison
    assert [state for _, state in seen if state != "running"][0:1] == ["done"]
    assert ("embedded", "running") in seen
    assert ("never", "") not in seen
    assert stages
    assert posted
    assert caplog.text.count("put aside") == 1
    assert run.slot("embedded").cell is found.cells[0]
    assert run.slot(Arm("embedded"), "p001").over
    with pytest.raises(InvalidRequestError):
        run.slot("embedded", repeat=3)


# --- measuring ---------------------------------------------------------------------------------------------------------------------


async def measured(ai: ViralAI, measure: Any) -> ComparisonRun:
    comparison, orders = ai.compare._orders(TEXT, "x", ["embedded"], None, 1, {})
    return ComparisonRun(ai.manager, comparison, orders, measure=measure)


async def test_results_are_measured_and_a_failing_metric_costs_nothing_but_itself(home: Path) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("by zero")

    async with client({}, home) as ai:
        found = await (await measured(ai, lambda response, request, words: ({"chars": len(response.text)}, [])))
        assert found.cells[0].metrics["chars"] > 0
        found = await (await measured(ai, broken))
        cell = found.cells[0]
        assert cell.ok
        assert "ZeroDivisionError" in cell.response.warnings[-1].message  # type: ignore[union-attr]


async def test_a_comparison_measures_what_it_made_unless_told_not_to(home: Path) -> None:
    async with client({}, home) as ai:
        found = await ai.compare.image("a fox", ["embedded"], **SMALL)
        assert found.cells[0].metrics["width"] == 64
        assert found.rows()[0]["width"] == 64
        assert "width" not in found.table().columns
        found = await ai.compare.image("a fox", ["embedded"], measure=False, **SMALL)
        assert found.cells[0].metrics == {}


async def test_a_result_whose_measuring_is_stopped_stays_a_result(home: Path) -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow(*_: Any) -> Any:
        entered.set()
        leave.wait(20)
        return {"late": 1}, []

    async with client({}, home) as ai:
        run = await measured(ai, slow)
        await until(entered.is_set)
        assert run.comparison.cells[0].ok
        run.cancel()
        found = await run
        leave.set()
    assert run.cells[0].state == "done"
    assert found.cells[0].metrics == {}


# --- money -------------------------------------------------------------------------------------------------------------------------


async def test_a_dry_run_prices_every_arm_and_sends_nothing(sim: Simulator, home: Path) -> None:
    async with client(config(sim), home) as ai:
        arms = [
            {"provider": "openai", "model": "gpt-6-luna"},
            {"provider": "openai", "model": "nobody-knows"},
            "embedded",
        ]
        plan: Any = await ai.compare.text(["a", "b" * 900], arms, repeats=3, dry_run=True)
        same = ai.compare.plan("text", ["a", "b" * 900], arms, repeats=3)
    assert plan == same
    known, unknown, free = plan.arms
    assert plan.calls == 18
    assert known.total_usd > 0
    assert " to $" in known.row()["price each"]
    assert known.unknown == 0
    assert plan.total_usd == known.total_usd
    assert unknown.row()["total"] == "price unknown"
    assert plan.unknown == unknown.unknown == 6
    assert free.row()["total"] == "$0.0000"
    assert "and 6 of unknown price" in plan.words
    assert plan.words in repr(plan)
    assert "text/html" in plan._repr_mimebundle_()
    assert plan.to_dict()["arms"][0]["total_usd"] == known.total_usd
    assert not (home / ".viralai" / "journal.db").exists() or rows(home) == []


async def test_what_cannot_serve_is_named_in_the_plan_and_is_a_cell_of_the_comparison(
    sim: Simulator, home: Path
) -> None:
    async with client(config(sim), home) as ai:
        arms = ["embedded", {"provider": "openai", "model": "dall-e-3"}]
        plan: Any = await ai.compare.image("a fox", arms, dry_run=True)
        assert plan.arms[1].problems
        assert plan.arms[1].row()["price each"] == "nothing"
        found = await ai.compare.image("a fox", arms, **SMALL)
    assert isinstance(found.cell("openai:dall-e-3").error, ModelRetiredError)
    assert found.cost_usd == 0
    assert "free" in found.caption()


async def test_the_budget_is_checked_for_the_comparison_as_a_whole(sim: Simulator, home: Path) -> None:
    arms = [{"provider": "openai", "model": "gpt-6-luna"}, "embedded"]
    async with client(config(sim), home) as ai:
        price = ai.compare.plan("text", "a", arms).total_usd
    for limits, word in (({"session_usd": price * 2.5}, "session"), ({"call_usd": price / 2}, "call_usd")):
        async with client(config(sim, budget=limits), home / word) as ai:
            with pytest.raises(BudgetExceededError, match=word) as caught:
                await ai.compare.text("a", arms, repeats=3)
            assert "Nothing was sent" in str(caught.value)
            assert not (home / word / ".viralai" / "journal.db").exists() or rows(home / word) == []
    async with client(config(sim, budget={"session_usd": price * 2.5, "call_usd": 9}), home) as ai:
        assert all(cell.ok for cell in (await ai.compare.text("a", arms)).cells)
        assert (await ai.compare.text("a", ["embedded"], session_id="other")).cells[0].response.session_id == "other"  # type: ignore[union-attr]
