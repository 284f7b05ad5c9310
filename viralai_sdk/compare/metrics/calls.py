"""What every call tells of itself: time, price, tries."""

from __future__ import annotations

from viralai_sdk.compare.cells import Value
from viralai_sdk.compare.metrics.registry import Sample

FIRST_PIECE = "first_token_seconds"
"""Where a response's metadata may tell the time to the first piece."""


def measure(sample: Sample, first_token: float | None) -> dict[str, Value]:
    """Latency, first piece, price, repeats and failures on the way to the result."""
    response = sample.response
    told = response.metadata.get(FIRST_PIECE)
    return {
        "latency": response.generation_time,
        "first_token": first_token if first_token is not None else told if isinstance(told, (int, float)) else None,
        "cost": response.cost_usd,
        "retries": sum(attempt.retries for attempt in response.attempts),
        "failed_attempts": sum(attempt.outcome == "failed" for attempt in response.attempts),
        "warnings": len(response.warnings),
        "cached": response.cached,
    }
