"""Text by LM Studio's chat completions."""

from __future__ import annotations

from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.providers.compatible.dialect import Dialect, flags_of, make_dialect
from viralai_sdk.providers.compatible.text import CompatibleTextService


class LMStudioTextService(CompatibleTextService):
    """Text from LM Studio, which loads the named model when it has to."""

    vendor_fields = CompatibleTextService.vendor_fields | {"draft_model", "ttl"}

    def find_dialect(self, config: AIServiceConfig) -> Dialect:
        return make_dialect(config.name, flags_of(config.name, config.custom_config.get("compatible")))
