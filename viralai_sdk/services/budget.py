"""Second stage: no call that the budget does not allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viralai_sdk.interfaces.errors import AIError, BudgetExceededError
from viralai_sdk.interfaces.money import dollars
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.services.call import Call, Route

if TYPE_CHECKING:
    from viralai_sdk.services.pipeline import Proceed
    from viralai_sdk.services.runtime import Runtime


class Budget:
    """Reserves what a call is expected to cost while it runs, so that calls made at once cannot overdraw together.

    A call whose first provider is too dear is refused. A dearer one further down the chain is left out of it, since a failure must not
    become the way around the budget.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        limits = self._runtime.config.budget
        if call.resume is not None or (limits.session_usd is None and limits.call_usd is None):
            return await proceed(call)
        prices = [self._price(call, route) for route in call.chain]

        def decide(committed: float) -> float:
            self._allow(call, prices, committed)
            return call.estimate or 0.0

        limited = limits.session_usd is not None
        call.reserved = self._runtime.spending.reserve(call.session_id, decide, read=limited)
        return await proceed(call)  # what is reserved is given back when the call is recorded, together with its cost

    def _price(self, call: Call, route: Route) -> float | None:
        try:
            return self._runtime.costs.of_route(call, route)
        except AIError:
            return None  # a route that cannot be priced cannot serve either, or says why when its turn comes

    def _allow(self, call: Call, prices: list[float | None], committed: float) -> None:
        """Leave only routes that the budget allows, and set what the dearest of them is expected to cost."""
        kept: list[Route] = []
        known: list[float] = []
        for place, (route, price) in enumerate(zip(call.chain, prices, strict=True)):
            problem = self._problem(price, committed)
            if problem is not None and not place:
                raise problem
            if problem is not None:
                call.note("adjusted", "budget", f"{route.label} was left out of the chain: {problem.message}")
                continue
            if price is None:
                told = f"the price of this call at {route.label} is unknown, so the budget could not be checked for it"
                call.note("other", "budget", told)
            else:
                known.append(price)
            kept.append(route)
        call.chain, call.estimate = kept, max(known, default=None)

    def _problem(self, price: float | None, committed: float) -> BudgetExceededError | None:
        limits = self._runtime.config.budget
        if price is None:
            if limits.session_usd is None or committed < limits.session_usd:
                return None
            return BudgetExceededError(
                f"{dollars(committed)} of this session's ${limits.session_usd:.2f} are spent or reserved; "
                "the price of this call is unknown.",
                hint="Raise budget.session_usd, start a new session, or choose a model whose price is known.",
            )
        if limits.call_usd is not None and price > limits.call_usd:
            return BudgetExceededError(
                f"this call would cost about {dollars(price)}; budget.call_usd is ${limits.call_usd:.2f}.",
                hint="Raise the limit, ask for less, or choose a cheaper model: ai.estimate(…) compares them.",
            )
        if limits.session_usd is not None and price > 0 and committed + price > limits.session_usd:
            return BudgetExceededError(
                f"{dollars(committed)} of this session's ${limits.session_usd:.2f} are spent or reserved; "
                f"this call would cost about {dollars(price)} more.",
                hint="Raise budget.session_usd, or start a new session.",
            )
        return None
