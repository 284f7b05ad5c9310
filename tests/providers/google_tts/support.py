"""Helpers of this folder's tests."""

from __future__ import annotations

import json
from typing import Any

import httpx2

from tests.providers.driver import Driver
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest
from viralai_sdk.interfaces.steps import Answer
from viralai_sdk.providers.google_tts.speech import GoogleTTSService
from viralai_sdk.simulator import Simulator

MODEL = "cloud-tts"


def service(**custom: Any) -> GoogleTTSService:
    """A service without an address, for driving generators as data."""
    return GoogleTTSService(AIServiceConfig(provider="google_tts", api_key="sim-key", custom_config=custom))


def say(**fields: Any) -> SpeechSynthesisRequest:
    return SpeechSynthesisRequest(**{"text": "hello there", **fields})


class Services:
    """Drivers against a simulator."""

    def __init__(self, sim: Simulator, client: httpx2.AsyncClient) -> None:
        self._sim = sim
        self.client = client

    def speech(self, key: str | None = "", **custom: Any) -> Driver:
        config = AIServiceConfig(
            provider="google_tts",
            api_key=self._sim.key if key == "" else key,
            base_url=self._sim.url("google_tts"),
            custom_config=custom,
        )
        return Driver(GoogleTTSService(config), self.client)


def ok(body: Any) -> Answer:
    """A successful answer."""
    return Answer(200, {}, body if isinstance(body, bytes) else json.dumps(body).encode())
