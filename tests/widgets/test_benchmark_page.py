"""BenchmarkPanel on a static page with a stub model: the run as it goes, tables for everybody, keys, focus, and words that stay words."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.bench.conftest import failed, planned, row, saved
from tests.browser.conftest import Problems
from tests.doubles import home
from tests.widgets.axe import grave_violations
from tests.widgets.pages import mount, sent, set_state
from viralai_sdk import bench
from viralai_sdk.bench.rows import Row
from viralai_widgets import BenchmarkPanel
from viralai_widgets.benchmark_progress import progress
from viralai_widgets.benchmark_views import history_section, result_sections, verdict_section

__all__ = ["home"]
pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("home")]

ATTACK = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"


def hostile(number: int, arm: str) -> Row:
    """A failure whose provider answers in markup."""
    return dataclasses.replace(failed(number, arm=arm), message=ATTACK)


@pytest.fixture(autouse=True)
def _quiet(problems: Problems) -> Any:
    """No error, no exception and no request to anywhere in any of these tests."""
    yield
    assert problems == []


@pytest.fixture
def state(tmp_path: Path) -> dict[str, Any]:
    """A panel with results, past runs and verdicts, whose provider speaks in markup."""
    steady = [row(number, 0.1 + number / 500) for number in range(30)]
    slower = [row(number, 0.3 + number / 500) for number in range(30)]
    moody = [hostile(number, f"moody {ATTACK}") for number in range(4)]
    first = saved(tmp_path / "first", steady)
    second = saved(tmp_path / "second", [*slower, *moody], began=3600)
    verdicts = verdict_section(bench.compare(second, first), second.name, first.name)
    return {
        "title": "Benchmark",
        "service": "text",
        "rows": [
            {
                "provider": name,
                "configured": True,
                "healthy": True,
                "model": "m",
                "models": [],
                "price": "",
                "retires": "",
                "needs": "",
            }
            for name in ("openai", "gemini")
        ],
        "value": ["openai"],
        "estimate": {
            "words": "34 calls · free",
            "rows": [{"arm": ATTACK, "model": "m", "calls": "34"}],
            "notes": [ATTACK],
            "problem": "",
        },
        "results": result_sections(second),
        "history": [history_section([second, first], ["it is broken"])],
        "past": [{"name": run.name, "service": "text", "words": f"{run.name} {ATTACK}"} for run in (second, first)],
        "verdicts": [verdicts],
    }


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everything_is_there_for_everybody_and_words_stay_words(page: Page, state: dict[str, Any], dark: bool) -> None:
    mount(page, BenchmarkPanel, state, dark=dark)
    page.locator("summary").evaluate_all("all => all.forEach(one => one.parentElement.open = true)")
    assert grave_violations(page) == []
    results = page.get_by_role("group", name="Results", exact=True)
    expect(results.get_by_role("columnheader", name="p95")).to_be_visible()
    expect(results.get_by_role("rowheader", name="a", exact=True).first).to_be_visible()
    expect(results.get_by_role("img", name="0.329 s", exact=False).first).to_be_visible()
    expect(results.get_by_text(ATTACK, exact=True)).to_be_visible()
    expect(results.get_by_text("ProviderUnavailableError")).to_be_visible()
    verdicts = page.get_by_role("group", name="Comparison of two runs")
    expect(verdicts.get_by_text("worse", exact=True).first).to_be_visible()
    expect(verdicts.get_by_text("a, concurrency 1: p50 0.129 s → 0.329 s", exact=False)).to_be_visible()
    expect(page.get_by_text("Cannot be read: it is broken")).to_be_visible()
    assert page.evaluate("() => window.hacked") is None
    assert page.locator(".viralai-panel script, .viralai-panel [onerror]").count() == 0
    page.evaluate("() => window.dispose()")
    assert page.evaluate("() => window.listening()") == 0


def test_a_run_shows_how_far_it_is_and_keeps_the_keyboards_place(
    page: Page, state: dict[str, Any], tmp_path: Path
) -> None:
    plan = planned(tmp_path, warm_up=0, repeats=4)
    rows = [row(0, arm="openai"), hostile(1, "gemini")]
    mount(page, BenchmarkPanel, {**state, "results": []})
    run, stop = (page.get_by_role("button", name=name, exact=True) for name in ("Run", "Stop"))
    whole = page.get_by_role("progressbar", name="All calls")
    expect(whole).to_be_hidden()
    expect(stop).to_be_disabled()
    run.press("Enter")
    assert len(sent(page, "run")) == 1
    set_state(page, progress=progress(plan, []), running=True)
    expect(stop).to_be_focused()
    expect(whole).to_have_attribute("aria-valuenow", "0")
    set_state(page, progress=progress(plan, rows))
    expect(whole).to_have_attribute("aria-valuenow", "25")
    expect(page.get_by_role("progressbar", name="Calls of gemini")).to_have_attribute("aria-valuetext", "1 of 4")
    expect(page.get_by_role("list", name="Failures so far")).to_contain_text(ATTACK)
    assert grave_violations(page) == []
    stop.press("Enter")
    set_state(page, stopping=True)
    again = page.get_by_role("button", name="Stop at once")
    expect(again).to_be_focused()
    again.press("Enter")
    assert len(sent(page, "stop")) == 2
    set_state(page, running=False, stopping=False)
    expect(run).to_be_focused()
    expect(whole).to_be_hidden()
    assert page.evaluate("() => window.hacked") is None


def test_the_form_is_told_as_it_is_typed_and_shows_what_is_wrong(page: Page, state: dict[str, Any]) -> None:
    mount(page, BenchmarkPanel, {**state, "value": []})
    page.get_by_role("textbox", name="Prompts, one a line").fill("a fox")
    page.get_by_role("textbox", name="Calls at once").fill("1, 4")
    page.get_by_role("textbox", name="Budget in USD").fill("2.50")
    page.get_by_role("spinbutton", name="Repeats").fill("7")
    page.get_by_role("checkbox", name="Simulated vendors").press("Space")
    page.get_by_role("checkbox", name="gemini, ready").press("Space")
    page.wait_for_function("() => window.model.get('repeats') === 7")
    told: dict[str, Any] = {}
    for message in sent(page, "set"):
        told |= message["state"]
    assert told == {
        "prompts": "a fox",
        "concurrency": "1, 4",
        "budget": "2.50",
        "repeats": 7,
        "simulate": True,
        "value": ["gemini"],
    }
    set_state(page, estimate={"words": "", "rows": [], "notes": [], "problem": "the budget is too small."})
    expect(page.get_by_text("the budget is too small.")).to_be_visible()
    set_state(page, prompts_file="p.csv")
    expect(page.get_by_role("textbox", name="or a file of prompts")).to_have_value("p.csv")


def test_two_past_runs_are_chosen_by_keyboard(page: Page, state: dict[str, Any]) -> None:
    mount(page, BenchmarkPanel, state)
    page.get_by_text("Past runs, and two of them compared").press("Enter")
    page.get_by_role("button", name="Compare").press("Enter")
    assert sent(page, "compare") == [{"kind": "compare", "run": "second", "baseline": "first"}]
    show = page.get_by_role("button", name="Show the results of first")
    show.press("Enter")
    assert sent(page, "act") == [{"kind": "act", "act": "show", "key": "first"}]
    set_state(page, history=[*state["history"]])
    expect(show).to_be_focused()
    page.get_by_role("combobox", name="Baseline").select_option("second")
    set_state(page, past=[*state["past"]])
    expect(page.get_by_role("combobox", name="Baseline")).to_have_value("second")
    newest = {"name": "third", "service": "text", "words": "third"}
    set_state(page, past=[newest, *state["past"]])
    expect(page.get_by_role("combobox", name="Run", exact=True)).to_have_value("third")
    expect(page.get_by_role("combobox", name="Baseline")).to_have_value("second")
    set_state(page, past=[newest])
    expect(page.get_by_role("button", name="Compare")).to_be_hidden()
