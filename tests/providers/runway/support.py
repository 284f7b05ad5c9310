"""Helpers of this folder's tests."""

from __future__ import annotations

import io
import json
from collections.abc import Generator
from typing import Any

import httpx2
from PIL import Image

from tests.providers.driver import Driver
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest
from viralai_sdk.interfaces.steps import Answer, JobProgress, JobTicket, Parallel, Send
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.providers.runway.image import RunwayImageService
from viralai_sdk.providers.runway.speech import RunwaySpeechService
from viralai_sdk.providers.runway.tasks import Plan, RunwayTasks
from viralai_sdk.providers.runway.video import RunwayVideoService
from viralai_sdk.simulator import Simulator

IMAGE, VIDEO, SPEECH = "gen4_image", "gen4.5", "eleven_multilingual_v2"
KINDS: dict[str, type[RunwayTasks]] = {
    "image": RunwayImageService,
    "video": RunwayVideoService,
    "speech": RunwaySpeechService,
}


def service(kind: str, **custom: Any) -> Any:
    """A service without an address, for driving generators as data."""
    return KINDS[kind](AIServiceConfig(provider="runway", api_key="sim-key", custom_config=custom))


def film(**fields: Any) -> VideoGenerationRequest:
    return VideoGenerationRequest(**{"prompt": "a fox", **fields})


def pictures(**fields: Any) -> ImageGenerationRequest:
    return ImageGenerationRequest(**{"prompt": "a fox", **fields})


def say(**fields: Any) -> SpeechSynthesisRequest:
    return SpeechSynthesisRequest(**{"text": "hello there", **fields})


def picture(color: str = "red", size: tuple[int, int] = (64, 48), kind: str = "PNG") -> bytes:
    """A small picture file."""
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, kind)
    return buffer.getvalue()


def body(kind: str, request: Any, model: str, **custom: Any) -> dict[str, Any]:
    """The body that a request becomes."""
    plan: Plan = service(kind, **custom).plan(request, model)
    return plan.body


def notes(kind: str, request: Any, model: str) -> list[tuple[str, str | None]]:
    """Kinds and parameters of a request's warnings."""
    return [(warning.kind, warning.parameter) for warning in service(kind).check(request, model)]


class Jobs:
    """Runs jobs against a simulator, whose clock it pushes instead of waiting."""

    def __init__(self, sim: Simulator, client: httpx2.AsyncClient) -> None:
        self.sim = sim
        self._client = client

    def driver(self, kind: str, *, key: str | None = None) -> Driver:
        config = AIServiceConfig(provider="runway", api_key=key or self.sim.key, base_url=self.sim.url("runway"))
        return Driver(KINDS[kind](config), self._client)

    async def submit(self, kind: str, request: Any, model: str) -> tuple[Driver, JobTicket]:
        driver = self.driver(kind)
        return driver, await driver.run(driver.adapter.submit(request, model))  # type: ignore[attr-defined]

    async def look(self, driver: Driver, ticket: JobTicket) -> JobProgress:
        progress: JobProgress = await driver.run(driver.adapter.poll(ticket))  # type: ignore[attr-defined]
        return progress

    async def run(self, kind: str, request: Any, model: str) -> Any:
        """The payload of a whole job."""
        driver, ticket = await self.submit(kind, request, model)
        self.sim.clock.push(10)
        progress = await self.look(driver, ticket)
        assert progress.over == "done"
        return await driver.run(driver.adapter.collect(ticket, progress))  # type: ignore[attr-defined]


Services = Jobs


def ok(data: Any) -> Answer:
    """A successful answer."""
    return Answer(200, {}, data if isinstance(data, bytes) else json.dumps(data).encode())


def driven(steps: Generator[Any, Any, Any], *answers: Any) -> Any:
    """Drive a generator with ready answers (an exception is thrown in), parallel branches one after the other; what it returns."""
    queue = list(answers)
    return _drive(steps, queue)


def _drive(steps: Generator[Any, Any, Any], queue: list[Any]) -> Any:
    try:
        step = next(steps)
        while True:
            if isinstance(step, Parallel):
                step = steps.send([_branch(branch, queue) for branch in step.branches])
                continue
            answer = queue.pop(0) if queue else ok({})
            step = steps.throw(answer) if isinstance(answer, BaseException) else steps.send(answer)
    except StopIteration as done:
        return done.value


def _branch(branch: Generator[Any, Any, Any], queue: list[Any]) -> Any:
    from viralai_sdk.interfaces.errors import AIError

    try:
        return _drive(branch, queue)
    except AIError as error:
        return error


def first_send(steps: Generator[Any, Any, Any]) -> Send:
    """The first request of a generator, inside its parallel branches."""
    step = next(steps)
    while isinstance(step, Parallel):
        step = next(step.branches[0])
    assert isinstance(step, Send)
    return step
