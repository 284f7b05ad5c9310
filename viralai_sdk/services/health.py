"""Which routes have failed lately, so that a dead provider is not the first to be tried each time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.services.call import Route

FAILURES = 3
"""So many failures in a row open the circuit."""
OPEN_SECONDS = 30.0
"""So long an open route goes to the end of the chain; then one call may try it again."""
LONG_WISH, LONGEST_OPEN = 20.0, 600.0
"""A provider that asks for a longer wait than the first opens its circuit at once, for as long as it asks, up to the second."""


@dataclass(slots=True)
class State:
    """What is known of one provider's service."""

    failures: int = 0
    open_until: float = 0.0
    last_error: str | None = None
    last_seen: float | None = None


class Health:
    """Counts failures of each provider and service. Routes in trouble are tried last, never dropped."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._states: dict[tuple[AIServiceType, str], State] = {}

    def state(self, service: AIServiceType, provider: str) -> State:
        """What is known, empty when nothing is."""
        return self._states.get((service, provider)) or State()

    def healthy(self, service: AIServiceType, provider: str) -> bool:
        """False while the circuit is open."""
        found = self._states.get((service, provider))
        return found is None or found.open_until <= self._clock()

    def order(self, service: AIServiceType, chain: list[Route]) -> list[Route]:
        """The chain, with routes in trouble behind the others."""
        if len(chain) < 2 or not self._states:
            return chain
        return sorted(chain, key=lambda route: not self.healthy(service, route.provider))

    def take(self, service: AIServiceType, chain: list[Route]) -> list[Route]:
        """The order for a call that is made now. Where a circuit's time is over this call is the one that tries it; the others wait."""
        ordered = self.order(service, chain)
        state = self._states.get((service, ordered[0].provider)) if len(ordered) > 1 else None
        if state is not None and state.open_until and state.open_until <= self._clock():
            state.open_until = self._clock() + OPEN_SECONDS
        return ordered

    def note(self, service: AIServiceType, route: Route, error: AIError | None) -> None:
        """Take the outcome of an attempt into account. Mistakes of the request say nothing about the provider's health."""
        key = (service, route.provider)
        if error is None:
            if key in self._states:
                self._states[key] = State(last_seen=self._clock())
            return
        state = self._states.setdefault(key, State())
        state.last_error, state.last_seen = f"{type(error).__name__}: {error.message}"[:200], self._clock()
        if not error.retryable:
            return
        state.failures += 1
        wish = min(getattr(error, "retry_after", None) or 0.0, LONGEST_OPEN)
        if state.failures >= FAILURES or wish > LONG_WISH:
            state.open_until = self._clock() + max(OPEN_SECONDS, wish)
