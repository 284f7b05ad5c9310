"""Seventh stage: the provider does its work, within the attempt's time."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from viralai_sdk.interfaces.adapter import Adapter, JobAdapter, StreamingAdapter
from viralai_sdk.interfaces.errors import EmptyResultError, ProviderTimeoutError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.steps import MediaPayload, TextPayload
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.services.call import Call
from viralai_sdk.services.jobs import JobRunner, LocalJob
from viralai_sdk.services.runner import Runner

if TYPE_CHECKING:
    from viralai_sdk.services.pipeline import Proceed
    from viralai_sdk.services.runtime import Runtime

OPERATIONS = {
    AIServiceType.TEXT_GENERATION: "generate",
    AIServiceType.IMAGE_GENERATION: "generate_image",
    AIServiceType.VIDEO_GENERATION: "generate_video",
    AIServiceType.SPEECH_SYNTHESIS: "synthesize",
}
"""The method of each service that serves its ordinary request."""


class Adapt:
    """Drives an adapter through the runner; calls the method of a service that does its own I/O, as a user's own class may."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        assert call.service is not None
        self._runtime.costs.prepare(call)
        seconds = call.timeout or call.service.config.timeout
        try:
            # A job keeps its own deadline: when the waiting ends, what was paid for goes on.
            async with asyncio.timeout(None if isinstance(call.service, JobAdapter) else seconds) as deadline:
                local = call.on_job is not None and not isinstance(call.service, JobAdapter)
                outcome = await (LocalJob(self._runtime, call).run(self._serve) if local else self._serve(call))
        except TimeoutError as error:
            if isinstance(error, ProviderTimeoutError):
                raise
            told = (
                f"no result after {seconds:g} s." if deadline.expired() else f"the provider's code timed out: {error}"
            )
            raise ProviderTimeoutError(told, hint="A longer timeout= waits longer.") from error
        if isinstance(outcome, Response):
            call.response = outcome
        else:
            call.payload = outcome
        return await proceed(call)

    async def _serve(self, call: Call) -> Any:
        service = call.service
        if not isinstance(service, Adapter):
            method = getattr(service, OPERATIONS[call.service_type])
            answer = method(call.request)
            outcome = await answer if inspect.isawaitable(answer) else answer
            if not isinstance(outcome, Response):
                raise EmptyResultError(f"the service gave {type(outcome).__name__} instead of a response.")
            if call.emit is not None:
                _in_one_piece(call, outcome)
            return outcome
        runner, model = Runner(self._runtime, call, service), call.route.model or ""
        if isinstance(service, JobAdapter):
            outcome = await JobRunner(self._runtime, call, service, runner).run()
        elif call.emit is not None and isinstance(service, StreamingAdapter) and service.streams(call.request, model):
            return await runner.stream(service.stream(call.request, model))
        else:
            outcome = await runner.drive(service.steps(call.request, model))
        if call.emit is not None:
            _in_one_piece(call, outcome)
        return outcome


def _in_one_piece(call: Call, outcome: TextPayload | MediaPayload | Response) -> None:
    """Say that pieces were asked for and none came. A text is itself a piece; a file is told of in the response only, once it is stored."""
    call.note("unsupported", "stream", "this provider does not stream this request; the answer came in one piece")
    text = outcome.text if isinstance(outcome, (TextPayload, TextGenerationResponse)) else ""
    if text and call.emit is not None:
        call.emitted = True
        call.emit(text)
