"""What calls cost: before, from the catalog; after, from the provider where it says so. Unknown stays unknown."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from viralai_sdk.catalog.catalog import Catalog
from viralai_sdk.catalog.token_prices import TOKEN_UNITS, token_prices
from viralai_sdk.interfaces.adapter import Adapter
from viralai_sdk.interfaces.errors import AIError, MalformedResponseError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.records import Usage
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
    """Prices requests and results.

    Tokens of text models: the user's own catalog, then `genai-prices` for a model it knows by name, then the built-in catalog, then
    what `genai-prices` guesses from the name. Everything else: the catalog.
    """

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
        quantities = service.quantities(request, model or "") if isinstance(service, Adapter) else {}
        if not quantities and isinstance(request, TextGenerationRequest):
            quantities = text_quantities(request)
        return self._price(service.service, provider, model, quantities)

    def prepare(self, call: Call) -> None:
        """Get ready to price the call while its provider works."""
        if call.service_type is AIServiceType.TEXT_GENERATION:
            token_prices.prepare(call.provider)

    def _price(
        self, kind: AIServiceType, provider: str, model: str | None, quantities: Mapping[str, float]
    ) -> float | None:
        """USD for amounts of a model's units, None when a price is unknown."""
        known = self._catalog.model(provider, model)
        rates = None
        if (
            model
            and quantities
            and kind.canonical is AIServiceType.TEXT_GENERATION
            and quantities.keys() <= TOKEN_UNITS
            and not self._catalog.priced_by_user(provider, model)
        ):
            rates = token_prices.rates(provider, model, self._runtime.today())
        if rates is not None and rates.exact:
            return rates.price(quantities)
        listed = known.price(quantities) if known is not None else None
        return rates.price(quantities) if listed is None and rates is not None else listed

    def of_route(self, call: Call, route: Route) -> float | None:
        """USD that a call is expected to cost at a route. Raises as `estimate`, and as the factory."""
        service = route.service or self._runtime.factory.service(call.service_type, route.provider)
        model = route.model or self._runtime.default_model(service, call.service_type, route.provider)
        return self.estimate(service, call.request, route.provider, model)

    def of_tokens(self, provider: str, model: str | None, prompt: float, answer: float) -> float | None:
        """USD for counted tokens, None when unknown."""
        amounts = {"input_token": prompt, "output_token": answer}
        return self._price(AIServiceType.TEXT_GENERATION, provider, model, amounts)

    def actual(
        self, call: Call, payload: Payload, seconds: float | None = None
    ) -> tuple[float | None, Literal["provider", "catalog"] | None]:
        """USD of a result and where the figure is from. `seconds` is the measured length of a recording or film."""
        if payload.cost_usd is not None:
            return payload.cost_usd, "provider"
        served = self._catalog.model(call.provider, payload.model)
        known = served or self._catalog.model(call.provider, call.route.model)
        quantities: Mapping[str, float] = payload.quantities
        if not quantities and isinstance(payload, TextPayload):
            quantities = counted(payload.usage)
        if not quantities and seconds is not None and known is not None and "second" in known.prices:
            quantities = {"second": seconds}
        # A vendor may answer with a dated name of the model that was asked for; the name with a known price is taken.
        price = self._price(call.service_type, call.provider, payload.model, quantities)
        if price is None and call.route.model != payload.model:
            price = self._price(call.service_type, call.provider, call.route.model, quantities)
        return price, None if price is None else "catalog"


def counted(usage: Usage) -> dict[str, float]:
    """Billed amounts of an answer whose provider counted both directions; empty when it did not."""
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return {}
    amounts: dict[str, float] = {"input_token": usage.prompt_tokens, "output_token": usage.completion_tokens}
    if usage.cached_tokens:
        amounts["cached_input_token"] = usage.cached_tokens
    return amounts


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
