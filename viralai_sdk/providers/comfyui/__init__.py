"""ComfyUI: pictures, films and sound by workflows on a server of one's own.

`ComfyUIClient` and `ComfyUIWorkflow` talk to a server directly; the three services serve the SDK's ordinary requests by a workflow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.names import AIServiceType

if TYPE_CHECKING:
    from viralai_sdk.providers.comfyui.client import ComfyUIClient
    from viralai_sdk.providers.comfyui.services import (
        ComfyUIAudioService,
        ComfyUIImageService,
        ComfyUIVideoGenerationService,
    )
    from viralai_sdk.providers.comfyui.workflow import ComfyUIWorkflow

PROVIDER = ProviderSpec(
    name="comfyui",
    title="ComfyUI",
    services={
        AIServiceType.IMAGE_GENERATION: "viralai_sdk.providers.comfyui.services:ComfyUIImageService",
        AIServiceType.VIDEO_GENERATION: "viralai_sdk.providers.comfyui.services:ComfyUIVideoGenerationService",
        AIServiceType.SPEECH_SYNTHESIS: "viralai_sdk.providers.comfyui.services:ComfyUIAudioService",
    },
    key_env=("COMFYUI_API_KEY",),
    key_required=False,
    base_url="http://localhost:8188",
    base_url_env="COMFYUI_BASE_URL",
    local=True,
    aliases={
        "local": (AIServiceType.IMAGE_GENERATION, AIServiceType.VIDEO_GENERATION, AIServiceType.SPEECH_SYNTHESIS),
        "comfy": (AIServiceType.IMAGE_GENERATION, AIServiceType.VIDEO_GENERATION, AIServiceType.SPEECH_SYNTHESIS),
    },
    needs="a running ComfyUI server",
)

_LAZY = {
    "ComfyUIClient": "client",
    "ComfyUIWorkflow": "workflow",
    "ComfyUIImageService": "services",
    "ComfyUIVideoGenerationService": "services",
    "ComfyUIAudioService": "services",
}

__all__ = [
    "PROVIDER",
    "ComfyUIAudioService",
    "ComfyUIClient",
    "ComfyUIImageService",
    "ComfyUIVideoGenerationService",
    "ComfyUIWorkflow",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
