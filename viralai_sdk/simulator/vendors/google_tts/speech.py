"""POST /v1/text:synthesize and GET /v1/voices."""

from __future__ import annotations

import asyncio
import base64
import io
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from viralai_sdk.simulator.media import RATE, encode_audio
from viralai_sdk.simulator.vendors.google_tts.desk import Desk

OBJECTS = {
    "input": {"text", "ssml", "markup", "multiSpeakerMarkup", "prompt", "customPronunciations"},
    "voice": {
        "languageCode",
        "name",
        "ssmlGender",
        "modelName",
        "customVoice",
        "voiceClone",
        "multiSpeakerVoiceConfig",
    },
    "audioConfig": {"audioEncoding", "speakingRate", "pitch", "volumeGainDb", "sampleRateHertz", "effectsProfileId"},
    "advancedVoiceOptions": {"lowLatencyJourneySynthesis", "enableTextnorm", "safetySettings", "relaxSafetyFilters"},
}
"""Object of the body → its fields."""
KINDS = {"LINEAR16": "wav", "MP3": "mp3", "OGG_OPUS": "opus", "PCM": "pcm", "M4A": "m4a"}
RANGES = {"speakingRate": (0.25, 2.0), "pitch": (-20.0, 20.0), "volumeGainDb": (-96.0, 16.0)}
VOICES = [
    ("en-US-Neural2-A", "MALE"),
    ("en-US-Neural2-C", "FEMALE"),
    ("en-US-Neural2-D", "MALE"),
    ("en-US-Neural2-F", "FEMALE"),
    ("en-US-Neural2-G", "FEMALE"),
    ("en-US-Neural2-H", "FEMALE"),
    ("en-US-Neural2-I", "MALE"),
    ("en-US-Neural2-J", "MALE"),
    ("en-US-Journey-D", "MALE"),
    ("en-US-Journey-F", "FEMALE"),
    ("en-US-Journey-O", "FEMALE"),
    ("en-US-Studio-O", "FEMALE"),
    ("en-US-Studio-Q", "MALE"),
    ("de-DE-Neural2-B", "MALE"),
    ("de-DE-Neural2-F", "FEMALE"),
    ("pt-BR-Neural2-A", "FEMALE"),
]


async def voices(desk: Desk, request: Request) -> Response:
    """All voices, or those of a language."""
    wanted = request.query_params.get("languageCode", "")
    rows = [
        {
            "languageCodes": [name[:5]],
            "name": name,
            "ssmlGender": gender,
            "naturalSampleRateHertz": RATE,
        }
        for name, gender in VOICES
        if name[:5] == wanted or not wanted
    ]
    return JSONResponse({"voices": rows} if rows else {})


async def synthesize(desk: Desk, request: Request) -> Response:
    """The recording, in base64."""
    body = await desk.json_body(request, OBJECTS)
    text, voice, sound = check(desk, body)
    if desk.fault(request, "blocked"):
        raise desk.refuse(400, "The input violates our usage guidelines.")
    if desk.fault(request, "empty"):
        return JSONResponse({"audioContent": ""})
    rate = sound.get("speakingRate") or 1.0
    samples = desk.state.media.samples(text, voice=str(voice.get("name") or voice["languageCode"]), speed=rate)
    data = await asyncio.to_thread(_encode, samples, KINDS[sound["audioEncoding"]])
    return JSONResponse({"audioContent": base64.b64encode(data).decode()})


def check(desk: Desk, body: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The words, the voice and the sound that a body asks for."""
    for name, fields in OBJECTS.items():
        part = body.get(name, {})
        if not isinstance(part, dict) or (not part and name in ("input", "voice", "audioConfig")):
            raise desk.refuse(400, f"Invalid value at '{name}'.")
        if unknown := sorted(part.keys() - fields):
            raise desk.refuse(400, f"Unknown name \"{unknown[0]}\" at '{name}': Cannot find field.")
    spoken, voice, sound = body["input"], body["voice"], body["audioConfig"]
    given = [spoken[name] for name in ("text", "ssml", "markup") if name in spoken]
    if len(given) != 1 or not isinstance(given[0], str) or not given[0].strip():
        raise desk.refuse(400, "Exactly one of text, ssml and markup must be set.")
    if sound.get("audioEncoding") not in KINDS:
        raise desk.refuse(400, "Unsupported audio encoding.")
    for name, (low, high) in RANGES.items():
        if name in sound and not desk.number(sound[name], low, high):
            raise desk.refuse(400, f"{name} must be between {low} and {high}.")
    _check_voice(desk, voice, "ssml" in spoken, bool(sound.get("pitch")))
    if "prompt" in spoken and "modelName" not in voice:
        raise desk.refuse(400, "This voice does not support prompts.")
    return re.sub(r"<[^>]*>", " ", given[0]), voice, sound


def _check_voice(desk: Desk, voice: dict[str, Any], ssml: bool, pitch: bool) -> None:
    name = str(voice.get("name", ""))
    if not re.fullmatch(r"[a-z]{2,3}-[A-Z]{2,3}", str(voice.get("languageCode", ""))):
        raise desk.refuse(400, "voice.languageCode is not a supported language.")
    if name and "modelName" not in voice:
        if name not in dict(VOICES):
            raise desk.refuse(400, f"Voice '{name}' does not exist. Is it misspelled?")
        if not name.startswith(voice["languageCode"]):
            raise desk.refuse(400, "Requested language code does not match the voice's.")
    if voice.get("ssmlGender") not in (None, "MALE", "FEMALE", "NEUTRAL", "SSML_VOICE_GENDER_UNSPECIFIED"):
        raise desk.refuse(400, "Invalid value at 'voice.ssml_gender'.")
    if ssml and "-Journey-" in name:
        raise desk.refuse(400, "This voice only supports plain text input.")
    if pitch and ("-Journey-" in name or "-Studio-" in name):
        raise desk.refuse(400, "This voice does not support pitch parameters.")


def _encode(samples: bytes, kind: str) -> bytes:
    return _m4a(encode_audio(samples, "wav")) if kind == "m4a" else encode_audio(samples, kind)


def _m4a(sound: bytes) -> bytes:
    """A WAV file's sound as AAC in an MP4 file."""
    import av

    buffer = io.BytesIO()
    source: Any
    with av.open(io.BytesIO(sound)) as source, av.open(buffer, "w", format="ipod") as output:
        stream: Any = output.add_stream("aac", rate=RATE, layout="mono")
        for frame in source.decode(audio=0):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()
