"""Services as a component holds them: the plan's interfaces in front of the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viralai_sdk.interfaces.image import ImageGenerationRequest, ImageGenerationResponse, ImageGenerationService
from viralai_sdk.interfaces.jobs import JobStatus
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.service import AIService, AIServiceConfig
from viralai_sdk.interfaces.speech import (
    MultilingualSpeechRequest,
    SpeechSynthesisRequest,
    SpeechSynthesisResponse,
    SpeechSynthesisService,
    Voice,
)
from viralai_sdk.interfaces.text import TextGenerationRequest, TextGenerationResponse, TextGenerationService
from viralai_sdk.interfaces.video import VideoGenerationRequest, VideoGenerationResponse, VideoGenerationService

if TYPE_CHECKING:
    from viralai_sdk.services.call import Route
    from viralai_sdk.services.manager import AIServiceManager


class _Managed(AIService):
    """Passes requests on to the manager, which decides at that moment who serves them."""

    def __init__(self, manager: AIServiceManager, route: Route | None) -> None:
        self._manager = manager
        self._route = route

    @property
    def config(self) -> AIServiceConfig:  # type: ignore[override]
        """Configuration of the provider that would serve now."""
        return self._raw().config

    def get_provider_name(self) -> str:
        return self._now().provider

    def estimate_cost(self, *args: Any, **kwargs: Any) -> Any:
        """USD, None when unknown; for a request, or as old text code asked, for `input_tokens` and `output_tokens`."""
        route, raw, runtime = self._now(), self._raw(), self._manager.runtime
        model = route.model or runtime.default_model(raw, self.service, route.provider)
        request = args[0] if args else kwargs.get("request")
        if isinstance(request, Request):
            return runtime.costs.estimate(raw, request, route.provider, model)
        if type(raw).estimate_cost is not AIService.estimate_cost:
            return raw.estimate_cost(*args, **kwargs)
        counted = dict(zip(("input_tokens", "output_tokens"), args, strict=False)) | kwargs
        return runtime.costs.of_tokens(
            route.provider, model, counted.get("input_tokens", 0), counted.get("output_tokens", 0)
        )

    def _now(self) -> Route:
        return self._route or self._manager.default_route(self.service)

    def _raw(self) -> AIService:
        return self._manager.runtime.factory.service(self.service, self._now().provider)

    async def _run(self, request: Any) -> Any:
        pinned = self._route is not None
        return await self._manager.run(self.service, request, provider=self._route, fallback=not pinned)


class ManagedTextService(_Managed, TextGenerationService):
    """Text through the pipeline."""

    async def generate(self, request: TextGenerationRequest) -> TextGenerationResponse:
        response: TextGenerationResponse = await self._run(request)
        return response


class ManagedImageService(_Managed, ImageGenerationService):
    """Pictures through the pipeline."""

    async def generate_image(self, request: ImageGenerationRequest) -> ImageGenerationResponse:
        response: ImageGenerationResponse = await self._run(request)
        return response


class ManagedVideoService(_Managed, VideoGenerationService):
    """Films through the pipeline; jobs through the journal."""

    async def generate_video(self, request: VideoGenerationRequest) -> VideoGenerationResponse:
        response: VideoGenerationResponse = await self._run(request)
        return response

    async def check_status(self, job_id: str) -> JobStatus:
        return await self._manager.jobs.status(job_id)

    async def wait_for_completion(self, job_id: str, timeout: float = 300) -> JobStatus:
        return await self._manager.jobs.wait(job_id, timeout)


class ManagedSpeechService(_Managed, SpeechSynthesisService):
    """Speech through the pipeline."""

    async def synthesize(self, request: SpeechSynthesisRequest) -> SpeechSynthesisResponse:
        response: SpeechSynthesisResponse = await self._run(request)
        return response

    async def get_voices(self, language: str | None = None) -> list[Voice]:
        return await self._manager.voices(self._now().provider, language)

    async def synthesize_multilingual(self, request: MultilingualSpeechRequest) -> SpeechSynthesisResponse:
        return await self._manager.multilingual(request, provider=self._route)


_CLASSES: dict[AIServiceType, type[_Managed]] = {
    AIServiceType.TEXT_GENERATION: ManagedTextService,
    AIServiceType.IMAGE_GENERATION: ManagedImageService,
    AIServiceType.VIDEO_GENERATION: ManagedVideoService,
    AIServiceType.SPEECH_SYNTHESIS: ManagedSpeechService,
}


def managed(manager: AIServiceManager, service: AIServiceType, route: Route | None) -> AIService:
    """The service object for a kind, pinned to a route when one is given."""
    return _CLASSES[service](manager, route)
