"""Sentences, words and approximate tokens, for any script, in time linear in the text."""

import re
from collections.abc import Iterator
from functools import cache

from .data import load

READ_LIMIT = 200_000
"""Characters of one text that the engine reads. More than this is cut, and the result says so."""

LONGEST_SENTENCE = 1_200
"""A run of text without sentence ends is cut at white space near this many characters."""

# Combining marks of Indic, Hebrew, Arabic and Thai text belong to a word, but are not matched by \w.
_MARKS = "\u0300-\u036f\u0591-\u05bd\u064b-\u0652\u0900-\u0963\u0966-\u0dff\u0e31-\u0e3a\u0e47-\u0e4e"
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[\w{_MARKS}]+(?:['’\-][\w{_MARKS}]+)*")
_TOKEN = re.compile(rf"\s*(?:[{_UNSPACED}]|(?:(?![{_UNSPACED}])\w){{1,12}}|[^\w\s])|\s+")
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*|\n(?=[ \t]*(?:[-*•]|\d{1,3}[.)])[ \t])")
_WIDE_ENDS = "。！？｡؟۔।॥։።။"
_SENTENCE_END = re.compile(rf"([.!?…]+|[{_WIDE_ENDS}]+)([\"'”’»)\]」』】）]*)(\s*)")
_LAST_WORD = re.compile(r"[^\W_]+(?:\.[^\W_]+)*$")
_QUOTES = (("“", "”"), ("«", "»"), ("「", "」"), ("『", "』"))
_MERGED_SENTENCES = 5
_MERGED_CHARACTERS = 600


def is_unspaced(word: str) -> bool:
    """Whether the word is in a script without spaces between words (Han, kana, Thai, Khmer, Burmese, Lao)."""
    return re.match(rf"[{_UNSPACED}]", word) is not None


@cache
def _abbreviations(kind: str) -> frozenset[str]:
    return frozenset(load("words")["abbreviations"][kind])


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    marks, _, space = match.groups()
    after = text[match.end() : match.end() + 1]
    if not after or marks[0] in _WIDE_ENDS:
        return True
    if not space:
        return False
    if after.islower():
        return False
    if marks != ".":
        return True
    found = _LAST_WORD.search(text[max(0, match.start() - 24) : match.start()])
    word = found.group() if found else ""
    if len(word) == 1 and word.isupper() and word != "I":
        return False
    lowered = word.lower()
    if lowered in _abbreviations("before_number") and after.isdigit():
        return False
    return lowered not in _abbreviations("never_last")


def _split_paragraph(text: str) -> Iterator[str]:
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if _ends_sentence(text, match):
            yield text[start : match.end()]
            start = match.end()
    if start < len(text):
        yield text[start:]


def _open_quote(text: str) -> bool:
    return text.count('"') % 2 == 1 or any(text.count(left) > text.count(right) for left, right in _QUOTES)


def _join_quotations(pieces: list[str]) -> Iterator[str]:
    """A quotation of several sentences stays whole when its closing mark is near."""
    index = 0
    while index < len(pieces):
        take = 1
        if _open_quote(pieces[index]):
            joined = pieces[index]
            for reach in range(1, min(_MERGED_SENTENCES, len(pieces) - index)):
                joined += pieces[index + reach]
                if len(joined) > _MERGED_CHARACTERS:
                    break
                if not _open_quote(joined):
                    take = reach + 1
                    break
        yield "".join(pieces[index : index + take])
        index += take


def _cut_long(sentence: str) -> Iterator[str]:
    while len(sentence) > LONGEST_SENTENCE:
        cut = sentence.rfind(" ", LONGEST_SENTENCE // 2, LONGEST_SENTENCE)
        cut = LONGEST_SENTENCE if cut < 0 else cut
        yield sentence[:cut].strip()
        sentence = sentence[cut:]
    yield sentence.strip()


def sentences(text: str) -> list[str]:
    """The sentences of the text, each a verbatim slice without the white space around it."""
    found: list[str] = []
    for paragraph in _PARAGRAPH.split(text):
        for sentence in _join_quotations(list(_split_paragraph(paragraph))):
            found.extend(part for part in _cut_long(sentence) if part)
    return found


def words(text: str) -> list[str]:
    """The words of the text in order, as written."""
    return WORD.findall(text)


@cache
def _stop_words() -> dict[str, frozenset[str]]:
    return {language: frozenset(listed.split()) for language, listed in load("words")["stop_words"].items()}


def stop_words(sample: list[str]) -> frozenset[str]:
    """English stop words, and those of the language whose stop words are most frequent among the first words."""
    lists = _stop_words()
    heads = [word.lower() for word in sample[:400]]
    counts = {language: sum(word in listed for word in heads) for language, listed in lists.items()}
    best = max(counts, key=lambda language: counts[language])
    return lists["en"] | lists[best]


def count_tokens(text: str) -> int:
    """An approximate number of tokens: words, marks, single ideographs. Long texts are extrapolated."""
    head = text[:READ_LIMIT]
    if not head:
        return 0
    counted = sum(1 for _ in _TOKEN.finditer(head))
    return counted * len(text) // len(head)


def first_tokens(text: str, limit: int) -> str | None:
    """The text cut after `limit` approximate tokens, or None when it is not longer than that."""
    for number, match in enumerate(_TOKEN.finditer(text), start=1):
        if number == limit:
            return text[: match.end()] if match.end() < len(text) else None
    return None
