"""An executed benchmark opened in JupyterLab: its plots and tables are there without a kernel, and readable."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Problems
from tests.browser.lab import SOURCE, Lab, open_notebook, set_theme, shot, until_shown, weakest_contrast
from viralai_sdk.bench import notebooks

pytestmark = pytest.mark.browser


@pytest.mark.timeout(900)
def test_an_executed_benchmark_shows_its_plots(
    lab: Lab, page: Page, problems: Problems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{SOURCE}:{SOURCE / 'widgets'}")
    told = {"repeats": 4, "concurrency": [1, 4], "latency": {"*": "lognormal:30ms"}, "faults": {"gemini": "403:0.3"}}
    executed = notebooks.execute("text", told, tmp_path / "run")
    (lab.root / "benchmark.ipynb").write_bytes(executed.read_bytes())
    open_notebook(page, lab, "benchmark.ipynb", kernel=False)

    pictures = page.locator(".jp-OutputArea-output img")
    page.wait_for_function("() => document.querySelectorAll('.jp-OutputArea-output img').length >= 7")
    expect(pictures).to_have_count(7)
    for place in range(7):
        pictures.nth(place).scroll_into_view_if_needed()
        expect(pictures.nth(place)).to_have_js_property("naturalWidth", 800)
    until_shown(page, "Benchmark of text", "PermissionDeniedError", "Throughput by concurrency", "summary.json")
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        set_theme(page, theme)
        ratio, words = weakest_contrast(page)
        assert ratio >= 4.5, words
        pictures.nth(0).scroll_into_view_if_needed()
        shot(page, f"benchmark_{theme.rpartition(' ')[2].lower()}")
    assert not problems
