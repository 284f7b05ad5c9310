"""The catalog's data about OpenAI hold together, and the provider is described lightly."""

from __future__ import annotations

import subprocess
import sys

import pytest

from viralai_sdk.interfaces.names import SERVICES, AIServiceType
from viralai_sdk.providers.openai import PROVIDER, models

UNITS = {"input_token", "output_token", "cached_token", "image", "input_text_token", "input_image_token"}
UNITS |= {"output_image_token", "character", "second", "audio_token"}


def test_every_service_has_a_default_with_a_price_that_lives_on_the_day_of_the_data() -> None:
    catalog = models.catalog()
    assert set(catalog.defaults) == set(PROVIDER.services)
    for service, name in catalog.defaults.items():
        model = catalog.models[name]
        assert service in model.services
        assert model.prices
        assert catalog.as_of
        assert model.retires is None or model.retires > catalog.as_of


def test_figures_are_known_or_absent_and_have_a_source() -> None:
    for model in models.catalog().models.values():
        assert model.source
        assert model.services
        assert model.prices.keys() <= UNITS
        assert all(price > 0 for price in model.prices.values())


def test_why_there_is_no_video_can_be_said() -> None:
    assert AIServiceType.VIDEO_GENERATION in set(SERVICES) - set(PROVIDER.services)
    assert "Sora" in models.catalog().extra["retired_services"]["video"]


@pytest.mark.parametrize(
    ("model", "any_size", "instructions", "responses", "seconds"),
    [
        ("gpt-image-2", True, True, False, False),
        ("gpt-image-1.5", False, True, False, False),
        ("gpt-image-3-new", True, True, False, False),
        ("tts-1-hd", False, False, False, False),
        ("tts-1-unheard-of", False, False, False, False),
        ("gpt-4o-mini-tts", False, True, False, True),
        ("o3-pro", False, True, True, False),
        ("unheard-of", False, True, False, False),
    ],
)
def test_capabilities(model: str, any_size: bool, instructions: bool, responses: bool, seconds: bool) -> None:
    assert models.responses_only(model) is responses
    assert models.billed_by_second(model) is seconds
    if not model.startswith(("gpt-4", "tts", "o3")):
        assert models.takes_any_size(model) is any_size
    if "tts" in model or model == "unheard-of":
        assert models.follows_instructions(model) is instructions


def test_describing_the_provider_loads_no_adapter_and_no_http_library() -> None:
    code = "import sys, viralai_sdk.providers.openai; print([m for m in sys.modules if m.startswith('httpx') or 'openai.' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
