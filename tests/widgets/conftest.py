"""The browser fixtures of tests/browser and the doubles, for panels."""

from __future__ import annotations

from tests.browser.conftest import browser, lab, page, problems
from tests.doubles import home, sim

__all__ = ["browser", "home", "lab", "page", "problems", "sim"]
