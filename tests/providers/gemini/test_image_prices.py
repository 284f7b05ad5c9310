"""What a picture is expected to cost is what it then costs: tokens by the size class that is drawn, not one price for all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.providers.by_hand import picture
from tests.providers.gemini.test_through_the_client import config
from viralai_sdk import ViralAI
from viralai_sdk.catalog.catalog import Catalog
from viralai_sdk.simulator import Simulator

FLASH, PRO, FIRST = "gemini-3.1-flash-image", "gemini-3-pro-image", "gemini-2.5-flash-image"
WIDE = {"width": 3900, "height": 1680}
"""Class 4K in the flattest ratio, which is the quickest to draw."""


def named(size: str) -> dict[str, Any]:
    """A size class that only the vendor's own field can name."""
    return {"options": {"generationConfig": {"imageConfig": {"imageSize": size}}}}


@pytest.fixture
def ai(sim: Simulator, tmp_path: Path) -> ViralAI:
    return ViralAI(config(sim), home=tmp_path, progress=False)


@pytest.mark.parametrize(
    ("spec", "wish", "usd"),
    [
        (f"gemini:{FLASH}", {}, 0.0672),
        (f"gemini:{FLASH}", named("512"), 0.04482),
        (f"gemini:{FLASH}", {"width": 1024, "height": 1024}, 0.0672),
        (f"gemini:{FLASH}", {"width": 1400}, 0.1008),
        (f"gemini:{FLASH}", WIDE, 0.1512),
        (f"gemini:{FLASH}", {"num_images": 3}, 0.2016),
        (f"gemini:{FLASH}", {"reference_images": picture()}, 0.06776),
        (f"vertex:{FLASH}", {"width": 2000}, 0.1008),
        (f"gemini:{PRO}", {}, 0.1344),
        (f"gemini:{PRO}", {"width": 2000, "reference_images": picture()}, 0.13552),
        (f"vertex:{PRO}", WIDE, 0.24),
        (f"gemini:{FIRST}", {"width": 4000}, 0.0387),
        ("gemini:gemini-3.1-flash-lite-image", {"width": 2000}, 0.0336),
        ("vertex:gemini-nano-banana-2.1", {}, 0.0336),
    ],
)
async def test_the_estimate_is_the_bill_at_every_size(ai: ViralAI, spec: str, wish: dict[str, Any], usd: float) -> None:
    plan = await ai.image("a fox", provider=spec, dry_run=True, fallback=False, **wish)
    expected = plan.routes[0].price_usd  # type: ignore[attr-defined]
    made = await ai.image("a fox", provider=spec, fallback=False, **wish)
    # A prompt's few tokens are counted by a rule of thumb before, and by the vendor after.
    assert expected == pytest.approx(made.cost_usd, abs=1e-5)
    assert made.cost_usd == pytest.approx(usd, abs=2e-5)
    assert made.cost_source == "catalog"


async def test_a_size_without_a_stated_figure_has_no_estimate(ai: ViralAI) -> None:
    plan = await ai.image("a fox", provider="gemini:gemini-nano-banana-2.1", width=2000, dry_run=True, fallback=False)
    assert plan.routes[0].price_usd is None  # type: ignore[attr-defined]


async def test_options_of_another_shape_leave_the_usual_size(ai: ViralAI) -> None:
    for options in ({"generationConfig": None}, {"generationConfig": {"imageConfig": 5}}):
        plan = await ai.image("a fox", provider=f"gemini:{FLASH}", options=options, dry_run=True, fallback=False)
        assert plan.routes[0].price_usd == pytest.approx(0.0672, abs=1e-5)  # type: ignore[attr-defined]


@pytest.mark.parametrize("provider", ["gemini", "vertex"])
def test_the_price_of_a_picture_is_that_of_its_tokens_at_the_usual_size(provider: str) -> None:
    rows = [row for row in Catalog().provider(provider).models.values() if "image_tokens" in row.limits]
    assert len(rows) >= 7
    for row in rows:
        by_tokens = row.limits["image_tokens"]["1K"] * row.prices["output_image_token"]
        assert by_tokens == pytest.approx(row.prices["image"], rel=0.01)
