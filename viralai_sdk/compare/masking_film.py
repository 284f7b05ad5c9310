"""Films in the neutral form: H.264 and AAC in MP4, written anew with one encoder and one set of settings for every arm.

A mere change of container would leave an encoder's hand visible: its codec, profile, group of pictures and the settings x264 writes into
the stream. Written anew, all arms pay the same small loss and only what is to be judged stays different.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from viralai_sdk.compare.decode.backend import opened
from viralai_sdk.compare.decode.sounds import Samples, decode_sound
from viralai_sdk.compare.masking_boxes import scrub_mp4
from viralai_sdk.compare.masking_sound import RATE, matched
from viralai_sdk.interfaces.errors import ConfigurationError, EmptyResultError
from viralai_sdk.store.measure import Measured, measure

_TICKS = Fraction(1, 90_000)
_CODING = {"preset": "veryfast", "crf": "18", "bf": "0"}
"""Visually without loss; without B-frames every browser shows the first picture at once."""
_PIECE = 1024
"""Samples of an AAC frame."""


def neutral_film(path: Path, side: int, loudness: float | None) -> tuple[bytes, Measured]:
    """A film as neutral bytes and what they measure; its longest side at most `side` pixels, its sound level-matched.

    Raises:
        ConfigurationError: PyAV is not installed.
        MalformedResponseError: it cannot be decoded.
    """
    buffer = io.BytesIO()
    with opened(path, "hiding where a film comes from") as source:
        av = importlib.import_module("av")
        picture = next(iter(source.streams.video), None)
        if picture is None:
            raise EmptyResultError(f"{path.name} has no picture in it.")
        picture.thread_type = "AUTO"
        sound = matched(decode_sound(path, rate=RATE, channels=2), loudness) if source.streams.audio else None
        with av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"}) as target:
            _write(av, source, picture, target, sound, side)
    data = scrub_mp4(buffer.getvalue())
    return data, measure(data, "video")


def _write(av: Any, source: Any, picture: Any, target: Any, sound: Samples | None, side: int) -> None:
    """Pictures and sound take turns, so that a player never waits for one of them."""
    coder: Any = None
    voice: Any = target.add_stream("aac", rate=RATE, layout="stereo", bit_rate=192_000) if sound is not None else None
    spoken = _pieces(av, sound) if sound is not None else iter(())
    heard = 0.0
    first: float | None = None
    at, step = -1, round(1 / (picture.average_rate or 25) / _TICKS)
    for frame in source.decode(picture):
        image = _upright(av, frame)
        if coder is None:
            coder = _coder(target, image, picture, side)
        if first is None:
            first = frame.time or 0.0
        given = round((frame.time - first) / _TICKS) if frame.time is not None else at + step
        at = max(given, at + 1)  # a damaged clock must not run backwards
        shown = image.reformat(coder.width, coder.height, "yuv420p")
        shown.pts, shown.time_base = at, _TICKS
        target.mux(coder.encode(shown))
        while heard <= at * _TICKS and (piece := next(spoken, None)) is not None:
            target.mux(voice.encode(piece))
            heard += piece.samples / RATE
    if coder is None:
        raise EmptyResultError("the film has no picture in it.")
    for piece in spoken:
        target.mux(voice.encode(piece))
    target.mux(coder.encode(None))
    if voice is not None:
        target.mux(voice.encode(None))


def _coder(target: Any, image: Any, picture: Any, side: int) -> Any:
    scale = min(1.0, side / max(image.width, image.height))
    try:
        stream = target.add_stream("libx264", rate=picture.average_rate or 25, options=_CODING)
    except ValueError as error:
        raise ConfigurationError(
            "this PyAV cannot write H.264.", hint='Install the one with x264: pip install "viralai-sdk[video]"'
        ) from error
    stream.width, stream.height = (max(2, round(edge * scale / 2) * 2) for edge in (image.width, image.height))
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = _TICKS
    return stream


def _upright(av: Any, frame: Any) -> Any:
    """Telephones store a film lying down and a note how to turn it."""
    turns = round(frame.rotation / 90) % 4
    if not turns:
        return frame
    turned = np.rot90(frame.to_ndarray(format="rgb24"), turns)
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(turned), format="rgb24")


def _pieces(av: Any, samples: Samples) -> Iterator[Any]:
    for at in range(0, len(samples), _PIECE):
        part = np.ascontiguousarray(samples[at : at + _PIECE].T)
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
        yield frame
