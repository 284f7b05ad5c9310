"""What simulated vendors with a JSON API share: the key, the strict reading of bodies, refusals and streams.

A vendor subclasses `VendorDesk` with its own error body; its routes are functions of the desk and the request.
"""

from __future__ import annotations

import asyncio
import json
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar, TypeVar

import yaml
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from viralai_sdk.simulator.app import fault_of
from viralai_sdk.simulator.faults import Fault
from viralai_sdk.simulator.state import State

D = TypeVar("D", bound="VendorDesk")


class Refusal(Exception):  # noqa: N818 - it is an answer, not a mistake of ours
    """A request that is answered with an error."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


@cache
def models_of(vendor: str) -> Mapping[str, Any]:
    """Models of the catalog's data file: name → row."""
    data = yaml.safe_load((files("viralai_sdk") / "catalog" / f"{vendor}.yaml").read_text("utf-8"))
    models: Mapping[str, Any] = data["models"]
    return models


@cache
def words_of(vendor: str, table: str) -> frozenset[str]:
    """A list of words, such as a route's body fields, from the vendor's `fields.yaml`."""
    return frozenset(
        yaml.safe_load((files(f"{__package__}.vendors.{vendor}") / "fields.yaml").read_text("utf-8"))[table]
    )


class VendorDesk:
    """Checks what comes in and hands it to the routes."""

    vendor: ClassVar[str]
    request_id_header: ClassVar[str | None] = None
    strict: ClassVar[bool] = True
    """Whether unknown body fields are refused."""

    def __init__(self, state: State) -> None:
        self.state = state

    @abstractmethod
    def error_body(self, status: int, message: str, code: str | None = None) -> Mapping[str, Any]:
        """The vendor's error body."""

    def serve(
        self: D, handler: Callable[[D, Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """A Starlette endpoint: checks key and headers, answers refusals, adds the request id."""

        async def endpoint(request: Request) -> Response:
            try:
                self.admit(request)
                response = await handler(self, request)
            except Refusal as refusal:
                response = JSONResponse(refusal.body, refusal.status)
            if self.request_id_header:
                response.headers[self.request_id_header] = self.state.new_id("req_")
            return response

        return endpoint

    def admit(self, request: Request) -> None:
        """Check the key, and whatever headers the vendor insists on."""
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or not key:
            raise self.refuse(401, "no api key supplied")
        if key != self.state.config.key:
            raise self.refuse(401, "invalid api key")

    def refuse(self, status: int, message: str, code: str | None = None) -> Refusal:
        """The error to raise."""
        return Refusal(status, self.error_body(status, message, code))

    def fault(self, request: Request, kind: str) -> Fault | None:
        """The fault that struck this request, when it is of this kind."""
        fault = fault_of(request.scope)
        return fault if fault is not None and fault.kind == kind else None

    def now(self) -> datetime:
        """The time by the simulator's clock."""
        return datetime.fromtimestamp(self.state.clock.now(), UTC)

    async def json_body(self, request: Request, fields: Iterable[str], required: Iterable[str]) -> dict[str, Any]:
        """A JSON body with known fields only, whatever is required among them."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if kind != "application/json":
            raise self.refuse(400, f"unsupported content type {kind!r}: application/json is expected")
        try:
            body = json.loads(await request.body())
        except ValueError as error:
            raise self.refuse(400, "the request body is not valid JSON") from error
        if not isinstance(body, dict):
            raise self.refuse(400, "the request body is not a JSON object")
        if self.strict and (unknown := sorted(body.keys() - set(fields))):
            raise self.refuse(400, f"{unknown[0]}: extra inputs are not permitted")
        for name in required:
            if body.get(name) in (None, "", []):
                raise self.refuse(400, f"{name}: field required")
        return body

    def check_model(self, model: Any) -> None:
        """Refuse models that do not exist, or are gone by the simulator's clock."""
        row = models_of(self.vendor).get(model) if isinstance(model, str) else None
        ends = row and row.get("retires")
        if row is None or (ends and date.fromisoformat(str(ends)) <= self.now().date()):
            raise self.refuse(404, f"model: {model}")

    def check_number(self, body: Mapping[str, Any], name: str, low: float, high: float, *, whole: bool = False) -> None:
        """Refuse a number out of range, or what is none."""
        value = body.get(name)
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise self.refuse(400, f"{name}: a {'whole ' if whole else ''}number is expected")
        if not low <= value <= high:
            raise self.refuse(400, f"{name}: a value between {low} and {high} is expected, not {value}")

    def stream(self, request: Request, lines: Iterable[str], broken: str, *, media_type: str) -> Response:
        """A streamed answer of ready lines; `broken` is what an injected error looks like, in place of the third."""
        fault = self.fault(request, "error_chunk")

        async def body() -> AsyncIterator[str]:
            for number, line in enumerate(lines):
                if fault and number == 2:
                    yield broken
                    return
                await asyncio.sleep(self.state.config.chunk_pause)
                yield line

        return StreamingResponse(body(), media_type=media_type)
