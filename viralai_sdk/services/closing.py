"""Ends of calls: a job's last entry in the journal, and work that a stopped call must still bring to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from viralai_sdk.interfaces.errors import StorageError
from viralai_sdk.interfaces.image import ImageGenerationResponse
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.speech import SpeechSynthesisResponse
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.interfaces.video import VideoGenerationResponse

if TYPE_CHECKING:
    from viralai_sdk.services.call import Call
    from viralai_sdk.services.runtime import Runtime

T = TypeVar("T")
RESPONSES: dict[AIServiceType, type[Response]] = {
    AIServiceType.TEXT_GENERATION: TextGenerationResponse,
    AIServiceType.IMAGE_GENERATION: ImageGenerationResponse,
    AIServiceType.VIDEO_GENERATION: VideoGenerationResponse,
    AIServiceType.SPEECH_SYNTHESIS: SpeechSynthesisResponse,
}
SETTLE_SECONDS = 0.2
"""A stopped call waits so long for a write that has begun; a stop button must act within 0.3 s."""


def close_job(runtime: Runtime, call: Call, state: str, message: str | None, response: Response | None = None) -> None:
    """Write down how a call's job ended, if it is one. Written without giving way, so that nothing can come between.

    A journal that fails now must not take away the result; the caller hears of it in a warning.
    """
    call.open_job = False
    if call.job_id is None:
        return
    try:
        kept = None if response is None else response.model_dump(mode="json")
        runtime.journal.close_job(call.job_id, state, message, kept)
    except StorageError as error:
        call.note("other", "journal", f"the end of job {call.job_id} could not be written down: {error}")
        if response is not None:
            response.warnings = [*response.warnings, call.notes[-1]]


async def finished(function: Callable[..., T], *args: Any) -> T:
    """Run disk work in a thread. When the call is stopped meanwhile, the work is brought to its end first: it is short."""
    task = asyncio.ensure_future(asyncio.to_thread(function, *args))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait([task], timeout=SETTLE_SECONDS)
        raise
