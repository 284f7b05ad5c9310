"""Last stage: every call is written down, however it ended. This is the one place where a call is recorded."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Any, Literal

from viralai_sdk.interfaces.errors import AIError, ContentPolicyError
from viralai_sdk.interfaces.media import MediaInput
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.progress.events import State
from viralai_sdk.services.call import Call
from viralai_sdk.store.rows import CallRow

if TYPE_CHECKING:
    from viralai_sdk.services.runtime import Runtime


class Record:
    """Closes a call: the journal gets its row, and whoever watches its last event."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def __call__(self, call: Call) -> None:
        response, error = call.response, call.error
        row = CallRow(call.id, call.session_id, call.service_type.value, call.provider, call.route.model)
        row.seconds, row.started = call.elapsed, call.started
        row.retries = sum(attempt.retries for attempt in call.attempts)
        row.prompt_sha256 = hashlib.sha256(call.request.words().encode()).hexdigest()
        row.request_json, row.attempts_json = _asked(call.request), call.attempts
        if error is None and response is not None:
            row.billed = "no" if response.cached or not response.is_model else "yes"
            row.model, row.cached = response.model_used, response.cached
            row.cost_usd, row.cost_source = response.cost_usd, response.cost_source
            row.artifacts_json, row.warnings_json = response.artifacts, response.warnings
            row.response_json = _answered(call, response)
        else:
            row.outcome = _outcome(error)
            row.error, row.message = type(error).__name__, str(error)[:500]
            row.billed = error.billed if isinstance(error, AIError) else _billed(call)
            row.warnings_json = call.notes
            row.response_json = {"rejected": call.rejected} if call.rejected else None
        self._runtime.spending.settle(row, call.reserved)
        if call.post is not None:
            told = "" if error is None else type(error).__name__
            call.post(call.event(_STATES[row.outcome], told, message=call.ending))
        call.recorded = True
        for job_id in call.held:
            self._runtime.leave_job(job_id)
        if getattr(error, "rescued", None) is None:  # a paid result that could be stored nowhere still lies there
            self._runtime.clear(call.id)


def _asked(request: Request) -> str:
    """The request without its media. Which fields had some is told under "given_media": without them it cannot be made again."""
    media = [name for name, value in request if isinstance(value, MediaInput) or (value and _media_list(value))]
    return json.dumps({**request.to_dict(), "given_media": media}) if media else request.to_json()


def _answered(call: Call, response: Response) -> dict[str, Any]:
    """What came back beside files: a text lies nowhere else, so the journal keeps it whole."""
    told = response.metadata
    if isinstance(response, TextGenerationResponse):
        answer: dict[str, Any] = {"text": response.text, "finish_reason": response.finish_reason}
        if response.parsed is not None and not response.text:
            answer["parsed"] = response.parsed
        told = {**told, "answer": answer, "usage": response.usage}
    return {**told, "rejected": call.rejected} if call.rejected else told


def _media_list(value: object) -> bool:
    return isinstance(value, list) and isinstance(value[0], MediaInput)


def _billed(call: Call) -> Literal["no", "maybe", "yes"]:
    """Whether a stopped call may have cost something: what its attempts say, and nothing when there was none."""
    return max((attempt.billed for attempt in call.attempts), key=("no", "maybe", "yes").index, default="no")


_STATES: dict[str, State] = {"ok": "done", "refused": "failed", "failed": "failed", "cancelled": "cancelled"}


def _outcome(error: BaseException | None) -> Literal["cancelled", "refused", "failed"]:
    if isinstance(error, (asyncio.CancelledError, KeyboardInterrupt)):
        return "cancelled"
    return "refused" if isinstance(error, ContentPolicyError) else "failed"
