"""Google's Gemini API, by API key: text, pictures, video and speech."""

from __future__ import annotations

from typing import Any

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.names import AIServiceType

PROVIDER = ProviderSpec(
    name="gemini",
    title="Google Gemini",
    services={
        AIServiceType.TEXT_GENERATION: "viralai_sdk.providers.gemini.text:GeminiTextService",
        AIServiceType.IMAGE_GENERATION: "viralai_sdk.providers.gemini.image:GeminiImageService",
        AIServiceType.VIDEO_GENERATION: "viralai_sdk.providers.gemini.video:GeminiVideoService",
        AIServiceType.SPEECH_SYNTHESIS: "viralai_sdk.providers.gemini.speech:GeminiSpeechService",
    },
    key_env=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    base_url="https://generativelanguage.googleapis.com/",
    base_url_env="GOOGLE_GEMINI_BASE_URL",
    aliases={
        "nano-banana": AIServiceType.IMAGE_GENERATION,
        "nano_banana": AIServiceType.IMAGE_GENERATION,
        "nanobanana": AIServiceType.IMAGE_GENERATION,
        "gemini-image": AIServiceType.IMAGE_GENERATION,
        "gemini-omni": AIServiceType.VIDEO_GENERATION,
        "omni": AIServiceType.VIDEO_GENERATION,
        "gemini-tts": AIServiceType.SPEECH_SYNTHESIS,
    },
    needs="a Gemini API key",
)

_CLASSES = {
    "GeminiTextService": "text",
    "GeminiImageService": "image",
    "GeminiImageGenerationService": "image",
    "GeminiVideoService": "video",
    "GeminiSpeechService": "speech",
}


def __getattr__(name: str) -> Any:
    """The services, imported when they are asked for."""
    if name not in _CLASSES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_CLASSES[name]}"), name)
