"""Second stage: no call that the budget does not allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viralai_sdk.interfaces.errors import BudgetExceededError
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.services.call import Call

if TYPE_CHECKING:
    from viralai_sdk.services.pipeline import Proceed
    from viralai_sdk.services.runtime import Runtime


class Budget:
    """Reserves what a call is expected to cost while it runs, so that calls made at once cannot overdraw together."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._reserved: dict[str, float] = {}

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        limits = self._runtime.config.budget
        if call.resume is not None or (limits.session_usd is None and limits.call_usd is None):
            return await proceed(call)
        expected = self._runtime.costs.estimate_first(call)
        if expected is None:
            call.note("other", "budget", "the price of this call is unknown, so the budget could not be checked for it")
            return await proceed(call)
        self._check(call, expected)
        self._reserved[call.session_id] = self._reserved.get(call.session_id, 0.0) + expected
        try:
            return await proceed(call)
        finally:
            self._reserved[call.session_id] -= expected

    def _check(self, call: Call, expected: float) -> None:
        limits = self._runtime.config.budget
        if limits.call_usd is not None and expected > limits.call_usd:
            raise BudgetExceededError(
                f"this call would cost about ${expected:.4f}; budget.call_usd is ${limits.call_usd:.2f}.",
                hint="Raise the limit, ask for less, or choose a cheaper model: ai.estimate(…) compares them.",
            )
        if limits.session_usd is None:
            return
        spent = self._runtime.spent(call.session_id) + self._reserved.get(call.session_id, 0.0)
        if spent + expected > limits.session_usd:
            raise BudgetExceededError(
                f"${spent:.4f} of this session's ${limits.session_usd:.2f} are spent or reserved; "
                f"this call would cost about ${expected:.4f} more.",
                hint="Raise budget.session_usd, or start a new session.",
            )
