"""Helpers of the tests for Google's providers, Vertex included."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx2

from tests.providers.driver import Driver
from viralai_sdk.interfaces.adapter import Adapter, JobAdapter
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import Blob, Download
from viralai_sdk.simulator import Recorded, Simulator

TEXT, IMAGE, PRO_IMAGE = "gemini-3.8-flash", "gemini-3.1-flash-image", "gemini-3-pro-image"
OMNI, SPEECH, RAW_SPEECH = "gemini-omni-1.1-flash", "gemini-3.8-flash-tts", "gemini-2.5-flash-tts"
VEO, SILENT_VEO, IMAGEN, EDITOR = (
    "veo-3.1-lite-generate-001",
    "veo-2.0-generate-001",
    "imagen-4.0-generate-001",
    "imagen-3.0-capability-001",
)

ALLOWED_HEADERS = {
    "accept": "the vendor's client asks for anything; ours says what it can read",
    "accept-encoding": "chosen by the HTTP library",
    "connection": "chosen by the HTTP library",
    "content-length": "follows from the body, whose JSON spelling may differ",
    "content-type": "compared where there is a body; the vendor's client also sends it without one",
    "host": "the same server",
    "user-agent": "says who is calling",
    "x-goog-api-client": "says who is calling",
}
"""Header → why it may differ or be missing on one side."""


def same(theirs: Recorded, ours: Recorded) -> None:
    """Assert that two requests ask for the same. Bodies are compared with names in camelCase: protobuf's JSON reader takes both
    spellings, and the vendor's client mixes them."""
    assert (ours.method, ours.path, ours.query) == (theirs.method, theirs.path, theirs.query)
    differing = {
        name
        for name in ours.headers.keys() | theirs.headers.keys()
        if ours.headers.get(name) != theirs.headers.get(name)
    }
    assert differing <= ALLOWED_HEADERS.keys()
    assert signature(ours) == signature(theirs) != (None, None)
    if ours.body or theirs.body:
        assert ours.headers["content-type"] == theirs.headers["content-type"]
        assert camel(ours.json()) == camel(theirs.json())


def signature(request: Recorded) -> tuple[str | None, str | None]:
    """What signs a request."""
    return request.headers.get("authorization"), request.headers.get("x-goog-api-key")


def camel(value: Any) -> Any:
    """JSON with its names in camelCase, those inside a plain JSON schema excepted."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    named = {re.sub(r"_([a-z])", lambda match: match[1].upper(), name): item for name, item in value.items()}
    return {name: item if name == "responseJsonSchema" else camel(item) for name, item in named.items()}


class KeyedDriver(Driver):
    """Sends the key along with downloads that ask for it, as the real runner does on the provider's own origin."""

    async def _execute(self, step: Any) -> Any:
        if not isinstance(step, Download):
            return await super()._execute(step)
        response = await self.client.get(step.url, headers=dict(self.adapter.headers()) if step.authorised else None)
        assert response.status_code == 200, response.text
        return Blob(response.content, sniff(response.content[:64]))


class Google:
    """Drivers for the services of one provider against a simulator."""

    def __init__(self, sim: Simulator, client: httpx2.AsyncClient, provider: str, **settings: Any) -> None:
        self._sim = sim
        self._client = client
        self._provider = provider
        self._settings = settings

    def __call__(self, kind: type[Adapter], key: str | None = None, **custom: Any) -> Driver:
        config = AIServiceConfig(
            provider=self._provider,
            api_key=key or (self._sim.key if self._provider == "gemini" else None),
            base_url=self._sim.url(self._provider),
            custom_config={**self._settings, **custom},
        )
        return KeyedDriver(kind(config), self._client)


async def film(driver: Driver, sim: Simulator, request: Any, model: str, seconds: float = 40) -> Any:
    """The payload of a film: started, waited for by the simulator's clock, fetched."""
    adapter = driver.adapter
    assert isinstance(adapter, JobAdapter)
    ticket = await driver.run(adapter.submit(request, model))
    assert (await driver.run(adapter.poll(ticket))).over == ""
    sim.clock.push(seconds)
    progress = await driver.run(adapter.poll(ticket))
    assert progress.over == "done"
    return await driver.run(adapter.collect(ticket, progress))
