"""What a running call says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent:
    """State of one call at one moment. A later event of the same `call_id` replaces it entirely.

    Attributes:
        call_id: which call.
        service: its short name, such as "video".
        provider: who works on it now.
        fraction: 0 to 1, None when the provider does not tell.
        stage: what is going on, in a few words.
        elapsed: seconds since the call began.
        preview: bytes of a small picture of the unfinished result.
        queue_position: 0 is next, None when unknown.
        state: anything but "running" ends the call's display.
        message: for a cancelled call, what became of it ("the job goes on at runway; ai.jobs.resume() collects it").
    """

    call_id: str
    service: str
    provider: str
    fraction: float | None = None
    stage: str = ""
    elapsed: float = 0.0
    preview: bytes | None = None
    queue_position: int | None = None
    state: State = "running"
    message: str = ""

    @property
    def percent(self) -> int | None:
        """Whole percent from 0 to 100, None when unknown or not a number."""
        if self.fraction is None or self.fraction != self.fraction:
            return None
        return int(min(max(self.fraction, 0.0), 1.0) * 100)

    @property
    def title(self) -> str:
        """What is made, and where."""
        return f"{self.service} · {self.provider}"

    def words(self) -> list[str]:
        """Percent, place in the queue, stage and seconds, as far as known."""
        parts = [] if self.percent is None else [f"{self.percent} %"]
        if self.queue_position is not None:
            parts.append(
                "next in the queue" if self.queue_position == 0 else f"{self.queue_position} ahead in the queue"
            )
        if self.stage:
            parts.append(self.stage)
        return [*parts, f"{self.elapsed:.0f} s" if self.elapsed >= 10 else f"{self.elapsed:.1f} s"]


ProgressSink = Callable[[ProgressEvent], None]
"""Takes an event from any thread, at once and without failing: `ProgressHub.post`."""
