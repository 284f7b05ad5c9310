"""An Ollama server's error body and models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from starlette.requests import Request

from viralai_sdk.simulator.desk import VendorDesk, words_of

GIGABYTE = 1_000_000_000


class OllamaDesk(VendorDesk):
    """Knows a few models that were pulled."""

    vendor = "ollama"
    strict = False
    models: ClassVar[tuple[str, ...]] = tuple(sorted(words_of("ollama", "models")))
    vision: ClassVar[frozenset[str]] = words_of("ollama", "vision")

    def error_body(self, status: int, message: str, code: str | None = None) -> Mapping[str, Any]:
        return {"error": message}

    def admit(self, request: Request) -> None:
        """A server at home asks for no key, but a wrong one is told apart, as the cloud does."""
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        if kind and key != self.state.config.key:
            raise self.refuse(401, "unauthorized")

    def check_model(self, model: Any) -> None:
        if model not in self.models:
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
        facts: dict[str, Any] = {"name": name, "model": name, "size": GIGABYTE, "digest": "0" * 64, "details": details}
        return {**facts, "modified_at": self.now().isoformat(), "capabilities": ["completion"]}
