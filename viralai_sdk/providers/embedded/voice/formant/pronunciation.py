"""From a written English word to phonemes (ARPAbet, a 1 after the stressed vowel): lexicon, endings, then rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

VOWELS = frozenset(["IY", "IH", "EY", "EH", "AE", "AA", "AO", "OW", "UH", "UW", "AH", "AX", "ER", "AY", "AW", "OY"])
_UNVOICED = frozenset(["P", "T", "K", "F", "TH"])
_SIBILANTS = frozenset(["S", "Z", "SH", "ZH", "CH", "JH"])
_WEAK = frozenset({"AX"})
# Beginnings that leave the stress of a longer word to the next syllable.
_WEAK_PREFIX = re.compile(
    r"(a(?=cc|pp|ss|tt|ff|dd|bb|nn|b[aoi]|dv)|be(?=[cdfghlmnrstvwy][aeioulr])|(de|re|pre|pro)(?=[^aeiouy][aeiouylr])"
    r"|com|con|dis|ex|em|en(?=[cdfgjlrs][aeioulr])|im|in(?!ter)|mis|ob|per|sub|sur|trans|un)"
)
# Endings that draw the stress to the syllable before them, and those that put it two syllables before.
_BEFORE = re.compile(
    r"(tion|sion|cial|tial|cious|tious|cian|ic|ical|ically|ics|ity|ities|ify|ian|ial|ious|eous|ience|ient|ium|ology"
    r"|ography|ible|ionally|ional)s?$"
)
_LETTERS = dict(
    line.split(": ")
    for line in (
        *("a: EY1", "b: B IY1", "c: S IY1", "d: D IY1", "e: IY1", "f: EH1 F", "g: JH IY1", "h: EY1 CH", "i: AY1"),
        *("j: JH EY1", "k: K EY1", "l: EH1 L", "m: EH1 M", "n: EH1 N", "o: OW1", "p: P IY1", "q: K Y UW1", "r: AA1 R"),
        *("s: EH1 S", "t: T IY1", "u: Y UW1", "v: V IY1", "w: D AH1 B AX L Y UW", "x: EH1 K S", "y: W AY1"),
        "z: Z IY1",
    )
)


@dataclass(frozen=True, slots=True)
class _Rule:
    left: re.Pattern[str]
    letters: str
    right: re.Pattern[str]
    phonemes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """Phonemes such as ("HH", "AX", "L", "OW1"); `weak` words carry no accent in a sentence."""

    phonemes: tuple[str, ...]
    weak: bool = False


def _data(name: str) -> list[str]:
    text = (files(__package__) / name).read_text("utf-8")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _pattern(context: str, *, at_end: bool) -> re.Pattern[str]:
    expanded = context.replace("V", "[aeiouy]").replace("C", "[bcdfghjklmnpqrstvwxz]")
    # `left` contexts hang on the letters from the left, so they are searched with an anchor at their end.
    return re.compile(f"(?:{expanded.replace('_', '^')})$" if at_end else expanded.replace("_", r"(?:$|')"))


@cache
def _rules() -> dict[str, tuple[_Rule, ...]]:
    rules: dict[str, list[_Rule]] = {}
    for line in _data("rules.txt"):
        pattern, _, phonemes = line.partition("=")
        left, letters, right = re.split(r"[\[\]]", pattern.strip(), maxsplit=2)
        rule = _Rule(_pattern(left, at_end=True), letters, _pattern(right, at_end=False), tuple(phonemes.split()))
        rules.setdefault(letters[0], []).append(rule)
    return {letter: tuple(found) for letter, found in rules.items()}


@cache
def _lexicon() -> dict[str, Pronunciation]:
    entries: dict[str, Pronunciation] = {}
    for line in _data("lexicon.txt"):
        word, _, phonemes = line.partition(" = ")
        parts = phonemes.split()
        weak = parts[-1] == "0"
        sounds = parts[:-1] if weak else parts
        entries[word] = Pronunciation(tuple(sounds) if weak else _with_one_stress(sounds), weak)
    return entries


def _with_one_stress(sounds: list[str]) -> tuple[str, ...]:
    if any(sound.endswith("1") for sound in sounds):
        return tuple(sounds)
    first = next((i for i, sound in enumerate(sounds) if sound in VOWELS), None)
    return tuple(f"{sound}1" if i == first else sound for i, sound in enumerate(sounds))


def spell(letters: str) -> Pronunciation:
    """The names of the letters, one after the other."""
    return Pronunciation(tuple(sound for letter in letters.lower() for sound in _LETTERS.get(letter, "").split()))


@lru_cache(maxsize=20_000)
def pronounce(word: str) -> Pronunciation:
    """`word` in lower case, letters a-z and apostrophes only. Never empty when the word holds a letter."""
    lexicon = _lexicon()
    if word in lexicon:
        return lexicon[word]
    derived = _with_ending(word, lexicon) or _compound(word, lexicon)
    if derived is not None:
        return derived
    if len(word) > 1 and not re.search(r"[aeiouy]", word):
        return spell(word.replace("'", ""))
    phonemes = _by_rules(word)
    if not any(sound in VOWELS for sound in phonemes):
        return spell(word.replace("'", ""))
    return Pronunciation(_with_one_stress(_stressed(word, phonemes)))


def _by_rules(word: str) -> list[str]:
    phonemes: list[str] = []
    at = 0
    while at < len(word):
        for rule in _rules().get(word[at], ()):
            end = at + len(rule.letters)
            if word.startswith(rule.letters, at) and rule.right.match(word, end) and rule.left.search(word[:at]):
                phonemes.extend(rule.phonemes)
                at = end
                break
        else:
            at += 1  # an apostrophe
    # Doubled letters and silent ones may leave the same consonant twice in a row.
    return [sound for i, sound in enumerate(phonemes) if i == 0 or sound != phonemes[i - 1] or sound in VOWELS]


def _with_ending(word: str, lexicon: dict[str, Pronunciation]) -> Pronunciation | None:
    """A known word with an ending: dogs, friend's, worked, building, slowly, user -> from the lexicon's entry."""
    for ending, stems in (
        ("'s", ("",)),
        ("s'", ("", "s")),
        ("es", ("", "e")),
        ("s", ("",)),
        ("ied", ("y",)),
        ("ies", ("y",)),
        ("ed", ("", "e")),
        ("ing", ("", "e")),
        ("ers", ("", "e")),
        ("er", ("", "e")),
        ("est", ("", "e")),
        ("ly", ("",)),
        ("ful", ("",)),
        ("less", ("",)),
        ("ness", ("",)),
    ):
        if not word.endswith(ending) or len(word) <= len(ending) + 1:
            continue
        base = word[: -len(ending)]
        for stem in (*(base + extra for extra in stems), *((base[:-1],) if base[-1:] == base[-2:-1] else ())):
            found = lexicon.get(stem)
            if found is not None and not found.weak:
                return Pronunciation((*found.phonemes, *_ending_sound(ending, found.phonemes[-1].rstrip("1"))))
    return None


def _compound(word: str, lexicon: dict[str, Pronunciation]) -> Pronunciation | None:
    """Two known words written as one: timeline, notebook, myself. The first keeps the stress."""
    for at in range(len(word) - 3, 2, -1):
        first, second = lexicon.get(word[:at]), lexicon.get(word[at:]) or _with_ending(word[at:], lexicon)
        if first is not None and second is not None:
            head = _with_one_stress([sound.rstrip("1") for sound in first.phonemes]) if first.weak else first.phonemes
            return Pronunciation((*head, *(sound.rstrip("1") for sound in second.phonemes)))
    return None


def _ending_sound(ending: str, last: str) -> tuple[str, ...]:
    if ending in {"'s", "s'", "es", "s", "ies"}:
        if last in _SIBILANTS:
            return ("AX", "Z")
        return ("S",) if last in _UNVOICED else ("Z",)
    if ending in {"ed", "ied"}:
        if last in {"T", "D"}:
            return ("AX", "D")
        return ("T",) if last in _UNVOICED | {"S", "SH", "CH"} else ("D",)
    plain = {"ing": "IH NG", "er": "ER", "ers": "ER Z", "est": "AX S T", "ly": "L IY", "ful": "F AX L"}
    return tuple({**plain, "less": "L AX S", "ness": "N AX S"}[ending].split())


def _stressed(word: str, phonemes: list[str]) -> list[str]:
    """Choose the stressed syllable by the endings and beginnings that decide it in English."""
    syllables = [i for i, sound in enumerate(phonemes) if sound in VOWELS]
    if len(syllables) < 2:
        return phonemes
    if _BEFORE.search(word):
        # One syllable in -tion and -ic, two in -ity and -ology: the stress falls right before what the ending adds.
        after = 2 if re.search(r"(ity|ities|ify|ian|ial|ious|eous|ience|ient|ium|ical|ible|ional)s?$", word) else 1
        after = 2 if re.search(r"(ology|ography)$", word) else after
        after = 3 if re.search(r"(ically|ionally)$", word) else after
        after = 1 if re.search(r"(cian|cial|tial|cious|tious|cient|tient)s?$", word) else after
        chosen = syllables[max(0, len(syllables) - 1 - after)]
    elif len(syllables) >= 3 and re.search(r"(ate|ize|ated|ates|izes|ized|ary|ator)$", word):
        chosen = syllables[max(0, len(syllables) - (4 if word.endswith("ator") else 3))]
    else:
        chosen = syllables[0]
        prefix = _WEAK_PREFIX.match(word)
        ends_softly = len(syllables) == 2 and word.endswith("y") and phonemes[-1] == "IY"
        if (prefix and not ends_softly and len(word) > len(prefix[0]) + 2) or phonemes[chosen] in _WEAK:
            chosen = syllables[1]
    if phonemes[chosen] in _WEAK:
        strong = [i for i in syllables if phonemes[i] not in _WEAK]
        chosen = strong[0] if strong else chosen
    return [f"{sound}1" if i == chosen else sound for i, sound in enumerate(phonemes)]
