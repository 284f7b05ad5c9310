"""A provider for the ViralAI SDK. The SDK finds `PROVIDER` through the entry point in pyproject.toml."""

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.names import AIServiceType

PROVIDER = ProviderSpec(
    name="example",
    title="Example AI",
    services={
        AIServiceType.TEXT_GENERATION: "viralai_example_provider.text:ExampleTextService",
        AIServiceType.IMAGE_GENERATION: "viralai_example_provider.image:ExampleImageService",
    },
    key_env=("EXAMPLE_API_KEY",),
    base_url="https://api.example.com/v1",
    base_url_env="EXAMPLE_BASE_URL",
    aliases={"example-painter": AIServiceType.IMAGE_GENERATION},
    needs="an Example AI key",
    catalog="viralai_example_provider:catalog.yaml",
)
