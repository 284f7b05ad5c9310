"""Text by the Gemini API."""

from viralai_sdk.providers.gemini.base import GeminiAdapter
from viralai_sdk.providers.google_common.text import ContentTextService


class GeminiTextService(GeminiAdapter, ContentTextService):
    """Text from Gemini."""
