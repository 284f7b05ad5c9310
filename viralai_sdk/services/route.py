"""Fourth stage: the chain's providers are tried in order until one gives a result."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from viralai_sdk.interfaces.adapter import Adapter
from viralai_sdk.interfaces.errors import AIError, AllProvidersFailedError, ContentPolicyError, MalformedResponseError
from viralai_sdk.interfaces.records import Attempt, Outcome
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.services.call import Call
from viralai_sdk.services.call import Route as CallRoute

if TYPE_CHECKING:
    from viralai_sdk.services.pipeline import Proceed
    from viralai_sdk.services.runtime import Runtime


class Route:
    """Moves on after any failure that another provider might not have, and keeps the list of what was tried.

    A refusal of the content ends the chain: it is reported, not evaded. So does a streamed answer that broke off after its first
    piece, since what was said cannot be unsaid.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        common = call.notes
        errors: list[AIError] = []
        for route in self._runtime.health.order(call.service_type, call.chain):
            call.route, call.notes, call.retries = route, list(common), 0
            call.attempt_clock = time.perf_counter()
            try:
                response = await self._attempt(call, proceed)
            except asyncio.CancelledError:
                self._note(call, "cancelled", None)
                raise
            except AIError as failure:
                error = call.blame(self._runtime.explain(failure, route.provider, route.model))
                self._note(call, "failed", error)
                errors.append(error)
                if error.ends_chain or call.emitted:
                    if error is failure:
                        raise
                    raise error from failure
                continue
            self._note(call, "ok", None)
            response.attempts = call.attempts
            return response
        raise _summary(call, errors)

    async def _attempt(self, call: Call, proceed: Proceed) -> Response:
        route = call.route
        call.service = route.service or self._runtime.factory.service(call.service_type, route.provider)
        if route.model is None:
            route.model = self._runtime.default_model(call.service, call.service_type, route.provider)
        if isinstance(call.service, Adapter):
            call.notes += call.service.check(call.request, route.model or "")
        call.notes += self._runtime.lifecycle(route.provider, route.model)
        try:
            return await proceed(call)
        except AIError:
            raise
        except Exception as error:
            # A provider's code may fail in ways nobody thought of; for the chain that is one more failed attempt, with its cause kept.
            raise MalformedResponseError(f"{type(error).__name__} in the provider's code: {error}") from error

    def _note(self, call: Call, outcome: Outcome, error: AIError | None) -> None:
        seconds = time.perf_counter() - call.attempt_clock
        call.attempts.append(
            Attempt(
                provider=call.route.provider,
                model=call.route.model,
                outcome=outcome,
                error=type(error).__name__ if error else None,
                message=str(error.message)[:500] if error else None,
                seconds=seconds,
                retries=call.retries,
                billed=error.billed if error else ("yes" if outcome == "ok" else "maybe"),
            )
        )
        if outcome != "cancelled" and not isinstance(error, ContentPolicyError):
            self._runtime.health.note(call.service_type, call.route, error)


def _summary(call: Call, errors: list[AIError]) -> AIError:
    if len(errors) == 1:
        return errors[0]
    told = "; ".join(f"{attempt.provider}: {attempt.error} ({attempt.message})" for attempt in call.attempts)
    billed = "maybe" if any(error.billed != "no" for error in errors) else "no"
    return AllProvidersFailedError(
        f"every provider of the chain failed for {call.service_type.value}. {told}",
        attempts=call.attempts,
        errors=errors,
        service=call.service_type.value,
        billed=billed,
        retryable=any(error.retryable for error in errors),
    )


def with_model(route: CallRoute, model: str | None) -> CallRoute:
    """A copy of the route, with the model when one is given."""
    return CallRoute(route.provider, model or route.model, route.service)
