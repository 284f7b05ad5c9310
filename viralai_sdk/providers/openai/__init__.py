"""OpenAI: text, pictures and speech over HTTP. The other HTTP providers follow this folder's pattern."""

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.names import AIServiceType

PROVIDER = ProviderSpec(
    name="openai",
    title="OpenAI",
    services={
        AIServiceType.TEXT_GENERATION: "viralai_sdk.providers.openai.text:OpenAITextService",
        AIServiceType.IMAGE_GENERATION: "viralai_sdk.providers.openai.image:OpenAIImageService",
        AIServiceType.SPEECH_SYNTHESIS: "viralai_sdk.providers.openai.speech:OpenAISpeechService",
    },
    key_env=("OPENAI_API_KEY",),
    base_url="https://api.openai.com/v1",
    base_url_env="OPENAI_BASE_URL",
    option_env={"OPENAI_ORG_ID": "organization", "OPENAI_PROJECT_ID": "project"},
    aliases={
        "gpt": AIServiceType.TEXT_GENERATION,
        "chatgpt": AIServiceType.TEXT_GENERATION,
        "dalle": AIServiceType.IMAGE_GENERATION,
        "dall-e": AIServiceType.IMAGE_GENERATION,
        "gpt-image": AIServiceType.IMAGE_GENERATION,
    },
    needs="an OpenAI API key",
)
