"""What the routes share: four ways to bring a key, and Google's error body."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from viralai_sdk.simulator.reception import Reception, Refusal

WORDS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
WORDS |= {429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}


def error_body(status: int, message: str, word: str | None = None) -> dict[str, Any]:
    """`{"error": {code, message, status}}`."""
    return {"error": {"code": status, "message": message, "status": word or WORDS.get(status, "UNKNOWN")}}


class Desk(Reception):
    """Google's door: a key in a header or in the address, or an access token."""

    def refuse(self, status: int, message: str, code: str | None = None) -> Refusal:
        return Refusal(status, error_body(status, message, code))

    def check_key(self, request: Request) -> None:
        given = request.headers.get("x-goog-api-key") or request.query_params.get("key")
        token = self.bearer(request)
        if given is None and token is None:
            raise self.refuse(403, "Method doesn't allow unregistered callers.")
        if given is not None and given != self.state.config.key:
            raise self.refuse(400, "API key not valid. Please pass a valid API key.")
        if given is None and token != self.state.config.key:
            raise self.refuse(401, "Request had invalid authentication credentials.")
