"""Anthropic: text by the Messages API."""

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.names import AIServiceType

PROVIDER = ProviderSpec(
    name="anthropic",
    title="Anthropic",
    services={AIServiceType.TEXT_GENERATION: "viralai_sdk.providers.anthropic.text:AnthropicTextService"},
    key_env=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    base_url="https://api.anthropic.com",
    base_url_env="ANTHROPIC_BASE_URL",
    aliases={"claude": AIServiceType.TEXT_GENERATION},
    needs="an Anthropic API key",
)
