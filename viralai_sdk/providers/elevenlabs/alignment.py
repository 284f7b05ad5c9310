"""Word timings out of ElevenLabs' character alignment."""

from __future__ import annotations

import math
from typing import Any

from viralai_sdk.interfaces.records import WordTiming


def word_timings(alignment: Any) -> list[WordTiming] | None:
    """The words of an alignment, in order; None when it cannot be read.

    Args:
        alignment: `{characters, character_start_times_seconds, character_end_times_seconds}`, one entry a character.
    """
    if not isinstance(alignment, dict):
        return None
    columns = [
        alignment.get(name) for name in ("characters", "character_start_times_seconds", "character_end_times_seconds")
    ]
    if not all(isinstance(column, list) for column in columns):
        return None
    characters, starts, ends = (column or [] for column in columns)
    if not len(characters) == len(starts) == len(ends):
        return None
    if not all(isinstance(character, str) for character in characters):
        return None
    if not all(_is_time(value) for value in (*starts, *ends)):
        return None
    return _words(characters, starts, ends)


def _words(characters: list[str], starts: list[float], ends: list[float]) -> list[WordTiming]:
    words: list[WordTiming] = []
    begin: int | None = None
    for position, character in enumerate([*characters, " "]):
        if character.strip():
            begin = position if begin is None else begin
        elif begin is not None:
            text = "".join(characters[begin:position])
            start, end = starts[begin], max(ends[begin:position])
            words.append(WordTiming(text=text, start=start, end=max(start, end)))
            begin = None
    return words


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
