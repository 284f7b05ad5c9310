"""Helpers of this folder's tests."""

from __future__ import annotations

import io
from collections.abc import Generator
from typing import Any

import httpx2
from PIL import Image

from tests.providers.driver import Driver
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import END, Answer, Send, StreamEvent
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


def picture(color: str = "red", *, size: tuple[int, int] = (64, 48), mode: str = "RGB", kind: str = "PNG") -> bytes:
    """A small picture file."""
    buffer = io.BytesIO()
    Image.new(mode, size, color).save(buffer, kind)
    return buffer.getvalue()


def ok(body: bytes, **headers: str) -> Answer:
    """A successful answer with this body."""
    return Answer(200, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def answered(steps: Generator[Any, Any, Any], *answers: Any) -> Any:
    """Drive a generator with ready answers; its payload."""
    next(steps)
    try:
        for answer in answers:
            steps.send(answer)
    except StopIteration as done:
        return done.value
    raise AssertionError("the generator wants more answers")


def streamed(steps: Generator[Any, Any, Any], *data: str) -> tuple[list[Any], Any]:
    """Drive a stream generator with the data of its events; pieces and payload."""
    next(steps)
    pieces = [steps.send(StreamEvent(data=item)) for item in data]
    try:
        steps.send(END)
    except StopIteration as done:
        return pieces, done.value
    raise AssertionError("the stream did not end")


def opened(steps: Generator[Any, Any, Any]) -> Send:
    """The request that a generator begins with."""
    step = next(steps)
    assert isinstance(step, Send)
    return step
