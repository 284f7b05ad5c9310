"""Vertex as a simulated vendor: generated content, Imagen, Veo, interactions, and the token server of service accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from viralai_sdk.simulator.state import State
from viralai_sdk.simulator.vendors.gemini import interactions, lists
from viralai_sdk.simulator.vendors.gemini.desk import Desk, catalog, error_body
from viralai_sdk.simulator.vendors.gemini.generate import generate
from viralai_sdk.simulator.vendors.vertex import predict, veo
from viralai_sdk.simulator.vendors.vertex.oauth import Tokens

BASE = ""
PLACE = "/{version}/projects/{project}/locations/{location}"


class VertexDesk(Desk):
    """Takes access tokens, and keys where no project is named."""

    vendor = "vertex"
    versions = ("v1", "v1beta1")

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.tokens = Tokens(state)

    def check_key(self, request: Request) -> None:
        """Refuse callers without a good token."""
        if "project" not in request.path_params and request.headers.get("x-goog-api-key"):
            super().check_key(request)
            return
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or not self.tokens.good(token):
            message = "Request had invalid authentication credentials. Expected OAuth 2 access token."
            raise self.refuse(401, message, code="ACCESS_TOKEN_TYPE_UNSUPPORTED")


def routes(state: State) -> Sequence[BaseRoute]:
    """The API's routes."""
    desk = VertexDesk(state)
    return [
        Route("/token", desk.tokens.give, methods=["POST"]),
        Route(f"{PLACE}/publishers/google/models/{{name}}", desk.serve(call_model), methods=["POST"]),
        Route("/{version}/publishers/google/models/{name}", desk.serve(call_model), methods=["POST"]),
        Route("/{version}/publishers/google/models", desk.serve(list_models), methods=["GET"]),
        Route(f"{PLACE}/voices", desk.serve(lists.voices), methods=["GET"]),
        Route(f"{PLACE}/interactions", desk.serve(interactions.create), methods=["POST"]),
        Route(f"{PLACE}/interactions/{{number}}", desk.serve(interactions.look), methods=["GET"]),
        Route(f"{PLACE}/interactions/{{number}}/cancel", desk.serve(interactions.cancel), methods=["POST"]),
        Route("/{version}/{rest:path}", desk.serve(unknown), methods=["GET", "POST", "DELETE", "PATCH", "PUT"]),
    ]


def refusal(status: int, message: str, code: str | None) -> Mapping[str, Any]:
    """Google's error body."""
    return error_body(status, message, code)


async def call_model(desk: Desk, request: Request) -> Response:
    """A method of a model."""
    name, _, method = str(request.path_params["name"]).rpartition(":")
    place = request.path_params
    parent = "publishers/google"
    if "project" in place:
        parent = f"projects/{place['project']}/locations/{place['location']}/{parent}"
    if method in ("generateContent", "streamGenerateContent"):
        return await generate(desk, request, name, stream=method == "streamGenerateContent")
    if method == "predict":
        return await predict.predict(desk, request, name)
    if method == "predictLongRunning":
        return await veo.start(desk, request, name, parent)
    if method == "fetchPredictOperation":
        return await veo.look(desk, request, parent)
    raise desk.refuse(404, f"Method {method!r} of model {name} is not found.")


async def list_models(desk: Desk, request: Request) -> Response:
    """Models of the publisher."""
    rows = [{"name": f"publishers/google/models/{name}", "versionId": "001"} for name in catalog(desk.vendor)]
    return JSONResponse({"publisherModels": rows})


async def unknown(desk: Desk, request: Request) -> Response:
    """Any other route."""
    raise desk.refuse(404, f"Not found: {request.url.path}")
