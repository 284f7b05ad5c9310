"""Long work: its states, its progress, and the ticket by which a provider's job is found again."""

from __future__ import annotations

from enum import Enum
from typing import Any

from pydantic import Field

from viralai_sdk.interfaces.records import Record


class VideoStatus(Enum):
    """State of a job, whichever service it belongs to."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """True when the state will not change any more."""
        return self in (VideoStatus.COMPLETED, VideoStatus.FAILED, VideoStatus.CANCELLED)


class JobStatus(Record):
    """What is known of a job now.

    Attributes:
        job_id: our id; it finds the job again in a fresh kernel.
        progress: 0 to 1, None when the provider does not tell.
        stage: what is going on, in a few words.
        queue_position: 0 is next, None when unknown.
        preview: bytes of a small picture, where the provider sends one.
        video_path: the finished file, once collected.
    """

    job_id: str
    status: VideoStatus
    progress: float | None = Field(default=None, ge=0, le=1)
    stage: str | None = None
    queue_position: int | None = None
    preview: bytes | None = Field(default=None, repr=False)
    video_path: str | None = None
    error_message: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)

    @property
    def over(self) -> bool:
        """True when the job will not change any more."""
        return self.status.over


VideoJobStatus = JobStatus
