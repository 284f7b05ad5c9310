"""Requests that every service is tried with."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from PIL import Image

from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest, Voice
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.interfaces.video import VideoGenerationRequest

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "legs": {"type": "integer"}},
    "required": ["name", "legs"],
    "additionalProperties": False,
}
REQUESTS: Mapping[AIServiceType, type[Request]] = {
    AIServiceType.TEXT_GENERATION: TextGenerationRequest,
    AIServiceType.IMAGE_GENERATION: ImageGenerationRequest,
    AIServiceType.VIDEO_GENERATION: VideoGenerationRequest,
    AIServiceType.SPEECH_SYNTHESIS: SpeechSynthesisRequest,
}
SUBJECTS = {
    AIServiceType.TEXT_GENERATION: "Describe a red fox in one sentence.",
    AIServiceType.IMAGE_GENERATION: "a red fox in the snow",
    AIServiceType.VIDEO_GENERATION: "a red fox runs through the snow",
    AIServiceType.SPEECH_SYNTHESIS: "The red fox runs through the snow.",
}


@dataclass(frozen=True, slots=True)
class Variation:
    """One parameter of a request, set to something.

    Attributes:
        parameter: the field.
        values: fields of the varied request.
        base: fields of the request it is compared with.
        names: what a warning about it may call it.
    """

    parameter: str
    values: Mapping[str, Any]
    base: Mapping[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    def named(self, word: str | None) -> bool:
        """Whether a warning with this `parameter` is about this variation."""
        return word in (self.parameter, *self.names)


def request(kind: AIServiceType, values: Mapping[str, Any] | None = None) -> Request:
    """A small request of a service."""
    made = REQUESTS[kind]
    return made(**{made.subject: SUBJECTS[kind], **(values or {})})


@cache
def picture(color: str = "red") -> bytes:
    """A small PNG that every vendor takes as a reference: 512 pixels square."""
    buffer = io.BytesIO()
    Image.new("RGB", (512, 512), color).save(buffer, "PNG")
    return buffer.getvalue()


def variations(kind: AIServiceType, voices: Sequence[Voice] = ()) -> Iterator[Variation]:
    """Every portable parameter of a service, one at a time."""
    yield from _VARIATIONS[kind](voices)


def _text(voices: Sequence[Voice]) -> Iterator[Variation]:
    yield Variation("system", {"system": "Answer like a poet."})
    turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello yourself"}]
    yield Variation("messages", {"messages": turns})
    yield Variation("images", {"images": [picture()]})
    yield Variation("schema", {"schema": SCHEMA}, names=("response_schema",))
    yield Variation("response_format", {"response_format": "json"})
    yield Variation("max_tokens", {"max_tokens": 321})
    yield Variation("temperature", {"temperature": 0.3})
    yield Variation("top_p", {"top_p": 0.5})
    yield Variation("stop", {"stop": ["END"]}, names=("stop_sequences",))
    yield Variation("seed", {"seed": 7})


def _image(voices: Sequence[Voice]) -> Iterator[Variation]:
    size = ("width", "height", "aspect_ratio", "size")
    yield Variation("style", {"style": "watercolor"})
    yield Variation("aspect_ratio", {"aspect_ratio": "16:9"}, names=size)
    yield Variation("width", {"width": 1024, "height": 1536}, names=size)
    yield Variation("negative_prompt", {"negative_prompt": "people"})
    yield Variation("num_images", {"num_images": 2})
    yield Variation("seed", {"seed": 7})
    yield Variation("reference_images", {"reference_images": [picture()]})
    reference = {"reference_images": [picture()]}
    yield Variation("mask", {**reference, "mask": picture("white")}, base=reference)


def _video(voices: Sequence[Voice]) -> Iterator[Variation]:
    size = ("width", "height", "aspect_ratio", "size", "resolution")
    yield Variation("duration", {"duration": 8.0})
    yield Variation("style", {"style": "watercolor"})
    yield Variation("aspect_ratio", {"aspect_ratio": "9:16"}, names=size)
    yield Variation("resolution", {"resolution": "1080p"}, names=size)
    yield Variation("fps", {"fps": 30})
    yield Variation("negative_prompt", {"negative_prompt": "people"})
    yield Variation("seed", {"seed": 7})
    yield Variation("image", {"image": picture()})
    yield Variation("last_image", {"image": picture(), "last_image": picture("blue")}, base={"image": picture()})
    yield Variation("narration", {"narration": "A fox."})


def _speech(voices: Sequence[Voice]) -> Iterator[Variation]:
    if len(voices) > 1:
        yield Variation("voice_id", {"voice_id": voices[1].id}, base={"voice_id": voices[0].id})
    yield Variation("language", {"language": "de"}, names=("voice_id",))
    yield Variation("speed", {"speed": 1.1})
    yield Variation("pitch", {"pitch": 2.0})
    yield Variation("volume", {"volume": 0.5})
    yield Variation("output_format", {"output_format": "mp3"}, base={"output_format": "wav"})
    yield Variation("instructions", {"instructions": "Speak slowly and warmly."})
    yield Variation("seed", {"seed": 7})
    markup = {"text": "<speak>The red fox <break time='200ms'/> runs.</speak>"}
    yield Variation("ssml", {**markup, "ssml": True}, base=markup)


_VARIATIONS = {
    AIServiceType.TEXT_GENERATION: _text,
    AIServiceType.IMAGE_GENERATION: _image,
    AIServiceType.VIDEO_GENERATION: _video,
    AIServiceType.SPEECH_SYNTHESIS: _speech,
}
