"""From a prompt to a scene, by keywords. Pure: no randomness, no drawing.

Every word of the prompt ends in exactly one place: it named something that is painted (`used`), it named nothing the
engine knows or something that this scene cannot hold (`ignored`), or it is a stop word (in neither).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from .data import load
from .scene import STYLES, Scene, Subject

KINDS: Final = ("subject", "place", "weather", "sky", "time", "style", "color")
LONGEST_PHRASE: Final = 3
MOST_FIGURES: Final = 7
MOST_TINTS: Final = 2
# Words may stand between a colour or a number and the figure it belongs to: "two small red boats".
REACH: Final = 3

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_EXCLUSIVE: Final = (("sea", "lake", "river"), ("desert", "meadow"), ("desert", "hills"))
_SPACE: Final = frozenset({"space", "planet", "stars"})
_EARTHLY: Final = frozenset(
    {"sea", "lake", "river", "mountains", "hills", "desert", "beach", "city", "village", "forest", "meadow", "blossoms"}
)
_HOURS: Final[dict[str, Sequence[str] | None]] = {"landscape": None, "studio": None, "underwater": ("night", "dusk")}
_FLOATING_HOMES: Final = frozenset({"space", "underwater", "studio"})


@dataclass(frozen=True, slots=True)
class _Match:
    """A phrase of the prompt that means something: which feature, and which words said it."""

    kind: str
    value: str
    words: tuple[str, ...]
    at: int
    plural: bool = False
    negated: bool = False


@cache
def _phrases() -> dict[str, tuple[str, str]]:
    vocabulary = load("vocabulary")
    return {
        phrase: (kind, value)
        for kind in reversed(KINDS)
        for value, phrases in vocabulary[kind].items()
        for phrase in (value, *phrases)
    }


def _singulars(word: str) -> Iterator[str]:
    yield word
    irregular = load("vocabulary")["irregular"].get(word)
    if irregular:
        yield irregular
    if word.endswith("ies"):
        yield word[:-3] + "y"
    if word.endswith("es"):
        yield word[:-2]
    if word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]
    if word.endswith(("'s", "’s")):
        yield word[:-2]


def _look_up(words: Sequence[str]) -> tuple[str, str, bool] | None:
    head, last = words[:-1], words[-1]
    for form in _singulars(last):
        found = _phrases().get(" ".join((*head, form)))
        if found:
            return (*found, form != last)
    return None


def _tokens(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _matches(words: Sequence[str]) -> list[_Match]:
    """The longest known phrases from left to right; a phrase right after "no" or "without" is marked negated."""
    without = set(load("vocabulary")["without"])
    stop = set(load("vocabulary")["stop"])
    found: list[_Match] = []
    negated, at = False, 0
    while at < len(words):
        for length in range(min(LONGEST_PHRASE, len(words) - at), 0, -1):
            phrase = tuple(words[at : at + length])
            entry = _look_up(phrase)
            if entry and phrase != ("by",):
                found.append(_Match(entry[0], entry[1], phrase, at, entry[2], negated))
                negated = False
                at += length
                break
        else:
            if words[at] in without:
                negated = True
            elif words[at] not in stop:
                negated = False
            at += 1
    return found


def _number(word: str) -> int | None:
    if word.isascii() and word.isdigit():
        return max(1, min(MOST_FIGURES, int(word[:3])))
    number = load("vocabulary")["numbers"].get(word)
    return int(number) if number is not None else None


def parse(prompt: str, negative_prompt: str | None = None) -> Scene:
    """Read `prompt` by keywords and return the scene it describes; words of `negative_prompt` remove features.

    Any text is accepted in any script: what is not understood is listed in ``Scene.ignored``.
    """
    words = _tokens(prompt)
    matches = _matches(words)
    unwanted_words = _tokens(negative_prompt or "")
    unwanted = {m.value for m in _matches(unwanted_words)} | {m.value for m in matches if m.negated}
    asked = [m for m in matches if not m.negated and m.value not in unwanted]
    builder = _Builder(words, asked, unwanted)
    scene = builder.build()
    effective = builder.removed | {m.value for m in matches if not m.negated and m.value in unwanted}
    spent = set(builder.spent)
    for match in matches:
        if match.negated and match.value in effective:
            spent.update(range(match.at, match.at + len(match.words)))
    used = [word for index, word in enumerate(words) if index in spent]
    for match in _matches(unwanted_words):
        if match.value in effective:
            used.extend(match.words)
    skip = {*load("vocabulary")["stop"], *load("vocabulary")["without"], *used}
    ignored = [word for word in (*words, *unwanted_words) if word not in skip]
    quiet = set(load("vocabulary")["stop"])
    return Scene(
        **scene,  # type: ignore[arg-type]  # a plain dict of Scene's own fields, built below
        used=tuple(dict.fromkeys(word for word in used if word not in quiet)),
        ignored=tuple(dict.fromkeys(ignored)),
    )


def style_of(text: str) -> tuple[str | None, tuple[str, ...]]:
    """The style that a caller's style text names, or None, and the content words that named none."""
    words = _tokens(text)
    matches = [m for m in _matches(words) if m.kind == "style"]
    known = {word for m in matches[:1] for word in m.words}
    quiet = set(load("vocabulary")["stop"])
    return (matches[0].value if matches else None), tuple(w for w in words if w not in known and w not in quiet)


class _Builder:
    """Settles which of the asked features can share one picture, and remembers the words that did."""

    def __init__(self, words: Sequence[str], asked: Sequence[_Match], unwanted: set[str]) -> None:
        self.words = words
        self.asked = list(asked)
        self.unwanted = unwanted
        self.removed: set[str] = set()
        self.spent: set[int] = set()

    def build(self) -> dict[str, object]:
        subjects = self._subjects()
        backdrop = self._backdrop(subjects)
        self._drop_conflicts()
        allowed = self._allowed(backdrop)
        times = [m.value for m in self._keep("time", _HOURS.get(backdrop, ()))]
        weather = self._values("weather", allowed)
        sky = self._values("sky", allowed)
        places = self._values("place", allowed)
        if backdrop == "landscape":
            places, sky = self._furnish(places, weather, sky, subjects)
        style = next(iter(self._values("style", STYLES[:])), None)
        colors, sky_color, land_color = self._colors(places, MOST_TINTS if backdrop != "abstract" else len(self.words))
        return {
            "backdrop": backdrop,
            "time": times[0] if times else self._implied_time(sky),
            "weather": weather,
            "sky": sky,
            "places": places,
            "subjects": subjects,
            "colors": colors,
            "sky_color": sky_color,
            "land_color": land_color,
            "style": style,
            "style_words": tuple(w for m in self.asked if m.kind == "style" and m.value == style for w in m.words),
            "unwanted": tuple(sorted(self.unwanted)),
        }

    def _spend(self, match: _Match) -> None:
        self.spent.update(range(match.at, match.at + len(match.words)))

    def _keep(self, kind: str, allowed: Sequence[str] | frozenset[str] | None) -> list[_Match]:
        kept = [m for m in self.asked if m.kind == kind and (allowed is None or m.value in allowed)]
        if kind in ("time", "style"):  # one light and one style: the first said wins, its synonyms agree with it
            kept = [m for m in kept if m.value == kept[0].value]
        for match in kept:
            self._spend(match)
        return kept

    def _values(self, kind: str, allowed: Sequence[str] | frozenset[str] | None) -> tuple[str, ...]:
        return tuple(dict.fromkeys(m.value for m in self._keep(kind, allowed)))

    def _subjects(self) -> tuple[Subject, ...]:
        found: dict[str, Subject] = {}
        taken = {index for m in self.asked if m.kind == "subject" for index in range(m.at, m.at + len(m.words))}
        for match in (m for m in self.asked if m.kind == "subject"):
            if match.value not in found and len(found) == 3:
                continue
            count, color = (self._several(match.value) if match.plural else 1), None
            for index in range(match.at - 1, max(-1, match.at - 1 - REACH), -1):
                if index in taken or (self.words[index] in ("and", "with", "in", "on") and index != match.at):
                    break
                number = _number(self.words[index])
                if number is not None:
                    count = number
                    self.spent.add(index)
                tint = next((m for m in self.asked if m.kind == "color" and m.at == index), None)
                if tint and color is None:
                    color = tint.value
                    self._spend(tint)
            self._spend(match)
            earlier = found.get(match.value)
            found[match.value] = Subject(
                match.value,
                max(count, earlier.count if earlier else 1),
                (earlier.color if earlier else None) or color,
            )
        return tuple(found.values())

    @staticmethod
    def _several(figure: str) -> int:
        return 5 if load("shapes")[figure].get("flock") else 3

    def _backdrop(self, subjects: tuple[Subject, ...]) -> str:
        values = {m.value for m in self.asked if m.kind in ("place", "weather", "sky")}
        homes = [str(load("shapes")[s.name]["home"]) for s in subjects]
        earthly = bool(values & _EARTHLY)
        if "abstract" in values:
            return "abstract"
        if "underwater" in values:
            return "underwater"
        if values & {"space", "planet"} and not earthly:
            return "space"
        if homes and homes[0] in _FLOATING_HOMES and not values - {"stars"}:
            return homes[0]
        timed = any(m.kind == "time" for m in self.asked)
        return "landscape" if values or homes or timed or self._sky_colored() else "abstract"

    def _sky_colored(self) -> bool:
        return "sky" in self.words

    def _allowed(self, backdrop: str) -> Sequence[str] | frozenset[str] | None:
        return {
            "landscape": _EARTHLY
            | {"snow", "rain", "fog", "storm", "clear", "stars", "aurora", "moon", "sun", "clouds", "rainbow"},
            "space": frozenset(_SPACE),
            "underwater": frozenset({"underwater"}),
            "abstract": frozenset({"abstract"}),
        }.get(backdrop, ())

    def _drop_conflicts(self) -> None:
        for group in _EXCLUSIVE:
            first = next((m.value for m in self.asked if m.value in group), None)
            self.asked = [m for m in self.asked if m.value not in group or m.value == first]
        values = {m.value for m in self.asked}
        hour = next((m.value for m in self.asked if m.kind == "time"), None)
        dark = hour in ("night", "dusk") or (hour is None and bool(values & {"moon", "stars", "aurora"}))
        hidden = {"sun"} if dark else {"moon"} if hour else set()
        if "snow" in values:  # snow covers grass and sand alike
            hidden |= {"meadow", "desert"}
        self.asked = [m for m in self.asked if m.value not in hidden]
        stormy = any(m.value in ("storm", "rain", "clouds") for m in self.asked)
        if stormy:
            self.asked = [m for m in self.asked if m.value != "clear"]

    def _default(self, feature: str, into: list[str]) -> None:
        """Add what the prompt left open, unless it was unwanted; then its removal is what changed the picture."""
        if feature in into:
            return
        if feature in self.unwanted:
            self.removed.add(feature)
        else:
            into.append(feature)

    def _furnish(
        self, places: tuple[str, ...], weather: tuple[str, ...], sky: tuple[str, ...], subjects: tuple[Subject, ...]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        land, above = list(places), list(sky)
        if "beach" in land and not {"lake", "river"} & set(land):
            self._default("sea", land)
        if not land:
            for subject in subjects[:1]:
                for place in load("shapes")[subject.name]["home"].split():
                    if place == "meadow" and "snow" in weather:
                        continue
                    self._default(place, land)
            if "snow" in weather:
                for place in ("hills", "forest"):
                    self._default(place, land)
            elif not subjects:
                for place in ("hills", "mountains"):
                    self._default(place, land)
        night = any(m.value == "night" for m in self.asked)
        if "clear" not in weather and "aurora" not in sky:
            self._default("clouds", above)
        if night and not {"storm", "rain", "fog"} & set(weather):
            self._default("stars", above)
            self._default("moon", above)
        return tuple(p for p in land if p not in _FLOATING_HOMES), tuple(above)

    def _implied_time(self, sky: tuple[str, ...]) -> str | None:
        if {"stars", "aurora", "moon"} & set(sky):
            return "night"
        return "day" if {"rainbow"} & set(sky) else None

    def _colors(self, places: tuple[str, ...], most: int) -> tuple[tuple[str, ...], str | None, str | None]:
        """Colours of no figure: of the sky or of the land when that word follows, else of the whole picture."""
        general: list[str] = []
        sky_color: str | None = None
        land_color: str | None = None
        lands = {m.at for m in self.asked if m.kind == "place" and m.value in places and m.value != "abstract"}
        for match in (m for m in self.asked if m.kind == "color" and m.at not in self.spent):
            after = match.at + len(match.words)
            following = self.words[after : after + 2]
            tints_all = "sky" not in following and not (lands & {after, after + 1} and land_color is None)
            if tints_all and match.value not in general and len(general) >= most:
                continue
            self._spend(match)
            if "sky" in following:
                sky_color = match.value
                self.spent.add(after + following.index("sky"))
            elif tints_all:
                general.append(match.value)
            else:
                land_color = match.value
        return tuple(dict.fromkeys(general)), sky_color, land_color
