"""What a token costs, from the `genai-prices` library: with its tiers for long prompts and its price for cached ones.

The library's data takes a fifth of a second to load. So it is loaded once, in a thread, while the first priced text call waits for its
provider; after that a price is a look into a dict and a few multiplications.
"""

from __future__ import annotations

import datetime
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LIBRARY_NAMES = {
    "anthropic": "anthropic",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "gemini": "google",
    "groq": "groq",
    "mistral": "mistral",
    "openai": "openai",
    "openrouter": "openrouter",
    "together": "together",
    "vertex": "google",
    "xai": "x-ai",
}
"""Our providers → the library's."""
MILLION = 1_000_000
TOKEN_UNITS = frozenset({"input_token", "output_token", "cached_input_token"})
"""Units that this module can price. `cached_input_token` is a part of `input_token`, charged less."""

Steps = tuple[tuple[int, float], ...]
"""(from so many input tokens on, USD per token), ascending. The step that is reached holds for all tokens of the call."""


@dataclass(frozen=True, slots=True)
class TokenRates:
    """Prices of one model."""

    exact: bool
    """The library knows the model by this very name; otherwise by a pattern, which may be meant for a sibling."""
    input: Steps
    output: Steps
    cached: Steps

    def price(self, quantities: Mapping[str, float]) -> float:
        """USD for amounts by `TOKEN_UNITS`."""
        size = quantities.get("input_token", 0.0)
        cached = min(quantities.get("cached_input_token", 0.0), size)
        read = (size - cached) * _step(self.input, size) + cached * _step(self.cached or self.input, size)
        return read + quantities.get("output_token", 0.0) * _step(self.output, size)


def _step(steps: Steps, size: float) -> float:
    rate = steps[0][1]
    for start, price in steps[1:]:
        if size > start:
            rate = price
    return rate


class TokenPrices:
    """Finds the rates of models. One for all clients of a process, since the data is the same for all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loading: threading.Thread | None = None
        self._snapshot: Any = None
        self._known: dict[tuple[str, str, datetime.date], TokenRates | None] = {}

    def prepare(self, provider: str) -> None:
        """Begin to load the data, when this provider is one that it knows. Comes back at once."""
        if self._snapshot is not None or provider not in LIBRARY_NAMES:
            return
        with self._lock:
            if self._loading is None:
                self._loading = threading.Thread(target=self._load, name="viralai-token-prices", daemon=True)
                self._loading.start()

    def rates(self, provider: str, model: str, today: datetime.date) -> TokenRates | None:
        """The rates of a model on a day, None when the library does not have it or its price depends on the hour."""
        if provider not in LIBRARY_NAMES:
            return None
        key = (provider, model, today)
        try:
            return self._known[key]
        except KeyError:
            found = self._known[key] = self._find(provider, model, today)
            return found

    def _load(self) -> None:
        from genai_prices.data_snapshot import get_snapshot

        self._snapshot = get_snapshot()

    def _find(self, provider: str, model: str, today: datetime.date) -> TokenRates | None:
        if self._snapshot is None:
            self.prepare(provider)
            assert self._loading is not None
            self._loading.join()
        if self._snapshot is None:
            return None
        try:
            _, info = self._snapshot.find_provider_model(model, None, LIBRARY_NAMES[provider], None)
        except LookupError:
            return None
        if _by_the_hour(info):
            return None
        noon = datetime.datetime.combine(today, datetime.time(12), datetime.UTC)
        return _rates(info.get_prices(noon), exact=info.id == model.lower())


def _by_the_hour(info: Any) -> bool:
    prices = info.prices if isinstance(info.prices, list) else []
    return any(hasattr(row.constraint, "start_time") for row in prices if row.constraint is not None)


def _rates(prices: Any, *, exact: bool) -> TokenRates | None:
    read, written = _steps(prices.input_mtok), _steps(prices.output_mtok)
    if not read or not written:
        return None
    return TokenRates(exact, read, written, _steps(prices.cache_read_mtok))


def _steps(price: Any) -> Steps:
    """The library's price, a number or a number with tiers, by the token."""
    if price is None:
        return ()
    base = getattr(price, "base", price)
    tiers = [(int(tier.start), float(tier.price / MILLION)) for tier in getattr(price, "tiers", ())]
    return ((0, float(base / MILLION)), *sorted(tiers))


token_prices = TokenPrices()
