"""Stability AI: pictures by the stable-image API."""

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.names import AIServiceType

PROVIDER = ProviderSpec(
    name="stability",
    title="Stability AI",
    services={AIServiceType.IMAGE_GENERATION: "viralai_sdk.providers.stability.image:StabilityImageService"},
    key_env=("STABILITY_API_KEY",),
    base_url="https://api.stability.ai",
    aliases={
        "stabilityai": AIServiceType.IMAGE_GENERATION,
        "stability_ai": AIServiceType.IMAGE_GENERATION,
        "stable-diffusion": AIServiceType.IMAGE_GENERATION,
        "sd3.5": AIServiceType.IMAGE_GENERATION,
    },
    needs="a Stability AI API key",
)
