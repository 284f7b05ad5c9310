"""What simulated vendors have in common at the door: the key, refusals as answers, request ids, and bodies read strictly.

A vendor says in a subclass what its errors look like and where it expects the key.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.app import fault_of
from viralai_sdk.simulator.faults import Fault
from viralai_sdk.simulator.state import State

R = TypeVar("R", bound="Reception")
Handler = Callable[[R, Request], Awaitable[Response]]


class Refusal(Exception):  # noqa: N818 - it is an answer, not a mistake of ours
    """A request that is answered with an error."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


class Reception(ABC):
    """Checks what comes in and hands it to the routes."""

    id_header = "x-request-id"

    def __init__(self, state: State) -> None:
        self.state = state

    @abstractmethod
    def refuse(self, status: int, message: str, code: str | None = None) -> Refusal:
        """The error to raise, in the vendor's shape."""

    @abstractmethod
    def check_key(self, request: Request) -> None:
        """Refuse a missing or wrong key."""

    def serve(self: R, handler: Handler[R]) -> Callable[[Request], Awaitable[Response]]:
        """A Starlette endpoint: checks the key, answers refusals, adds the request id."""

        async def endpoint(request: Request) -> Response:
            try:
                self.check_key(request)
                response = await handler(self, request)
            except Refusal as refusal:
                response = JSONResponse(refusal.body, refusal.status, refusal.headers)
            response.headers[self.id_header] = self.state.new_id("req_")
            return response

        return endpoint

    def bearer(self, request: Request) -> str | None:
        """The token of an `Authorization: Bearer` header."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return token if kind == "Bearer" and token else None

    def fault(self, request: Request, kind: str) -> Fault | None:
        """The fault that struck this request, when it is of this kind."""
        fault = fault_of(request.scope)
        return fault if fault is not None and fault.kind == kind else None

    async def json_body(self, request: Request, fields: Iterable[str]) -> dict[str, Any]:
        """A JSON object with known fields only."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if kind != "application/json":
            raise self.refuse(415, f"Unsupported content type {kind!r}; send application/json.")
        try:
            body = json.loads(await request.body())
        except ValueError as error:
            raise self.refuse(400, "The body is not JSON.") from error
        if not isinstance(body, dict):
            raise self.refuse(400, "The body must be a JSON object.")
        self.check_known(body, fields)
        return body

    def check_known(self, body: Mapping[str, Any], fields: Iterable[str]) -> None:
        """Refuse unknown fields."""
        if unknown := sorted(body.keys() - set(fields)):
            raise self.refuse(400, f"Unknown field: {unknown[0]}.")

    def number(self, value: Any, low: float, high: float) -> bool:
        """Whether a value is a number in a range."""
        return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
