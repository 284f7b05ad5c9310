"""What the routes of Google's generative APIs share: the key, the strict reading of bodies, the models, errors. Vertex uses it too."""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from PIL import Image, UnidentifiedImageError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.app import fault_of
from viralai_sdk.simulator.faults import Fault
from viralai_sdk.simulator.state import State

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
Handler = Callable[["Desk", Request], Awaitable[Response]]


def error_body(status: int, message: str, code: str | None = None, details: Iterable[Any] = ()) -> dict[str, Any]:
    """Google's error shape. `code` becomes the reason of an ErrorInfo detail, or, as "PerDay", of an exhausted quota."""
    listed = list(details)
    if code == "PerDay":
        failure = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}
        listed.append({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [failure]})
    elif code:
        listed.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code, "domain": "googleapis.com"})
    error = {"code": status, "message": message, "status": STATUSES.get(status, "UNKNOWN")}
    return {"error": {**error, "details": listed} if listed else error}


class Refusal(Exception):  # noqa: N818 - it is an answer, not a mistake of ours
    """A request that is answered with an error."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body["error"]["message"])
        self.status = status
        self.body = body


@cache
def catalog(vendor: str) -> dict[str, Any]:
    """Models of a catalog's data file: name → row."""
    data = yaml.safe_load((files("viralai_sdk") / "catalog" / f"{vendor}.yaml").read_text("utf-8"))
    models: dict[str, Any] = data["models"]
    return models


@cache
def fields(route: str) -> frozenset[str]:
    """Names of the fields a place knows."""
    return frozenset(yaml.safe_load((files(__package__) / "fields.yaml").read_text("utf-8"))[route])


class Desk:
    """Checks what comes in, as Google does, and hands it to the routes."""

    vendor = "gemini"
    versions = ("v1", "v1beta")
    prefix = ""
    """What stands before a resource's name in an answer."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.jobs: dict[str, dict[str, Any]] = {}
        self.stored: dict[str, bytes] = {}

    def serve(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """A Starlette endpoint: checks version and key, answers refusals."""

        async def endpoint(request: Request) -> Response:
            try:
                if request.path_params.get("version", self.versions[0]) not in self.versions:
                    raise self.refuse(404, f"Not found: {request.url.path}")
                self.check_key(request)
                return await handler(self, request)
            except Refusal as refusal:
                return JSONResponse(refusal.body, refusal.status)

        return endpoint

    def check_key(self, request: Request) -> None:
        """Refuse callers without a key, and wrong keys, in the API's own manner."""
        key = request.headers.get("x-goog-api-key") or request.query_params.get("key")
        if not key:
            message = (
                "Method doesn't allow unregistered callers. Please use API Key or other form of API consumer identity."
            )
            raise self.refuse(403, message)
        if key != self.state.config.key:
            raise self.refuse(400, "API key not valid. Please pass a valid API key.", code="API_KEY_INVALID")

    def refuse(self, status: int, message: str, *, code: str | None = None) -> Refusal:
        """The error to raise."""
        return Refusal(status, error_body(status, message, code))

    def fault(self, request: Request, kind: str) -> Fault | None:
        """The fault that struck this request, when it is of this kind."""
        fault = fault_of(request.scope)
        return fault if fault is not None and fault.kind == kind else None

    def today(self) -> date:
        """The date by the simulator's clock."""
        return datetime.fromtimestamp(self.state.clock.now(), UTC).date()

    def stamp(self, seconds: float) -> str:
        """A time as Google writes it."""
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def json_body(self, request: Request) -> dict[str, Any]:
        """A JSON body."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if kind != "application/json":
            raise self.refuse(400, f"Invalid content type {kind!r}: JSON is expected.")
        try:
            body = json.loads(await request.body())
        except ValueError as error:
            raise self.refuse(400, "Invalid JSON payload received.") from error
        if not isinstance(body, dict):
            raise self.refuse(400, "Invalid JSON payload received. Expected an object.")
        return body

    def check_fields(self, value: Any, known: frozenset[str], place: str, *, other: str = "") -> None:
        """Refuse what is no object, and unknown fields. `other` names the list of fields that only the other side knows."""
        if not isinstance(value, Mapping):
            raise self.refuse(400, f"Invalid value at '{place}': an object is expected.")
        foreign = fields(other) if other else frozenset()
        for name in sorted(value):
            if name not in known or name in foreign:
                raise self.refuse(
                    400, f"Invalid JSON payload received. Unknown name \"{name}\" at '{place}': Cannot find field."
                )

    def find_model(self, name: str, service: str | None = None) -> dict[str, Any]:
        """Refuse models that do not exist, are gone by the simulator's clock, or serve something else."""
        row = catalog(self.vendor).get(name)
        ends = row and row.get("retires")
        if row is None or (ends and date.fromisoformat(str(ends)) <= self.today()):
            message = f"models/{name} is not found for this API version, or is not supported for this method. Call ListModels."
            raise self.refuse(404, message)
        if service is not None and service not in row["services"]:
            raise self.refuse(400, f"models/{name} does not support this method.")
        found: dict[str, Any] = row
        return found

    def check_number(
        self, value: Mapping[str, Any], name: str, low: float, high: float, *, whole: bool = False
    ) -> None:
        """Refuse a number out of range, or what is none."""
        given = value.get(name)
        if given is None:
            return
        if isinstance(given, bool) or not isinstance(given, int if whole else (int, float)):
            raise self.refuse(400, f"Invalid value at '{name}' (a number is expected).")
        if not low <= given <= high:
            raise self.refuse(400, f"Unable to submit request because {name} must be from {low} to {high}.")

    def check_choice(self, value: Mapping[str, Any], name: str, allowed: Iterable[str]) -> None:
        """Refuse a word that is none of the allowed ones, whatever its case."""
        given = value.get(name)
        if given is not None and str(given).lower() not in {word.lower() for word in allowed}:
            raise self.refuse(400, f"Invalid value at '{name}': {given!r}.")

    def picture(self, data: Any, media_type: Any) -> Image.Image:
        """A picture that came in a body, in either alphabet of base64."""
        if media_type not in ("image/png", "image/jpeg", "image/webp"):
            raise self.refuse(400, f"Unsupported MIME type: {media_type}")
        try:
            raw = base64.b64decode(str(data).translate(str.maketrans("-_", "+/")), validate=True)
            image = Image.open(io.BytesIO(raw))
            image.load()
        except (binascii.Error, ValueError, UnidentifiedImageError, OSError) as error:
            raise self.refuse(400, "Unable to process input image. Please retry or report the problem.") from error
        return image

    def bytes_picture(self, value: Any, place: str) -> Image.Image:
        """A picture as Imagen and Veo take it."""
        self.check_fields(value, frozenset({"bytesBase64Encoded", "gcsUri", "mimeType"}), place)
        if "bytesBase64Encoded" not in value:
            raise self.refuse(400, f"{place}: the simulator has no storage; send bytes.")
        return self.picture(value["bytesBase64Encoded"], value.get("mimeType"))


def camel(value: Any) -> Any:
    """A body with its names in camelCase: protobuf's JSON reader takes both spellings, and the vendor's client mixes them. What is the
    caller's own (schemas, labels, arguments) stays as it is."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = {re.sub(r"_([a-z])", lambda match: match[1].upper(), name): item for name, item in value.items()}
    kept = ("labels", "responseJsonSchema", "responseSchema", "args", "response")
    return {name: item if name in kept else camel(item) for name, item in named.items()}


PICTURE_TOKENS = {"512": 747, "1K": 1120, "2K": 1680, "4K": 2520}
PRO_TOKENS = {"1K": 1120, "2K": 1120, "4K": 2000}
FIRST_TOKENS = {"1K": 1290}
SOURCE_TOKENS, PRO_SOURCE_TOKENS = 1120, 560


def drawn_tokens(model: str, size: str) -> int:
    """Tokens that a picture of a size class costs."""
    table = PRO_TOKENS if is_pro(model) else FIRST_TOKENS if model.startswith("gemini-2.5") else PICTURE_TOKENS
    return table.get(size, PICTURE_TOKENS[size])


def source_tokens(model: str) -> int:
    """Tokens that a given picture costs, whatever its size."""
    return PRO_SOURCE_TOKENS if is_pro(model) else SOURCE_TOKENS


def is_pro(model: str) -> bool:
    """Whether it is one of the large image models."""
    return "-pro-" in model
