"""Helpers of this folder's tests."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.providers.driver import Driver
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.providers.openai.image import OpenAIImageService
from viralai_sdk.providers.openai.speech import OpenAISpeechService
from viralai_sdk.providers.openai.text import OpenAITextService
from viralai_sdk.simulator import Simulator

TEXT, IMAGE, OLD_IMAGE, SPEECH = "gpt-6-luna", "gpt-image-2.5-flare", "gpt-image-1.5", "gpt-4o-mini-tts"


def config(**custom: Any) -> AIServiceConfig:
    """A configuration without an address, for driving generators as data."""
    return AIServiceConfig(provider="openai", api_key="sim-key", custom_config=custom)


class Services:
    """Drivers for the three services against a simulator."""

    def __init__(self, sim: Simulator, client: httpx2.AsyncClient) -> None:
        self._sim = sim
        self._client = client

    def _config(self, key: str | None, custom: dict[str, Any]) -> AIServiceConfig:
        return AIServiceConfig(
            provider="openai", api_key=key or self._sim.key, base_url=self._sim.url("openai"), custom_config=custom
        )

    def text(self, key: str | None = None, **custom: Any) -> Driver:
        return Driver(OpenAITextService(self._config(key, custom)), self._client)

    def image(self, key: str | None = None, **custom: Any) -> Driver:
        return Driver(OpenAIImageService(self._config(key, custom)), self._client)

    def speech(self, key: str | None = None, **custom: Any) -> Driver:
        return Driver(OpenAISpeechService(self._config(key, custom)), self._client)
