"""Runway: pictures, films and speech by tasks that are started, looked at and fetched."""

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.names import AIServiceType

PROVIDER = ProviderSpec(
    name="runway",
    title="Runway",
    services={
        AIServiceType.IMAGE_GENERATION: "viralai_sdk.providers.runway.image:RunwayImageService",
        AIServiceType.VIDEO_GENERATION: "viralai_sdk.providers.runway.video:RunwayVideoService",
        AIServiceType.SPEECH_SYNTHESIS: "viralai_sdk.providers.runway.speech:RunwaySpeechService",
    },
    key_env=("RUNWAYML_API_SECRET",),
    base_url="https://api.dev.runwayml.com",
    base_url_env="RUNWAYML_BASE_URL",
    aliases={"runwayml": None, "gen4": AIServiceType.VIDEO_GENERATION},
    needs="a Runway API secret",
)
