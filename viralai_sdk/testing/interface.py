"""Does the service keep the promises of its interface?"""

from __future__ import annotations

import inspect
import json
import math
import pickle
from pathlib import Path
from typing import Any

from viralai_sdk.interfaces.errors import UnsupportedCapabilityError
from viralai_sdk.interfaces.image import ImageGenerationResponse, ImageGenerationService
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.service import AIService
from viralai_sdk.interfaces.speech import SpeechSynthesisResponse, SpeechSynthesisService
from viralai_sdk.interfaces.text import TextGenerationResponse, TextGenerationService
from viralai_sdk.interfaces.video import VideoGenerationResponse, VideoGenerationService
from viralai_sdk.services.adapt import OPERATIONS
from viralai_sdk.testing.report import Report, expect
from viralai_sdk.testing.rig import Rig

GROUP = "interface"
UNKNOWN_VOICE = "no-such-voice-here"
PROMISES: dict[AIServiceType, tuple[type[AIService], type[Response]]] = {
    AIServiceType.TEXT_GENERATION: (TextGenerationService, TextGenerationResponse),
    AIServiceType.IMAGE_GENERATION: (ImageGenerationService, ImageGenerationResponse),
    AIServiceType.VIDEO_GENERATION: (VideoGenerationService, VideoGenerationResponse),
    AIServiceType.SPEECH_SYNTHESIS: (SpeechSynthesisService, SpeechSynthesisResponse),
}


async def check_interface(rig: Rig, report: Report) -> Response | None:
    """Check the promises; the response of the one real call comes back for further checks, None when it failed."""
    base, response_class = PROMISES[rig.kind]
    with report.check(GROUP, f"it is a {base.__name__}"):
        expect(isinstance(rig.service, base), f"{type(rig.service).__name__} does not derive from it")
        method = getattr(rig.service, OPERATIONS[rig.kind])
        expect(inspect.iscoroutinefunction(method), f"{OPERATIONS[rig.kind]} is not a coroutine function")
    with report.check(GROUP, "it names its provider"):
        name = rig.service.get_provider_name()
        expect(name == rig.provider and name == name.lower(), f"get_provider_name() is {name!r}")
    _check_adapter(rig, report)
    response: Response | None = None
    with report.check(GROUP, "a plain request gives a result") as check:
        response = await rig.run(rig.request())
        expect(isinstance(response, response_class), f"got a {type(response).__name__}")
        expect(response.provider_used == rig.provider, f"provider_used is {response.provider_used!r}")
        check.detail = media_fact(response)
    if response is not None:
        _check_response(response, report)
    if rig.kind is AIServiceType.SPEECH_SYNTHESIS:
        await _check_voices(rig, report)
    return response


def _check_adapter(rig: Rig, report: Report) -> None:
    adapter = rig.adapter
    if adapter is None:
        return
    with report.check(GROUP, "check() and quantities() are pure"):
        request = rig.request()
        before = request.to_dict()
        first, second = adapter.check(request, rig.model), adapter.check(request, rig.model)
        expect(first == second, "check() says something else the second time")
        amounts = adapter.quantities(request, rig.model)
        expect(amounts == adapter.quantities(request, rig.model), "quantities() gives something else the second time")
        expect(all(math.isfinite(amount) and amount >= 0 for amount in amounts.values()), f"quantities: {amounts}")
        expect(request.to_dict() == before, "the request was changed")
    with report.check(GROUP, "headers and query parameters are plain text"):
        for pairs in (adapter.headers(), adapter.params()):
            for name, value in pairs.items():
                expect({type(name), type(value)} == {str}, f"{name!r} is a {type(value).__name__}")
                expect(not set("\r\n\0") & set(name + value), f"{name!r} holds a line break")


def _check_response(response: Response, report: Report) -> None:
    with report.check(GROUP, "the result is whole"):
        expect(response.generation_time > 0, "generation_time is not measured")
        expect((response.cost_usd is None) == (response.cost_source is None), "a cost without a source, or the reverse")
        expect(response.cost_usd is None or response.cost_usd >= 0, f"cost_usd is {response.cost_usd}")
        expect(response.attempts and response.attempts[-1].outcome == "ok", "attempts do not tell the success")
        if isinstance(response, TextGenerationResponse):
            expect(response.text.strip(), "the text is empty")
            counts = response.usage.model_dump(exclude_none=True)
            expect(all(count >= 0 for count in counts.values()), f"usage: {counts}")
        else:
            expect(response.artifacts, "no file")
    if response.artifacts:
        with report.check(GROUP, "its files are real and measured"):
            for file in response.artifacts:
                expect(Path(file).stat().st_size == file.size > 0, f"{file.path.name}: {file.size} bytes")
                if file.media_type.startswith(("image/", "video/")):
                    expect(file.width and file.height, f"{file.path.name} has no measured size")
                if file.media_type.startswith(("audio/", "video/")):
                    expect(file.duration, f"{file.path.name} has no measured length")
    with report.check(GROUP, "the result can be written as JSON and pickled"):
        json.loads(response.model_dump_json())
        expect(pickle.loads(pickle.dumps(response)) == response, "the pickled result differs")  # noqa: S301


async def _check_voices(rig: Rig, report: Report) -> None:
    with report.check(GROUP, "it lists its voices, and speaks with one of them") as check:
        voices = await rig.voices()
        if not voices and rig.adapter is not None:
            check.detail = await _without_list(rig)
            return
        expect(voices, "the list is empty")
        ids = [voice.id for voice in voices]
        expect(len(set(ids)) == len(ids), "two voices have the same id")
        expect(
            all(voice.id and voice.name and voice.language for voice in voices), "a voice without id, name or language"
        )
        language = voices[0].language
        some = await rig.voices(None if language in ("multi", "*", "") else language)
        expect(some, f"no voices for {language!r}, which its own first voice speaks")
        expect(voices[0].id in {voice.id for voice in some}, f"the list for {language!r} lacks a voice that speaks it")
        if not rig.live:
            await rig.run(rig.request(voice_id=voices[0].id))
        check.detail = f"{len(voices)} voices"
    if rig.adapter is not None:
        with report.check(GROUP, "an unknown voice is refused, never replaced in silence") as check:
            check.detail = await _unknown_voice(rig)


async def _without_list(rig: Rig) -> str:
    """Some servers have voices and no route that lists them: any id must be handed on. Others have none: any id must be refused."""
    assert rig.adapter is not None
    request = rig.request(voice_id=UNKNOWN_VOICE)
    try:
        rig.adapter.check(request, rig.model)
    except UnsupportedCapabilityError as error:
        expect(error.billed == "no", "refused, but not before it could cost something")
        return "has none, refuses any id"
    expect(UNKNOWN_VOICE in repr(await rig.catch(request)), "the list is empty")
    return "lists none, hands on any id"


async def _unknown_voice(rig: Rig) -> str:
    """A wrong voice must show: refused before sending, sent as it is for the vendor to refuse, or told as a warning."""
    assert rig.adapter is not None
    request = rig.request(voice_id=UNKNOWN_VOICE)
    try:
        warnings = rig.adapter.check(request, rig.model)
        if not await rig.uses_wire():
            warnings += (await rig.run(request)).warnings
        sent = await rig.catch(request)
    except Exception as error:
        expect(isinstance(error, (UnsupportedCapabilityError, ValueError)), f"{type(error).__name__}: {error}")
        return "refused before sending"
    if any(warning.parameter == "voice_id" or UNKNOWN_VOICE in warning.message for warning in warnings):
        return "told as a warning"
    expect(UNKNOWN_VOICE in repr(sent), "it is neither refused, nor told, nor sent")
    return "left to the vendor"


def media_fact(response: Any) -> str:
    """What the result really holds: pixels, seconds, or the first words."""
    facts = []
    for file in response.artifacts:
        size = f"{file.width}×{file.height} px" if file.width else ""
        length = f"{file.duration:.1f} s" if file.duration else ""
        facts.append(" ".join(filter(None, (file.media_type.partition("/")[2], size, length))))
    if facts:
        return ", ".join(facts)
    words = str(getattr(response, "text", "")).split()
    return f"“{' '.join(words[:8])}{'…' if len(words) > 8 else ''}”"
