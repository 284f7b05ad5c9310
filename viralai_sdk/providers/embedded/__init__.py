"""Engines that need no key, no model and no network. They work by rules and say so in every result."""

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.names import AIServiceType

PROVIDER = ProviderSpec(
    name="embedded",
    title="Embedded engines",
    services={
        AIServiceType.TEXT_GENERATION: "viralai_sdk.providers.embedded.text:EmbeddedTextService",
        AIServiceType.IMAGE_GENERATION: "viralai_sdk.providers.embedded.image:EmbeddedImageService",
        AIServiceType.VIDEO_GENERATION: "viralai_sdk.providers.embedded.video:EmbeddedVideoService",
        AIServiceType.SPEECH_SYNTHESIS: "viralai_sdk.providers.embedded.speech:EmbeddedSpeechService",
    },
    key_required=False,
    embedded=True,
    aliases={
        "procedural": None,
        "rules": None,
        "espeak": AIServiceType.SPEECH_SYNTHESIS,
        "espeak-ng": AIServiceType.SPEECH_SYNTHESIS,
    },
    needs="nothing",
)
