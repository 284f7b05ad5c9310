"""What a call costs: token prices with tiers, estimates before, dry runs, and prices that nobody knows."""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from viralai_sdk.catalog.token_prices import LIBRARY_NAMES, TokenPrices, TokenRates, token_prices
from viralai_sdk.client import ViralAI
from viralai_sdk.simulator import Simulator

TODAY = datetime.date(2026, 11, 22)
TIERED = TokenRates(True, ((0, 1e-6), (200, 2e-6)), ((0, 4e-6), (200, 6e-6)), ((0, 1e-7), (200, 2e-7)))
OPENAI = {"providers": {"openai": {"api_key": "key-for-prices", "base_url": "http://127.0.0.1:9/v1"}}}


def client(folder: Path, overlay: str = "", config: dict[str, Any] | None = None) -> ViralAI:
    settings = dict(config or OPENAI)
    if overlay:
        (folder / "mine.yaml").write_text(overlay, "utf-8")
        settings["catalog"] = str(folder / "mine.yaml")
    return ViralAI(settings, home=folder, progress=False, today=lambda: TODAY)


@pytest.mark.parametrize(
    ("amounts", "price"),
    [
        ({"input_token": 100, "output_token": 10}, 100e-6 + 40e-6),
        ({"input_token": 200, "output_token": 10}, 200e-6 + 40e-6),
        ({"input_token": 201, "output_token": 10}, 402e-6 + 60e-6),
        ({"input_token": 100, "cached_input_token": 40}, 60e-6 + 4e-6),
        ({"input_token": 100, "cached_input_token": 400}, 10e-6),
        ({}, 0.0),
    ],
)
def test_a_tier_that_is_reached_holds_for_the_whole_call(amounts: dict[str, float], price: float) -> None:
    assert TIERED.price(amounts) == pytest.approx(price)


def test_without_a_price_for_cached_tokens_they_cost_like_the_rest() -> None:
    assert TokenRates(True, ((0, 1e-6),), ((0, 4e-6),), ()).price(
        {"input_token": 10, "cached_input_token": 5}
    ) == pytest.approx(1e-5)


def test_the_library_gives_tiers_and_says_what_it_only_guesses() -> None:
    known = token_prices.rates("gemini", "gemini-2.5-pro", TODAY)
    assert known is not None
    assert known.exact
    assert len(known.input) == 2
    assert known.input[0][1] < known.input[1][1]
    guessed = token_prices.rates("gemini", "gemini-2.5-pro-of-tomorrow", TODAY)
    assert guessed is None or not guessed.exact
    assert token_prices.rates("openai", "no-such-model-at-all", TODAY) is None
    assert token_prices.rates("embedded", "rules-text", TODAY) is None


def test_a_price_that_depends_on_the_hour_is_not_taken() -> None:
    class Hour:
        start_time = datetime.time(16)

    class Row:
        constraint = Hour()

    class Info:
        id = "night-owl"
        prices: ClassVar[list[Row]] = [Row()]

    class Snapshot:
        def find_provider_model(self, *words: object) -> tuple[None, Info]:
            return None, Info()

    prices = TokenPrices()
    prices._snapshot = Snapshot()
    assert prices.rates("deepseek", "night-owl", TODAY) is None


def test_the_data_is_loaded_once_and_only_when_asked_for() -> None:
    prices = TokenPrices()
    prices.prepare("embedded")
    assert prices._loading is None
    prices.prepare("openai")
    first = prices._loading
    prices.prepare("openai")
    assert prices._loading is first
    assert prices.rates("openai", "gpt-6-luna", TODAY) == token_prices.rates("openai", "gpt-6-luna", TODAY)


def test_the_library_knows_every_provider_by_the_name_we_use() -> None:
    from genai_prices.data_snapshot import get_snapshot

    names = {provider.id for provider in get_snapshot().providers}
    assert set(LIBRARY_NAMES.values()) <= names


def test_importing_the_client_does_not_load_the_library() -> None:
    code = "import sys, viralai_sdk.client; print('genai_prices' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


async def test_a_text_call_is_priced_by_the_library_and_by_the_user_before_it(tmp_path: Path) -> None:
    with Simulator() as sim:
        config = {"providers": {"openai": {"api_key": sim.key, "base_url": sim.url("openai")}}}
        ai = client(tmp_path, config=config)
        response = await ai.text("hello", provider="openai:gpt-6-luna")
        rates = token_prices.rates("openai", "gpt-6-luna", TODAY)
        assert rates is not None
        usage = response.usage
        assert usage.prompt_tokens is not None
        assert usage.completion_tokens is not None
        amounts = {"input_token": usage.prompt_tokens, "output_token": usage.completion_tokens}
        assert response.cost_usd == pytest.approx(rates.price(amounts))
        assert response.cost_source == "catalog"
        await ai.aclose()
        ai.runtime.close()
        ai = client(tmp_path, "openai: {models: {gpt-6-luna: {prices: {input_token: 1, output_token: 2}}}}", config)
        response = await ai.text("hello", provider="openai:gpt-6-luna")
        assert response.cost_usd == pytest.approx(usage.prompt_tokens + 2 * usage.completion_tokens)
        await ai.aclose()
        ai.runtime.close()


def test_an_estimate_has_known_and_unknown_prices_and_sends_nothing(tmp_path: Path) -> None:
    ai = client(tmp_path)
    rows = {row["model"]: row for row in ai.estimate("image", "a fox", ["openai:gpt-image-2.6-flare", "embedded"])}
    assert rows["gpt-image-2.6-flare"]["price"] == "unknown"
    assert rows["procedural-image"]["price"] == "$0.0000"
    rows = {row["provider"]: row for row in ai.estimate("text", "a fox " * 400, ["openai:gpt-6-luna", "nobody"])}
    assert rows["openai"]["price"].startswith("$0.")
    assert "there is no provider" in rows["nobody"]["problem"]
    ai.runtime.close()


def test_an_estimate_counts_by_the_tier_that_the_prompt_reaches(tmp_path: Path) -> None:
    ai = client(tmp_path, config={"providers": {"openai": {"api_key": "key-for-prices"}}})
    rates = token_prices.rates("openai", "gpt-6-luna", TODAY)
    assert rates is not None
    start = rates.input[1][0]
    for tokens, step in ((start, 0), (start + 1, 1)):
        half = "x" * (2 * tokens)
        plan = ai.plan("text", half, system=half, provider="openai:gpt-6-luna", max_tokens=100)
        expected = tokens * rates.input[step][1] + 100 * rates.output[step][1]
        assert plan.routes[0].price_usd == pytest.approx(expected)
    ai.runtime.close()


async def test_a_dry_run_gives_the_range_of_known_prices(tmp_path: Path) -> None:
    overlay = (
        "openai: {models: {dear: {services: [image], prices: {image: 0.5}}, cheap: {services: [image], prices: {image: 0.1}},"
        " secret: {services: [image]}}}"
    )
    ai = client(tmp_path, overlay)
    ai.set_fallback_chain("image", ["openai:dear", "openai:secret", "openai:cheap"])
    plan: Any = await ai.image("a fox", provider="openai:dear", num_images=2, dry_run=True)
    assert [route.price_usd for route in plan.routes] == [1.0, None, pytest.approx(0.2)]
    assert plan.price_range == (pytest.approx(0.2), 1.0)
    assert "unknown" in repr(plan)
    only: Any = await ai.image("a fox", provider="openai:secret", fallback=False, dry_run=True)
    assert only.price_range is None
    ai.runtime.close()


async def test_a_route_without_a_key_or_past_its_end_is_not_ready_and_not_priced(tmp_path: Path) -> None:
    overlay = "openai: {models: {past: {services: [text], retires: 2026-01-01, replaced_by: gpt-6-luna}}}"
    ai = client(tmp_path, overlay)
    plan: Any = await ai.text("a fox", provider="openai:past", fallback=False, dry_run=True)
    assert not plan.routes[0].ready
    assert "gpt-6-luna" in plan.routes[0].problem
    assert plan.price_range is None
    ai.runtime.close()
