"""The quickstart as a newcomer meets it: opened in JupyterLab, run from top to bottom, saved, and opened again without a kernel."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Problems
from tests.browser.lab import Lab, open_notebook, run_all, save, set_theme, shot, until_shown

TUTORIAL = Path(__file__).parents[2] / "notebooks" / "tutorials" / "00_quickstart.ipynb"

pytestmark = pytest.mark.browser


@pytest.mark.timeout(900)
def test_the_quickstart_runs_in_lab_and_shows_every_medium(lab: Lab, page: Page, problems: Problems) -> None:
    shutil.copy(TUTORIAL, lab.root / "quickstart.ipynb")
    open_notebook(page, lab, "quickstart.ipynb")
    run_all(page)

    until_shown(
        page, "procedural-image", "espeak-ng", "procedural-video", "made by rules, not by a model", "after openai"
    )
    film = page.locator(".jp-OutputArea-output video").first
    film.scroll_into_view_if_needed()
    film.evaluate("async video => { video.muted = true; await video.play(); }")
    page.wait_for_function("() => document.querySelector('.jp-OutputArea-output video').currentTime > 0.3")
    film.evaluate("video => video.pause()")
    assert film.evaluate("video => video.duration") > 3.5
    shot(page, "quickstart_light")
    set_theme(page, "JupyterLab Dark")
    shot(page, "quickstart_dark")
    save(page)
    lab.stop_kernels()

    open_notebook(page, lab, "quickstart.ipynb", kernel=False)
    until_shown(page, "made by rules, not by a model")
    shot(page, "quickstart_reopened")
    assert not problems
