"""LM Studio: text from models on one's own machine, by its OpenAI-compatible side."""

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.names import AIServiceType

PROVIDER = ProviderSpec(
    name="lmstudio",
    title="LM Studio",
    services={AIServiceType.TEXT_GENERATION: "viralai_sdk.providers.lmstudio.text:LMStudioTextService"},
    key_env=("LM_API_TOKEN",),
    key_required=False,
    base_url="http://localhost:1234/v1",
    local=True,
    aliases={"lm_studio": None, "lm-studio": None},
    needs="a running LM Studio server",
    models="viralai_sdk.providers.lmstudio.models:LMStudioModels",
)
