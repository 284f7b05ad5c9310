"""What a job's row in the journal says: its state, its ticket, its response, why it ended."""

from __future__ import annotations

import json
import math
import os
import socket
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from viralai_sdk.interfaces.errors import AIError, JobCancelledError, JobFailedError, JobLostError
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.jobs import JobStatus, VideoStatus
from viralai_sdk.interfaces.names import AIServiceType, service_type
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest
from viralai_sdk.interfaces.steps import JobTicket
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.progress.events import ProgressEvent
from viralai_sdk.services.closing import RESPONSES
from viralai_sdk.store.rows import JobRow

REQUESTS: dict[AIServiceType, type[Request]] = {
    AIServiceType.TEXT_GENERATION: TextGenerationRequest,
    AIServiceType.IMAGE_GENERATION: ImageGenerationRequest,
    AIServiceType.VIDEO_GENERATION: VideoGenerationRequest,
    AIServiceType.SPEECH_SYNTHESIS: SpeechSynthesisRequest,
}
_STATES = {
    "submitting": VideoStatus.PENDING,
    "running": VideoStatus.PROCESSING,
    "collecting": VideoStatus.PROCESSING,
    "completed": VideoStatus.COMPLETED,
    "failed": VideoStatus.FAILED,
    "lost": VideoStatus.FAILED,
    "cancelled": VideoStatus.CANCELLED,
}


def values(cell: Any) -> dict[str, Any]:
    """A JSON cell as a dict, {} when it is empty."""
    found = json.loads(cell) if isinstance(cell, str) else cell
    return dict(found) if found else {}


def request_of(row: JobRow) -> Request:
    """The request that the job was made for, without its media."""
    return REQUESTS[service_type(row.service)](**values(row.request_json))


def ticket_of(row: JobRow) -> JobTicket:
    """What the adapter needs to find the job."""
    return JobTicket(row.remote_id or "", values(row.state_json))


def status_of(row: JobRow, event: ProgressEvent | None) -> JobStatus:
    """The job's state, with what is known of its progress."""
    response = values(row.response_json)
    paths = [item["path"] for item in response.get("artifacts") or []]
    return JobStatus(
        job_id=row.job_id,
        status=_STATES[row.state],
        progress=1.0 if row.state == "completed" else share(event.fraction if event else None),
        stage=event.stage if event else None,
        queue_position=event.queue_position if event else None,
        preview=event.preview if event else None,
        video_path=paths[0] if paths and row.service == AIServiceType.VIDEO_GENERATION.value else None,
        error_message=row.message,
        metadata={"provider": row.provider, "model": row.model, "paths": paths},
    )


def share(fraction: float | None) -> float | None:
    """A provider's figure as 0 to 1; None when it is no number."""
    return None if fraction is None or math.isnan(fraction) else min(max(fraction, 0.0), 1.0)


def response_of(row: JobRow) -> Response:
    """The response of a completed job, as it was collected earlier, perhaps by another kernel.

    Raises:
        JobFailedError: its files have gone since.
    """
    try:
        found = RESPONSES[service_type(row.service)].model_validate(values(row.response_json))
    except ValidationError as error:
        raise JobFailedError(
            f"job {row.job_id} was completed, but its record cannot be read.", job_id=row.job_id
        ) from error
    gone = [artifact.path.name for artifact in found.artifacts if not Path(artifact.path).is_file()]
    if gone:
        raise JobFailedError(
            f"job {row.job_id} was completed, but its files are gone: {', '.join(gone)}.",
            job_id=row.job_id,
            billed="yes",
        )
    return found


def ending_of(row: JobRow) -> AIError:
    """Why a job that ended without a result did."""
    kinds: dict[str, type[JobFailedError]] = {"cancelled": JobCancelledError, "lost": JobLostError}
    return kinds.get(row.state, JobFailedError)(
        f"job {row.job_id} is {row.state}: {row.message or 'no reason given'}.",
        job_id=row.job_id,
        provider=row.provider,
        service=row.service,
    )


def owner_is_dead(owner: str | None) -> bool:
    """True when a claim was made by a process of this machine that is not there any more: nobody needs to wait for it to lapse."""
    host, _, rest = (owner or "").rpartition(":")[0].rpartition(":")
    if host != socket.gethostname() or not rest.isdigit() or int(rest) == os.getpid():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False  # it lives, and belongs to somebody else
    return False
