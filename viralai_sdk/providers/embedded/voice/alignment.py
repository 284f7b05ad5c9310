"""Word timings: from what the engine reports to one span for every visible word.

The engine fuses pairs such as "from the" and reports only the first, reports several events for one written word
("10:30"), and none for signs it passes over. Here each written word gets its own, non-overlapping span.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from viralai_sdk.providers.embedded.voice.model import Word

# Scripts written without spaces: there one character is one caption unit.
_UNSPACED = re.compile(
    r"[\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_CLINGS = set(
    "\u30fc\u3041\u3043\u3045\u3047\u3049\u3063\u3083\u3085\u3087\u30a1\u30a3\u30a5\u30a7\u30a9\u30c3\u30e3\u30e5\u30e7"
)
_READ_PUNCTUATION = set("&%@#")


@dataclass(frozen=True, slots=True)
class Token:
    """A visible word: `text[start:end]`."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Event:
    """The engine begins to say the text at `position` (0-based, visible text) at `sample`, until `end`.

    `cuts` are the samples at which its phonemes begin: the places where a fused pair may be divided.
    """

    position: int
    sample: int
    end: int
    cuts: tuple[int, ...] = ()


def is_speakable(text: str) -> bool:
    """Whether anything in the text has a sound: a letter, digit, symbol or a sign that is read out."""
    return any(unicodedata.category(char)[0] in "LNS" or char in _READ_PUNCTUATION for char in text)


def tokens(text: str) -> list[Token]:
    """Visible words: split at white space, Chinese and Japanese at each character; lone punctuation is no word."""
    found: list[Token] = []
    for match in re.finditer(r"\S+", text):
        for start, end in _units(match[0]):
            if is_speakable(match[0][start:end]):
                found.append(Token(match[0][start:end], match.start() + start, match.start() + end))
    return found


def _units(chunk: str) -> list[tuple[int, int]]:
    if not _UNSPACED.search(chunk):
        return [(0, len(chunk))]
    starts = [0]
    for index in range(1, len(chunk)):
        char = chunk[index]
        clings = char in _CLINGS or unicodedata.category(char)[0] in "PM"
        opened = not is_speakable(chunk[starts[-1] : index])
        if not clings and not opened and (_UNSPACED.match(char) or _UNSPACED.match(chunk[index - 1])):
            starts.append(index)
    return list(zip(starts, [*starts[1:], len(chunk)], strict=True))


def align(words: Sequence[Token], events: Sequence[Event], total: int, sample_rate: int) -> tuple[Word, ...]:
    """Give every token a span. `events` in time order; `total` is the number of samples."""
    if not words:
        return ()
    starts = [token.start for token in words]
    heads: dict[int, list[Event]] = {}
    latest = -1
    for event in events:
        index = max(bisect_right(starts, event.position) - 1, 0)
        # The engine may step back a little (it reads "$3" as "three dollars"); time may not.
        latest = max(latest, index)
        heads.setdefault(latest, []).append(event)
    anchors = sorted(heads) or [0]
    spans: list[tuple[float, float]] = []
    for number, anchor in enumerate(anchors):
        first = 0 if number == 0 else anchor
        last = anchors[number + 1] if number + 1 < len(anchors) else len(words)
        own = heads.get(anchor) or [Event(0, 0, total)]
        start = min(own[0].sample, total)
        end = max(start, min(own[-1].end, total))
        cuts = [cut for event in own for cut in event.cuts if start < cut < end]
        spans.extend(_divide(words[first:last], start, end, cuts))
    return tuple(
        Word(token.text, start / sample_rate, end / sample_rate)
        for token, (start, end) in zip(words, spans, strict=True)
    )


def _divide(group: Sequence[Token], start: int, end: int, cuts: Sequence[int]) -> list[tuple[float, float]]:
    """Share a span among fused words by their letters, each border moved to the nearest phoneme."""
    weights = [max(1, sum(char.isalnum() for char in token.text)) for token in group]
    borders: list[float] = [float(start)]
    for index in range(1, len(group)):
        ideal = start + (end - start) * sum(weights[:index]) / sum(weights)
        left = len(group) - index
        usable = [cut for cut in cuts if cut > borders[-1]]
        nearest = min(usable, key=lambda cut: abs(cut - ideal)) if len(usable) >= left else ideal
        # Keep a phoneme for each word that still follows.
        if len(usable) >= left:
            nearest = min(nearest, usable[len(usable) - left])
        borders.append(min(max(float(nearest), borders[-1]), float(end)))
    borders.append(float(end))
    return list(pairwise(borders))
