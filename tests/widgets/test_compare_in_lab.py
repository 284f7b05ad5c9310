"""ComparePanel in a real JupyterLab, as a person uses it: choose, run, stop one, slide, vote blind by keyboard, verdict, export, reopen."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Problems
from tests.browser.lab import Lab, open_notebook, output_html, run_all, save, set_theme, shot, start_all
from tests.widgets.axe import grave_violations
from tests.widgets.notebooks import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SETUP = """\
from viralai_sdk import ViralAI
from viralai_sdk.simulator import Simulator
from viralai_widgets import ComparePanel
sim = Simulator()
sim.start()
sim.faults.add("stability", "slow", seconds=600)
names = ("openai", "gemini", "stability", "elevenlabs")
ai = ViralAI(config={"providers": {name: {"api_key": sim.key, "base_url": sim.url(name)} for name in names}}, progress=False)
panel = ComparePanel(ai, "image", prompt="a red fox in the snow <script>window.hacked=1</script>")
panel"""
LONG = 90_000


def choose(panel: Locator, page: Page, *names: str) -> None:
    """Tick (or untick) providers by keyboard."""
    for name in names:
        panel.get_by_role("checkbox", name=f"{name}, ready").focus()
        page.keyboard.press("Space")


def press(panel: Locator, name: str, *, exact: bool = True) -> None:
    panel.get_by_role("button", name=name, exact=exact).press("Enter")


def in_both_themes(page: Page, name: str) -> None:
    """A picture in each theme, and what axe says."""
    for theme in ("Dark", "Light"):
        set_theme(page, f"JupyterLab {theme}")
        shot(page, f"{name}_{theme.lower()}")
        assert grave_violations(page) == []


def vote_ten_times(panel: Locator, page: Page) -> None:
    """Blind, by keyboard; before each vote the results tell nothing, after it the status line tells all."""
    results = panel.get_by_role("region", name="Results")
    results.focus()
    for number, key in enumerate("1213101213"):
        expect(results).to_contain_text(f"pair {number + 1} of 10" if not number else f"{number} judged")
        assert "embedded" not in results.inner_text().lower()
        page.keyboard.press(key)
        expect(panel.locator(".va-votes")).to_be_visible()
        expect(panel.get_by_text(f"{number + 1} vote", exact=False)).to_be_visible(timeout=LONG)


def test_a_person_compares_pictures(lab: Lab, page: Page, problems: Problems) -> None:
    page.set_viewport_size({"width": 1100, "height": 2000})
    name = write_notebook(lab.root, "compare.ipynb", SETUP)
    open_notebook(page, lab, name)
    run_all(page)
    panel = page.get_by_role("region", name="Comparison", exact=True)
    choose(panel, page, "embedded", "openai", "stability")
    expect(panel.get_by_text("About 3 calls", exact=False)).to_be_visible()
    press(panel, "Run")
    expect(panel.get_by_role("progressbar", name="openai")).to_have_attribute("aria-valuenow", "100", timeout=LONG)
    expect(panel.get_by_role("progressbar", name="embedded")).to_have_attribute("aria-valuenow", "100", timeout=LONG)
    shot(page, "compare_running")
    press(panel, "Stop stability")
    results = panel.get_by_role("region", name="Results")
    expect(results).to_be_visible(timeout=LONG)
    expect(panel.locator(".va-stopped").first).to_be_visible()
    expect(results.locator(".va-frame img").nth(1)).to_have_js_property("complete", True)
    in_both_themes(page, "compare_side")
    press(panel, "Slider")
    panel.get_by_role("slider", name="Divider between left and right").press("Home")
    panel.get_by_role("slider", name="Divider between left and right").press("Shift+ArrowRight")
    shot(page, "compare_slider")

    choose(panel, page, "stability")
    panel.get_by_role("spinbutton", name="Repeats").fill("10")
    panel.get_by_role("checkbox", name="Hide names").press("Space")
    expect(panel.get_by_text("About 20 calls", exact=False)).to_be_visible()
    press(panel, "Run")
    expect(panel.get_by_role("progressbar", name="Arm 1")).to_be_visible()
    expect(results.get_by_text("pair 1 of 10")).to_be_visible(timeout=LONG)
    vote_ten_times(panel, page)
    expect(panel.locator(".va-verdict")).to_contain_text("10 votes")
    in_both_themes(page, "compare_voted")
    press(panel, "Export HTML")
    expect(panel.get_by_text("Written to", exact=False)).to_be_visible(timeout=LONG)
    assert len(list(lab.root.glob("cmp*.html"))) == 1

    expect(page.locator(".viralai-snapshot")).to_contain_text("10", timeout=LONG)
    save(page)
    assert (lab.root / name).stat().st_size < 1_000_000
    assert "sim-key" not in str([cell.outputs for cell in nbformat.read(lab.root / name, as_version=4).cells])
    lab.stop_kernels()
    open_notebook(page, lab, name, kernel=False)
    expect(page.locator(".viralai-snapshot")).to_be_visible()
    assert "embedded" in "\n".join(output_html(page))
    shot(page, "compare_reopened")
    assert page.evaluate("() => window.hacked") is None
    assert problems == []


RUN_CELL = """number => {
  window.jupyterapp.shell.currentWidget.content.activeCellIndex = number;
  window.jupyterapp.commands.execute('notebook:run-cell');
}"""
AWAITING = """\
import asyncio
from viralai_sdk import ViralAI
from viralai_sdk.simulator import Simulator
from viralai_widgets import ComparePanel
sim = Simulator()
sim.start()
sim.faults.add("stability", "slow", seconds=600)
names = ("openai", "stability", "elevenlabs", "runway")
ai = ViralAI(config={"providers": {name: {"api_key": sim.key, "base_url": sim.url(name)} for name in names}})
panel = ComparePanel(ai, "image", ["embedded", "stability"], prompt="a red fox")
panel"""


def test_the_panel_lives_while_a_cell_awaits_it_and_after_an_interrupt(
    lab: Lab, page: Page, problems: Problems
) -> None:
    page.set_viewport_size({"width": 1100, "height": 2000})
    again = "await panel.run()"
    speech = "panel.service = 'speech'; panel.prompt = 'Hello there'; panel.value = ['embedded', 'openai']; spoken = await panel.run()"
    video = (
        "panel.service = 'video'; panel.prompt = 'a fox runs'; panel.parameters = {'duration': '2'}\n"
        "arms = [{'name': str(seed), 'provider': 'embedded', 'parameters': {'seed': seed}} for seed in (1, 2)]\n"
        "panel.variants = arms\n"
        "filmed = await panel.run()"
    )
    name = write_notebook(lab.root, "awaiting.ipynb", AWAITING, again, again, speech, video)
    open_notebook(page, lab, name)
    start_all(page)
    panel = page.get_by_role("region", name="Comparison", exact=True)
    embedded = panel.get_by_role("progressbar", name="embedded")

    expect(embedded).to_have_attribute("aria-valuenow", "100", timeout=LONG)
    shot(page, "compare_awaiting")
    press(panel, "Stop all")
    expect(page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea")).to_contain_text("Stopped", timeout=LONG)

    expect(embedded).not_to_have_attribute("aria-valuenow", "100")
    expect(embedded).to_have_attribute("aria-valuenow", "100", timeout=LONG)
    page.evaluate("() => window.jupyterapp.commands.execute('kernelmenu:interrupt')")
    expect(panel.get_by_text("Interrupted, so the run was stopped: ", exact=False)).to_be_visible(timeout=LONG)
    expect(panel.get_by_role("button", name="Run", exact=True)).to_be_enabled(timeout=LONG)
    expect(panel.locator(".va-stopped").first).to_be_visible()

    for number, made in ((3, "speech"), (4, "video")):
        page.evaluate(RUN_CELL, number)
        ready = "[data-ready=true]" if made == "speech" else ".va-frame video"
        page.wait_for_selector(f".va-results {ready}", timeout=LONG)
        if made == "video":
            page.wait_for_function(
                "() => [...document.querySelectorAll('.va-frame video')].every(e => e.readyState >= 2)", timeout=LONG
            )
        in_both_themes(page, f"compare_{made}")
    assert problems == []
