"""The browser fixtures of tests/browser, for panels."""

from __future__ import annotations

from tests.browser.conftest import browser, lab, page, problems

__all__ = ["browser", "lab", "page", "problems"]
