"""The sound track as numbers: a generated pad, loudness by the broadcast standard, ducking, and a limiter. All
float32 in -1..1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .storyboard import seeded

RATE = 48_000
NARRATION_LUFS, MUSIC_LUFS, DUCKED_DB = -16.0, -26.0, -10.0
CEILING = 10 ** (-1.5 / 20)
"""Highest sample value; the codec may overshoot it a little without clipping."""
_SILENCE_LUFS = -70.0
_BLOCK, _HOP = round(0.4 * RATE), round(0.1 * RATE)
_CHUNK_BLOCKS = 100  # ten seconds at a time keep a long film's filtering within a few megabytes

Audio = NDArray[np.float32]


def mix(narration: Audio | None, music: Audio | None, length: int) -> Audio:
    """Narration (mono) over music (stereo, shape (2, n)), `length` samples long: shape (1, n) without music, (2, n)
    with it.

    The narration is set to about -16 LUFS and the music to -26, ten dB lower still while someone speaks.
    """
    voice = None
    if narration is not None:
        voice = _fitted(to_loudness(narration, NARRATION_LUFS), length)
    if music is None:
        return limit((np.zeros(length, np.float32) if voice is None else voice)[np.newaxis])
    bed = np.stack([_fitted(channel, length) for channel in music]) * _loudness_gain(music, MUSIC_LUFS)
    bed *= _edges(length)
    if voice is None:
        return limit(bed)
    return limit(bed * _ducking(voice) + voice)


def limit(audio: Audio) -> Audio:
    """Samples above 0.7 of the ceiling are bent below it by a smooth curve; quieter ones stay as they are."""
    knee = 0.7 * CEILING
    room = CEILING - knee
    loud = np.abs(audio)
    bent = knee + room * np.tanh((loud - knee) / room)
    return np.where(loud > knee, np.sign(audio) * bent, audio).astype(np.float32)


def to_loudness(audio: Audio, target: float) -> Audio:
    """`audio` at `target` LUFS. Silence stays silence; nothing is raised by more than 18 dB, so that noise is not
    blown up."""
    return (audio * _loudness_gain(audio, target)).astype(np.float32)


def _loudness_gain(audio: Audio, target: float) -> float:
    measured = integrated_loudness(audio)
    if measured <= _SILENCE_LUFS:
        return 1.0
    return float(10 ** (min(18.0, target - measured) / 20))


def integrated_loudness(audio: Audio) -> float:
    """Loudness in LUFS after ITU-R BS.1770-4 of mono or (channels, n) audio at 48 kHz: K weighting, 400 ms blocks,
    both gates.

    -70 for silence. A clip shorter than one block is measured as one block.
    """
    channels = np.atleast_2d(audio)
    power = np.zeros(max(1, (channels.shape[1] - _BLOCK) // _HOP + 1))
    for channel in channels:
        for first in range(0, len(power), _CHUNK_BLOCKS):
            last = min(len(power), first + _CHUNK_BLOCKS)
            begin = first * _HOP
            run_in = min(begin, RATE // 2)  # lets the filters settle before the part that counts
            part = _k_weighted(channel[begin - run_in : (last - 1) * _HOP + _BLOCK])[run_in:]
            energy = np.concatenate([[0.0], np.cumsum(part**2)])
            starts = np.arange(last - first) * _HOP
            power[first:last] += (energy[np.minimum(starts + _BLOCK, len(part))] - energy[starts]) / _BLOCK
    heard = power[power > 10 ** ((_SILENCE_LUFS + 0.691) / 10)]
    if not len(heard):
        return _SILENCE_LUFS
    heard = heard[heard > heard.mean() * 0.1]  # the relative gate: 10 LU under the mean
    return float(-0.691 + 10 * np.log10(heard.mean()))


def _k_weighted(channel: Audio) -> NDArray[np.float64]:
    """The two filters of BS.1770 (its 48 kHz coefficients), applied in the frequency domain with room for their
    ringing."""
    n = 1 << (len(channel) + RATE // 4).bit_length()
    z = np.exp(-1j * np.pi * np.arange(n // 2 + 1) / (n // 2))
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    high_pass = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    filtered = np.fft.irfft(np.fft.rfft(channel, n) * shelf * high_pass, n)
    return np.asarray(filtered[: len(channel)], dtype=np.float64)


def _ducking(voice: Audio) -> Audio:
    """Gain for the music: down while the voice is heard, with soft slopes that begin a little before it does."""
    step = RATE // 100
    padded = np.pad(voice, (0, -len(voice) % step)).reshape(-1, step)
    speaking = (np.sqrt((padded**2).mean(axis=1)) > 0.012).astype(np.float64)
    reach = 25  # a quarter second each side, so that the pauses between words stay ducked
    held = np.convolve(np.pad(speaking, reach), np.ones(2 * reach + 1), "valid") > 0.5
    slope = np.hanning(53)[1:-1]
    if len(held) < len(slope):
        smooth = np.full(len(held), float(held.any()))
    else:
        edges = np.pad(held.astype(np.float64), len(slope) // 2, mode="edge")
        smooth = np.convolve(edges, slope / slope.sum(), "valid")
    level = 10 ** (DUCKED_DB * smooth / 20)
    positions = (np.arange(len(level)) + 0.5) * step
    return np.interp(np.arange(len(voice)), positions, level).astype(np.float32)


def _edges(length: int) -> Audio:
    """Fade the music in over 0.6 s and out over 1.2 s, less in a very short film."""
    gain = np.ones(length, np.float32)
    rise, fall = min(round(0.6 * RATE), length // 4), min(round(1.2 * RATE), length // 3)
    gain[:rise] = np.sin(np.linspace(0, np.pi / 2, rise)) ** 2
    gain[length - fall :] *= np.cos(np.linspace(0, np.pi / 2, fall)) ** 2
    return gain


def _fitted(audio: Audio, length: int) -> Audio:
    return np.pad(audio[:length], (0, max(0, length - len(audio))))


_PROGRESSIONS = (
    ((0, 7, 16, 23), (-4, 8, 15, 19), (-7, 5, 12, 21), (-5, 7, 14, 23)),
    ((0, 7, 15, 22), (-4, 8, 12, 20), (3, 10, 15, 19), (-2, 10, 14, 17)),
    ((0, 12, 16, 19), (-3, 9, 12, 19), (5, 12, 17, 21), (-5, 7, 14, 21)),
)


def pad(seconds: float, seed: int) -> Audio:
    """A slow, soft chord bed of shape (2, n): deterministic for `seed`, without drums or melody, seamless from chord
    to chord."""
    random = seeded(seed, "pad")
    root = 55.0 * 2 ** (int(random.integers(0, 12)) / 12)
    chords = _PROGRESSIONS[int(random.integers(len(_PROGRESSIONS)))]
    length, chord_length, overlap = round(seconds * RATE), 4 * RATE, round(1.6 * RATE)
    bed = np.zeros((2, length), np.float32)
    for number, start in enumerate(range(0, length, chord_length)):
        stop = min(length, start + chord_length + overlap)
        time = np.arange(start, stop, dtype=np.float64) / RATE
        tone = np.zeros((2, stop - start))
        for step in chords[number % len(chords)]:
            tone += _voice(2 * root * 2 ** (step / 12), time, random)
        gain = np.ones(stop - start)
        ramp = np.sin(np.linspace(0, np.pi / 2, overlap)) ** 2
        if number:
            gain[:overlap] *= ramp[: stop - start]
        after = np.arange(start, stop) - (start + chord_length)
        gain *= np.where(after > 0, 1 - ramp[np.clip(after, 0, overlap - 1)], 1.0)
        bed[:, start:stop] += (tone * gain).astype(np.float32)
    return bed * np.float32(0.02)


def _voice(pitch: float, time: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """One note: two slightly detuned tones, one to each side, with a few soft overtones that slowly come and go."""
    sides = []
    for detune in (-0.0012, 0.0012):
        phase, sway, rate = (*random.uniform(0, 2 * np.pi, 2), random.uniform(0.07, 0.16))
        turn = 2 * np.pi * pitch * (1 + detune) * time + phase
        glow = 0.75 + 0.25 * np.sin(2 * np.pi * rate * time + sway)
        sides.append(np.sin(turn) + 0.32 * glow * np.sin(2 * turn) + 0.1 * glow**2 * np.sin(3 * turn))
    left, right = sides
    return np.stack([left + 0.35 * right, right + 0.35 * left])
