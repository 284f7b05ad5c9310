"""Anthropic's key, version header and error body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from viralai_sdk.simulator.desk import VendorDesk

VERSION = "2026-10-21"
TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_body(status: int, message: str, code: str | None = None) -> dict[str, Any]:
    """The error's type goes with the status; a code stands in its details."""
    kind = TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    error: dict[str, Any] = {"type": kind, "message": message}
    if code is not None:
        error["details"] = {"error_code": code}
    return {"type": "error", "error": error, "request_id": "req_sim"}


class AnthropicDesk(VendorDesk):
    """Insists on the version header beside the key."""

    vendor = "anthropic"
    request_id_header = "request-id"

    def error_body(self, status: int, message: str, code: str | None = None) -> Mapping[str, Any]:
        return error_body(status, message, code)

    def admit(self, request: Request) -> None:
        super().admit(request)
        version = request.headers.get("anthropic-version")
        if version is None:
            raise self.refuse(400, "anthropic-version: header is required")
        if version != VERSION:
            raise self.refuse(400, f'anthropic-version: "{version}" is not a valid version')
