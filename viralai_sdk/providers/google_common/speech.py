"""Speech by generateContent, with one voice or two."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Any

from viralai_sdk.interfaces.adapter import SpeechAdapter
from viralai_sdk.interfaces.errors import InvalidRequestError, MalformedResponseError
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest, Voice
from viralai_sdk.interfaces.steps import Answer, Blob, MediaPayload, Send, Steps
from viralai_sdk.providers.google_common.base import GoogleAdapter
from viralai_sdk.providers.google_common.catalog import catalog
from viralai_sdk.providers.google_common.content import Gathered, read, read_usage
from viralai_sdk.providers.google_common.reading import SHAPE_ERRORS, decode, word
from viralai_sdk.providers.google_common.text import content, given

RATE = 24_000
"""Samples a second where the answer does not say."""
MOST_CHANNELS = 8
PAGES = 40
"""Most pages of voices that are read."""
_PARAMETER = re.compile(r";\s*(rate|channels)\s*=\s*(\d{1,6})", re.IGNORECASE)


class ContentSpeechService(GoogleAdapter, SpeechAdapter):
    """Speech from a Gemini model. `options={"speakers": {"Anna": "Aoede", "Ben": "Puck"}}` lets two voices read a dialogue whose lines
    begin with these names."""

    def check(self, request: SpeechSynthesisRequest, model: str) -> list[CallWarning]:
        if request.ssml:
            raise self.unsupported("SSML markup", hint="Give plain text; `instructions` says how to speak it.")
        speakers(request)
        warnings = self.unsupported_warnings(request, {"speed": 1.0, "pitch": 0.0, "volume": 1.0})
        if request.instructions:
            message = "the provider takes directions in the prompt only; they were put before the text."
            warnings.append(CallWarning(kind="adjusted", parameter="instructions", message=message))
        if request.output_format not in (None, "wav"):
            message = "the provider makes WAV only; that is what came."
            warnings.append(CallWarning(kind="adjusted", parameter="output_format", message=message))
        return warnings

    def steps(self, request: SpeechSynthesisRequest, model: str) -> Steps[MediaPayload]:
        text = f"{request.instructions.rstrip(' .:')}:\n{request.text}" if request.instructions else request.text
        voice = self.voice(request)
        tag = request.language.replace("_", "-")
        named = "language" in request.model_fields_set and tag.lower() != "auto"
        fields = {
            "contents": [content("user", text)],
            "generationConfig": given(
                {
                    "responseModalities": ["AUDIO"],
                    "seed": request.seed,
                    "speechConfig": {**voice, **({"languageCode": tag} if named else {})},
                }
            ),
        }
        options = {name: value for name, value in request.options.items() if name != "speakers"}
        answer = yield from self.call(model, "generateContent", self.body(fields, options))
        payload = recording(read(answer))
        payload.metadata["voice"] = voice_label(voice)
        return payload

    def voice(self, request: SpeechSynthesisRequest) -> dict[str, Any]:
        """Who speaks."""
        if cast := speakers(request):
            listed = [{"speaker": name, "voiceConfig": prebuilt(voice)} for name, voice in cast.items()]
            return {"multiSpeakerVoiceConfig": {"speakerVoiceConfigs": listed}}
        provider = self.get_provider_name()
        chosen = request.voice_id or self.config.custom_config.get("voice") or catalog(provider).extra["default_voice"]
        return {"voiceConfig": prebuilt(str(chosen))}

    def voice_steps(self, language: str | None) -> Steps[list[Voice]]:
        found: list[Voice] = []
        token: str | None = None
        for _ in range(PAGES):
            signed = yield from self.credentials.sign_in()
            params = {"page_token": token} if token else None
            answer: Answer = yield Send("GET", f"{self.root(signed)}/voices", params=params, headers=signed.headers)
            rows, token = read_voices(answer, self.get_provider_name())
            found += rows
            if token is None:
                break
        wanted = (language or "").replace("_", "-").partition("-")[0].lower()
        return [voice for voice in found if not wanted or voice.language.partition("-")[0].lower() in (wanted, "multi")]


def speakers(request: SpeechSynthesisRequest) -> dict[str, str]:
    """Names in the text → voices, empty for one voice.

    Raises:
        InvalidRequestError: not exactly two.
    """
    cast = request.options.get("speakers")
    if cast is None:
        return {}
    if not isinstance(cast, Mapping) or len(cast) != 2 or not all(isinstance(voice, str) for voice in cast.values()):
        raise InvalidRequestError(
            "options['speakers'] names exactly two speakers and their voices.",
            hint='Write {"speakers": {"Anna": "Aoede", "Ben": "Puck"}}.',
        )
    return {str(name): voice for name, voice in cast.items()}


def prebuilt(voice: str) -> dict[str, Any]:
    """A voice by its name."""
    return {"prebuiltVoiceConfig": {"voiceName": voice}}


def voice_label(voice: Mapping[str, Any]) -> str:
    """The voices in a few words."""
    if "voiceConfig" in voice:
        return str(voice["voiceConfig"]["prebuiltVoiceConfig"]["voiceName"])
    listed = voice["multiSpeakerVoiceConfig"]["speakerVoiceConfigs"]
    return ", ".join(f"{row['speaker']}: {voice_label(row)}" for row in listed)


def recording(gathered: Gathered) -> MediaPayload:
    """The recording of an answer. Several parts of raw samples are one recording.

    Raises:
        ContentPolicyError, EmptyResultError, MalformedResponseError: there is none to give.
    """
    gathered.check_refusal()
    parts = [(word(file.get("mimeType")) or "", decode(file.get("data"))) for file in gathered.files]
    parts = [(named, data) for named, data in parts if data]
    if not parts:
        raise gathered.empty("sound", read_usage(gathered.usage))
    named = parts[0][0].lower()
    if named.startswith(("audio/l16", "audio/pcm")):
        blob = Blob(wrap_samples(b"".join(data for _, data in parts), named), "audio/wav")
    else:
        data = parts[0][1]
        kind = sniff(data[:64])
        if len(parts) > 1 or kind is None or not kind.startswith("audio/"):
            raise MalformedResponseError(f"what came as {named or 'sound'} is none.", billed="yes")
        blob = Blob(data, kind)
    metadata = {"response_id": gathered.response_id} if gathered.response_id else {}
    quantities = gathered.token_quantities("audio")
    return MediaPayload(blobs=[blob], model=gathered.model, quantities=quantities, metadata=metadata)


def wrap_samples(samples: bytes, named: str) -> bytes:
    """Raw 16-bit samples, little endian, as a WAV file; rate and channels come from the media type's parameters."""
    told = {name.lower(): int(value) for name, value in _PARAMETER.findall(named)}
    rate, channels = told.get("rate") or RATE, told.get("channels") or 1
    if channels > MOST_CHANNELS:
        raise MalformedResponseError(f"a recording of {channels} channels cannot be read.", billed="yes")
    block = 2 * channels
    data = samples[: len(samples) // block * block]
    head = struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * block, block, 16)
    return head + form + struct.pack("<4sI", b"data", len(data)) + data


def read_voices(answer: Answer, provider: str) -> tuple[list[Voice], str | None]:
    """Voices of a page, and where the next one begins.

    Raises:
        MalformedResponseError: it is no list of voices.
    """
    data = answer.json()
    try:
        rows = [row for row in data.get("voices") or () if word(row.get("id"))]
        voices = [
            Voice(
                id=row["id"],
                name=word(row.get("display_name")) or row["id"],
                language=word(row.get("language_code")) or "multi",
                gender=word(row.get("gender")),
                description=word(row.get("description")),
                provider=provider,
            )
            for row in rows
        ]
        return voices, word(data.get("next_page_token"))
    except SHAPE_ERRORS as error:
        raise MalformedResponseError(f"the answer is no list of voices ({error!r}).") from error
