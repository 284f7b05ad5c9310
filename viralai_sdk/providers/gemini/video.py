"""Films by the Gemini API."""

from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.providers.gemini.base import GeminiAdapter
from viralai_sdk.providers.gemini.image import no_longer_served
from viralai_sdk.providers.google_common.interactions import InteractionsVideoService


class GeminiVideoService(GeminiAdapter, InteractionsVideoService):
    """Films from Gemini's omni models. They come as files, which stream to disk."""

    delivery = "uri"

    def check(self, request: VideoGenerationRequest, model: str) -> list[CallWarning]:
        if model.startswith("veo-"):
            raise no_longer_served(self, model, "vertex")
        return super().check(request, model)
