"""llama.cpp without a server: text from a GGUF file on this machine, by the package `xllamacpp` (extra `local`)."""

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.names import AIServiceType

PROVIDER = ProviderSpec(
    name="llamacpp",
    title="llama.cpp in a process of its own",
    services={AIServiceType.TEXT_GENERATION: "viralai_sdk.providers.llamacpp.text:LlamaCppTextService"},
    key_required=False,
    local=True,
    # The variable that llama.cpp's own programs read.
    option_env={"LLAMA_ARG_MODEL": "model_path"},
    needs='the path of a GGUF file, and pip install "viralai-sdk[local]"',
    models="viralai_sdk.providers.llamacpp.models:LlamaCppModels",
)
