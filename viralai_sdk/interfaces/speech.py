"""Speech synthesis: requests, response, voices and the service that serves them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from pydantic import Field, field_validator

from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.records import Record, WordTiming
from viralai_sdk.interfaces.requests import Request, check_words
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.service import AIService

AUDIO_FORMATS = ("wav", "mp3", "opus", "ogg", "flac", "aac", "pcm")
"""Formats a request may name. "ogg" means Opus in Ogg."""


class _Delivery(Request):
    voice_id: str | None = None
    speed: float = Field(default=1.0, ge=0.25, le=4.0)
    pitch: float = Field(default=0.0, ge=-20, le=20)
    volume: float = Field(default=1.0, ge=0, le=2)
    output_format: str | None = None
    instructions: str | None = Field(default=None, max_length=20_000)
    seed: int | None = None

    @field_validator("output_format")
    @classmethod
    def _format(cls, value: str | None) -> str | None:
        if value is None:
            return None
        word = value.strip().lower().removeprefix(".")
        if word not in AUDIO_FORMATS:
            raise ValueError(f"is unknown; give one of {', '.join(AUDIO_FORMATS)}")
        return "opus" if word == "ogg" else word


class SpeechSynthesisRequest(_Delivery):
    """Ask for a spoken text.

    Attributes:
        text: what is said; with `ssml=True` it is SSML markup.
        voice_id: id out of `ai.speech.voices()`; None lets the provider choose one for the language.
        language: BCP 47 tag such as "en" or "pt-BR".
        speed: 1.0 is the voice's own; 0.25 to 4.
        pitch: semitones, -20 to 20.
        volume: 1.0 is the voice's own; 0 to 2.
        output_format: wav, mp3, opus, flac, aac, pcm; None takes the provider's best common one.
        instructions: how to say it, where the provider understands that.
    """

    subject: ClassVar[str] = "text"

    text: str
    language: str = Field(default="en", min_length=2, max_length=35, pattern=r"^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$")
    ssml: bool = False

    @field_validator("text")
    @classmethod
    def _words(cls, value: str) -> str:
        return check_words(value, "text")


SpeechRequest = SpeechSynthesisRequest


class MultilingualSpeechRequest(_Delivery):
    """Ask for several languages in one recording.

    Attributes:
        segments: each {"text": …, "language": …} and optionally "voice_id", spoken in order.
        transition_duration: silence between two segments in seconds.
    """

    subject: ClassVar[str] = "segments"

    segments: list[dict[str, str]] = Field(min_length=1, max_length=1000)
    transition_duration: float = Field(default=0.5, ge=0, le=30)

    @field_validator("segments")
    @classmethod
    def _parts(cls, value: list[dict[str, str]]) -> list[dict[str, str]]:
        for number, part in enumerate(value):
            if not {"text", "language"} <= part.keys() <= {"text", "language", "voice_id"}:
                raise ValueError(f"segment {number} must have 'text' and 'language' (and may have 'voice_id')")
            check_words(part["text"], f"text of segment {number}")
        return value

    def words(self) -> str:
        return " ".join(part["text"] for part in self.segments)

    def parts(self) -> list[SpeechSynthesisRequest]:
        """One ordinary request a segment."""
        shared: dict[str, Any] = {
            name: getattr(self, name) for name in ("speed", "pitch", "volume", "instructions", "seed", "options")
        }
        return [
            SpeechSynthesisRequest(
                text=part["text"],
                language=part["language"],
                voice_id=part.get("voice_id", self.voice_id),
                output_format="wav",
                **shared,
            )
            for part in self.segments
        ]


class Voice(Record):
    """A voice that a provider offers. `id` is what `voice_id` takes."""

    id: str
    name: str
    language: str
    gender: str | None = None
    description: str | None = None
    provider: str | None = None
    preview_url: str | None = None


class SpeechSynthesisResponse(Response):
    """The recording, stored and verified. `word_timings` is empty when the provider gives none."""

    audio_path: str
    duration: float
    """Seconds, measured on the file."""
    word_timings: list[WordTiming] = Field(default_factory=list)
    sample_rate: int | None = None
    channels: int | None = None


class SpeechSynthesisService(AIService):
    """Turns text into speech."""

    service: ClassVar[AIServiceType] = AIServiceType.SPEECH_SYNTHESIS

    @abstractmethod
    async def synthesize(self, request: SpeechSynthesisRequest) -> SpeechSynthesisResponse:
        """Speak the text.

        Raises:
            AIError: see `viralai_sdk.interfaces.errors`; silence is an `EmptyResultError`.
        """

    @abstractmethod
    async def get_voices(self, language: str | None = None) -> list[Voice]:
        """Voices on offer, all or those of a language."""

    async def synthesize_multilingual(self, request: MultilingualSpeechRequest) -> SpeechSynthesisResponse:
        """Speak several languages in one recording.

        Raises:
            UnsupportedCapabilityError: this service cannot.
        """
        raise self.unsupported(
            "several languages in one recording", hint="Use ai.speech.multilingual, which joins the parts itself."
        )
