"""A service made by hand, such as `OpenAIImageService(config)`, works too: it runs through the same pipeline, without a manager."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from typing import Any

from viralai_sdk.config.configuration import AIConfiguration
from viralai_sdk.interfaces.adapter import Adapter, JobAdapter, SpeechAdapter
from viralai_sdk.interfaces.service import AIService
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest, Voice
from viralai_sdk.progress.events import ProgressEvent
from viralai_sdk.services.call import Call, Route
from viralai_sdk.services.factory import check_key, complete
from viralai_sdk.services.pipeline import Pipeline
from viralai_sdk.services.runner import Runner
from viralai_sdk.services.runtime import Runtime
from viralai_sdk.services.watch import Watch


@functools.cache
def _shared() -> tuple[Runtime, Pipeline]:
    runtime = Runtime(AIConfiguration())
    return runtime, Pipeline(runtime)


def _call(service: AIService, request: Any) -> Call:
    from viralai_sdk.providers import registry

    spec = registry.spec_of(registry.resolve(service.config.provider, service.service))
    service.config = complete(service.config, spec)
    check_key(service.config, spec)
    runtime, _ = _shared()
    return Call(service.service.canonical, request, [Route(spec.name, None, service)], runtime.session_id)


async def run(service: AIService, request: Any) -> Any:
    """Serve one request by one service."""
    runtime, pipeline = _shared()
    with runtime.heartbeat:
        return await pipeline.run(_call(service, request))


async def drive(service: Adapter, steps: Generator[Any, Any, Any]) -> Any:
    """Run steps of a service outside a call: for a facade such as a client that talks to one server directly."""
    with _shared()[0].heartbeat:
        return await _runner(service).drive(steps)


def watch(service: JobAdapter, hear: Callable[[ProgressEvent], None] | None = None) -> Watch:
    """Follow a job of a service outside a call; `hear` gets its progress events."""
    return Watch(_runner(service, hear), _shared()[0].heartbeat)


def _runner(service: Adapter, hear: Callable[[ProgressEvent], None] | None = None) -> Runner:
    call = _call(service, None)
    call.route, call.service, call.post = call.chain[0], service, hear
    return Runner(_shared()[0], call, service)


async def voices(service: SpeechAdapter, language: str | None) -> list[Voice]:
    """List the voices of one service."""
    runtime, _ = _shared()
    call = _call(service, SpeechSynthesisRequest(text="voices"))
    call.route, call.service = call.chain[0], service
    with runtime.heartbeat:
        found: list[Voice] = await Runner(runtime, call, service).drive(service.voice_steps(language))
    return found
