"""ElevenLabs' output formats, and recordings out of its bytes."""

from __future__ import annotations

import io
import re
import wave

from viralai_sdk.interfaces.errors import EmptyResultError, MalformedResponseError
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.interfaces.steps import Blob

FORMATS = {"mp3": "mp3_44100_128", "opus": "opus_48000_128", "wav": "wav_24000", "pcm": "pcm_24000"}
"""Our format → the vendor's name of a codec, sample rate and bit rate. The others are named by `options={"output_format": …}`."""
STREAMED = {**FORMATS, "wav": "pcm_24000"}
"""The same for the streaming route, which has no WAV."""
HEADERLESS = ("ulaw", "alaw")


def recording(data: bytes, wanted: str) -> Blob:
    """The recording in an answer; raw samples get a WAV header.

    Args:
        wanted: the vendor's name of the format.

    Raises:
        EmptyResultError, MalformedResponseError: there is none.
    """
    if not data:
        raise EmptyResultError("the answer holds no sound.")
    raw = re.fullmatch(r"pcm_(\d+)", wanted)
    kind = sniff(data[:64])
    # Raw samples may begin like anything; a text is the one thing they cannot pass for.
    if raw and kind != "audio/wav" and not _is_text(data[:64]):
        return Blob(wrap_pcm(data, int(raw[1])), "audio/wav")
    if kind is None or not kind.startswith("audio/"):
        raise MalformedResponseError(f"what came as {wanted} is no sound; it starts with {data[:16]!r}.")
    return Blob(data, kind)


def wrap_pcm(samples: bytes, rate: int) -> bytes:
    """Raw samples (mono, signed 16 bit, little endian) as a WAV file. Half a sample at the end of a cut transfer is dropped."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", "not compressed"))
        file.writeframes(samples[: len(samples) // 2 * 2])
    return buffer.getvalue()


def _is_text(head: bytes) -> bool:
    return head.isascii() and all(byte >= 32 or byte in b"\t\r\n" for byte in head)
