"""Any server that speaks OpenAI's dialect: a row of `rows.yaml`, or a block of the user's configuration, makes a provider."""

from viralai_sdk.providers.compatible.rows import shipped_specs

PROVIDERS = shipped_specs()
