"""POST /token: the token server that service accounts talk to, and the tokens it gave out."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.state import State

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
LIFE = 3600
AUDIENCE = "https://oauth2.googleapis.com/token"
"""What the vendor's library writes, wherever it sends the statement."""


class Tokens:
    """Access tokens by the simulator's clock. The simulator's key is one that never ends."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._ends: dict[str, float] = {}

    def good(self, token: str) -> bool:
        """Whether a token is accepted now."""
        return token == self._state.config.key or self._ends.get(token, 0.0) > self._state.clock.now()

    async def give(self, request: Request) -> Response:
        """Exchange a signed statement for a token. The signature is not checked: the simulator does not know the public key."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        claims = _claims(form.get("assertion", ""))
        problem = _problem(form.get("grant_type"), claims, str(request.url))
        if problem is not None:
            return JSONResponse({"error": "invalid_grant", "error_description": problem}, 400)
        token = f"ya29.{self._state.new_id('')}"
        self._ends[token] = self._state.clock.now() + LIFE
        return JSONResponse({"access_token": token, "expires_in": LIFE, "token_type": "Bearer"})


def _problem(grant: str | None, claims: Any, url: str) -> str | None:
    if grant != GRANT:
        return "Unsupported grant type."
    if not isinstance(claims, dict) or not claims.get("iss"):
        return "Invalid JWT."
    if claims.get("aud") not in (url, AUDIENCE):
        return "Invalid JWT audience."
    if SCOPE not in str(claims.get("scope")).split():
        return "Invalid scope."
    if claims["iss"].startswith("gone@"):
        return "Invalid grant: account not found."
    return None


def _claims(assertion: str) -> Any:
    parts = assertion.split(".")
    if len(parts) != 3 or not all(parts):
        return None
    try:
        return json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
