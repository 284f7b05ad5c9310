"""What Runway's routes share: the key, the version header, the error body, what each model takes."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from starlette.requests import Request

from viralai_sdk.simulator.reception import Reception, Refusal

VERSION = "2024-11-06"


def error_body(message: str, code: str | None = None) -> dict[str, Any]:
    """An error; the package does not type it."""
    return {"error": message} | ({"code": code} if code else {})


@cache
def catalog() -> dict[str, Any]:
    """The catalog's data file, whose `limits` a test holds against the vendor's own package."""
    data: dict[str, Any] = yaml.safe_load((files("viralai_sdk") / "catalog" / "runway.yaml").read_text("utf-8"))
    return data


class Desk(Reception):
    """Runway's door."""

    def refuse(self, status: int, message: str, code: str | None = None) -> Refusal:
        return Refusal(status, error_body(message, code))

    def wrong(self, field: str, message: str) -> Refusal:
        """HTTP 400 that names the field."""
        issue = {"code": "invalid", "path": [field], "message": message}
        return Refusal(400, {"error": "Validation of body failed", "issues": [issue]})

    def check_key(self, request: Request) -> None:
        if self.bearer(request) != self.state.config.key:
            raise self.refuse(401, "The API key you provided is not valid.")
        if request.headers.get("x-runway-version") != VERSION:
            raise self.refuse(400, f"X-Runway-Version must be {VERSION}.")
