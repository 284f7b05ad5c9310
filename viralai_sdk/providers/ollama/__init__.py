"""Ollama: text from models on one's own machine, or from its cloud."""

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.providers.ollama.host import normalise_host

PROVIDER = ProviderSpec(
    name="ollama",
    title="Ollama",
    services={AIServiceType.TEXT_GENERATION: "viralai_sdk.providers.ollama.text:OllamaTextService"},
    key_env=("OLLAMA_API_KEY",),
    key_required=False,
    base_url="http://127.0.0.1:11434",
    base_url_env="OLLAMA_HOST",
    parse_base_url=normalise_host,
    local=True,
    needs="a running Ollama server",
    models="viralai_sdk.providers.ollama.models:OllamaModels",
)
