"""POST /audio/speech."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from viralai_sdk.simulator.media import encode_audio
from viralai_sdk.simulator.vendors.openai.desk import Desk, fields

FIELDS = fields("speech")
VOICES = (
    "alloy",
    "ash",
    "ballad",
    "coral",
    "echo",
    "fable",
    "onyx",
    "nova",
    "sage",
    "shimmer",
    "verse",
    "marin",
    "cedar",
)
TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}


CHUNK = 4096


async def speak(desk: Desk, request: Request) -> Response:
    """A recording of the input."""
    body = await desk.json_body(request, FIELDS, ("input", "model", "voice"))
    desk.check_model(body["model"], "speech")
    if not isinstance(body["input"], str) or len(body["input"]) > 4096:
        raise desk.refuse(
            400, "Invalid 'input': at most 4096 characters.", code="string_above_max_length", param="input"
        )
    voice = body["voice"].get("id") if isinstance(body["voice"], dict) else body["voice"]
    if voice not in VOICES and not (isinstance(body["voice"], dict) and voice):
        raise desk.refuse(400, f"Invalid value: {voice!r}. Supported values are: {', '.join(VOICES)}.", param="voice")
    desk.check_number(body, "speed", 0.25, 4)
    desk.check_choice(body, "response_format", TYPES)
    desk.check_choice(body, "stream_format", ("audio",) if body["model"].startswith("tts-1") else ("audio", "sse"))
    if body.get("instructions") and body["model"].startswith("tts-1"):
        raise desk.refuse(400, f"'instructions' does not work with {body['model']}.", param="instructions")
    desk.check_block(request, "content_policy_violation")
    kind = body.get("response_format") or "mp3"
    samples = desk.state.media.samples(body["input"], voice=str(voice), speed=body.get("speed") or 1.0)
    data = b"" if desk.fault(request, "empty") else await asyncio.to_thread(encode_audio, samples, kind)
    return StreamingResponse(_chunks(desk, data), headers={"content-type": TYPES[kind]})


async def _chunks(desk: Desk, data: bytes) -> AsyncIterator[bytes]:
    """The recording as it is made: its length is not known when it begins."""
    for start in range(0, len(data), CHUNK):
        await asyncio.sleep(desk.state.config.chunk_pause)
        yield data[start : start + CHUNK]
