"""First stage: the request is completed from presets, and what cannot work is refused before anything is spent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from viralai_sdk.config.platforms import platform
from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.services.call import Call
from viralai_sdk.services.schemas import check_schema

if TYPE_CHECKING:
    from viralai_sdk.services.pipeline import Proceed
    from viralai_sdk.services.runtime import Runtime


class Validate:
    """Requests have validated themselves when they were made; here is what only the runtime knows."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        if not call.chain:
            raise ConfigurationError(f"no provider serves {call.service_type.short}.")
        if isinstance(call.request, VideoGenerationRequest) and call.request.platform:
            call.request = on_platform(call.request)
        if isinstance(call.request, TextGenerationRequest) and (schema := plain_schema(call.request)) is not None:
            # In a thread: the first check loads a library, and where Jupyter's extras are installed that takes a second.
            await asyncio.to_thread(check_schema, schema)
        await self._runtime.writable()
        if call.service_type is not AIServiceType.TEXT_GENERATION:
            self._runtime.artifacts(call.session_id).writable()
        return await proceed(call)


def plain_schema(request: TextGenerationRequest) -> dict[str, Any] | None:
    """The schema that came as a dict. One that was made of a pydantic model is right, and its answer is read by the model."""
    return request.response_schema if request.schema_model is None else None


def on_platform(request: VideoGenerationRequest) -> VideoGenerationRequest:
    """The request with what its platform sets and the caller left open.

    Raises:
        InvalidRequestError: there is no such platform.
    """
    preset = platform(request.platform or "")
    changes: dict[str, object] = {}
    if request.aspect_ratio is None and request.width is None and request.height is None:
        changes["aspect_ratio"] = preset.ratio
        if request.resolution is None:
            changes |= {"width": preset.width, "height": preset.height}
    if request.fps is None:
        changes["fps"] = preset.fps
    return request.model_copy(update=changes)
