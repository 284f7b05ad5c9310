"""Small records that travel on every response: what was tried, what was changed, what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

WarningKind = Literal["unsupported", "adjusted", "deprecated", "other"]
Outcome = Literal["ok", "failed", "cancelled", "skipped"]


class Record(BaseModel):
    """A plain value; unknown fields are a mistake."""

    model_config = ConfigDict(extra="forbid")


class CallWarning(Record):
    """What the result does not honour exactly as asked: data for the caller, not only a log line."""

    kind: WarningKind
    parameter: str | None = None
    message: str
    """What was done instead."""


class Attempt(Record):
    """One try at one route of the chain."""

    provider: str
    model: str | None = None
    outcome: Outcome
    error: str | None = None
    """Class name of the error, None when it went well."""
    message: str | None = None
    seconds: float = 0.0
    retries: int = 0
    billed: Literal["no", "maybe", "yes"] = "no"


class Usage(Record):
    """Tokens of one text call, as the provider counted them; `approximate` when the engine only estimates."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    approximate: bool = False


class WordTiming(Record):
    """When a word is spoken, in seconds from the start of the audio."""

    text: str
    start: float
    end: float


class Artifact(Record):
    """One file that a call produced. Lazy: nothing is decoded until somebody asks for the bytes."""

    path: Path
    media_type: str
    size: int = Field(description="Size of the file in bytes.")
    sha256: str
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    fps: float | None = None

    @property
    def bytes(self) -> bytes:
        """Content of the file, read now."""
        return self.path.read_bytes()

    def __fspath__(self) -> str:
        return str(self.path)
