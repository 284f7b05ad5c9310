"""ViralAI SDK: one notebook-first interface over AI providers for text, image, video and speech.

    from viralai_sdk import ai
    picture = await ai.image("a red fox in the snow")

Public names are imported on first use, so that importing the package costs nearly nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "viralai_sdk.client": ("ViralAI",),
    "viralai_sdk.compare.arms": ("Arm",),
    "viralai_sdk.compare.comparison": ("Comparison",),
    "viralai_sdk.compare.experiment": ("Experiment",),
    "viralai_sdk.config.configuration": ("AIConfiguration",),
    "viralai_sdk.interfaces.batch": ("BatchResult",),
    "viralai_sdk.interfaces.errors": (
        "AIError",
        "AllProvidersFailedError",
        "AuthenticationError",
        "BudgetExceededError",
        "ConfigurationError",
        "ContentPolicyError",
        "EmptyResultError",
        "InvalidRequestError",
        "JobCancelledError",
        "JobFailedError",
        "JobLostError",
        "MalformedResponseError",
        "ModelRetiredError",
        "PermissionDeniedError",
        "ProviderTimeoutError",
        "ProviderUnavailableError",
        "QuotaExceededError",
        "RateLimitError",
        "StorageError",
        "UnsupportedCapabilityError",
    ),
    "viralai_sdk.interfaces.image": ("ImageGenerationRequest", "ImageGenerationResponse", "ImageGenerationService"),
    "viralai_sdk.interfaces.jobs": ("JobStatus", "VideoStatus"),
    "viralai_sdk.interfaces.names": ("AIProvider", "AIServiceType"),
    "viralai_sdk.interfaces.service": ("AIService", "AIServiceConfig"),
    "viralai_sdk.interfaces.speech": (
        "MultilingualSpeechRequest",
        "SpeechSynthesisRequest",
        "SpeechSynthesisResponse",
        "SpeechSynthesisService",
        "Voice",
    ),
    "viralai_sdk.interfaces.text": ("TextGenerationRequest", "TextGenerationResponse", "TextGenerationService"),
    "viralai_sdk.interfaces.video": (
        "AIVideoGenerationService",
        "VideoGenerationRequest",
        "VideoGenerationResponse",
        "VideoGenerationService",
    ),
    "viralai_sdk.services.factory": ("AIServiceFactory",),
    "viralai_sdk.services.manager": ("AIServiceManager",),
}
_WHERE = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", "ai", *sorted(_WHERE)]

if TYPE_CHECKING:
    from viralai_sdk.client import ViralAI

    ai: ViralAI


def __getattr__(name: str) -> Any:
    if name == "ai":
        from viralai_sdk.client import ViralAI

        value: Any = ViralAI()
    elif name in _WHERE:
        from importlib import import_module

        value = getattr(import_module(_WHERE[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
