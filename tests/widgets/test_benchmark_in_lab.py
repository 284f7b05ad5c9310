"""BenchmarkPanel in a real JupyterLab, while a cell awaits: plan, run, stop, compare, both themes, reopen without a kernel."""

from __future__ import annotations

import re

import nbformat
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Problems
from tests.browser.lab import Lab, open_notebook, save, set_theme, shot, until_shown
from tests.widgets.axe import grave_violations
from tests.widgets.notebooks import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

SETUP = """\
import asyncio
import random
from viralai_sdk import ViralAI
from viralai_sdk.interfaces.adapter import TextAdapter
from viralai_sdk.interfaces.errors import ContentPolicyError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.steps import Pause, TextPayload
from viralai_sdk.providers import registry
from viralai_widgets import BenchmarkPanel

chance = random.Random(3)

class Steady(TextAdapter):
    def steps(self, request, model):
        yield Pause(chance.uniform(0.02, 0.05))
        return TextPayload(text="A fox.")

class Moody(TextAdapter):
    def steps(self, request, model):
        yield Pause(chance.uniform(0.03, 0.09))
        if chance.random() < 0.25:
            raise ContentPolicyError("not this one <img src=x onerror=window.hacked=1><script>window.hacked=1</script>")
        return TextPayload(text="Two foxes.")

registry.register(AIServiceType.TEXT_GENERATION, "steady", Steady)
registry.register(AIServiceType.TEXT_GENERATION, "moody", Moody)
ai = ViralAI(config={"providers": {"openai": {"api_key": "sk-not-a-key-of-anybody-0000"}}}, progress=False)
panel = BenchmarkPanel(ai, "text", options='{"metrics": false}')
panel"""
AWAIT = """\
while len(panel.past) < 2:
    await asyncio.sleep(0.1)
print("two runs are kept")"""
LONG = 180_000


def in_both_themes(page: Page, name: str) -> None:
    """A picture in each theme, and what axe says."""
    for theme in ("Dark", "Light"):
        set_theme(page, f"JupyterLab {theme}")
        shot(page, f"{name}_{theme.lower()}")
        assert grave_violations(page) == []


def test_a_person_measures_providers(lab: Lab, page: Page, problems: Problems) -> None:
    page.set_viewport_size({"width": 1200, "height": 2700})
    name = write_notebook(lab.root, "benchmark.ipynb", SETUP, AWAIT)
    open_notebook(page, lab, name)
    # Not awaited: the second cell runs until two runs are kept, so that all of this happens while a cell awaits.
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    panel = page.get_by_role("region", name="Benchmark", exact=True)
    expect(panel.get_by_text("no provider is chosen yet", exact=False)).to_be_visible(timeout=LONG)
    for provider in ("steady", "moody"):
        panel.get_by_role("checkbox", name=f"{provider}, ready").focus()
        page.keyboard.press("Space")
    panel.get_by_role("textbox", name="Prompts, one a line").fill("a fox\n<script>window.hacked=1</script>")
    panel.get_by_role("spinbutton", name="Repeats").fill("12")
    panel.get_by_role("textbox", name="Calls at once").fill("1, 4")
    expect(panel.get_by_text("98 calls", exact=False)).to_be_visible(timeout=LONG)
    run, stop = (panel.get_by_role("button", name=word, exact=True) for word in ("Run", "Stop"))
    run.press("Enter")
    whole = panel.get_by_role("progressbar", name="All calls")
    expect(panel.get_by_role("progressbar", name="Calls of steady")).to_be_visible()
    expect(stop).to_be_focused()
    expect(panel.get_by_text("Finished: 98 of 98 calls", exact=False)).to_be_visible(timeout=LONG)
    expect(whole).to_be_hidden()
    expect(
        panel.get_by_role("group", name="Results", exact=True).get_by_text("ContentPolicyError").first
    ).to_be_visible()
    in_both_themes(page, "benchmark_results")

    panel.get_by_role("spinbutton", name="Repeats").fill("900")
    expect(panel.get_by_text("7202 calls", exact=False)).to_be_visible(timeout=LONG)
    run.press("Enter")
    expect(whole).to_have_attribute("aria-valuetext", re.compile(r"^([3-9]\d|\d{3,}) of 7202"), timeout=LONG)
    in_both_themes(page, "benchmark_running")
    stop.press("Enter")
    expect(panel.get_by_text("Partial: stopped", exact=False)).to_be_visible(timeout=LONG)
    expect(page.get_by_text("two runs are kept", exact=True)).to_be_visible(timeout=LONG)
    panel.get_by_text("Past runs, and two of them compared").press("Enter")
    panel.get_by_role("button", name="Compare").press("Enter")
    expect(
        panel.get_by_role("group", name="Comparison of two runs").get_by_text("no difference shown").first
    ).to_be_visible()
    in_both_themes(page, "benchmark_compared")

    expect(page.locator(".viralai-snapshot")).to_contain_text("against", timeout=LONG)
    save(page)
    assert "sk-not-a-key" not in str([cell.outputs for cell in nbformat.read(lab.root / name, as_version=4).cells])
    lab.stop_kernels()
    open_notebook(page, lab, name, kernel=False)
    expect(page.locator(".viralai-snapshot")).to_be_visible()
    until_shown(page, "ContentPolicyError", "results.parquet")
    shot(page, "benchmark_reopened")
    assert page.evaluate("() => window.hacked") is None
    assert problems == []
