"""Pictures by the Gemini API."""

from viralai_sdk.interfaces.errors import UnsupportedCapabilityError
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.providers.gemini.base import GeminiAdapter
from viralai_sdk.providers.google_common.image import ContentImageService


class GeminiImageService(GeminiAdapter, ContentImageService):
    """Pictures from Gemini's native image models."""

    def check(self, request: ImageGenerationRequest, model: str) -> list[CallWarning]:
        if model.startswith("imagen-"):
            raise no_longer_served(self, model, "vertex")
        return super().check(request, model)


def no_longer_served(service: GeminiAdapter, model: str, instead: str) -> UnsupportedCapabilityError:
    """The error for models that the vendor's own client refuses to ask for with a key since autumn 2026."""
    return service.unsupported(
        f"{model}, which Google took out of the API for keys",
        hint=f"Ask {instead}:{model}, which needs Google Cloud credentials.",
    )


GeminiImageGenerationService = GeminiImageService
