"""ElevenLabs: speech, with the time of every word."""

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.names import AIServiceType

PROVIDER = ProviderSpec(
    name="elevenlabs",
    title="ElevenLabs",
    services={AIServiceType.SPEECH_SYNTHESIS: "viralai_sdk.providers.elevenlabs.speech:ElevenLabsService"},
    key_env=("ELEVENLABS_API_KEY",),
    base_url="https://api.elevenlabs.io",
    aliases={"eleven": AIServiceType.SPEECH_SYNTHESIS, "eleven_labs": AIServiceType.SPEECH_SYNTHESIS},
    needs="an ElevenLabs API key",
)
