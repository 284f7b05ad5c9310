"""An Ollama server's error body and models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from starlette.requests import Request

from viralai_sdk.simulator.desk import VendorDesk, words_of
from viralai_sdk.simulator.state import State

GIGABYTE = 1_000_000_000


@dataclass(slots=True)
class Running:
    """A model in memory."""

    expires: datetime
    context: int


class OllamaDesk(VendorDesk):
    """Knows a few models that were pulled."""

    vendor = "ollama"
    strict = False
    vision: ClassVar[frozenset[str]] = words_of("ollama", "vision")

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.models: dict[str, int] = dict.fromkeys(sorted(words_of("ollama", "models")), GIGABYTE)
        """Name → bytes on disk."""
        self.loaded: dict[str, Running] = {}
        self.partial: dict[str, int] = {}
        """Layer → bytes that came before a download was broken off."""

    def find(self, model: Any) -> str | None:
        """The stored name that is meant, None when there is none."""
        return next((name for name in (model, f"{model}:latest") if name in self.models), None)

    def error_body(self, status: int, message: str, code: str | None = None) -> Mapping[str, Any]:
        return {"error": message}

    def admit(self, request: Request) -> None:
        """A server at home asks for no key, but a wrong one is told apart, as the cloud does."""
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        if kind and key != self.state.config.key:
            raise self.refuse(401, "unauthorized")

    def check_model(self, model: Any) -> None:
        if self.find(model) is None:
            raise self.refuse(404, f"model '{model}' not found")

    def describe(self, name: str) -> dict[str, Any]:
        """One line of the list of models."""
        details = {
            "format": "gguf",
            "family": "sim",
            "families": ["sim"],
            "parameter_size": "1B",
            "quantization_level": "Q4_0",
        }
        facts: dict[str, Any] = {
            "name": name,
            "model": name,
            "size": self.models[name],
            "digest": "0" * 64,
            "details": details,
        }
        if name.endswith("-cloud"):
            facts |= {"size": 384, "remote_model": name, "remote_host": "https://ollama.com:443"}
        return {**facts, "modified_at": self.now().isoformat(), "capabilities": ["completion"]}
