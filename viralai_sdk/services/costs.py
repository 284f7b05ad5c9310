"""What calls cost: before, from the catalog; after, from the provider where it says so. Unknown stays unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from viralai_sdk.catalog.catalog import Catalog
from viralai_sdk.interfaces.adapter import Adapter
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.service import AIService
from viralai_sdk.interfaces.steps import Payload, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.services.call import Call

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
        """USD that the request is expected to cost, None when unknown."""
        known = self._catalog.model(provider, model)
        if known is None:
            return None
        quantities = service.quantities(request, model or "") if isinstance(service, Adapter) else {}
        if not quantities and isinstance(request, TextGenerationRequest):
            quantities = text_quantities(request)
        return known.price(quantities)

    def estimate_first(self, call: Call) -> float | None:
        """USD for the first route of a call."""
        route = call.chain[0]
        service = route.service or self._runtime.factory.service(call.service_type, route.provider)
        model = route.model or self._runtime.default_model(service, call.service_type, route.provider)
        call.estimate = self.estimate(service, call.request, route.provider, model)
        return call.estimate

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
