"""Helpers of this folder's tests."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import httpx2

from tests.providers.driver import Driver
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest
from viralai_sdk.interfaces.steps import END, Answer, Send
from viralai_sdk.providers.elevenlabs.speech import ElevenLabsService
from viralai_sdk.simulator import Simulator

MODEL, NEW = "eleven_multilingual_v2", "eleven_v3"
VOICE = "JBFqnCBsd6RMkjVDRZzb"


def service(**custom: Any) -> ElevenLabsService:
    """A service without an address, for driving generators as data."""
    return ElevenLabsService(AIServiceConfig(provider="elevenlabs", api_key="sim-key", custom_config=custom))


def say(**fields: Any) -> SpeechSynthesisRequest:
    return SpeechSynthesisRequest(**{"text": "hello there", **fields})


class Services:
    """Drivers against a simulator."""

    def __init__(self, sim: Simulator, client: httpx2.AsyncClient) -> None:
        self._sim = sim
        self._client = client

    def speech(self, key: str | None = None, **custom: Any) -> Driver:
        config = AIServiceConfig(
            provider="elevenlabs",
            api_key=key or self._sim.key,
            base_url=self._sim.url("elevenlabs"),
            custom_config=custom,
        )
        return Driver(ElevenLabsService(config), self._client)


def ok(body: Any, **headers: str) -> Answer:
    """A successful answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(200, {name.replace("_", "-"): value for name, value in headers.items()}, data)


def answered(steps: Generator[Any, Any, Any], *answers: Any) -> Any:
    """Drive a generator with ready answers; what it returns."""
    try:
        next(steps)
        for answer in answers:
            steps.send(answer)
    except StopIteration as done:
        return done.value
    raise AssertionError("the generator wants more answers")


def opened(steps: Generator[Any, Any, Any]) -> Send:
    """The request that a generator begins with."""
    step = next(steps)
    assert isinstance(step, Send)
    return step


def streamed(steps: Generator[Any, Any, Any], *chunks: bytes) -> tuple[list[Any], Any]:
    """Drive a stream generator with chunks; pieces and payload."""
    next(steps)
    pieces = [steps.send(chunk) for chunk in chunks]
    try:
        steps.send(END)
    except StopIteration as done:
        return pieces, done.value
    raise AssertionError("the stream did not end")
