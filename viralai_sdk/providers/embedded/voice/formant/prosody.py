"""From words to a plan of sounds: which phonemes, how long, at what pitch, with which pauses between phrases."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from viralai_sdk.providers.embedded.voice.formant.pronunciation import VOWELS, Pronunciation, pronounce, spell

Ending = Literal["continue", "fall", "question"]
PAUSES = {",": 0.16, ";": 0.24, ":": 0.24, "-": 0.2, ".": 0.36, "paragraph": 0.55}
# A reader takes breath; without punctuation a phrase is cut before a joining word, and at the latest here.
_SOFT_LIMIT, _HARD_LIMIT = 12, 22
_JOINING = frozenset(
    "and or but because that which when while with from into for after before if then so to of in".split()  # noqa: SIM905
)
_QUESTION_WORDS = frozenset(["what", "who", "whom", "whose", "which", "when", "where", "why", "how"])
_VOICELESS = frozenset(["P", "T", "K", "F", "TH", "S", "SH", "CH"])


@dataclass(frozen=True, slots=True)
class SpokenToken:
    """A visible token, the words said for it, and the pause the text puts after it ("", a key of PAUSES)."""

    index: int
    words: tuple[str, ...]
    boundary: str = ""
    question: bool = False
    extra_pause: float = 0.0


@dataclass(slots=True)
class Phone:
    """One sound. `token` is the index of the visible word it belongs to; `accent` marks a pitch peak."""

    name: str
    token: int
    seconds: float
    stressed: bool = False
    accent: bool = False


@dataclass(slots=True)
class Phrase:
    """Sounds up to a pause. `part` tells how far the sentence is (0 to 1), for its slowly falling pitch."""

    phones: list[Phone] = field(default_factory=list)
    ending: Ending = "continue"
    pause: float = 0.0
    start_part: float = 0.0
    end_part: float = 1.0
    tokens: list[SpokenToken] = field(default_factory=list)


def phrases(tokens: Sequence[SpokenToken], speed: float) -> list[Phrase]:
    """Cut the text into phrases; their sounds are still to be filled in by `sound_out`."""
    found: list[Phrase] = []
    sentence: list[Phrase] = []
    for group in _groups(tokens):
        last = group[-1]
        pause = max(PAUSES.get(last.boundary, 0.08), 0.0) / speed + last.extra_pause
        phrase = Phrase(tokens=list(group), pause=pause)
        sentence.append(phrase)
        if last.boundary in {".", "paragraph"} or last is tokens[-1]:
            _finish_sentence(sentence, last)
            found.extend(sentence)
            sentence = []
    return found


def _groups(tokens: Sequence[SpokenToken]) -> list[list[SpokenToken]]:
    groups: list[list[SpokenToken]] = [[]]
    length = 0
    for token in tokens:
        joins = bool(token.words) and token.words[0].lower() in _JOINING
        if groups[-1] and ((length >= _SOFT_LIMIT and joins) or length >= _HARD_LIMIT):
            groups.append([])
            length = 0
        groups[-1].append(token)
        length += len(token.words)
        if token.boundary or token.extra_pause:
            groups.append([])
            length = 0
    return [group for group in groups if group]


def _finish_sentence(sentence: list[Phrase], last: SpokenToken) -> None:
    sizes = [max(1, sum(len(token.words) for token in phrase.tokens)) for phrase in sentence]
    for number, phrase in enumerate(sentence):
        phrase.start_part = sum(sizes[:number]) / sum(sizes)
        phrase.end_part = sum(sizes[: number + 1]) / sum(sizes)
    opening = next((word.lower() for token in sentence[0].tokens for word in token.words), "")
    rises = last.question and opening not in _QUESTION_WORDS
    sentence[-1].ending = "question" if rises else "fall"


def _pronounced(word: str) -> Pronunciation:
    if word.endswith("'s") and word[:-2].isupper():
        return Pronunciation((*spell(word[:-2]).phonemes, "Z"))
    return spell(word) if word.isupper() else pronounce(word)


def sound_out(phrase: Phrase, speed: float, sounds: dict[str, float]) -> list[Phone]:
    """The sounds of a phrase. `sounds` gives each phoneme's own length in ms."""
    phones: list[Phone] = []
    for token in phrase.tokens:
        for word in token.words:
            said = _pronounced(word)
            for sound in said.phonemes:
                name = sound.rstrip("1")
                stressed = sound.endswith("1")
                phones.append(Phone(name, token.index, sounds[name] / 1000, stressed, stressed and not said.weak))
    _connect(phones)
    _time(phones, sounds)
    for phone in phones:
        phone.seconds /= speed
    return phones


def _connect(phones: list[Phone]) -> None:
    """Sounds that change beside others: "the" before a vowel, the quick t of "water"."""
    for one, two, three in zip(phones, phones[1:], phones[2:], strict=False):
        if one.name == "DH" and two.name == "AX" and three.name in VOWELS and two.token != three.token:
            two.name = "IY"
        flaps = one.name in VOWELS | {"R"} and two.name in {"T", "D"} and three.name in VOWELS
        if flaps and not three.stressed and one.token == two.token == three.token:
            two.name = "DX"


def _time(phones: list[Phone], sounds: dict[str, float]) -> None:
    syllables = [i for i, phone in enumerate(phones) if phone.name in VOWELS]
    for i, phone in enumerate(phones):
        phone.seconds = sounds[phone.name] / 1000
        before = phones[i - 1] if i else None
        after = phones[i + 1] if i + 1 < len(phones) else None
        if phone.name in VOWELS:
            phone.seconds *= 1.12 if phone.accent else 0.95 if phone.stressed else 0.78
            if phone.name == "AX":
                phone.seconds /= 0.85
            if after is not None and after.name in _VOICELESS and after.token == phone.token:
                phone.seconds *= 0.85
            elif (
                after is not None and after.name in {"Z", "V", "DH", "ZH", "D", "G", "B"} and after.token == phone.token
            ):
                phone.seconds *= 1.1
        else:
            clustered = sum(other is not None and other.name not in VOWELS for other in (before, after))
            phone.seconds *= (1.0, 0.86, 0.74)[clustered]
        # The last syllable of a phrase is drawn out.
        if syllables and i >= syllables[-1]:
            phone.seconds *= 1.4 if phone.name in VOWELS else 1.15


def pitch_knots(phrase: Phrase, base: float) -> list[tuple[float, float]]:
    """Pitch (Hz) at points in time (s) of the phrase: a slow fall through the sentence, a peak on each accent."""
    total = sum(phone.seconds for phone in phrase.phones)
    if total <= 0:
        return [(0.0, base)]
    accents: list[float] = []
    at = 0.0
    for phone in phrase.phones:
        if phone.accent and phone.name in VOWELS:
            accents.append(at + phone.seconds * 0.45)
        at += phone.seconds

    def level(time: float) -> float:
        part = phrase.start_part + (phrase.end_part - phrase.start_part) * time / total
        return base * (1.08 - 0.2 * part)

    knots = [(0.0, level(0.0))]
    for number, time in enumerate(accents):
        height = 1.2 if number == 0 else 1.13
        if number == len(accents) - 1 and phrase.ending == "fall":
            height = 1.1
        knots += [(max(0.0, time - 0.11), level(time) * 0.98), (time, level(time) * height), (time + 0.13, level(time))]
    final = {"fall": 0.74, "question": 1.45, "continue": 1.08}[phrase.ending]
    anchor = max(0.0, total - (0.22 if phrase.ending != "continue" else 0.12))
    knots = [knot for knot in knots if knot[0] < anchor]
    knots += [(anchor, level(anchor) * (0.95 if phrase.ending != "fall" else 0.98)), (total, level(total) * final)]
    return _increasing(knots)


def _increasing(knots: list[tuple[float, float]]) -> list[tuple[float, float]]:
    ordered = sorted(knots)
    return [one for one, two in pairwise([*ordered, (float("inf"), 0.0)]) if two[0] - one[0] > 1e-4]


def boundary_of(token_text: str, gap: str) -> tuple[str, bool]:
    """The pause a token's own last signs and the text up to the next token ask for, and whether it is a question."""
    tail = re.search(r"[^\w]*$", token_text)
    signs = (tail[0] if tail else "") + gap
    if re.search(r"\n\s*\n", gap):
        return "paragraph", "?" in signs
    if re.search(r"[.!?…。！？]", signs):
        single_letters = re.fullmatch(r"(?:[A-Za-z]\.)+|(?:Mr|Mrs|Ms|Dr|St|vs|approx|e\.g|i\.e)\.", token_text)
        if not (single_letters and gap.strip(" ") == "" and gap):
            return ".", "?" in signs
    if re.search(r"[;:；：]", signs):
        return ";", False
    if re.search(r"[—–()\[\]]|\s-\s|\n", signs):
        return "-", False
    return ("," if re.search(r"[,،、，]", signs) else ""), False
