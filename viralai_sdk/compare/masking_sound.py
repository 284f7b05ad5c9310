"""Level-matched sound: of two recordings people prefer the louder one, so none may be."""

from __future__ import annotations

import numpy as np

from viralai_sdk.compare.decode.sounds import MAX_SECONDS, Samples, Sound, loudness, speech_level
from viralai_sdk.interfaces.errors import InvalidRequestError

RATE = 48_000
"""Hz of every neutral sound."""
TARGET = -23.0
"""LUFS all are brought to (EBU R 128): low enough that hardly any speech would clip."""
PEAK = 0.98


def matched(sound: Sound, target: float | None) -> Samples:
    """The samples at the target loudness (LUFS); silence stays silence, and nothing clips: what would is left as much quieter.

    Where loudness cannot be measured (shorter than 0.4 s, no pyloudnorm) the level of what is not silence is brought to the same figure.

    Raises:
        InvalidRequestError: the sound was too long to be decoded whole: half of it is no result.
    """
    if not sound.whole:
        raise InvalidRequestError(
            f"sounds longer than {MAX_SECONDS / 60:.0f} minutes cannot be compared blind.",
            hint="Compare a part of them.",
        )
    found, _ = loudness(sound)
    level = found if found is not None else speech_level(sound)
    if level is None:
        return sound.samples
    gain = 10 ** (((TARGET if target is None else target) - level) / 20)
    loudest = float(np.abs(sound.samples).max()) * gain
    return (sound.samples * np.float32(gain * min(1.0, PEAK / loudest))).astype(np.float32)
