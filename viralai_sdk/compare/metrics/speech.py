"""Measurements of speech."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from viralai_sdk.compare.cells import Value
from viralai_sdk.compare.decode.sounds import Sound, decode_sound
from viralai_sdk.compare.metrics.levels import describe
from viralai_sdk.compare.metrics.registry import Sample
from viralai_sdk.compare.metrics.texts import count_words
from viralai_sdk.interfaces.errors import AIError, EmptyResultError

LOWEST, HIGHEST = 60.0, 500.0
"""Pitch of human speech, Hz."""
_FRAME = 0.05
"""Seconds of a frame: three periods of the lowest pitch."""
_FRAMES = 600
"""At most so many frames are looked at, spread over the whole recording."""
_VOICED = 0.6
"""Normalised autocorrelation from which a frame counts as voiced."""
_TAG = re.compile(r"<[^<>]*>")


def measure(sample: Sample, failures: list[AIError]) -> dict[str, Value]:
    """All facts of a recording.

    Raises:
        AIError: it is gone or cannot be decoded.
    """
    given = getattr(sample.response, "audio_path", None)
    if given is None:
        raise EmptyResultError("the response has no recording.")
    path = Path(given)
    sound = decode_sound(path)
    told = float(getattr(sample.response, "duration", 0.0))
    seconds = told if told > 0 and not sound.whole else sound.seconds
    pitches = pitch_track(sound)
    spoken = _words(sample)
    return {
        "file_size": path.stat().st_size,
        "duration": seconds,
        "sample_rate": sound.rate,
        **describe(sound),
        "words_per_minute": spoken / seconds * 60 if spoken and seconds > 0 else None,
        "pitch": float(np.median(pitches)) if len(pitches) else None,
        "pitch_range": _semitones(pitches) if len(pitches) else None,
    }


def _words(sample: Sample) -> int | None:
    text = sample.prompt
    if text is not None and sample.parameters.get("ssml"):
        text = _TAG.sub(" ", text)
    return None if text is None else count_words(text)


def _semitones(pitches: NDArray[np.float64]) -> float:
    low, high = np.percentile(pitches, [10, 90])
    return float(12 * np.log2(high / low))


def pitch_track(sound: Sound) -> NDArray[np.float64]:
    """Pitch in Hz of every voiced frame, in order.

    The autocorrelation of each Hann-windowed frame is divided by that of the window (Boersma 1993), so that long lags are not
    disadvantaged; of peaks nearly as high as the highest the one with the shortest lag counts, which avoids octaves too low.
    """
    mono = sound.mono().astype(np.float64)
    size = round(_FRAME * sound.rate)
    if len(mono) < size:
        return np.zeros(0)
    starts = np.unique(np.linspace(0, len(mono) - size, min(_FRAMES, 1 + (len(mono) - size) * 4 // size)).astype(int))
    window = np.hanning(size)
    width = 1 << (2 * size - 1).bit_length()
    own = np.fft.irfft(np.abs(np.fft.rfft(window, width)) ** 2)[:size]
    frames = np.stack([mono[start : start + size] for start in starts])
    frames -= frames.mean(axis=1, keepdims=True)
    powers = (frames**2).mean(axis=1)
    loud = frames[powers > max(powers.max() / 1000, 1e-8)]
    found = (_pitch(frame * window, own, width, sound.rate) for frame in loud)
    return np.array([hertz for hertz in found if hertz is not None])


def _pitch(frame: NDArray[np.float64], own: NDArray[np.float64], width: int, rate: int) -> float | None:
    shortest, longest = int(rate / HIGHEST), min(int(rate / LOWEST) + 1, len(own) * 2 // 3)
    alike = np.fft.irfft(np.abs(np.fft.rfft(frame, width)) ** 2)[: longest + 2]
    alike = alike / alike[0] / (own[: longest + 2] / own[0])
    inside = alike[shortest : longest + 1]
    peaks = np.flatnonzero((inside[1:-1] >= inside[:-2]) & (inside[1:-1] > inside[2:])) + 1
    if not len(peaks):
        return None
    best = float(inside[peaks].max())
    if best < _VOICED:
        return None
    at = shortest + int(peaks[inside[peaks] >= 0.9 * best][0])
    before, middle, after = alike[at - 1 : at + 2]
    bend = before - 2 * middle + after
    offset = 0.5 * (before - after) / bend if bend else 0.0  # the top of a parabola through three points
    return float(rate / (at + offset))
