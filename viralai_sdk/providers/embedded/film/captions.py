"""Word timings become captions: short cues of at most two lines, as WebVTT (with a time stamp per word) and SubRip."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from .plan import FilmPlanError, TimedWord

LINE_WIDTH = 32
"""Columns a line may fill; an East Asian wide character takes two."""
MAX_LINES = 2
_PAUSE = 0.7  # a silence this long (seconds) ends a cue
_LINGER = 0.35  # a cue stays this long after its last word, unless the next one begins
_MAX_CUE = 6.0
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？", "।")


@dataclass(frozen=True, slots=True)
class Cue:
    """One caption: what stands on each line, word by word, from `start` to `end` in seconds."""

    start: float
    end: float
    lines: tuple[tuple[TimedWord, ...], ...]

    @property
    def words(self) -> tuple[TimedWord, ...]:
        """All words in spoken order."""
        return tuple(word for line in self.lines for word in line)

    @property
    def text(self) -> str:
        """The lines as plain text, separated by line breaks."""
        return "\n".join(join_words([word.text for word in line]) for line in self.lines)


def columns(text: str) -> int:
    """Columns `text` fills in a monospaced reading: wide characters two, combining marks none."""
    return sum(0 if unicodedata.combining(c) else 2 if _is_wide(c) else 1 for c in text)


def glue_before(left: str, right: str) -> str:
    """What stands between two neighbouring words: nothing between wide scripts, a space elsewhere."""
    return "" if left and right and _is_wide(left[-1]) and _is_wide(right[0]) else " "


def join_words(texts: Sequence[str]) -> str:
    """Words of one line as text."""
    return "".join(text if i == 0 else glue_before(texts[i - 1], text) + text for i, text in enumerate(texts))


def cues(words: Sequence[TimedWord], *, until: float | None = None) -> tuple[Cue, ...]:
    """Group `words` into cues. They follow one another without overlap; none begins or ends after `until` seconds.

    Words that hold no visible text are left out. Raises FilmPlanError when a time is negative, not finite or runs
    backwards.
    """
    grouped = _group(_clean(words, until))
    result = []
    for i, lines in enumerate(grouped):
        last = lines[-1][-1]
        limit = grouped[i + 1][0][0].start if i + 1 < len(grouped) else (math.inf if until is None else until)
        result.append(Cue(lines[0][0].start, min(last.end + _LINGER, limit), lines))
    return tuple(cue for cue in result if cue.end - cue.start >= 0.001)


def captions_vtt(words: Sequence[TimedWord], *, until: float | None = None) -> str:
    """WebVTT for `words`: cues of at most two lines of about 32 columns, each later word marked with its own start
    time."""
    blocks = ["WEBVTT\n"]
    for cue in cues(words, until=until):
        lines = "\n".join(_marked_line(line, cue) for line in cue.lines)
        blocks.append(f"{_stamp(cue.start)} --> {_stamp(cue.end)}\n{lines}\n")
    return "\n".join(blocks)


def _marked_line(line: tuple[TimedWord, ...], cue: Cue) -> str:
    parts: list[str] = []
    for i, word in enumerate(line):
        if i:
            parts.append(glue_before(line[i - 1].text, word.text))
        # A time stamp must lie strictly inside its cue; the cue's first word begins with the cue and needs none.
        if _ms(cue.start) < _ms(word.start) < _ms(cue.end):
            parts.append(f"<{_stamp(word.start)}>")
        parts.append(_escape(word.text))
    return "".join(parts)


def captions_srt(words: Sequence[TimedWord], *, until: float | None = None) -> str:
    """SubRip (.srt) for `words`; the same cues, without times inside a cue."""
    blocks = []
    for number, cue in enumerate(cues(words, until=until), start=1):
        start, end = _stamp(cue.start).replace(".", ","), _stamp(cue.end).replace(".", ",")
        blocks.append(f"{number}\n{start} --> {end}\n{cue.text}\n")
    return "\n".join(blocks)


def _clean(words: Sequence[TimedWord], until: float | None) -> list[TimedWord]:
    """Words with visible text, in order, cut at `until`; a word too long for a line becomes several that share its
    time."""
    kept: list[TimedWord] = []
    before = 0.0
    for word in words:
        if not (math.isfinite(word.start) and math.isfinite(word.end) and 0 <= word.start <= word.end):
            raise FilmPlanError("words", f"{word.text!r} has the impossible times {word.start} to {word.end}")
        if word.start < before:
            raise FilmPlanError(
                "words", f"{word.text!r} begins at {word.start}, before the word in front of it ({before})"
            )
        before = word.start
        text = " ".join(word.text.split())
        if not text or (until is not None and word.start >= until):
            continue
        end = word.end if until is None else min(word.end, until)
        pieces = [part for token in text.split(" ") for part in _pieces(token)]
        step = (end - word.start) / len(pieces)
        kept.extend(
            TimedWord(part, word.start + i * step, word.start + (i + 1) * step) for i, part in enumerate(pieces)
        )
    return kept


def _pieces(token: str) -> list[str]:
    parts, current = [], ""
    for character in token:
        if current and columns(current + character) > LINE_WIDTH:
            parts.append(current)
            current = ""
        current += character
    return [*parts, current]


def _group(words: list[TimedWord]) -> list[tuple[tuple[TimedWord, ...], ...]]:
    spans: list[list[TimedWord]] = []
    for word in words:
        current = spans[-1] if spans else []
        if not current or _breaks(current, word):
            spans.append([word])
        else:
            current.append(word)
    return [_lines(span) for span in spans]


def _breaks(current: list[TimedWord], word: TimedWord) -> bool:
    """Whether `word` starts a new cue: after a sentence, a pause, too long a time, or when two lines are full."""
    last = current[-1]
    if last.text.endswith(_SENTENCE_ENDS) or word.start - last.end > _PAUSE or word.end - current[0].start > _MAX_CUE:
        return True
    return len(_greedy([*current, word])) > MAX_LINES


def _greedy(span: list[TimedWord]) -> list[list[TimedWord]]:
    lines: list[list[TimedWord]] = []
    for word in span:
        if lines and columns(join_words([w.text for w in lines[-1]] + [word.text])) <= LINE_WIDTH:
            lines[-1].append(word)
        else:
            lines.append([word])
    return lines


def _lines(span: list[TimedWord]) -> tuple[tuple[TimedWord, ...], ...]:
    """The span on as few lines as it needs; two lines are broken where they come out most alike."""
    if len(_greedy(span)) == 1:
        return (tuple(span),)

    def widths(cut: int) -> tuple[int, int]:
        return columns(join_words([w.text for w in span[:cut]])), columns(join_words([w.text for w in span[cut:]]))

    fitting = [cut for cut in range(1, len(span)) if max(widths(cut)) <= LINE_WIDTH]
    best = min(fitting, key=lambda cut: abs(widths(cut)[0] - widths(cut)[1]))
    return tuple(span[:best]), tuple(span[best:])


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _stamp(seconds: float) -> str:
    total = _ms(seconds)
    return f"{total // 3_600_000:02}:{total // 60_000 % 60:02}:{total // 1000 % 60:02}.{total % 1000:03}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
