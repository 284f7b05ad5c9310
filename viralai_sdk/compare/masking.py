"""Blind results: bytes in one neutral form for every arm, so that neither a tag nor a format, a name nor a level tells who made them.

What the content itself says cannot be hidden: a watermark in the pixels, or a text that names its model.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from viralai_sdk.compare.decode.backend import has_pyav
from viralai_sdk.compare.decode.pictures import decode_picture
from viralai_sdk.compare.decode.sounds import decode_sound, encode_wav
from viralai_sdk.compare.masking_boxes import scrub_mp4
from viralai_sdk.compare.masking_sound import RATE, matched
from viralai_sdk.interfaces.errors import ConfigurationError, EmptyResultError, InvalidRequestError
from viralai_sdk.interfaces.image import ImageGenerationResponse
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.speech import SpeechSynthesisResponse
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.interfaces.video import VideoGenerationResponse
from viralai_sdk.store.files import storage_error
from viralai_sdk.store.measure import Measured, measure

PICTURE_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Masked:
    """A result without its origin.

    Attributes:
        media_type: "image/jpeg", "video/mp4", "audio/wav" or "text/plain", the same for all arms of a service.
        data: the file, None for text.
        text: the text, None for media.
        width, height: pixels of a picture or film.
        duration: seconds of a film or sound.
    """

    media_type: str
    data: bytes | None = None
    text: str | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None

    def __repr__(self) -> str:
        return f"Masked({self.media_type})"


def mask(response: Response, *, side: int = 1280, loudness: float | None = None, which: int = 0) -> Masked:
    """A result in the neutral form of its service. Blocks: media are decoded and written anew, so call it in a thread.

    Pictures: JPEG in sRGB, upright, transparency on white. Films: H.264 and AAC in MP4. Speech: 16-bit mono WAV at 48 kHz.
    Text: itself, without white space at the ends of lines.

    Args:
        side: longest side of pictures and films in pixels; they are made smaller, never larger.
        loudness: LUFS that sound is brought to; None takes -23.
        which: which picture of a response with several.

    Raises:
        ConfigurationError: films and compressed sound need the extra `video`. An MP4 without captions does without, but keeps its codec.
        InvalidRequestError: this kind of response cannot be masked, has no such picture, or lasts longer than 15 minutes.
        MalformedResponseError: the file cannot be decoded.
        StorageError: the file is gone.
    """
    if side < 16:
        raise InvalidRequestError(f"side must be 16 pixels or more, not {side}.")
    if isinstance(response, TextGenerationResponse):
        return Masked("text/plain", text=_trimmed(response.text))
    if isinstance(response, ImageGenerationResponse):
        if not 0 <= which < len(response.image_paths):
            raise InvalidRequestError(f"there is no picture {which}: the response has {len(response.image_paths)}.")
        return _picture(Path(response.image_paths[which]), side)
    if isinstance(response, SpeechSynthesisResponse):
        return _speech(Path(response.audio_path), loudness)
    if isinstance(response, VideoGenerationResponse):
        if response.video_path is None:
            raise EmptyResultError("the film is not there yet.", hint="Wait for its job first.")
        return _film(Path(response.video_path), side, loudness)
    raise InvalidRequestError(f"a {type(response).__name__} cannot be masked.")


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def _picture(path: Path, side: int) -> Masked:
    image = decode_picture(path, side).image
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=PICTURE_QUALITY, subsampling=0, optimize=False)
    return Masked("image/jpeg", buffer.getvalue(), width=image.width, height=image.height)


def _speech(path: Path, loudness: float | None) -> Masked:
    sound = decode_sound(path, rate=RATE, channels=1)
    return Masked("audio/wav", encode_wav(matched(sound, loudness), RATE), duration=sound.seconds)


def _film(path: Path, side: int, loudness: float | None) -> Masked:
    if has_pyav():
        from viralai_sdk.compare.masking_film import neutral_film

        data, found = neutral_film(path, side, loudness)
    else:
        data, found = _film_by_boxes(path)
    return Masked("video/mp4", data, width=found.width, height=found.height, duration=found.duration)


def _film_by_boxes(path: Path) -> tuple[bytes, Measured]:
    """Without PyAV an MP4 keeps codec and size but loses every word about its origin."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise storage_error("read", path, error) from error
    if sniff(data[:64]) != "video/mp4":
        raise ConfigurationError(
            "hiding where a film comes from needs PyAV.", hint='Install it: pip install "viralai-sdk[video]"'
        )
    scrubbed = scrub_mp4(data)
    return scrubbed, measure(scrubbed, "video")
