"""What can be read off a text by rule: extracted addresses, links, dates, numbers and tags, and counts of its units."""

import re
from collections.abc import Sequence

from .segment import READ_LIMIT, sentences

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)[a-z]{0,6}\.?"
PATTERNS = {
    "email": re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}"),
    "link": re.compile(r"\b(?:https?://|www\.)[^\s<>\"'“”)\]}]{1,2000}", re.IGNORECASE),
    "date": re.compile(
        rf"\b\d{{4}}-\d{{2}}-\d{{2}}\b|\b\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}\b"
        rf"|\b\d{{1,2}}(?:st|nd|rd|th)?\s{_MONTH}(?:,?\s\d{{4}})?\b"
        rf"|\b{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s\d{{4}})?\b"
    ),
    "number": re.compile(r"(?<![\w.])[-+−]?\d{1,300}(?:,\d{3}){0,99}(?:\.\d{1,300})?%?(?!\w)"),
    "hashtag": re.compile(r"(?<![\w&])#\w{1,100}"),
    "mention": re.compile(r"(?<![\w.@])@\w{1,50}"),
}
_NAMES = {
    "email": "email addresses",
    "link": "links",
    "date": "dates",
    "number": "numbers",
    "hashtag": "hashtags",
    "mention": "mentions",
}
_WORDS_PER_MINUTE = 230


def extract(text: str, kinds: Sequence[str]) -> str:
    """What was found, one a line, each once and in order; a sentence that says so when nothing was."""
    head = text[:READ_LIMIT]
    blocks = []
    for kind in kinds:
        found = dict.fromkeys(match.group().rstrip(".,;:!?") for match in PATTERNS[kind].finditer(head))
        if not found:
            blocks.append(f"No {_NAMES[kind]} found in the text.")
        else:
            lines = "\n".join(found)
            blocks.append(lines if len(kinds) == 1 else f"{_NAMES[kind].capitalize()}:\n{lines}")
    return "\n\n".join(blocks)


def statistics(text: str, wanted: Sequence[str]) -> str:
    """The counts asked for, or all of them and the reading time. Words are counted between spaces."""
    if wanted and wanted[0] == "letter":
        count = text.lower().count(wanted[1].lower())
        return f"The letter {wanted[1].lower()!r} appears {count} {'time' if count == 1 else 'times'} in {text!r}."
    counts = {
        "words": sum(1 for word in text.split() if any(letter.isalnum() for letter in word)),
        "characters": len(text),
        "letters": sum(map(str.isalpha, text)),
        "sentences": len(sentences(text[:READ_LIMIT])),
        "lines": len(text.splitlines()),
        "paragraphs": sum(1 for block in re.split(r"\n[^\S\n]*\n", text) if block.strip()),
    }
    lines = [f"{unit.capitalize()}: {counts[unit]}" for unit in (wanted or counts)]
    if not wanted:
        lines.append(f"Reading time: about {max(1, round(counts['words'] / _WORDS_PER_MINUTE))} min")
    return "\n".join(lines)
