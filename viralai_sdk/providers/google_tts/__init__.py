"""Google Cloud Text-to-Speech: speech from text and SSML."""

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.names import AIServiceType

PROVIDER = ProviderSpec(
    name="google_tts",
    title="Google Cloud Text-to-Speech",
    services={AIServiceType.SPEECH_SYNTHESIS: "viralai_sdk.providers.google_tts.speech:GoogleTTSService"},
    # Signed in by a file, a token or the machine itself; a key is only one of four ways.
    key_required=False,
    base_url="https://texttospeech.googleapis.com",
    only_named=True,
    aliases={
        "google": AIServiceType.SPEECH_SYNTHESIS,
        "google-tts": AIServiceType.SPEECH_SYNTHESIS,
        "googletts": AIServiceType.SPEECH_SYNTHESIS,
        "cloud-tts": AIServiceType.SPEECH_SYNTHESIS,
    },
    needs="Google Cloud credentials or an API key",
)
