"""axe-core on a panel: what it finds that keeps people from using it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

_AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")


def grave_violations(page: Page, selector: str = ".viralai-panel") -> list[str]:
    """Serious and critical violations within the elements of a selector, each with the first element concerned."""
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(_AXE.read_text())
    assert page.locator(selector).count(), f"there is nothing like {selector} on the page"
    found: dict[str, Any] = page.evaluate(
        "selector => axe.run({include: [[selector]]}, {resultTypes: ['violations']})", selector
    )
    assert found["passes"], "axe has looked at nothing"
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]} · {one['nodes'][0]['failureSummary'][:300]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
