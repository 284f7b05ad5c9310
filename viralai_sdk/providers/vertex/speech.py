"""Speech by Vertex."""

from viralai_sdk.providers.google_common.speech import ContentSpeechService
from viralai_sdk.providers.vertex.base import VertexAdapter


class VertexSpeechService(VertexAdapter, ContentSpeechService):
    """Speech from Gemini's TTS models on Vertex."""
