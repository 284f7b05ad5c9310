"""What ElevenLabs' routes share: the key's own header, the two shapes of errors, the voices."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from starlette.requests import Request

from viralai_sdk.simulator.reception import Reception, Refusal


def error_body(message: str, word: str | None) -> dict[str, Any]:
    """The usual shape, `detail{status, message}`."""
    return {"detail": {"status": word or "error", "message": message}}


@cache
def voices() -> list[dict[str, Any]]:
    """The account's voices."""
    rows: list[dict[str, Any]] = yaml.safe_load((files(__package__) / "voices.yaml").read_text("utf-8"))
    return rows


@cache
def models() -> dict[str, dict[str, Any]]:
    """Models of the catalog's data file: name → row."""
    data = yaml.safe_load((files("viralai_sdk") / "catalog" / "elevenlabs.yaml").read_text("utf-8"))
    rows: dict[str, dict[str, Any]] = data["models"]
    return rows


class Desk(Reception):
    """ElevenLabs' door."""

    id_header = "request-id"

    def refuse(self, status: int, message: str, code: str | None = None) -> Refusal:
        return Refusal(status, error_body(message, code))

    def wrong_field(self, message: str, *place: str) -> Refusal:
        """HTTP 422 with its list of wrong fields."""
        return Refusal(422, {"detail": [{"loc": list(place), "msg": message, "type": "value_error"}]})

    def check_key(self, request: Request) -> None:
        key = request.headers.get("xi-api-key")
        if not key:
            raise self.refuse(401, "Neither authorization header nor xi-api-key received.", "needs_authorization")
        if key != self.state.config.key:
            raise self.refuse(401, "Invalid API key", "invalid_api_key")
