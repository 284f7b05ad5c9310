"""Speech by ElevenLabs' `/v1/text-to-speech`: whole with word timings, or streamed."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Generator, Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from viralai_sdk.interfaces.adapter import SpeechAdapter, StreamingAdapter
from viralai_sdk.interfaces.errors import AIError, EmptyResultError, MalformedResponseError
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest, Voice
from viralai_sdk.interfaces.steps import Answer, MediaPayload, Send, Steps, StreamSteps
from viralai_sdk.interfaces.streaming import byte_pieces
from viralai_sdk.providers.elevenlabs.alignment import word_timings
from viralai_sdk.providers.elevenlabs.errors import error_from_answer, request_id
from viralai_sdk.providers.elevenlabs.models import catalog, takes_language
from viralai_sdk.providers.elevenlabs.sound import FORMATS, HEADERLESS, STREAMED, recording

QUERY = ("enable_logging", "optimize_streaming_latency", "output_format")
"""Vendor options that travel in the address; all others travel in the body."""
SETTINGS = ("clone_strength", "similarity_boost", "speed", "stability", "style", "use_speaker_boost")
"""Vendor options that belong into `voice_settings`."""
SLOWEST, FASTEST = 0.7, 1.2
SEEDS = 2**32
PAGE, MAX_PAGES = 100, 100
VOICE_ID = re.compile(r"[A-Za-z0-9]{20}")


class ElevenLabsService(SpeechAdapter, StreamingAdapter):
    """Speech from ElevenLabs.

    Configuration: `voice` (default voice, id or name), `output_format` (the vendor's name), `with_timestamps: false` for plain answers
    without word timings, and any of the vendor's body fields as defaults.
    """

    vendor_fields: ClassVar[frozenset[str]] = frozenset(
        {"apply_language_text_normalization", "apply_text_normalization", "audio_effects", "next_text", "previous_text"}
        | {"pronunciation_dictionary_locators", "use_pvc_as_ivc"}
        | {*QUERY, *SETTINGS}
    )

    def headers(self) -> Mapping[str, str]:
        key = self.config.secret()
        return {"xi-api-key": key} if key else {}

    def error(self, answer: Answer) -> AIError:
        """Read the vendor's `detail`."""
        return error_from_answer(answer)

    def check(self, request: SpeechSynthesisRequest, model: str) -> list[CallWarning]:
        if request.ssml:
            raise self.unsupported("SSML markup", hint="Give plain text.")
        named = self._options(request).get("output_format")
        if request.output_format not in (None, *FORMATS) and not request.options.get("output_format"):
            hint = f"Ask for one of {', '.join(FORMATS)}."
            raise self.unsupported(f"{request.output_format} recordings", hint=hint)
        if str(named or "").startswith(HEADERLESS):
            raise self.unsupported(f"{named}, which no player opens", hint="Ask for wav or mp3.")
        open_values = (("pitch", 0.0), ("volume", 1.0), ("instructions", None))
        warnings = [
            CallWarning(kind="unsupported", parameter=name, message="the provider has no such setting; left out.")
            for name, neutral in open_values
            if getattr(request, name) != neutral
        ]
        if not SLOWEST <= request.speed <= FASTEST:
            message = f"speed is {SLOWEST} to {FASTEST} here; {_speed(request)} was asked for."
            warnings.append(CallWarning(kind="adjusted", parameter="speed", message=message))
        if request.seed is not None and not 0 <= request.seed < SEEDS:
            message = f"seeds are 0 to {SEEDS - 1}; {request.seed % SEEDS} was asked for."
            warnings.append(CallWarning(kind="adjusted", parameter="seed", message=message))
        if _language(request) and not takes_language(model):
            message = f"{model} hears the language from the text itself; the setting is not sent."
            warnings.append(CallWarning(kind="other", parameter="language", message=message))
        if request.output_format == "pcm":
            warnings.append(
                CallWarning(kind="adjusted", parameter="output_format", message="raw samples come in a WAV file.")
            )
        return warnings

    def quantities(self, request: SpeechSynthesisRequest, model: str) -> dict[str, float]:
        """Characters, which is what the vendor bills."""
        return {"character": len(request.text)}

    def steps(self, request: SpeechSynthesisRequest, model: str) -> Steps[MediaPayload]:
        voice = yield from self._voice(request.voice_id)
        params, body = self._split(request, model, FORMATS)
        timed = bool(self._options(request).get("with_timestamps", True))
        path = f"/v1/text-to-speech/{quote(voice, safe='')}" + ("/with-timestamps" if timed else "")
        accept = "application/json" if timed else "audio/*"
        answer: Answer = yield Send("POST", path, json=body, params=params, creates=True, accept=accept)
        payload = read_timed(answer, params["output_format"]) if timed else _read_plain(answer, params["output_format"])
        return self._finish(payload, request, voice, request_id(answer))

    def stream(self, request: SpeechSynthesisRequest, model: str) -> StreamSteps[MediaPayload]:
        """Sound as it is made, without word timings. This route knows no WAV: raw samples are streamed and stored as one."""
        voice = yield from self._voice(request.voice_id)
        params, body = self._split(request, model, STREAMED)
        wanted = params["output_format"] = re.sub("^wav_", "pcm_", str(params["output_format"]))
        path = f"/v1/text-to-speech/{quote(voice, safe='')}/stream"
        opening = Send("POST", path, json=body, params=params, creates=True, expect="bytes", accept="audio/*")
        data = yield from byte_pieces(opening, lambda head: recording(head, wanted))
        payload = MediaPayload(blobs=[recording(data, wanted)])
        if self._options(request).get("with_timestamps", True):
            message = "a streamed recording comes without word timings."
            payload.warnings.append(CallWarning(kind="unsupported", parameter="with_timestamps", message=message))
        return self._finish(payload, request, voice, None)

    def _options(self, request: SpeechSynthesisRequest) -> dict[str, Any]:
        """Vendor options: the configuration's, then the request's."""
        known = self.vendor_fields | {"with_timestamps"}
        custom = self.config.custom_config
        return {**{name: custom[name] for name in known & custom.keys()}, **request.options}

    def _split(
        self, request: SpeechSynthesisRequest, model: str, formats: Mapping[str, str]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Query and body of a request."""
        options = self._options(request)
        options.pop("with_timestamps", None)
        asked = formats.get(request.output_format or "")
        default = asked or options.get("output_format") or formats["mp3"]
        params = {"output_format": request.options.get("output_format", default)}
        params |= {name: _query(options[name]) for name in QUERY[:2] if options.get(name) is not None}
        settings = {name: options.pop(name) for name in SETTINGS if name in options}
        settings |= {"speed": _speed(request)} if request.speed != 1.0 else {}
        settings |= options.pop("voice_settings", None) or {}
        fields = {
            "text": request.text,
            "model_id": model,
            "language_code": _language(request) if takes_language(model) else None,
            "voice_settings": settings or None,
            "seed": None if request.seed is None else request.seed % SEEDS,
        }
        body = {name: value for name, value in fields.items() if value is not None}
        return params, body | {name: value for name, value in options.items() if name not in QUERY}

    def _finish(
        self, payload: MediaPayload, request: SpeechSynthesisRequest, voice: str, number: str | None
    ) -> MediaPayload:
        payload.quantities = {"character": len(request.text)}
        payload.metadata = {"voice": voice}
        payload.request_id = number
        return payload

    def _default_voice(self) -> str:
        return str(self.config.custom_config.get("voice") or catalog().extra["default_voice"])

    def _voice(self, wanted: str | None) -> Generator[Send, Any, str]:
        """The id of a voice. Ids are taken as they are; anything else is looked up by name, and taken as an id when nobody has it."""
        chosen = wanted or self._default_voice()
        if VOICE_ID.fullmatch(chosen):
            return chosen
        answer: Answer = yield Send("GET", "/v2/voices", params={"search": chosen, "page_size": PAGE})
        for row in _rows(answer):
            if str(row.get("name", "")).lower() == chosen.lower():
                return str(row["voice_id"])
        return chosen

    def voice_steps(self, language: str | None) -> Steps[list[Voice]]:
        """The account's voices, page after page."""
        params: dict[str, Any] = {"page_size": PAGE}
        if language:
            params["language"] = language.partition("-")[0].partition("_")[0].lower()
        voices: list[Voice] = []
        for _ in range(MAX_PAGES):
            answer: Answer = yield Send("GET", "/v2/voices", params=params)
            voices += [voice_of(row, self.get_provider_name()) for row in _rows(answer)]
            page = answer.json()
            token = page.get("next_page_token")
            if not page.get("has_more") or not token:
                break
            params = {**params, "next_page_token": token}
        return voices

    def model_steps(self) -> Steps[list[str]]:
        """Ids of the models that this key may use for speech."""
        answer: Answer = yield Send("GET", "/v1/models")
        rows = answer.json()
        if not isinstance(rows, list):
            raise MalformedResponseError("the list of models is no list.", billed="no")
        return [
            str(row["model_id"])
            for row in rows
            if isinstance(row, dict) and row.get("can_do_text_to_speech") and row.get("model_id")
        ]


def read_timed(answer: Answer, wanted: str) -> MediaPayload:
    """The recording and its word timings. Timings that cannot be read are a warning: the recording itself is paid and good.

    Raises:
        EmptyResultError, MalformedResponseError: there is no recording.
    """
    data = answer.json()
    encoded = data.get("audio_base64") if isinstance(data, dict) else None
    if not encoded:
        raise EmptyResultError("the answer holds no sound.")
    try:
        sound = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise MalformedResponseError("the sound in the answer is not base64.", billed="yes") from error
    payload = MediaPayload(blobs=[recording(sound, wanted)])
    timings = word_timings(data.get("alignment"))
    if timings is None:
        timings = word_timings(data.get("normalized_alignment"))
    if timings is None:
        payload.warnings.append(CallWarning(kind="other", message="the answer had no readable word timings."))
    payload.word_timings = timings or []
    return payload


def _read_plain(answer: Answer, wanted: str) -> MediaPayload:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip()
    if kind.startswith("text/") or kind == "application/json":
        raise MalformedResponseError(f"sound was expected, {kind} came; it starts with {answer.body[:80]!r}.")
    return MediaPayload(blobs=[recording(answer.body, wanted)])


def voice_of(row: Mapping[str, Any], provider: str) -> Voice:
    """A row of the vendor's list as a voice. Without a language of its own it speaks the model's: "multi"."""
    labels = row.get("labels") if isinstance(row.get("labels"), dict) else {}
    verified = row.get("verified_languages") or [{}]
    first = verified[0] if isinstance(verified, list) and isinstance(verified[0], dict) else {}
    language = (labels or {}).get("language") or first.get("locale") or first.get("language") or "multi"
    return Voice(
        id=str(row["voice_id"]),
        name=str(row.get("name") or row["voice_id"]),
        language=str(language),
        gender=_text((labels or {}).get("gender")),
        description=_text(row.get("description")),
        provider=provider,
        preview_url=_text(row.get("preview_url")),
    )


def _rows(answer: Answer) -> list[dict[str, Any]]:
    data = answer.json()
    rows = data.get("voices") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise MalformedResponseError("the list of voices is no list.", billed="no")
    return [row for row in rows if isinstance(row, dict) and row.get("voice_id")]


def _speed(request: SpeechSynthesisRequest) -> float:
    return min(max(request.speed, SLOWEST), FASTEST)


def _language(request: SpeechSynthesisRequest) -> str | None:
    """ISO 639-1 code, when the caller named a language."""
    if "language" not in request.model_fields_set or request.language == "auto":
        return None
    return re.split(r"[-_]", request.language)[0].lower()


def _query(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
