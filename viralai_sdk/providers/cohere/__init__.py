"""Cohere: text by its v2 chat."""

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.names import AIServiceType

PROVIDER = ProviderSpec(
    name="cohere",
    title="Cohere",
    services={AIServiceType.TEXT_GENERATION: "viralai_sdk.providers.cohere.text:CohereTextService"},
    key_env=("CO_API_KEY", "COHERE_API_KEY"),
    base_url="https://api.cohere.com",
    base_url_env="CO_API_URL",
    aliases={"command": AIServiceType.TEXT_GENERATION},
    needs="a Cohere API key",
)
