"""What OpenAI's routes share: the key, the strict reading of bodies, the models, errors and streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from viralai_sdk.simulator.app import fault_of
from viralai_sdk.simulator.faults import Fault
from viralai_sdk.simulator.state import State

TYPES = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    404: "invalid_request_error",
    429: "rate_limit_error",
}
Handler = Callable[["Desk", Request], Awaitable[Response]]


def error_body(status: int, message: str, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    """OpenAI's error shape. The type goes with the status, but an exhausted quota names itself."""
    kind = "server_error" if status >= 500 else TYPES.get(status, "invalid_request_error")
    if code == "insufficient_quota":
        kind = code
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


class Refusal(Exception):  # noqa: N818 - it is an answer, not a mistake of ours
    """A request that is answered with an error."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body["error"]["message"])
        self.status = status
        self.body = body


@cache
def catalog() -> dict[str, Any]:
    """Models of the catalog's data file: name → row."""
    data = yaml.safe_load((files("viralai_sdk") / "catalog" / "openai.yaml").read_text("utf-8"))
    models: dict[str, Any] = data["models"]
    return models


@cache
def fields(route: str) -> frozenset[str]:
    """Names of the body fields a route knows."""
    return frozenset(yaml.safe_load((files(__package__) / "fields.yaml").read_text("utf-8"))[route])


class Desk:
    """Checks what comes in, as OpenAI does, and hands it to the routes."""

    def __init__(self, state: State) -> None:
        self.state = state

    def serve(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """A Starlette endpoint: checks the key, answers refusals, adds the request id."""

        async def endpoint(request: Request) -> Response:
            try:
                self._check_key(request)
                response = await handler(self, request)
            except Refusal as refusal:
                response = JSONResponse(refusal.body, refusal.status)
            response.headers["x-request-id"] = self.state.new_id("req_")
            return response

        return endpoint

    def refuse(self, status: int, message: str, *, code: str | None = None, param: str | None = None) -> Refusal:
        """The error to raise."""
        return Refusal(status, error_body(status, message, code, param))

    def fault(self, request: Request, kind: str) -> Fault | None:
        """The fault that struck this request, when it is of this kind."""
        fault = fault_of(request.scope)
        return fault if fault is not None and fault.kind == kind else None

    def check_block(self, request: Request, code: str) -> None:
        """Answer as the safety system does when a fault asks for it."""
        if self.fault(request, "blocked"):
            raise self.refuse(400, "Your request was rejected by the safety system.", code=code)

    def now(self) -> int:
        """Creation time of an answer."""
        return int(self.state.clock.now())

    def today(self) -> date:
        """The date by the simulator's clock."""
        return datetime.fromtimestamp(self.state.clock.now(), UTC).date()

    async def json_body(self, request: Request, fields: frozenset[str], required: Iterable[str]) -> dict[str, Any]:
        """A JSON body with known fields only."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if kind != "application/json":
            raise self.refuse(
                400, f"Unsupported content type: {kind!r}. This API method only accepts 'application/json'."
            )
        try:
            body = json.loads(await request.body())
        except ValueError as error:
            raise self.refuse(400, "We could not parse the JSON body of your request.") from error
        if not isinstance(body, dict):
            raise self.refuse(400, "The JSON body must be an object.")
        self.check_fields(body, fields, required)
        return body

    def check_fields(self, body: Mapping[str, Any], fields: frozenset[str], required: Iterable[str]) -> None:
        """Refuse unknown fields and missing ones."""
        if unknown := sorted(body.keys() - fields):
            raise self.refuse(400, f"Unknown parameter: '{unknown[0]}'.", code="unknown_parameter", param=unknown[0])
        for name in required:
            if body.get(name) in (None, "", []):
                code = "missing_required_parameter"
                raise self.refuse(400, f"Missing required parameter: '{name}'.", code=code, param=name)

    def check_model(self, model: Any, service: str, *, flag: str | None = None) -> None:
        """Refuse models that do not exist, are gone by the simulator's clock, or serve something else."""
        row = catalog().get(model) if isinstance(model, str) else None
        ends = row and row.get("retires")
        if row is None or (ends and date.fromisoformat(str(ends)) <= self.today()):
            message = f"The model '{model}' does not exist or you do not have access to it."
            raise self.refuse(404, message, code="model_not_found")
        if service not in row["services"] or flag in (row.get("flags") or ()):
            raise self.refuse(404, f"The model '{model}' is not supported on this route.", param="model")

    def check_number(self, body: Mapping[str, Any], name: str, low: float, high: float, *, whole: bool = False) -> None:
        """Refuse a number out of range, or what is none."""
        value = body.get(name)
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise self.refuse(400, f"Invalid type for '{name}': expected a number.", code="invalid_type", param=name)
        if not low <= value <= high:
            message = f"Invalid '{name}': expected a value between {low} and {high}, but got {value}."
            raise self.refuse(400, message, code="invalid_value", param=name)

    def check_choice(self, body: Mapping[str, Any], name: str, allowed: Iterable[str]) -> None:
        """Refuse a word that is none of the allowed ones."""
        value = body.get(name)
        if value is not None and value not in (known := tuple(allowed)):
            message = f"Invalid value: {value!r}. Supported values are: {', '.join(map(repr, known))}."
            raise self.refuse(400, message, code="invalid_value", param=name)

    def _check_key(self, request: Request) -> None:
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or not key:
            raise self.refuse(401, "You didn't provide an API key.")
        if key != self.state.config.key:
            raise self.refuse(401, "Incorrect API key provided.", code="invalid_api_key")

    def events(self, request: Request, data: Iterable[tuple[str | None, dict[str, Any]]], *, done: bool) -> Response:
        """Server-sent events: (event name or None, JSON). `done` adds chat's closing mark."""
        broken = self.fault(request, "error_chunk")

        async def lines() -> AsyncIterator[str]:
            for number, (name, value) in enumerate(data):
                if broken and number == 2:
                    error = error_body(500, broken.message, broken.code)
                    yield f"data: {json.dumps(error)}\n\n"
                    return
                await asyncio.sleep(self.state.config.chunk_pause)
                head = f"event: {name}\n" if name else ""
                yield f"{head}data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n"
            if done:
                yield "data: [DONE]\n\n"

        return StreamingResponse(lines(), media_type="text/event-stream")


async def list_models(desk: Desk, request: Request) -> Response:
    """GET /models."""
    rows = [
        {
            "id": name,
            "object": "model",
            "created": 0,
            "owned_by": "simulator",
            "shutdown_date": str(row["retires"]) if row["retires"] else None,
        }
        for name, row in catalog().items()
    ]
    return JSONResponse({"object": "list", "data": rows})
