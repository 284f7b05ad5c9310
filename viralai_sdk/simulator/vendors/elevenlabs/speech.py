"""POST /v1/text-to-speech/{voice_id}: whole or in chunks, with or without the time of every character."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from viralai_sdk.simulator.media import RATE, encode_audio
from viralai_sdk.simulator.vendors.elevenlabs.desk import Desk, models, voices

FIELDS = (
    "text",
    "model_id",
    "language_code",
    "voice_settings",
    "pronunciation_dictionary_locators",
    "seed",
    "previous_text",
    "next_text",
    "previous_request_ids",
    "next_request_ids",
    "use_pvc_as_ivc",
    "apply_text_normalization",
    "apply_language_text_normalization",
    "audio_effects",
)
SETTINGS = ("stability", "similarity_boost", "style", "speed", "use_speaker_boost", "clone_strength")
QUERY = ("output_format", "enable_logging", "optimize_streaming_latency")
RATES = (8000, 16000, 22050, 24000, 32000, 44100, 48000)
STREAMED = {"mp3_22050_32", "mp3_24000_48", "ulaw_8000", "alaw_8000"}
STREAMED |= {f"mp3_44100_{rate}" for rate in (32, 64, 96, 128, 192)}
STREAMED |= {f"opus_48000_{rate}" for rate in (32, 64, 96, 128, 192)} | {f"pcm_{rate}" for rate in RATES}
WHOLE = STREAMED | {f"wav_{rate}" for rate in RATES}
TYPES = {"mp3": "audio/mpeg", "opus": "audio/ogg", "wav": "audio/wav", "pcm": "audio/pcm"}
CHUNK = 4096


@dataclass(slots=True)
class Spoken:
    """A recording, and how long it is in seconds."""

    data: bytes
    media_type: str
    seconds: float


async def convert(desk: Desk, request: Request) -> Response:
    """The recording whole."""
    _, spoken = await _speak(desk, request, WHOLE)
    return Response(spoken.data, headers={"content-type": spoken.media_type})


async def stream(desk: Desk, request: Request) -> Response:
    """The recording in chunks."""
    _, spoken = await _speak(desk, request, STREAMED)
    return StreamingResponse(_chunks(desk, spoken.data), headers={"content-type": spoken.media_type})


async def convert_timed(desk: Desk, request: Request) -> Response:
    """The recording with the time of every character."""
    text, spoken = await _speak(desk, request, WHOLE)
    return JSONResponse(_timed(spoken.data, text, 0.0, spoken.seconds))


async def stream_timed(desk: Desk, request: Request) -> Response:
    """The same in two lines of JSON, without the marks of server-sent events."""
    text, spoken = await _speak(desk, request, STREAMED)
    cut, half = len(spoken.data) // 2, len(text) // 2
    middle = spoken.seconds * half / len(text)
    parts = [
        _timed(spoken.data[:cut], text[:half], 0.0, middle),
        _timed(spoken.data[cut:], text[half:], middle, spoken.seconds),
    ]
    return Response("".join(json.dumps(part) + "\n" for part in parts), media_type="application/json")


async def _speak(desk: Desk, request: Request, formats: set[str]) -> tuple[str, Spoken]:
    kind = request.query_params.get("output_format", "mp3_44100_128")
    body = await _check(desk, request, kind, formats)
    if desk.fault(request, "blocked"):
        raise desk.refuse(403, "The text breaks our terms of use.", "content_policy_violation")
    if desk.fault(request, "empty"):
        return body["text"], Spoken(b"", TYPES.get(kind.partition("_")[0], "audio/basic"), 0.0)
    settings = body.get("voice_settings") or {}
    voice = request.path_params["voice_id"]
    samples = desk.state.media.samples(body["text"], voice=voice, speed=settings.get("speed") or 1.0)
    return body["text"], await asyncio.to_thread(_encode, samples, kind)


async def _check(desk: Desk, request: Request, kind: str, formats: set[str]) -> dict[str, Any]:
    if unknown := sorted(set(request.query_params) - set(QUERY)):
        raise desk.wrong_field("unexpected query parameter", "query", unknown[0])
    if kind not in formats:
        raise desk.wrong_field(f"{kind!r} is not a permitted output format", "query", "output_format")
    body = await desk.json_body(request, FIELDS)
    if not isinstance(body.get("text"), str):
        raise desk.wrong_field("Field required", "body", "text")
    if not body["text"].strip():
        raise desk.refuse(400, "The text is empty.", "invalid_text")
    if request.path_params["voice_id"] not in {row["voice_id"] for row in voices()}:
        raise desk.refuse(404, "A voice with this id was not found.", "voice_not_found")
    model = body.get("model_id", "eleven_multilingual_v2")
    if model not in models():
        raise desk.refuse(400, f"The model {model!r} does not exist.", "model_not_found")
    if "language_code" in body and "language_code" not in models()[model]["flags"]:
        raise desk.refuse(400, f"{model} does not support language_code.", "unsupported_language")
    _check_settings(desk, body)
    return body


def _check_settings(desk: Desk, body: dict[str, Any]) -> None:
    settings = body.get("voice_settings") or {}
    if unknown := sorted(settings.keys() - set(SETTINGS)):
        raise desk.wrong_field("Extra inputs are not permitted", "body", "voice_settings", unknown[0])
    for name in SETTINGS:
        low, high = (0.7, 1.2) if name == "speed" else (0.0, 1.0)
        if (
            settings.get(name) is not None
            and name != "use_speaker_boost"
            and not desk.number(settings[name], low, high)
        ):
            raise desk.wrong_field(f"Input should be between {low} and {high}", "body", "voice_settings", name)
    if body.get("seed") is not None and not desk.number(body["seed"], 0, 4294967295):
        raise desk.wrong_field("Input should be between 0 and 4294967295", "body", "seed")


def _encode(samples: bytes, kind: str) -> Spoken:
    codec, _, rest = kind.partition("_")
    seconds = len(samples) / 2 / RATE
    if codec in ("mp3", "opus"):
        return Spoken(encode_audio(samples, codec), TYPES[codec], seconds)
    rate = int(rest)
    values = np.frombuffer(samples, "<i2")
    places = np.linspace(0, len(values) - 1, round(len(values) * rate / RATE))
    raw = np.interp(places, np.arange(len(values)), values).astype("<i2").tobytes()
    if codec in ("ulaw", "alaw"):
        # Telephone codecs: only their size is right, one byte a sample.
        return Spoken(raw[1::2], "audio/basic", seconds)
    return Spoken(raw if codec == "pcm" else _wav(raw, rate), TYPES[codec], seconds)


def _wav(raw: bytes, rate: int) -> bytes:
    """A WAV file of another rate: the header of one at `RATE` with its two figures exchanged."""
    data = bytearray(encode_audio(raw, "wav"))
    data[24:28] = rate.to_bytes(4, "little")
    data[28:32] = (rate * 2).to_bytes(4, "little")
    return bytes(data)


def _timed(data: bytes, text: str, start: float, end: float) -> dict[str, Any]:
    step = (end - start) / max(len(text), 1)
    alignment = {
        "characters": list(text),
        "character_start_times_seconds": [round(start + step * place, 3) for place in range(len(text))],
        "character_end_times_seconds": [round(start + step * (place + 1), 3) for place in range(len(text))],
    }
    return {
        "audio_base64": base64.b64encode(data).decode(),
        "alignment": alignment,
        "normalized_alignment": alignment,
    }


async def _chunks(desk: Desk, data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), CHUNK):
        await asyncio.sleep(desk.state.config.chunk_pause)
        yield data[start : start + CHUNK]
