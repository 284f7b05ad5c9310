"""Speech by Google Cloud's `text:synthesize`."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from viralai_sdk.interfaces.adapter import SpeechAdapter
from viralai_sdk.interfaces.errors import EmptyResultError, MalformedResponseError
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest, Voice
from viralai_sdk.interfaces.steps import Answer, Blob, MediaPayload, Send, Steps
from viralai_sdk.providers.google_common.base import GoogleAdapter
from viralai_sdk.providers.google_tts.voices import catalog, choose, lacks, locale

ENCODINGS = {"mp3": "MP3", "wav": "LINEAR16", "pcm": "LINEAR16", "opus": "OGG_OPUS", "aac": "M4A"}
"""Our format → the vendor's encoding. LINEAR16 comes with a WAV header."""
SLOWEST, FASTEST = 0.25, 2.0
LOUDEST_DB = 16.0
DB_PER_UNIT = 20.0
"""Our volume of 0 to 2 stands for -20 to +20 dB, of which the vendor allows +16."""


class GoogleTTSService(GoogleAdapter, SpeechAdapter):
    """Speech from Google Cloud.

    Configuration: `voice`, `encoding` (our name of a format), `audioConfig` and `advancedVoiceOptions` (the vendor's objects), and how to
    sign in: `access_token`, `credentials` (a file), `api_key`, or nothing for application default credentials.
    """

    api_version = "v1"
    vendor_fields = frozenset({"audioConfig", "advancedVoiceOptions"})

    def check(self, request: SpeechSynthesisRequest, model: str) -> list[CallWarning]:
        missing = lacks(self._voice(request))
        if request.ssml and "ssml" in missing:
            raise self.unsupported("SSML with this voice", hint="Give plain text, or another voice.")
        if request.output_format not in (None, *ENCODINGS):
            raise self.unsupported(f"{request.output_format} recordings", hint=f"Ask for {', '.join(ENCODINGS)}.")
        warnings: list[CallWarning] = []

        def note(kind: Any, parameter: str, message: str) -> None:
            warnings.append(CallWarning(kind=kind, parameter=parameter, message=message))

        if request.pitch and "pitch" in missing:
            note("unsupported", "pitch", "this voice has no pitch; left out.")
        if request.seed is not None:
            note("unsupported", "seed", "the provider has no such setting; left out.")
        if request.instructions and not _prompted(model):
            note("unsupported", "instructions", f"{model or 'this model'} follows no instructions; left out.")
        if request.speed > FASTEST:
            note("adjusted", "speed", f"speed is {SLOWEST:g} to {FASTEST:g} here; {FASTEST:g} was asked for.")
        if _decibels(request) > LOUDEST_DB:
            note("adjusted", "volume", f"{LOUDEST_DB:g} dB is the loudest here and was asked for.")
        if request.output_format == "pcm":
            note("adjusted", "output_format", "raw samples come in a WAV file.")
        if request.output_format == "aac":
            note("adjusted", "output_format", "AAC comes in an M4A file.")
        return warnings

    def quantities(self, request: SpeechSynthesisRequest, model: str) -> dict[str, float]:
        """Characters, markup included."""
        return {"character": len(request.text)}

    def steps(self, request: SpeechSynthesisRequest, model: str) -> Steps[MediaPayload]:
        signed = yield from self.credentials.sign_in()
        body = self.synthesis(request, model)
        answer: Answer = yield Send(
            "POST", f"/{self.version}/text:synthesize", json=body, headers=signed.headers, creates=True
        )
        voice = body["voice"]
        chosen = voice.get("name") or voice.get("ssmlGender") or voice["languageCode"]
        return MediaPayload(
            blobs=[read(answer)],
            quantities={"character": len(request.text)},
            metadata={"voice": chosen, "language": voice["languageCode"]},
        )

    def synthesis(self, request: SpeechSynthesisRequest, model: str) -> dict[str, Any]:
        """The body of a request."""
        voice = self._voice(request)
        spoken: dict[str, Any] = {"ssml" if request.ssml else "text": request.text}
        if _prompted(model):
            voice["modelName"] = model
            spoken |= {"prompt": request.instructions} if request.instructions else {}
        encoding = request.output_format or str(self.config.custom_config.get("encoding", "mp3"))
        sound: dict[str, Any] = {"audioEncoding": ENCODINGS.get(encoding, encoding)}
        if request.speed != 1.0:
            sound["speakingRate"] = min(max(request.speed, SLOWEST), FASTEST)
        if request.pitch and "pitch" not in lacks(voice):
            sound["pitch"] = request.pitch
        if decibels := _decibels(request):
            sound["volumeGainDb"] = min(decibels, LOUDEST_DB)
        return self.body({"input": spoken, "voice": voice, "audioConfig": sound}, request.options)

    def _voice(self, request: SpeechSynthesisRequest) -> dict[str, str]:
        default = self.config.custom_config.get("voice")
        return choose(request.voice_id or (str(default) if default else None), request.language)

    def voice_steps(self, language: str | None) -> Steps[list[Voice]]:
        """The voices. A language with its region is the vendor's to filter; a bare one is filtered here."""
        signed = yield from self.credentials.sign_in()
        regional = language is not None and ("-" in language or "_" in language)
        params = {"languageCode": locale(language)} if language and regional else None
        answer: Answer = yield Send("GET", f"/{self.version}/voices", params=params, headers=signed.headers)
        data = answer.json()
        rows = data.get("voices", []) if isinstance(data, dict) else None
        if not isinstance(rows, list):
            raise MalformedResponseError("the list of voices is no list.", billed="no")
        voices = [made for row in rows if (made := voice_of(row, self.get_provider_name())) is not None]
        if language and not regional:
            voices = [voice for voice in voices if voice.language.partition("-")[0].lower() == language.lower()]
        return voices


def voice_of(row: Any, provider: str) -> Voice | None:
    """A row of the vendor's list as a voice; None for what is none."""
    if not isinstance(row, dict) or not isinstance(row.get("name"), str):
        return None
    codes = row.get("languageCodes")
    languages = [code for code in codes if isinstance(code, str)] if isinstance(codes, list) else []
    gender = row.get("ssmlGender")
    rate = row.get("naturalSampleRateHertz")
    return Voice(
        id=row["name"],
        name=row["name"],
        language=languages[0] if languages else "multi",
        gender=gender.lower() if isinstance(gender, str) and gender in ("MALE", "FEMALE", "NEUTRAL") else None,
        description=f"{rate} Hz" if isinstance(rate, int) else None,
        provider=provider,
    )


def read(answer: Answer) -> Blob:
    """The recording in an answer.

    Raises:
        EmptyResultError, MalformedResponseError: there is none.
    """
    data = answer.json()
    encoded = data.get("audioContent") if isinstance(data, dict) else None
    if not encoded:
        raise EmptyResultError("the answer holds no sound.")
    try:
        sound = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise MalformedResponseError("the sound in the answer is not base64.", billed="yes") from error
    kind = sniff(sound[:64])
    if kind in ("video/mp4", "audio/mp4"):
        return Blob(sound, "audio/mp4")
    if kind is None or not kind.startswith("audio/"):
        raise MalformedResponseError(f"what came as sound is none; it starts with {sound[:16]!r}.", billed="yes")
    return Blob(sound, kind)


def _prompted(model: str) -> bool:
    """Whether a model is named in the request: the Gemini speech models, which follow instructions. The others are chosen by the voice."""
    row = catalog().models.get(model)
    return bool(model) and (row is None or "prompt" in row.flags)


def _decibels(request: SpeechSynthesisRequest) -> float:
    return round((request.volume - 1.0) * DB_PER_UNIT, 2)
