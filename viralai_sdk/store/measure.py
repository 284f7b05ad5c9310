"""Proves that a result is the picture, film or sound it was paid as, and reads its size and length from the bytes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO, Literal

from viralai_sdk.interfaces.errors import EmptyResultError
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.store.files import storage_error
from viralai_sdk.store.isobmff import Movie, Reader
from viralai_sdk.store.measured import Measured, check_size, describe, malformed
from viralai_sdk.store.pictures import measure_image
from viralai_sdk.store.sound import measure_adts, measure_tagged, measure_wav
from viralai_sdk.store.webm import measure_webm

__all__ = ["Measured", "measure"]

Kind = Literal["image", "video", "audio"]
MAX_IMAGE_BYTES = 512 * 1024 * 1024
_HEAD = 512


def measure(source: bytes | Path, expected: Kind | str) -> Measured:
    """Measure a media file; a path is read piece by piece, never taken into memory (pictures excepted).

    Args:
        source: the bytes of the file, or where it lies.
        expected: "image", "video" or "audio".

    Raises:
        EmptyResultError: there are no bytes, or the film or sound lasts zero seconds.
        MalformedResponseError: cut off, damaged, undecodable or another kind of file; the message says what it is.
        StorageError: the path cannot be read.
    """
    if isinstance(source, bytes):
        return _measure(io.BytesIO(source), len(source), expected)
    try:
        with source.open("rb") as file:
            return _measure(file, file.seek(0, io.SEEK_END), expected)
    except OSError as error:
        raise storage_error("read", source, error) from error


def _measure(file: BinaryIO, size: int, expected: str) -> Measured:
    if not size:
        raise EmptyResultError(f"the {expected} has no bytes in it.")
    file.seek(0)
    head = file.read(_HEAD)
    media_type = sniff(head)
    if expected == "image" and media_type and media_type.startswith("image/"):
        if size > MAX_IMAGE_BYTES:
            raise malformed(f"the picture has {size} bytes; the limit is {MAX_IMAGE_BYTES}.")
        file.seek(0)
        return measure_image(file.read(), media_type)
    if expected in ("video", "audio") and media_type in ("video/mp4", "video/quicktime", "audio/mp4"):
        return _movie(Reader(file, size).movie(), media_type, expected)
    if expected in ("video", "audio") and media_type == "video/webm":
        return _webm(measure_webm(file, size, f"{expected}/webm"), expected)
    if expected == "audio" and media_type == "audio/wav":
        return measure_wav(file, size)
    if expected == "audio" and media_type == "audio/aac":
        return measure_adts(file, size)
    if expected == "audio" and media_type in ("audio/mpeg", "audio/ogg", "audio/flac"):
        return measure_tagged(file, size, media_type)
    raise malformed(f"expected {_article(expected)}, got {describe(head)}.")


def _movie(movie: Movie, media_type: str, expected: str) -> Measured:
    video, audio = movie.video, movie.audio
    if expected == "video" and video is None:
        raise malformed("expected a video, but the file has no picture track.")
    if expected == "audio" and audio is None:
        raise malformed("expected an audio file, but the file has no sound track.")
    main = video if expected == "video" else audio
    assert main is not None
    if movie.seconds <= 0 or not main.samples:
        raise EmptyResultError(f"the {expected} lasts zero seconds.")
    if video is not None:
        check_size(video.width, video.height, "film")
    return Measured(
        "audio/mp4" if expected == "audio" else media_type,
        width=video.width if video else None,
        height=video.height if video else None,
        duration=movie.seconds,
        fps=video.rate if video else None,
        sample_rate=(audio.sample_rate or None) if audio else None,
        channels=(audio.channels or None) if audio else None,
        has_audio=audio is not None,
        has_video=video is not None,
    )


def _webm(found: Measured, expected: str) -> Measured:
    if expected == "video" and found.has_video is False:
        raise malformed("expected a video, but the file has no picture track.")
    if expected == "audio" and found.has_audio is False:
        raise malformed("expected an audio file, but the file has no sound track.")
    return found


def _article(expected: str) -> str:
    return {"image": "an image", "video": "a video", "audio": "an audio file"}.get(expected, expected)
