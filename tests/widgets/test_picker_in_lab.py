"""ProviderPicker in a real JupyterLab: choose by keyboard, both themes, saved and opened again without a kernel."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Problems
from tests.browser.lab import Lab, open_notebook, run_all, save, set_theme, shot, until_shown
from tests.widgets.axe import grave_violations
from tests.widgets.notebooks import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

SETUP = """\
from viralai_sdk import ViralAI
from viralai_widgets import ProviderPicker
ai = ViralAI(config={"providers": {"openai": {"api_key": "sk-not-a-key-of-anybody-0000"}}}, progress=False)
picker = ProviderPicker(ai, service="image")
seen = []
picker.observe(lambda change: seen.append(change["new"]), "value")
picker"""


def test_the_picker_is_used_by_keyboard_and_survives_saving(lab: Lab, page: Page, problems: Problems) -> None:
    page.set_viewport_size({"width": 1100, "height": 1000})
    name = write_notebook(lab.root, "picker.ipynb", SETUP)
    open_notebook(page, lab, name)
    run_all(page)
    panel = page.get_by_role("region", name="Providers")
    expect(panel).to_be_visible()
    box = panel.get_by_role("checkbox", name="embedded, ready")
    box.focus()
    page.keyboard.press("Space")
    expect(panel.get_by_text("1 chosen")).to_be_visible()
    for theme in ("Dark", "Light"):
        set_theme(page, f"JupyterLab {theme}")
        shot(page, f"picker_{theme.lower()}")
        assert grave_violations(page) == []
    html = page.locator(".viralai-snapshot")
    expect(html).to_have_count(1)
    expect(html).to_be_hidden()
    expect(page.locator(".viralai-snapshot td", has_text="✓")).to_have_count(1)
    save(page)
    assert "sk-not-a-key" not in str([cell.outputs for cell in nbformat.read(lab.root / name, as_version=4).cells])
    lab.stop_kernels()
    open_notebook(page, lab, name, kernel=False)
    expect(page.locator(".viralai-snapshot td", has_text="✓")).to_be_visible()
    until_shown(page, "procedural-image")
    shot(page, "picker_reopened")
    assert problems == []
