"""Helpers of this folder's tests."""

from __future__ import annotations

import io
import json
from collections.abc import Generator
from email import message_from_bytes
from typing import Any

import httpx2
from PIL import Image

from tests.providers.driver import Driver
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import Answer, Compute
from viralai_sdk.providers.stability.image import StabilityImageService
from viralai_sdk.simulator import Recorded, Simulator

ULTRA, CORE, LARGE = "stable-image-ultra", "stable-image-core", "sd3.5-large"


def service(**custom: Any) -> StabilityImageService:
    """A service without an address, for driving generators as data."""
    return StabilityImageService(AIServiceConfig(provider="stability", api_key="sim-key", custom_config=custom))


def ask(**fields: Any) -> ImageGenerationRequest:
    return ImageGenerationRequest(**{"prompt": "a fox", **fields})


def picture(color: Any = "red", *, size: tuple[int, int] = (96, 64), mode: str = "RGB", kind: str = "PNG") -> bytes:
    """A small picture file."""
    buffer = io.BytesIO()
    Image.new(mode, size, color).save(buffer, kind)
    return buffer.getvalue()


class Services:
    """Drivers against a simulator."""

    def __init__(self, sim: Simulator, client: httpx2.AsyncClient) -> None:
        self._sim = sim
        self.client = client

    def image(self, key: str | None = None, **custom: Any) -> Driver:
        config = AIServiceConfig(
            provider="stability",
            api_key=key or self._sim.key,
            base_url=self._sim.url("stability"),
            custom_config=custom,
        )
        return Driver(StabilityImageService(config), self.client)


def parts(recorded: Recorded) -> dict[str, Any]:
    """The parts of a multipart body: text, or bytes of a file."""
    head = f"content-type: {recorded.headers['content-type']}\r\n\r\n".encode()
    found: dict[str, Any] = {}
    for part in message_from_bytes(head + recorded.body).walk():
        if not part.is_multipart():
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            name = str(part.get_param("name", header="content-disposition"))
            found[name] = content.decode() if part.get_filename() is None else content
    return found


def ok(body: Any, **headers: str) -> Answer:
    """A successful answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(200, {name.replace("_", "-"): value for name, value in headers.items()}, data)


def answered(steps: Generator[Any, Any, Any], *answers: Any) -> Any:
    """Drive a generator with ready answers, computing what it wants computed; what it returns."""
    queue = list(answers)
    try:
        step = next(steps)
        while True:
            step = steps.send(step.function(*step.args) if isinstance(step, Compute) else queue.pop(0))
    except StopIteration as done:
        return done.value
