"""BenchmarkPanel without a browser: what it refuses, what it would cost, how it runs, stops, survives, looks back and keeps quiet."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import TEXT, client, text_provider, use
from tests.widgets.messages import from_page, page_sets, receive, sent_by
from tests.widgets.test_owner import in_thread
from tests.widgets.waiting import until
from viralai_sdk import ViralAI, bench
from viralai_sdk.bench import runner
from viralai_sdk.bench.runs import benchmarks_folder
from viralai_sdk.interfaces.adapter import TextAdapter
from viralai_sdk.interfaces.errors import ContentPolicyError, InvalidRequestError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.steps import Pause, TextPayload
from viralai_widgets import BenchmarkPanel, benchmark_panel, benchmark_runs
from viralai_widgets.benchmark_form import levels_of

ATTACK = "<img src=x onerror=alert(1)><script>alert(1)</script>"
KEY = "sk-very-secret-key-0123456789"


class Endless(TextAdapter):
    """Never answers."""

    def steps(self, request: Any, model: str) -> Any:
        while True:
            yield Pause(0.05)
        yield TextPayload(text="never")


class Often(TextAdapter):
    """Fails every other time."""

    asked = 0

    def steps(self, request: Any, model: str) -> Any:
        yield Pause(0.001)
        Often.asked += 1
        if Often.asked % 2:
            raise ContentPolicyError(f"not this, {ATTACK} {KEY}")
        return TextPayload(text="A fox.")


class Shy(TextAdapter):
    """Answers twice and then hangs, until it is told otherwise."""

    asked = 0
    hangs = True

    def steps(self, request: Any, model: str) -> Any:
        yield Pause(0.001)
        Shy.asked += 1
        while Shy.hangs and Shy.asked > 2:
            yield Pause(0.02)
        return TextPayload(text="A fox.")


@pytest.fixture
async def ai(home: Path) -> AsyncIterator[ViralAI]:
    """A client with providers of this process."""
    Often.asked, Shy.asked, Shy.hangs = 0, 0, True
    use(TEXT, quick=text_provider(lambda request: "A fox."), endless=Endless, often=Often)
    async with client({"providers": {"openai": {"api_key": KEY}}}, home) as made:
        yield made


def small(ai: ViralAI, *providers: str, **state: Any) -> BenchmarkPanel:
    """A panel whose run takes a moment."""
    told: dict[str, Any] = {"prompts": "a fox", "repeats": 3, "options": '{"metrics": false, "warm_up": 0}', **state}
    return BenchmarkPanel(ai, "text", providers or ("quick",), **told)


def section(sections: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(each for each in sections if each["id"] == name)


async def test_the_form_tells_what_is_missing_then_what_it_would_cost(ai: ViralAI) -> None:
    panel = BenchmarkPanel(ai)
    await until(lambda: panel.estimate)
    assert panel.estimate["problem"].startswith("no provider is chosen yet")
    for state, problem in (
        ({"service": "text"}, "no provider is chosen yet"),
        ({"value": ["quick"]}, "there is no prompt yet"),
        ({"prompts": "a fox\n\n a hare ", "concurrency": "1, many"}, "'1, many' holds what is no whole number"),
        ({"concurrency": "4, 1"}, ""),
        ({"budget": "cheap"}, "'cheap' is no number of USD"),
        ({"budget": "$2.50"}, ""),
        ({"options": "{nonsense"}, "JSON"),
        ({"options": '{"service": "image"}'}, "choose it above"),
        ({"options": '{"settings": 3}'}, "settings must be an object"),
        ({"options": '{"warm_upp": 3}'}, "warm_up"),
        ({"options": '{"warm_up": 2}'}, ""),
        ({"prompts_file": "no/such.txt"}, "cannot be read"),
    ):
        receive(panel, page_sets(**state))
        panel.reckon()
        assert problem in panel.estimate["problem"], state
        assert bool(panel.estimate["problem"]) == bool(problem), panel.estimate
    assert panel.error == {}, "whoever is still typing has made no error yet"
    panel.prompts_file = ""
    panel.reckon()
    assert panel.estimate["words"].startswith("14 calls")
    assert "$2.50" in panel.estimate["words"]
    assert [row["calls"] for row in panel.estimate["rows"]] == ["14"]


async def test_a_budget_below_the_expected_cost_is_refused_before_the_first_call(ai: ViralAI) -> None:
    panel = small(ai, "openai", budget_usd=0.0, repeats=50)
    panel.reckon()
    assert "the budget is $0.0000" in panel.estimate["problem"]
    with pytest.raises(InvalidRequestError, match="budget"):
        await panel.run()
    assert panel.error["type"] == "InvalidRequestError"
    assert not panel.running
    assert not panel.folder().exists()


async def test_simulated_vendors_need_no_key_and_cost_nothing(ai: ViralAI) -> None:
    panel = BenchmarkPanel(ai, "image", prompts=["a fox"], simulate=True)
    ready = {row["provider"] for row in panel.rows if row["configured"]}
    assert {"openai", "gemini"} <= ready
    panel.value = ["gemini"]
    panel.reckon()
    assert "nothing is charged" in panel.estimate["words"]
    panel.simulate = False
    assert not next(row for row in panel.rows if row["provider"] == "gemini")["configured"]
    panel.reckon()
    assert "gemini" in panel.estimate["problem"]


async def test_a_simulated_run_fills_the_panel(ai: ViralAI) -> None:
    options = json.dumps({"latency": {"*": "fixed:5ms"}, "metrics": False, "faults": {"openai": "400:1"}})
    panel = BenchmarkPanel(ai, "text", ["openai", "gemini"], prompts=["a fox"], simulate=True, options=options)
    await panel.run()
    figures = section(panel.results, "results")
    assert any("Simulated vendors" in line["text"] for line in figures["words"])
    assert [line["cells"]["failed"][:5] for line in figures["rows"]] == ["100.0", "0.0 %"]


async def test_a_run_tells_how_far_it_is_and_shows_its_figures(ai: ViralAI) -> None:
    panel = small(ai, "quick", "often", repeats=24)
    seen: list[dict[str, Any]] = []
    panel.observe(lambda change: seen.append(change["new"]), "progress")
    saved = await panel.run()
    assert (seen[0]["done"], seen[-1]["done"], seen[-1]["total"]) == (0, 48, 48)
    assert "48 of 48 calls" in seen[-1]["words"]
    assert [(arm["arm"], arm["done"], arm["failed"]) for arm in seen[-1]["arms"]] == [
        ("quick", 24, 0),
        ("often", 24, 12),
    ]
    assert all(arm["p50"].endswith(" s") and arm["level"] == "concurrency 1" for arm in seen[-1]["arms"])
    assert seen[-1]["failures"][0]["calls"] == 12
    figures, failures, cost = (section(panel.results, name) for name in ("results", "failures", "cost"))
    p50 = figures["rows"][0]["cells"]["p50"]
    assert p50["low"] <= p50["value"] <= p50["high"]
    assert "too few calls: 12" in figures["rows"][1]["cells"]["p95"]["text"]
    (failed,) = failures["rows"]
    assert (failed["cells"]["error"], failed["cells"]["calls"]) == ("ContentPolicyError", "12 of 24")
    assert [line["cells"]["known"] for line in cost["rows"]] == ["0 of 24", "0 of 12"]
    assert [line["cells"]["total"] for line in cost["rows"]] == ["unknown", "unknown"]
    assert {line["cells"]["file"] for line in section(panel.results, "files")["rows"]} == {
        "results.parquet",
        "summary.json",
    }
    assert panel.notice == f"Finished: 48 of 48 calls, 12 failed. Kept in {saved.name}."
    assert not panel.running
    await until(lambda: panel.past)
    assert panel.past[0]["name"] == saved.name


async def test_no_key_and_no_markup_reach_the_page_or_the_notebook(ai: ViralAI) -> None:
    panel = small(ai, "often", prompts=f"a fox {ATTACK}")
    with sent_by(panel) as sent:
        await panel.run()
        await panel.refresh()
    state = {name: value for name, value in panel.get_state().items() if name not in ("_esm", "_css")}
    told = json.dumps([state, [message["data"] for message in sent], panel._bundle()], default=str)
    assert KEY not in told
    html = str(panel.static_html())
    assert "ContentPolicyError" in html
    assert "<img" not in html
    assert "<script" not in html
    for name, value in (
        ("options", '{"settings": {"api_key": "sk-live-0123456789abcdefghi"}}'),
        ("parameters", {"api_key": KEY}),
    ):
        held = getattr(panel, name)
        with sent_by(panel) as sent:
            receive(panel, page_sets(**{name: value}))
        assert "looks like a secret" in panel.error["message"]
        assert getattr(panel, name) == held
        told = [message["data"]["state"][name] for message in sent if name in message["data"].get("state", {})]
        assert told[-1] == held
        assert KEY not in json.dumps(panel.static_html())
        receive(panel, from_page("set", state={name: value}))
        assert getattr(panel, name) == held


async def test_run_from_the_page_in_a_foreign_thread_and_stop_twice(
    ai: ViralAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "GRACE", 600.0)  # the second stop ends it, however slow this machine is
    panel = small(ai, "quick", "endless")
    await in_thread(receive, panel, from_page("run"))
    await until(lambda: panel.progress.get("done") == 1)
    receive(panel, from_page("run"))
    assert "going on" in panel.error["message"]
    with pytest.raises(InvalidRequestError, match="going on"):
        panel.show("latest")
    await in_thread(receive, panel, from_page("stop"))
    await until(lambda: panel.stopping)
    assert "Stop again" in panel.notice
    await in_thread(receive, panel, from_page("stop"))
    await until(lambda: not panel.running)
    assert panel.saved is not None
    assert [row.outcome for row in panel.saved.rows] == ["ok", "cancelled"]
    # Which of the two stops the run came upon first depends on this machine.
    assert section(panel.results, "results")["words"][0]["text"].startswith(
        ("Partial: interrupted", "Partial: stopped")
    )
    assert not panel.stopping
    await until(lambda: panel.notice.startswith("Stopped at once"))
    receive(panel, from_page("stop"))
    assert panel.notice.startswith("Stopped at once"), "nothing runs that could be stopped"


async def test_a_stop_lets_calls_under_way_end_and_gives_a_partial_run(
    ai: ViralAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = small(ai, "quick", repeats=5000)
    work = panel.start()
    await until(lambda: panel.progress.get("done"))
    assert "of 5000 calls" in panel.static_html()
    assert "of 5000 calls" in panel.static_text()
    panel.stop()
    saved = await work
    assert saved.summary["reason"] == "stopped"
    assert 0 < len(saved.rows) < 5000
    assert all(row.ok for row in saved.rows)
    assert panel.notice.startswith("Ended early (stopped)")


async def test_interrupting_the_cell_stops_the_run_and_the_panel_stays_usable(
    ai: ViralAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "GRACE", 0.05)
    panel = small(ai, "quick", "endless")
    cell = asyncio.create_task(panel.run())
    await until(lambda: panel.progress.get("done") == 1)
    cell.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cell
    await until(lambda: not panel.running)
    assert "stopped" in section(panel.results, "results")["words"][0]["text"]
    panel.value = ["quick"]
    assert (await panel.run()).summary["state"] == "complete"


async def test_the_form_may_change_while_a_run_goes_on_and_is_reckoned_after_it(ai: ViralAI) -> None:
    panel = small(ai, "quick", repeats=5000)
    work = panel.start()
    await until(lambda: panel.progress.get("done"))
    before = dict(panel.estimate)
    panel.repeats = 2
    await asyncio.sleep(0)
    assert panel._estimate_due is None
    assert panel.estimate == before
    panel.stop()
    await work
    await until(lambda: panel.estimate != before)
    assert panel.estimate["words"].startswith("2 calls")


async def test_two_runs_are_compared_in_words(ai: ViralAI) -> None:
    panel = small(ai, "quick", repeats=24)
    first = await panel.run()
    panel.value = ["often"]
    other = await panel.run()
    panel.value = ["quick"]
    second = await panel.run()
    await panel.refresh()
    assert {each["name"] for each in panel.past} == {second.name, other.name, first.name}
    receive(panel, from_page("compare", run=second.name, baseline=first.name))
    await until(lambda: panel.verdicts)
    (told,) = panel.verdicts
    assert told["title"] == f"{second.name} against {first.name}"
    words = {line["cells"]["metric"]: line["cells"]["verdict"]["text"] for line in told["rows"]}
    assert words["failure rate"] == "no difference shown"
    assert set(words) == {"p50", "p95", "failure rate", "throughput", "cost"}
    assert words["cost"] == "not enough data"
    assert f"{second.name} against {first.name}" in panel.static_html()
    await panel.compare(other.name, first.name)
    assert "no arm and level in common" in panel.error["message"]
    await panel.compare("nowhere", first.name)
    assert "no finished benchmark 'nowhere'" in panel.error["message"]
    receive(panel, from_page("act", act="show", key=first.name))
    await until(lambda: panel.saved is not None and panel.saved.name == first.name)
    assert first.name in section(panel.results, "results")["title"]
    assert "quick" in panel.static_text()


async def test_a_broken_past_run_hides_no_other(ai: ViralAI) -> None:
    panel = small(ai)
    await panel.run()
    broken = panel.folder() / "broken"
    broken.mkdir()
    (broken / "summary.json").write_text("{")
    await panel.refresh()
    assert len(panel.past) == 1
    assert "is broken" in panel.history[0]["words"][0]["text"]


async def test_a_panel_made_later_knows_the_runs_of_before(ai: ViralAI) -> None:
    saved = await small(ai).run()
    panel = small(ai)
    await until(lambda: panel.past)
    assert panel.past[0]["name"] == saved.name
    assert panel.past[0]["service"] == "text"
    line = panel.history[0]["rows"][0]["cells"]
    assert line["failed"] == "0 of 3"
    assert panel.static_text() == "BenchmarkPanel(text · quick · a fox: no results yet)"


async def test_a_run_is_taken_up_again(ai: ViralAI, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runner, "GRACE", 0.05)
    use(TEXT, shy=Shy)
    told = {"metrics": False, "warm_up": 0, "out": str(tmp_path / "mine")}
    panel = small(ai, "shy", repeats=6, options=json.dumps(told))
    work = panel.start()
    await until(lambda: panel.progress.get("done") == 2)
    panel.stop()
    first = await work
    assert [row.outcome for row in first.rows] == ["ok", "ok", "cancelled"]
    Shy.hangs = False
    panel.options = json.dumps({**told, "resume": True})
    seen: list[int] = []
    panel.observe(lambda change: seen.append(change["new"]["done"]), "progress")
    again = await panel.run()
    assert [row.outcome for row in again.rows] == ["ok"] * 6
    assert seen[-1] == 6
    assert Shy.asked == 3 + 4
    assert again.folder == tmp_path / "mine"


async def test_files_that_cannot_be_written_are_known_before_the_first_call(
    ai: ViralAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    panel = small(ai, "often")
    with pytest.raises(Exception, match="pyarrow"):
        await panel.run()
    assert Often.asked == 0
    assert "pip install" in panel.error["hint"]


async def test_unknown_words_and_nonsense_from_the_page_are_refused_in_words_that_help(ai: ViralAI) -> None:
    with pytest.raises(InvalidRequestError, match="no 'repeat'") as caught:
        BenchmarkPanel(ai, repeat=3)
    assert caught.value.hint == "Did you mean 'repeats'?"
    with pytest.raises(InvalidRequestError, match="line break"):
        BenchmarkPanel(ai, prompts=["a\nfox"])
    panel = small(ai)
    for message, words in (
        (from_page("sing"), "sing"),
        (from_page("set", state={"comm": None}), "does not have"),
        (from_page("set", state=[]), "does not have"),
        (from_page("set", state={"running": True}), "not the page's to set"),
        (from_page("set", state={"value": ["nobody"], "repeats": 4}), "nobody"),
        (page_sets(running=True), "not the page's to set"),
        (page_sets(results=[{"id": "x"}]), "not the page's to set"),
        (page_sets(repeats=0), "repeats"),
        (page_sets(value=["nobody"]), "nobody"),
    ):
        receive(panel, message)
        assert words in panel.error["message"]
        panel.clear_error()
    assert (panel.running, panel.results, panel.repeats, panel.value) == (False, [], 3, ["quick"])
    receive(panel, from_page("set", state={"repeats": 4}))
    assert panel.repeats == 4
    assert levels_of("") == []
    panel = BenchmarkPanel(ai, AIServiceType.TEXT_GENERATION, concurrency=[1, 4], budget_usd=2.0)
    assert (panel.service, panel.concurrency, panel.budget) == ("text", "1, 4", "2")


@pytest.fixture
def same_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of its own finds the modules that this one has."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


@pytest.mark.usefixtures("same_source")
async def test_a_run_as_a_notebook_keeps_the_executed_notebook_and_the_report(home: Path) -> None:
    async with client({}, home) as ai:
        panel = small(ai, "openai", simulate=True, notebook=True, prompts="a fox", repeats=2)
        seen: list[int] = []
        panel.observe(lambda change: seen.append(change["new"].get("done", 0)), "progress")
        saved = await panel.run()
        assert seen[-1] == 2
        assert saved.folder.parent == benchmarks_folder(home)
        files = [line["cells"]["file"] for line in section(panel.results, "files")["rows"]]
        assert files == ["report.html", "notebook.ipynb", "results.parquet", "summary.json"]
        html = str(panel.static_html())
        assert "report.html" in html
        assert bench.load(saved.folder).summary["state"] == "complete"


@pytest.mark.usefixtures("same_source")
async def test_stopping_a_notebook_is_what_ctrl_c_does(home: Path) -> None:
    async with client({}, home) as ai:
        options = json.dumps({"metrics": False, "latency": {"*": "fixed:50ms"}})
        panel = small(ai, "openai", simulate=True, notebook=True, repeats=5000, options=options)
        work = panel.start()
        await until(lambda: panel.progress.get("done"))
        panel.stop()
        saved = await work
        assert saved.summary["state"] == "partial"
        assert 0 < len(saved.rows) < 5000
        assert panel.error == {}
        assert panel.notice.startswith("Ended early")


async def test_what_a_notebook_run_left_behind_is_nothing_when_it_never_began(tmp_path: Path) -> None:
    assert benchmark_runs.kept(tmp_path) is None


async def test_a_cell_that_is_interrupted_while_the_run_is_prepared_sends_nothing(
    ai: ViralAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    class Slow(benchmark_runs.HereRun):
        def __init__(self, service: str, parameters: Any, ai: ViralAI) -> None:
            reached.set()
            go_on.wait(60)
            super().__init__(bench.plan(service, ai=ai, **parameters), ai)

    monkeypatch.setattr(benchmark_panel, "NotebookRun", Slow)
    panel = small(ai, "often", notebook=True)
    cell = asyncio.ensure_future(panel.run())
    await until(reached.is_set)
    cell.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cell
    go_on.set()
    work = panel._work
    assert work is not None
    await until(lambda: work.done)
    assert (panel.running, Often.asked) == (False, 0)


async def test_an_old_run_that_is_read_slowly_does_not_take_the_place_of_a_new_one(
    ai: ViralAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = small(ai)
    old = await panel.run()
    reached, go_on = threading.Event(), threading.Event()

    def slow(name: str, folder: Path) -> Any:
        reached.set()
        go_on.wait(60)
        return old

    monkeypatch.setattr(benchmark_panel, "find", slow)
    shown = panel.show(old.name)
    await until(reached.is_set)
    new = await panel.run()
    go_on.set()
    await shown
    assert panel.saved is new
