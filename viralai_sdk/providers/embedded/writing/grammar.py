"""Expands the rules of the grammar file: ``#symbol#``, ``#symbol.modifier.modifier#``, and ``##`` for a plain ``#``.

What fills a slot from outside (the topic) is never expanded again, whatever it contains.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence

from .data import load

Rules = Mapping[str, Sequence[str]]

_SLOT = re.compile(r"##|#([A-Za-z_]+)((?:\.[a-z]+)*)#")
_DEEPEST = 8
_SMALL_WORDS = frozenset(("a an and as at but by for from in nor of on or the to with").split())  # noqa: SIM905
_SIBILANT = ("s", "x", "z", "ch", "sh")


class GrammarError(ValueError):
    """The grammar file itself is wrong: an unknown symbol or modifier, or rules that never end."""


def with_article(phrase: str) -> str:
    """The phrase after `a` or `an`, chosen by the sound of its first word."""
    first = phrase.split(maxsplit=1)[0].lower() if phrase.strip() else ""
    sounds = load("grammar")["articles"]
    vowel = first.startswith(("a", "e", "i", "o", "u")) and not first.startswith(tuple(sounds["a"]))
    return f"{'an' if vowel or first.startswith(tuple(sounds['an'])) else 'a'} {phrase}"


def plural(phrase: str) -> str:
    """The phrase with its last word in the regular English plural."""
    if phrase.endswith("y") and phrase[-2:-1] not in tuple("aeiou"):
        return phrase[:-1] + "ies"
    return phrase + ("es" if phrase.endswith(_SIBILANT) else "s")


def capitalize(phrase: str) -> str:
    """The phrase with a capital first letter, unless its first word has capitals of its own (iPhone)."""
    first = phrase.split(maxsplit=1)[0] if phrase.strip() else ""
    return phrase[:1].upper() + phrase[1:] if first == first.lower() else phrase


def title(phrase: str) -> str:
    """Headline capitals; small words and words with capitals of their own stay as they are."""
    parts = phrase.split(" ")
    return " ".join(part if at and part in _SMALL_WORDS else capitalize(part) for at, part in enumerate(parts))


MODIFIERS: Mapping[str, Callable[[str], str]] = {
    "a": with_article,
    "capitalize": capitalize,
    "plural": plural,
    "title": title,
}


def expand(template: str, rules: Rules, slots: Mapping[str, str], rng: random.Random, depth: int = 0) -> str:
    """One expansion of the template. Raises GrammarError for an unknown symbol or modifier, or endless rules."""
    if depth > _DEEPEST:
        raise GrammarError(f"The rules do not end: {template!r}")

    def fill(match: re.Match[str]) -> str:
        symbol = match.group(1)
        if symbol is None:
            return "#"
        if symbol in slots:
            text = slots[symbol]
        elif symbol in rules:
            text = expand(rng.choice(rules[symbol]), rules, slots, rng, depth + 1)
        else:
            raise GrammarError(f"Unknown symbol {symbol!r} in {template!r}")
        for name in match.group(2).split(".")[1:]:
            if name not in MODIFIERS:
                raise GrammarError(f"Unknown modifier {name!r} in {template!r}")
            text = MODIFIERS[name](text)
        return text

    return _SLOT.sub(fill, template)
