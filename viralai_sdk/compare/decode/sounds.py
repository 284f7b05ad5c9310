"""Sounds as samples, whatever they were packed in, and how loud they are."""

from __future__ import annotations

import importlib
import io
import struct
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from viralai_sdk.compare.decode.backend import has_pyav, opened
from viralai_sdk.interfaces.errors import ConfigurationError, EmptyResultError, MalformedResponseError
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.store.files import storage_error
from viralai_sdk.store.sound import read_wav

Samples: TypeAlias = NDArray[np.float32]
"""Shape (samples, channels), full scale ±1."""

MAX_SECONDS = 900.0
"""A longer sound is decoded up to here."""
BLOCK = 0.4
"""Seconds of a block of BS.1770 loudness: nothing shorter can be measured."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Decoded samples. `whole` is False when the sound went on behind `limit`."""

    samples: Samples
    rate: int
    whole: bool = True

    @property
    def seconds(self) -> float:
        """Length of what was decoded."""
        return len(self.samples) / self.rate

    def mono(self) -> NDArray[np.float32]:
        """The mean of the channels."""
        return np.asarray(self.samples.mean(axis=1), np.float32)


def decode_sound(
    path: Path, *, rate: int | None = None, channels: int | None = None, limit: float = MAX_SECONDS
) -> Sound:
    """Decode a sound file, or the sound of a film.

    Args:
        rate: Hz to resample to; None keeps the file's own.
        channels: 1 or 2; None keeps the file's own.
        limit: seconds after which decoding stops.

    Raises:
        ConfigurationError: it is not WAV, and PyAV is not installed.
        EmptyResultError: there is no sound in it.
        MalformedResponseError: it cannot be decoded.
        StorageError: the file cannot be read.
    """
    if has_pyav():
        found = _by_pyav(path, rate, channels, limit)
    else:
        found = _wav(path, limit)
        found = _in_form(found, rate or found.rate, channels or found.samples.shape[1])
    if not len(found.samples):
        raise EmptyResultError(f"{path.name} has no sound in it.")
    return found


def _by_pyav(path: Path, rate: int | None, channels: int | None, limit: float) -> Sound:
    with opened(path, "decoding sound") as container:
        stream = next(iter(container.streams.audio), None)
        if stream is None:
            raise EmptyResultError(f"{path.name} has no sound in it.")
        rate = rate or int(stream.rate)
        channels = channels or min(int(stream.channels), 2)
        pieces: list[Samples] = []
        count, most = 0, round(limit * rate)
        for piece in _resampled(container, stream, rate, channels):
            pieces.append(piece)
            count += len(piece)
            if count > most:
                break
    samples = np.concatenate(pieces) if pieces else np.zeros((0, channels), np.float32)
    return Sound(samples[:most], rate, count <= most)


def _resampled(container: Any, stream: Any, rate: int, channels: int) -> Iterator[Samples]:
    av = importlib.import_module("av")
    resampler = av.AudioResampler("fltp", "mono" if channels == 1 else "stereo", rate)
    for frame in container.decode(stream):
        for piece in resampler.resample(frame):
            yield piece.to_ndarray().T
    for piece in resampler.resample(None):
        yield piece.to_ndarray().T


def _wav(path: Path, limit: float) -> Sound:
    """PCM and float WAV, without PyAV."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
            if sniff(head) != "audio/wav":
                raise ConfigurationError(
                    f"decoding {sniff(head) or 'this sound'} needs PyAV.",
                    hint='Install it: pip install "viralai-sdk[video]"',
                )
            shape = read_wav(file, file.seek(0, io.SEEK_END))
            file.seek(0)
            opening = file.read(shape.data_start)
            width = shape.bytes_per_second // (shape.sample_rate * shape.channels)
            frame = width * shape.channels
            most = min(shape.data_size // frame, round(limit * shape.sample_rate))
            data = file.read(most * frame)
    except OSError as error:
        raise storage_error("read", path, error) from error
    at = opening.find(b"fmt ")
    code = struct.unpack_from("<H", opening, at + 8)[0]
    if code == 0xFFFE and len(opening) >= at + 34:
        code = struct.unpack_from("<H", opening, at + 32)[0]  # the extensible form names the real one in its GUID
    samples = _values(data, code, width).reshape(-1, shape.channels)
    return Sound(samples, shape.sample_rate, most >= shape.data_size // frame)


def _values(data: bytes, code: int, width: int) -> NDArray[np.float32]:
    if code == 3 and width in (4, 8):
        return np.frombuffer(data, f"<f{width}").astype(np.float32)
    if code != 1 or width not in (1, 2, 3, 4):
        raise MalformedResponseError(
            f"the WAV file is coded in a way (format {code}, {width * 8} bits) that is not read here."
        )
    if width == 1:
        return ((np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128).astype(np.float32)
    if width == 3:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return (wide.view("<i4").ravel() / 2**31).astype(np.float32)
    return np.asarray(np.frombuffer(data, f"<i{width}") / 2 ** (8 * width - 1), np.float32)


def _in_form(sound: Sound, rate: int, channels: int) -> Sound:
    samples = sound.samples
    if channels == 1 or samples.shape[1] > 2:
        samples = samples.mean(axis=1, keepdims=True, dtype=np.float32)
    if channels == 2 and samples.shape[1] == 1:
        samples = np.repeat(samples, 2, axis=1)
    if rate != sound.rate and len(samples):
        samples = np.stack([_resample(column, sound.rate, rate) for column in samples.T], axis=1)
    return Sound(samples, rate, sound.whole)


def _resample(column: NDArray[np.float32], old: int, new: int) -> NDArray[np.float32]:
    """Band-limited, by cutting or filling the spectrum of pieces of 8 s that overlap and are cross-faded."""
    piece, overlap = 8 * old, old
    count = round(len(column) * new / old)
    made, weight = np.zeros(count + 9 * new), np.zeros(count + 9 * new)
    for at in range(0, len(column), piece - overlap):
        part = column[at : at + piece]
        part = np.pad(part, (0, piece - len(part)))
        spectrum = np.fft.rfft(part)
        wide = np.zeros(8 * new // 2 + 1, complex)
        kept = min(len(spectrum), len(wide))
        wide[:kept] = spectrum[:kept]
        fade = np.minimum(1.0, (np.minimum(np.arange(8 * new), np.arange(8 * new)[::-1]) + 1) / new)
        fade[:new] = 1.0 if at == 0 else fade[:new]
        start = round(at * new / old)
        made[start : start + 8 * new] += np.fft.irfft(wide, 8 * new) * (new / old) * fade
        weight[start : start + 8 * new] += fade
    return (made[:count] / weight[:count]).astype(np.float32)


LoudnessState = Literal["measured", "too short", "silent", "pyloudnorm is not installed"]


def loudness(sound: Sound) -> tuple[float | None, LoudnessState]:
    """Integrated loudness (LUFS, ITU-R BS.1770-4 as pyloudnorm measures it) and why there is none."""
    if not np.any(np.abs(sound.samples) > 1e-5):
        return None, "silent"
    if sound.seconds < BLOCK:
        return None, "too short"
    try:
        meter = importlib.import_module("pyloudnorm").Meter(sound.rate)
    except ImportError:
        return None, "pyloudnorm is not installed"
    with np.errstate(all="ignore"):  # it takes the logarithm of silent blocks
        found = float(meter.integrated_loudness(sound.samples.astype(np.float64)))
    return (found, "measured") if np.isfinite(found) else (None, "silent")


def speech_level(sound: Sound) -> float | None:
    """Level in dB of full scale of the part that is not silence (blocks within 20 dB of the loudest); None for silence.

    It stands in for loudness where that cannot be measured: below 0.4 s, or without pyloudnorm.
    """
    mono = sound.mono()
    size = max(1, round(0.05 * sound.rate))
    blocks = np.pad(mono, (0, -len(mono) % size)).reshape(-1, size)
    power = np.mean(blocks.astype(np.float64) ** 2, axis=1)
    top = power.max(initial=0.0)
    return float(10 * np.log10(power[power >= top / 100].mean())) if top > 1e-10 else None


def encode_wav(samples: Samples, rate: int) -> bytes:
    """16-bit PCM WAV of nothing but format and samples."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((samples.shape[1], 2, rate, 0, "NONE", ""))
        file.writeframes(np.round(samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()
