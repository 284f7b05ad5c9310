"""What a call would do, before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from viralai_sdk.interfaces.adapter import Adapter
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.money import dollars
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.services.call import Call, Route
from viralai_sdk.services.schemas import check_schema
from viralai_sdk.services.validate import on_platform, plain_schema

if TYPE_CHECKING:
    from viralai_sdk.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class PlannedRoute:
    """One route of a plan.

    Attributes:
        ready: False when it could not serve; `problem` says why.
        changes: what it would drop or adjust.
        price_usd: expected price, None when unknown.
    """

    provider: str
    model: str | None
    ready: bool
    healthy: bool
    price_usd: float | None = None
    problem: str | None = None
    changes: list[CallWarning] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """The route as a table row."""
        return {
            "provider": self.provider,
            "model": self.model or "",
            "ready": self.ready,
            "healthy": self.healthy,
            "price": "unknown" if self.price_usd is None else dollars(self.price_usd),
            "would change": "; ".join(f"{change.parameter}: {change.message}" for change in self.changes),
            "problem": self.problem or "",
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """Routes in the order in which a call would try them. Nothing was sent to make it."""

    service: str
    routes: list[PlannedRoute]

    @property
    def price_range(self) -> tuple[float, float] | None:
        """Lowest and highest known price in USD among routes that are ready; None when none is known."""
        known = [route.price_usd for route in self.routes if route.ready and route.price_usd is not None]
        return (min(known), max(known)) if known else None

    def table(self) -> Table:
        """The routes as a table."""
        return Table([route.row() for route in self.routes], caption=f"Plan for {self.service}: nothing was sent")

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return self.table()._repr_mimebundle_(include, exclude)


def plan(runtime: Runtime, call: Call) -> Plan:
    """Plan a call.

    Raises:
        InvalidRequestError: the request cannot work anywhere.
    """
    request = call.request
    if isinstance(request, VideoGenerationRequest) and request.platform:
        request = on_platform(request)
    if isinstance(request, TextGenerationRequest) and (schema := plain_schema(request)) is not None:
        check_schema(schema)
    routes = runtime.health.order(call.service_type, call.chain)
    return Plan(call.service_type.short, [_planned(runtime, call, request, route) for route in routes])


def _planned(runtime: Runtime, call: Call, request: Request, route: Route) -> PlannedRoute:
    healthy = runtime.health.healthy(call.service_type, route.provider)
    try:
        service = route.service or runtime.factory.service(call.service_type, route.provider)
        model = route.model or runtime.default_model(service, call.service_type, route.provider)
        changes = service.check(request, model or "") if isinstance(service, Adapter) else []
        changes = [*changes, *runtime.lifecycle(route.provider, model)]
        price = runtime.costs.estimate(service, request, route.provider, model)
    except AIError as error:
        return PlannedRoute(route.provider, route.model, False, healthy, problem=str(error))
    return PlannedRoute(route.provider, model, True, healthy, price, None, changes)
