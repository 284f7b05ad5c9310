"""The picker's front end alone: everything in sight however narrow the notebook is."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.widgets.axe import grave_violations
from tests.widgets.stub_page import DARK, recolour, saved, show
from viralai_widgets import ProviderPicker

pytestmark = pytest.mark.browser

PRICE = "$5.00/M input text tokens, $8.00/M input image tokens, $30.00/M output image tokens"
NEEDS = "a Google Cloud project and credentials"


def row(provider: str, *, configured: bool = True, retires: str = "") -> dict[str, object]:
    models = [{"name": f"{provider}-4.1-flash-image-{size}", "price": PRICE, "retires": retires} for size in "sml"]
    facts = {"provider": provider, "configured": configured, "healthy": True, "needs": "" if configured else NEEDS}
    return facts | {"model": f"{provider}-4.1-flash-image-s", "price": PRICE, "retires": retires, "models": models}


@pytest.mark.parametrize("width", [400, 700, 1100])
def test_nothing_is_pushed_out_of_a_narrow_notebook(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    rows = [row("openai"), row("llamacpp_server"), row("vertex", configured=False, retires="2027-05-28")]
    show(page, ProviderPicker, {"rows": rows, "services": ["image"], "service": "image", "multiple": True, "value": []})
    box = page.locator(".va-picker-box")
    assert box.evaluate("e => e.scrollWidth - e.clientWidth") == 0
    expect(page.get_by_role("row", name="vertex")).to_contain_text(f"needs {NEEDS}")
    expect(page.get_by_role("row", name="vertex")).to_contain_text("ends 2027-05-28")
    page.get_by_role("combobox", name="Model of openai").select_option("openai-4.1-flash-image-l")
    assert saved(page) == [{"value": ["openai:openai-4.1-flash-image-l"]}]
    for _ in ("light", "dark"):
        assert grave_violations(page) == []
        recolour(page, DARK)
