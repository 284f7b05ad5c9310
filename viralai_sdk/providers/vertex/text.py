"""Text by Vertex."""

from viralai_sdk.providers.google_common.text import ContentTextService
from viralai_sdk.providers.vertex.base import VertexAdapter


class VertexTextService(VertexAdapter, ContentTextService):
    """Text from Gemini models on Vertex."""
