"""Source and filter: one response of the vocal tract for every pulse of the glottis, shaped noise for the rest.

Each pulse is shaped in the frequency domain by the formants of its moment and added at its exact time. That is a
cascade formant synthesiser whose parameters change once in a pitch period, and numpy does all pulses at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from viralai_sdk.providers.embedded.voice.formant.tracks import NEUTRAL_ZERO, SAMPLE_RATE, STEP, Floats, Tracks

_PULSE_FFT, _NOISE_FFT = 1024, 256
_BLOCK = 128
_OPEN_PART = 0.58  # of a period, the glottis is open
_LIFT = 0.62  # pre-emphasis: a lively voice, and as bright as espeak-ng between 1.5 and 4 kHz (measured)
# Formants that hardly move (Hz, bandwidth).
_UPPER = ((3350.0, 160.0), (4100.0, 230.0), (5300.0, 350.0), (6600.0, 450.0), (7600.0, 500.0))
_NASAL_WIDTH = 110.0
# Levels of the three sources against each other, set so that the spectrum of a sentence resembles natural speech.
VOICE_GAIN, BREATH_GAIN, FRICTION_GAIN = 2.0, 0.27, 0.9

Complex = NDArray[np.complex128]


def _denominator(z: Complex, frequency: Floats, bandwidth: Floats) -> tuple[Complex, Floats]:
    """1 - b z - c z² of a resonator and its value at 0 Hz, for many (rows) at all frequencies (columns)."""
    radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
    b = 2 * radius * np.cos(2 * np.pi * frequency / SAMPLE_RATE)
    c = -radius * radius
    return 1 - b[:, None] * z - c[:, None] * z * z, 1 - b - c


def tract(formants: Floats, bandwidths: Floats, zero: Floats, size: int) -> Complex:
    """The transfer function of the vocal tract, (n, size // 2 + 1), for n moments; 1 at 0 Hz."""
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response: Complex = np.ones((len(formants), len(z)), dtype=complex)
    for frequency, bandwidth in _UPPER:
        denominator, unit = _denominator(z, np.array([frequency]), np.array([bandwidth]))
        response *= unit[:, None] / denominator
    for index in range(formants.shape[1]):
        denominator, unit = _denominator(z, formants[:, index], bandwidths[:, index])
        response *= unit[:, None] / denominator
    width = np.full(len(zero), _NASAL_WIDTH)
    numerator, numerator_unit = _denominator(z, zero, width)
    denominator, unit = _denominator(z, np.full(len(zero), NEUTRAL_ZERO), width)
    response *= numerator / numerator_unit[:, None] * unit[:, None] / denominator
    return response


def render(tracks: Tracks, pitch: Floats, random: np.random.Generator) -> Floats:
    """Samples (about -1 to 1) for the tracks; `pitch` in Hz for every step."""
    length = len(pitch) * STEP
    output = np.zeros(length + _PULSE_FFT)
    _add_voice(output, tracks, pitch, random)
    _add_noise(output, tracks, random)
    return output[:length]


def _add_voice(output: Floats, tracks: Tracks, pitch: Floats, random: np.random.Generator) -> None:
    phase = np.concatenate([[0.0], np.cumsum(pitch) * STEP / SAMPLE_RATE])
    pulses = np.arange(1, int(phase[-1]) + 1, dtype=float)
    # A trace of irregularity, as in any throat; without it the voice buzzes.
    pulses += random.normal(0.0, 0.006, len(pulses))
    times = np.interp(pulses, phase, np.arange(len(phase)) * float(STEP))
    moments = np.minimum((times / STEP).astype(int), len(pitch) - 1)
    loud = tracks.voicing[moments] > 1e-3
    times, moments = times[loud], moments[loud]
    lift = 1 - _LIFT * np.exp(-2j * np.pi * np.arange(_PULSE_FFT // 2 + 1) / _PULSE_FFT)
    for begin in range(0, len(times), _BLOCK):
        now, at = times[begin : begin + _BLOCK], moments[begin : begin + _BLOCK]
        whole = np.floor(now).astype(int)
        spectrum = np.fft.rfft(_glottal(now - whole, pitch[at]), _PULSE_FFT, axis=1)
        spectrum *= tract(tracks.formants[at], tracks.bandwidths[at], tracks.zero[at], _PULSE_FFT) * lift
        waves = np.fft.irfft(spectrum, _PULSE_FFT, axis=1) * (tracks.voicing[at] * VOICE_GAIN)[:, None]
        for start, wave in zip(whole, waves, strict=True):
            part = output[start : start + _PULSE_FFT]
            part += wave[: len(part)]


def _glottal(fraction: Floats, pitch: Floats) -> Floats:
    """The derivative of the air flow through the glottis over one opening, (n, samples): it ends in a sharp closure."""
    opening = _OPEN_PART * SAMPLE_RATE / pitch
    time = np.arange(int(opening.max()) + 2)[None, :] - fraction[:, None]
    share = time / opening[:, None]
    shape = np.where((share >= 0) & (share <= 1), 2 * share - 3 * share * share, 0.0)
    # Pulses keep their energy when the pitch changes.
    return np.asarray(shape * np.sqrt(pitch / 110.0)[:, None], dtype=float)


def _add_noise(output: Floats, tracks: Tracks, random: np.random.Generator) -> None:
    active = np.flatnonzero((tracks.breath > 1e-3) | (tracks.friction > 1e-4))
    if not active.size:
        return
    white = random.normal(0.0, 1.0, (len(tracks.breath) + 1) * STEP)
    window = np.hanning(2 * STEP + 1)[:-1]
    shapes = np.stack([_friction_shape(peaks) for peaks in tracks.noises])
    # Breath comes from an open glottis: it widens the first formant and carries little below it.
    wide = tracks.bandwidths + np.array([150.0, 40.0, 40.0])
    bins = np.arange(_NOISE_FFT // 2 + 1) * SAMPLE_RATE / _NOISE_FFT
    aspiration = bins / 500.0 / np.sqrt(1 + (bins / 500.0) ** 2) * np.sqrt(1 + (bins / 1200.0) ** 2)
    for begin in range(0, len(active), 4 * _BLOCK):
        at = active[begin : begin + 4 * _BLOCK]
        rows = white[at[:, None] * STEP + np.arange(2 * STEP)[None, :]] * window
        filtered = np.abs(tract(tracks.formants[at], wide[at], tracks.zero[at], _NOISE_FFT)) * aspiration
        gains = filtered * (tracks.breath[at] * BREATH_GAIN)[:, None]
        gains = gains + shapes[tracks.noise[at]] * (tracks.friction[at] * FRICTION_GAIN)[:, None]
        waves = np.fft.irfft(np.fft.rfft(rows, _NOISE_FFT, axis=1) * gains, _NOISE_FFT, axis=1)
        for step, wave in zip(at, waves, strict=True):
            part = output[step * STEP : step * STEP + _NOISE_FFT]
            part += wave[: len(part)]


def _friction_shape(peaks: list[tuple[float, float, float]]) -> Floats:
    bins = np.arange(_NOISE_FFT // 2 + 1) * SAMPLE_RATE / _NOISE_FFT
    shape = np.zeros(len(bins))
    for centre, width, decibel in peaks:
        shape += 10 ** (decibel / 20) / (1 + ((bins - centre) / (width / 2)) ** 2)
    return np.asarray(shape / np.sqrt(np.mean(shape**2)), dtype=float)
