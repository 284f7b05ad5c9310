"""ProviderPicker without a browser: what it offers, what it takes, what it tells."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.doubles import client
from tests.widgets.messages import from_page, page_sets, receive
from viralai_sdk import ViralAI
from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError
from viralai_widgets import ProviderPicker


@pytest.fixture
async def ai(home: Path) -> AsyncIterator[ViralAI]:
    """OpenAI has a key, the others have none."""
    config = {"providers": {"openai": {"api_key": "sk-nobodys-key-00000000"}}}
    async with client(config, home, today=lambda: datetime.date(2026, 11, 22)) as made:
        yield made


async def test_those_that_can_be_used_come_first_with_price_models_and_end(ai: ViralAI) -> None:
    picker = ProviderPicker(ai, service="speech")
    ready = [row["provider"] for row in picker.rows if row["configured"]]
    assert ready == [row["provider"] for row in picker.rows[: len(ready)]]
    openai = next(row for row in picker.rows if row["provider"] == "openai")
    assert openai["models"][0]["name"] == openai["model"], "the default model is the first"
    assert openai["models"][0]["retires"] == "2027-01-06"
    assert "$" in openai["price"]
    assert all(row["needs"] for row in picker.rows if not row["configured"])


async def test_models_that_have_ended_are_not_offered(ai: ViralAI) -> None:
    offered = [model for row in ProviderPicker(ai, "text").rows for model in row["models"]]
    assert offered
    assert all(not model["retires"] or model["retires"] >= "2026-11-22" for model in offered)


async def test_the_choice_is_set_read_and_observed_from_both_sides(ai: ViralAI) -> None:
    picker = ProviderPicker(ai, value=["openai"])
    seen: list[list[str]] = []
    picker.observe(lambda change: seen.append(change["new"]), "value")
    receive(picker, page_sets(value=["openai", "embedded"]))
    picker.value = ["gemini:gemini-3.1-flash-image", " openai ", "openai"]
    assert seen == [["openai", "embedded"], ["gemini:gemini-3.1-flash-image", "openai"]]
    assert "gemini:gemini-3.1-flash-image" in str(picker.static_html())
    assert repr(picker) == "ProviderPicker(image: gemini:gemini-3.1-flash-image, openai)"


async def test_unknown_providers_and_too_many_are_refused(ai: ViralAI) -> None:
    picker = ProviderPicker(ai, multiple=False)
    with pytest.raises(ConfigurationError, match="nobody"):
        picker.value = ["nobody"]
    with pytest.raises(InvalidRequestError, match="takes one"):
        picker.value = ["openai", "embedded"]
    assert picker.value == []


async def test_another_service_empties_the_choice_and_refresh_reads_anew(ai: ViralAI) -> None:
    picker = ProviderPicker(ai, value=["openai"])
    picker.service = "video"
    assert picker.value == []
    assert {row["service"] for row in picker.rows} == {"video"}
    picker.set_trait("rows", [])
    receive(picker, from_page("refresh"))
    assert picker.rows
    receive(picker, from_page("dance"))
    assert "dance" in picker.error["message"]
