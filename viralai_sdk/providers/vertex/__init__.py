"""Google's models on Vertex AI ("Gemini Enterprise Agent Platform"): text, pictures with Imagen, films with Veo, speech."""

from __future__ import annotations

from typing import Any

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.names import AIServiceType

PROVIDER = ProviderSpec(
    name="vertex",
    title="Google Vertex AI",
    services={
        AIServiceType.TEXT_GENERATION: "viralai_sdk.providers.vertex.text:VertexTextService",
        AIServiceType.IMAGE_GENERATION: "viralai_sdk.providers.vertex.image:VertexImagenService",
        AIServiceType.VIDEO_GENERATION: "viralai_sdk.providers.vertex.video:VEOVideoService",
        AIServiceType.SPEECH_SYNTHESIS: "viralai_sdk.providers.vertex.speech:VertexSpeechService",
    },
    # Signed in by a file, a token or the machine itself; a key is only one of four ways, and has to be configured.
    key_required=False,
    # The address follows from the location.
    base_url=None,
    base_url_env="GOOGLE_VERTEX_BASE_URL",
    option_env={"GOOGLE_CLOUD_PROJECT": "project", "GOOGLE_CLOUD_LOCATION": "location"},
    only_named=True,
    aliases={
        "vertexai": None,
        "vertex-ai": None,
        "vertex_ai": None,
        "imagen": AIServiceType.IMAGE_GENERATION,
        "veo": AIServiceType.VIDEO_GENERATION,
        "vertex-tts": AIServiceType.SPEECH_SYNTHESIS,
    },
    needs="a Google Cloud project and credentials",
)

_CLASSES = {
    "VertexTextService": "text",
    "VertexImagenService": "image",
    "VertexImagenGenerationService": "image",
    "VEOVideoService": "video",
    "VEOVideoGenerationService": "video",
    "VertexSpeechService": "speech",
}


def __getattr__(name: str) -> Any:
    """The services, imported when they are asked for."""
    if name not in _CLASSES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_CLASSES[name]}"), name)
