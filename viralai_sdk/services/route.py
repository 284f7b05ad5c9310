"""Fourth stage: the chain's providers are tried in order until one gives a result."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from viralai_sdk.interfaces.adapter import Adapter
from viralai_sdk.interfaces.errors import AIError, AllProvidersFailedError, ContentPolicyError, MalformedResponseError
from viralai_sdk.interfaces.records import Attempt, CallWarning, Outcome
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.services.call import Call
from viralai_sdk.services.call import Route as CallRoute
from viralai_sdk.services.runner import unexpected

if TYPE_CHECKING:
    from viralai_sdk.services.pipeline import Proceed
    from viralai_sdk.services.runtime import Runtime


class Route:
    """Moves on after any failure that another provider might not have, and keeps the list of what was tried.

    Three things end the chain: a refusal of the content, which is reported, not evaded; a streamed answer that broke off after its
    first piece, since what was said cannot be unsaid; and a job that the provider goes on with, since it is paid for.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        common = call.notes
        errors: list[AIError] = []
        for route in self._runtime.health.take(call.service_type, call.chain):
            call.begin(route)
            call.notes = list(common)
            try:
                response = await self._attempt(call, proceed)
            except asyncio.CancelledError:
                self._note(call, "cancelled", None)
                raise
            except AIError as failure:
                error = call.blame(self._runtime.explain(failure, route.provider, route.model))
                self._note(call, "failed" if call.tried else "skipped", error)
                errors.append(error)
                if error.ends_chain or call.emitted or call.open_job:
                    if error is failure:
                        raise
                    raise error from failure
                continue
            finally:
                call.tried = False
            self._note(call, "ok", None)
            response.attempts = call.attempts
            response.warnings = [*response.warnings, *_maybe_charged(call.attempts)]
            return response
        raise _summary(call, errors)

    async def _attempt(self, call: Call, proceed: Proceed) -> Response:
        try:
            self._prepare(call)
            return await proceed(call)
        except AIError:
            raise
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Nobody stopped us: a provider's code cancelled something of its own and let it out.
            raise MalformedResponseError("the provider's code cancelled itself.") from error
        except Exception as error:
            # A provider's code may fail in ways nobody thought of; for the chain that is one more failed attempt, with its cause kept.
            raise unexpected(error) from error

    def _prepare(self, call: Call) -> None:
        """Everything before the first byte is sent."""
        route, kind = call.route, call.service_type
        service = route.service or self._runtime.factory.service(kind, route.provider)
        model = route.model or self._runtime.default_model(service, kind, route.provider)
        call.service, call.route = service, CallRoute(route.provider, model, route.service)
        if isinstance(service, Adapter):
            call.notes += service.check(call.request, model or "")
        call.notes += self._runtime.lifecycle(route.provider, model)

    def _note(self, call: Call, outcome: Outcome, error: AIError | None) -> None:
        sent = "no" if call.free else "yes" if outcome == "ok" else "maybe"
        call.attempts.append(
            Attempt(
                provider=call.route.provider,
                model=call.route.model,
                outcome=outcome,
                error=type(error).__name__ if error else None,
                message=str(error.message)[:500] if error else None,
                seconds=time.perf_counter() - call.attempt_clock,
                retries=call.retries,
                billed=error.billed if error else sent,
            )
        )
        if outcome in ("ok", "failed") and not isinstance(error, ContentPolicyError):
            self._runtime.health.note(call.service_type, call.route, error)


def _maybe_charged(attempts: list[Attempt]) -> list[CallWarning]:
    """What failed attempts may have cost is not in the result's price, and that is said."""
    charged = [attempt.provider for attempt in attempts if attempt.outcome == "failed" and attempt.billed != "no"]
    if not charged:
        return []
    told = f"failed attempts at {', '.join(charged)} may have been charged; cost_usd does not count them"
    return [CallWarning(kind="other", parameter="cost_usd", message=told)]


def _summary(call: Call, errors: list[AIError]) -> AIError:
    if len(errors) == 1:
        return errors[0]
    told = "; ".join(f"{attempt.provider}: {attempt.error} ({attempt.message})" for attempt in call.attempts)
    billed = max((error.billed for error in errors), key=("no", "maybe", "yes").index)
    return AllProvidersFailedError(
        f"every provider of the chain failed for {call.service_type.value}. {told}",
        attempts=call.attempts,
        errors=errors,
        service=call.service_type.value,
        billed=billed,
        retryable=any(error.retryable for error in errors),
    )
