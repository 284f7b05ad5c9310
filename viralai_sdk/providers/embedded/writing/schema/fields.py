"""Values that read well for the name of their field: a title for `title`, seconds for `duration`. Synthetic."""

import random
import re
from collections.abc import Callable, Mapping
from functools import cache

from viralai_sdk.providers.embedded.writing.creative import MOST_LINES, clean_topic, hooks, slogans, titles
from viralai_sdk.providers.embedded.writing.data import load
from viralai_sdk.providers.embedded.writing.ranking import key_phrases, summarize

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def name_words(name: str) -> list[str]:
    """The words of a field name: `videoTitle` and `video_title` are `video`, `title`."""
    return [word for word in re.split(r"[^a-z0-9]+", _CAMEL.sub(" ", name[:200]).lower()) if word]


@cache
def _kinds() -> Mapping[str, str]:
    return {word: kind for kind, listed in load("fields")["strings"].items() for word in listed.split()}


def kind_of(name: str) -> str:
    """The kind of text that suits the field, from the last telling word of its name; `other` when there is none."""
    for word in reversed(name_words(name)):
        for form in (word, word.removesuffix("s"), word.removesuffix("es")):
            if form in _kinds():
                return _kinds()[form]
    return "other"


def number_range(name: str) -> tuple[int, int]:
    """The range that is usual for a number of this name."""
    ranges: Mapping[str, list[int]] = load("fields")["numbers"]
    for word in reversed(name_words(name)):
        for form in (word, word.removesuffix("s")):
            if form in ranges:
                return ranges[form][0], ranges[form][1]
    return 1, 10


class FieldText:
    """Text for fields, around one topic. `index` tells apart the items of a list."""

    def __init__(self, topic: str, source: str, seed: int) -> None:
        self.topic = clean_topic(topic)
        self.source = source
        self.seed = seed
        self._lists: dict[str, list[str]] = {}

    def text(self, name: str, index: int, rng: random.Random) -> str:
        """One line for the field. Never empty."""
        kind = kind_of(name)
        label = " ".join(name_words(name)) or "value"
        if kind in load("fields")["choices"]:
            listed: list[str] = load("fields")["choices"][kind]
            return listed[(rng.randrange(len(listed)) + index) % len(listed)]
        if kind == "identifier":
            return f"sample-{rng.getrandbits(24):06x}"
        lines = self._topic_lines(kind)
        if lines:
            return lines[index % len(lines)]
        return f"Sample {label}{f' {index + 1}' if index else ''}" + (f" about {self.topic}" if self.topic else "")

    def _topic_lines(self, kind: str) -> list[str]:
        if kind not in self._lists:
            self._lists[kind] = self._make(kind) if self.topic else []
        return self._lists[kind]

    def _make(self, kind: str) -> list[str]:
        makers: Mapping[str, Callable[[], list[str]]] = {
            "title": lambda: titles(self.topic, MOST_LINES // 2, self.seed),
            "hook": lambda: hooks(self.topic, MOST_LINES // 2, self.seed),
            "slogan": lambda: slogans(self.topic, MOST_LINES // 2, self.seed),
            "keyword": self._keywords,
            "hashtag": lambda: ["#" + "".join(part.capitalize() for part in name_words(word)) for word in self._tags()],
            "caption": lambda: [
                f"{line} #{''.join(name_words(self._tags()[0]))}" for line in hooks(self.topic, 5, self.seed + 1)
            ],
            "summary": lambda: [
                summarize(self.source, 2)[:600] if len(self.source) > 200 else f"Sample summary about {self.topic}."
            ],
            "sentence": lambda: [
                f"Sample {word} about {self.topic}." for word in ("text", "second text", "third text", "further text")
            ],
        }
        return makers[kind]() if kind in makers else []

    def _keywords(self) -> list[str]:
        found = key_phrases(self.source or self.topic, 6)
        return [*found, *(extra for extra in ("sample", "short video", "synthetic") if extra not in found)]

    def _tags(self) -> list[str]:
        return [word for word in self._keywords() if name_words(word)]
