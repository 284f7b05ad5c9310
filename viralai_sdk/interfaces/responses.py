"""What all responses share. A response exists only when there is a result: failures are exceptions."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from viralai_sdk.interfaces.money import dollars
from viralai_sdk.interfaces.records import Artifact, Attempt, CallWarning


class Response(BaseModel):
    """One result and where it came from."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    provider_used: str
    model_used: str | None = None
    generation_time: float = 0.0
    """Seconds from sending to the verified result."""
    cost_usd: float | None = None
    """None when unknown: unknown is never shown as 0."""
    cost_source: Literal["provider", "catalog"] | None = None
    is_model: bool = True
    """False for the embedded engines, which work by rules."""
    session_id: str | None = None
    call_id: str | None = None
    cached: bool = False
    attempts: list[Attempt] = Field(default_factory=list)
    warnings: list[CallWarning] = Field(default_factory=list)
    artifacts: list[Artifact] = Field(default_factory=list)
    metadata: dict[str, Any] = Field(default_factory=dict)

    def caption(self) -> str:
        """One line: provider · model · seconds · price, and whether a model made it."""
        parts = [self.provider_used]
        if self.model_used:
            parts.append(self.model_used)
        parts.append(f"{self.generation_time:.1f} s")
        parts.append(
            "price unknown" if self.cost_usd is None else "free" if self.cost_usd == 0 else dollars(self.cost_usd)
        )
        if not self.is_model:
            parts.append("made by rules, not by a model")
        if self.cached:
            parts.append("from cache")
        failed = [attempt for attempt in self.attempts if attempt.outcome in ("failed", "skipped")]
        if failed:
            parts.append("after " + ", ".join(f"{attempt.provider} ({attempt.error})" for attempt in failed))
        return " · ".join(parts)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from viralai_sdk.interfaces.display import mimebundle

        return mimebundle(self)
