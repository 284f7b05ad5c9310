"""One JupyterLab and one Chromium for all browser tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Error, Page, Request, sync_playwright

from tests.browser.lab import CHROMIUM_FLAGS, PATIENCE_MS, Lab, running_lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab server with folders of its own."""
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's Chromium, headless."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "browser tests need Chromium: install it (apt-get install chromium)"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


class Problems(list[str]):
    """What went wrong on a page: console errors, uncaught exceptions, requests to other hosts, opened dialogs."""


@pytest.fixture
def problems() -> Problems:
    """Collected while `page` lives; a test asserts that it is empty."""
    return Problems()


@pytest.fixture
def page(browser: Browser, problems: Problems) -> Iterator[Page]:
    """A tall page that notes what goes wrong on it."""
    with browser.new_context(viewport={"width": 1100, "height": 4400}) as context:
        context.set_default_timeout(PATIENCE_MS)
        context.on("page", lambda opened: watch(opened, problems))
        yield context.new_page()


def _widgets_without_kernel(stack: str) -> bool:
    """The widget manager of ipywidgets 8 stumbles over every notebook that is opened without a kernel, ours or not."""
    return "reading 'kernel'" in stack and "/lab/extensions/@jupyter-widgets/" in stack


def watch(page: Page, problems: Problems) -> None:
    """Note every console error, exception, dialog and request beyond loopback of a page."""

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(f"{message.text} {message.location.get('url', '')}")

    def thrown(error: Error) -> None:
        if not _widgets_without_kernel(error.stack or ""):
            problems.append(error.stack or str(error))

    def asked(dialog: Dialog) -> None:
        problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def requested(request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1", "data:", "blob:", "file:", "about:")):
            problems.append(f"outside: {request.url}")

    page.on("console", heard)
    page.on("pageerror", thrown)
    page.on("dialog", asked)
    page.on("request", requested)
