"""From sounds to control tracks: formants, voicing, breath and friction, one value each for every 2.5 ms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viralai_sdk.providers.embedded.voice.formant.prosody import Phone

Floats = NDArray[np.float64]
SAMPLE_RATE = 22_050
STEP = 55  # samples between two control values
NEUTRAL_ZERO = 1200.0  # where the nasal pole and zero cancel each other
_SPEECH_BREATH = -34.0


@cache
def sounds() -> dict[str, dict[str, Any]]:
    """The phoneme table."""
    table: dict[str, dict[str, Any]] = json.loads((files(__package__) / "phonemes.json").read_text("utf-8"))
    return {name: entry for name, entry in table.items() if name != "about"}


def lengths() -> dict[str, float]:
    """Each phoneme's own length in ms."""
    return {
        name: entry["ms"] + (entry.get("burst", 0) + entry.get("breath", 0) * 0.5) for name, entry in sounds().items()
    }


@dataclass(slots=True)
class Tracks:
    """Arrays over time steps. `formants`, `bandwidths`: (n, 3) Hz; amplitudes linear; `noise` indexes `noises`."""

    formants: Floats
    bandwidths: Floats
    voicing: Floats
    breath: Floats
    friction: Floats
    zero: Floats
    noise: NDArray[np.intp]
    noises: list[list[tuple[float, float, float]]]
    ends: list[int]


def _linear(decibel: float) -> float:
    return float(10 ** (decibel / 20))


def _smooth(values: Floats, seconds: float) -> Floats:
    """Moving Hann average along the first axis, edges held."""
    half = max(1, round(seconds * SAMPLE_RATE / STEP / 2))
    window = np.hanning(2 * half + 3)[1:-1]
    window /= window.sum()
    padded = np.pad(values, [(half, half)] + [(0, 0)] * (values.ndim - 1), mode="edge")
    if values.ndim == 1:
        return np.convolve(padded, window, "valid")
    return np.stack([np.convolve(column, window, "valid") for column in padded.T], axis=1)


def build(phones: Sequence[Phone]) -> Tracks:
    """Control tracks for the sounds of one phrase (at least one)."""
    steps_per_second = SAMPLE_RATE / STEP
    ends = [max(1, round(float(end) * steps_per_second)) for end in np.cumsum([phone.seconds for phone in phones])]
    count = ends[-1]
    tracks = Tracks(
        formants=np.zeros((count, 3)),
        bandwidths=np.zeros((count, 3)),
        voicing=np.zeros(count),
        breath=np.zeros(count),
        friction=np.zeros(count),
        zero=np.full(count, NEUTRAL_ZERO),
        noise=np.zeros(count, dtype=np.intp),
        noises=[[(1000.0, 1000.0, 0.0)]],
        ends=ends,
    )
    for index in range(len(phones)):
        start, end = (ends[index - 1] if index else 0), ends[index]
        if end > start:
            _fill(tracks, phones, index, start, end)
    tracks.formants = _smooth(tracks.formants, 0.055)
    tracks.bandwidths = _smooth(tracks.bandwidths, 0.03)
    tracks.zero = _smooth(tracks.zero, 0.02)
    tracks.voicing = _smooth(tracks.voicing, 0.018)
    tracks.breath = _smooth(tracks.breath, 0.015)
    tracks.friction = _smooth(tracks.friction, 0.006)
    return tracks


def _neighbour(phones: Sequence[Phone], index: int, step: int) -> list[float] | None:
    """Formants of the next sonorant sound on that side, within two sounds."""
    for distance in (1, 2):
        at = index + step * distance
        if not 0 <= at < len(phones):
            return None
        entry = sounds()[phones[at].name]
        if entry["kind"] in {"vowel", "glide"}:
            chosen: list[float] = entry["g"] if step < 0 and "g" in entry else entry["f"]
            return chosen
    return None


def _fill(tracks: Tracks, phones: Sequence[Phone], index: int, start: int, end: int) -> None:
    phone = phones[index]
    entry = sounds()[phone.name]
    kind = entry["kind"]
    middle = start + (end - start) // 2
    own = np.array(entry["f"], dtype=float)
    tracks.bandwidths[start:end] = entry["b"]
    if kind in {"vowel", "glide", "nasal"}:
        _fill_voiced(tracks, entry, phone, start, end)
        return
    pull = np.array([0.0 if kind != "breath" else 1.0, 1.0, 0.5 if kind != "breath" else 1.0]) * entry["locus"]
    before, after = _neighbour(phones, index, -1), _neighbour(phones, index, 1)
    for part, near in ((slice(start, middle), before or after), (slice(middle, end), after or before)):
        tracks.formants[part] = own if near is None else own + pull * (np.array(near) - own)
    peaks = [(float(c), float(w), float(g)) for c, w, g in entry.get("noise", [])]
    near = after or before
    if entry.get("follows") and near is not None:
        # The burst of k and g sits at the second formant of what follows.
        peaks[0] = (max(1150.0, near[1] * 1.12), peaks[0][1], peaks[0][2])
    if peaks:
        tracks.noises.append(peaks)
        tracks.noise[start:end] = len(tracks.noises) - 1
    if kind == "breath":
        tracks.breath[start:end] = _linear(entry["ah"])
    elif kind in {"stop", "affricate"}:
        _fill_stop(tracks, entry, phones, index, start, end)
    else:
        ramp = min(10, max(1, (end - start) // 3))
        envelope = np.minimum(1.0, np.minimum(np.arange(1, end - start + 1), np.arange(end - start, 0, -1)) / ramp)
        tracks.friction[start:end] = _linear(entry["af"]) * envelope
        if "av" in entry:
            tracks.voicing[start:end] = _linear(entry["av"])


def _fill_voiced(tracks: Tracks, entry: dict[str, Any], phone: Phone, start: int, end: int) -> None:
    tracks.formants[start:end] = entry["f"]
    if "g" in entry:
        first, last = np.array(entry["f"], dtype=float), np.array(entry["g"], dtype=float)
        way = np.clip((np.linspace(0, 1, end - start) - 0.3) / 0.5, 0, 1)[:, None]
        tracks.formants[start:end] = first + (last - first) * way
    level = entry.get("av", 0.0 if phone.stressed else -2.5)
    tracks.voicing[start:end] = _linear(level)
    tracks.breath[start:end] = _linear(level + _SPEECH_BREATH)
    if "zero" in entry:
        tracks.zero[start:end] = entry["zero"]


def _fill_stop(
    tracks: Tracks, entry: dict[str, Any], phones: Sequence[Phone], index: int, start: int, end: int
) -> None:
    """Closure, burst, and for p t k before a voiced sound the breath until the voice sets in."""
    follower = sounds()[phones[index + 1].name] if index + 1 < len(phones) else None
    opens = follower is not None and follower["kind"] in {"vowel", "glide"}
    after_s = index > 0 and phones[index - 1].name == "S"
    whole = entry["ms"] + entry["burst"] + entry.get("breath", 0) * 0.5
    burst = max(2, round((end - start) * entry["burst"] / whole))
    breath = round((end - start) * entry.get("breath", 0) * 0.5 / whole) if opens and not after_s else 0
    release = max(start, end - burst - breath)
    if "av" in entry:
        # The voice bar: low voicing behind the closed lips.
        tracks.voicing[start:release] = _linear(entry["av"])
        tracks.bandwidths[start:release] = np.array([80.0, 500.0, 700.0])
    silent_follower = follower is not None and follower["kind"] in {"stop", "affricate"}
    level = _linear(entry["af"] - (10 if silent_follower else 5 if follower is None else 0))
    length = min(burst, end - release)
    decay = np.linspace(1.0, 0.35, length) if entry["kind"] == "stop" else np.linspace(1.0, 0.6, length)
    tracks.friction[release : release + length] = level * decay
    if breath:
        tracks.breath[release + length : end] = _linear(-10.0)
        if end < len(tracks.breath):
            # The voice starts inside the vowel: its first moments are still breathed.
            tracks.breath[release:end] = np.maximum(tracks.breath[release:end], _linear(-14.0))
