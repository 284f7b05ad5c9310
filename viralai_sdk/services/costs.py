"""What calls cost: before, from the catalog; after, from the provider where it says so. Unknown stays unknown."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Literal

from viralai_sdk.catalog.catalog import Catalog
from viralai_sdk.interfaces.adapter import Adapter
from viralai_sdk.interfaces.errors import AIError, MalformedResponseError
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.service import AIService
from viralai_sdk.interfaces.steps import Payload, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.services.call import Call, Route

if TYPE_CHECKING:
    from viralai_sdk.services.runtime import Runtime

CHARS_PER_TOKEN = 4.0
"""Rule of thumb for English text, used before the provider has counted."""
ASSUMED_ANSWER_TOKENS = 800
"""Length assumed for an answer that is not limited."""


class Costs:
    """Prices requests and results by the catalog."""

    def __init__(self, runtime: Runtime, catalog: Catalog) -> None:
        self._runtime = runtime
        self._catalog = catalog

    def estimate(self, service: AIService, request: Request, provider: str, model: str | None) -> float | None:
        """USD that the request is expected to cost, None when unknown. A user's own service is asked itself.

        Raises:
            MalformedResponseError: the service's code failed over it.
        """
        try:
            if not isinstance(service, Adapter) and type(service).estimate_cost is not AIService.estimate_cost:
                return own_estimate(service, request)
            return self._by_catalog(service, request, provider, model)
        except AIError:
            raise
        except Exception as error:
            raise MalformedResponseError(
                f"{type(error).__name__} in the provider's code, over the price of a request: {error}",
                provider=provider,
            ) from error

    def _by_catalog(self, service: AIService, request: Request, provider: str, model: str | None) -> float | None:
        known = self._catalog.model(provider, model)
        if known is None:
            return None
        quantities = service.quantities(request, model or "") if isinstance(service, Adapter) else {}
        if not quantities and isinstance(request, TextGenerationRequest):
            quantities = text_quantities(request)
        return known.price(quantities)

    def of_route(self, call: Call, route: Route) -> float | None:
        """USD that a call is expected to cost at a route. Raises as `estimate`, and as the factory."""
        service = route.service or self._runtime.factory.service(call.service_type, route.provider)
        model = route.model or self._runtime.default_model(service, call.service_type, route.provider)
        return self.estimate(service, call.request, route.provider, model)

    def of_tokens(self, provider: str, model: str | None, prompt: float, answer: float) -> float | None:
        """USD for counted tokens, None when unknown."""
        known = self._catalog.model(provider, model)
        return known.price({"input_token": prompt, "output_token": answer}) if known is not None else None

    def actual(
        self, call: Call, payload: Payload, seconds: float | None = None
    ) -> tuple[float | None, Literal["provider", "catalog"] | None]:
        """USD of a result and where the figure is from. `seconds` is the measured length of a recording or film."""
        if payload.cost_usd is not None:
            return payload.cost_usd, "provider"
        known = self._catalog.model(call.provider, payload.model) or self._catalog.model(
            call.provider, call.route.model
        )
        if known is None:
            return None, None
        quantities = payload.quantities
        if not quantities and isinstance(payload, TextPayload):
            usage = payload.usage
            if usage.prompt_tokens is not None and usage.completion_tokens is not None:
                quantities = {"input_token": usage.prompt_tokens, "output_token": usage.completion_tokens}
        if not quantities and seconds is not None and "second" in known.prices:
            quantities = {"second": seconds}
        price = known.price(quantities)
        return price, None if price is None else "catalog"


def text_quantities(request: TextGenerationRequest) -> dict[str, float]:
    """Tokens that a text request is expected to use."""
    words = sum(len(turn["content"]) for turn in request.turns()) + len(request.system or "")
    return {"input_token": words / CHARS_PER_TOKEN, "output_token": request.max_tokens or ASSUMED_ANSWER_TOKENS}


def own_estimate(service: AIService, request: Request) -> float | None:
    """What a user's own service expects a request to cost, in either form of old code: async with the request, or sync by tokens."""
    if "input_tokens" in inspect.signature(service.estimate_cost).parameters:
        amounts = text_quantities(request) if isinstance(request, TextGenerationRequest) else {}
        value: Any = service.estimate_cost(
            input_tokens=round(amounts.get("input_token", 0)), output_tokens=round(amounts.get("output_token", 0))
        )
    else:
        value = service.estimate_cost(request)
    if inspect.iscoroutine(value):
        value = _at_once(value)
    return float(value) if isinstance(value, (int, float)) else None


def _at_once(work: Any) -> Any:
    """The result of a coroutine that waits for nothing, None when it does wait: a price must not need the network."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    work.close()
    return None
