"""Speech by the Gemini API."""

from viralai_sdk.providers.gemini.base import GeminiAdapter
from viralai_sdk.providers.google_common.speech import ContentSpeechService


class GeminiSpeechService(GeminiAdapter, ContentSpeechService):
    """Speech from Gemini's TTS models."""
