"""Hooks, titles, slogans and poems: templates of the grammar around a topic that fills their slots."""

import hashlib
import random
import re

from .data import load
from .errors import WritingError
from .grammar import Rules, expand
from .segment import is_unspaced

MOST_LINES = 20
"""The most hooks, titles or slogans written for one call."""

LONGEST_TOPIC = 80
_TRIES_PER_LINE = 60
_EDGES = " \t\r\n\"'“”‘’«».,;:!?-–—*_`"


def seeded(seed: int, *parts: str) -> random.Random:
    """A random source that depends on nothing but the seed and the parts."""
    material = "\0".join((str(seed), *parts)).encode("utf-8", "surrogatepass")
    return random.Random(int.from_bytes(hashlib.sha256(material).digest(), "big"))  # noqa: S311 - not for security


def clean_topic(raw: str) -> str:
    """The topic on one line, without quotation marks and punctuation around it, at most 80 characters."""
    topic = " ".join(raw[: LONGEST_TOPIC * 4].split()).strip(_EDGES)
    topic = re.sub(r"[.!?]+(?=\s)", ",", topic)
    if len(topic) > LONGEST_TOPIC:
        cut = topic.rfind(" ", LONGEST_TOPIC // 2, LONGEST_TOPIC)
        topic = topic[: cut if cut > 0 else LONGEST_TOPIC].strip(_EDGES)
    return topic


def topic_kind(topic: str) -> str:
    """`clause` (how to bake), `gerund` (baking bread), `compound` (sourdough bread: fits before a noun) or `thing`."""
    words = topic.lower().split()
    kinds = load("grammar")["topic_kinds"]
    if not words or is_unspaced(topic):
        return "thing"
    first = words[0]
    if first in kinds["clause"].split():
        return "clause"
    if first.endswith("ing") and len(first) > 4 and first not in load("grammar")["not_gerunds"].split():
        return "gerund"
    plain = all(word.replace("-", "").isalpha() for word in words) and not words[-1].endswith("s")
    short = len(words) <= 3 and not any(word in ("of", "in", "at", "for", "with", "and", "to", "on") for word in words)
    return "compound" if plain and short and first not in kinds["determined"].split() else "thing"


def _templates(rules: Rules, family: str, kind: str) -> list[str]:
    names = [f"{family}_any", f"{family}_{kind}"] + ([f"{family}_thing"] if kind == "compound" else [])
    return [template for name in names for template in rules.get(name, ())]


def _lines(family: str, raw_topic: str, count: int, seed: int) -> list[str]:
    topic = clean_topic(raw_topic)
    if not topic:
        raise WritingError(f"No topic for the {family}s", hint="Name what they are about.")
    if not 1 <= count <= MOST_LINES:
        raise WritingError(f"Cannot write {count} {family}s", hint=f"Ask for 1 to {MOST_LINES}.")
    rules: Rules = load("grammar")["rules"]
    rng = seeded(seed, family, topic)
    templates = _templates(rules, family, topic_kind(topic))
    rng.shuffle(templates)
    lines: dict[str, None] = {}
    for attempt in range(count * _TRIES_PER_LINE):
        lines[expand(templates[attempt % len(templates)], rules, {"topic": topic}, rng)] = None
        if len(lines) == count:
            return list(lines)
    raise WritingError(f"The grammar has no {count} different {family}s", hint="Ask for fewer.")


def hooks(topic: str, count: int = 5, seed: int = 0) -> list[str]:
    """`count` (1 to 20) different opening lines for a short video about the topic. Raises WritingError."""
    return _lines("hook", topic, count, seed)


def titles(topic: str, count: int = 5, seed: int = 0) -> list[str]:
    """`count` (1 to 20) different titles about the topic. Raises WritingError."""
    return _lines("title", topic, count, seed)


def slogans(topic: str, count: int = 5, seed: int = 0) -> list[str]:
    """`count` (1 to 20) different slogans for the topic. Raises WritingError."""
    return _lines("slogan", topic, count, seed)


def poem(topic: str, seed: int = 0) -> str:
    """Six rhymed lines; the first two name the topic. Raises WritingError when the topic is empty."""
    cleaned = clean_topic(topic)
    if not cleaned:
        raise WritingError("No topic for the poem", hint="Name what it is about.")
    rules: Rules = load("grammar")["rules"]
    rng = seeded(seed, "poem", cleaned)
    couplets = [expand(f"#poem_{part}#", rules, {"topic": cleaned}, rng) for part in ("open", "middle", "close")]
    lines = [line for couplet in couplets for line in couplet.rsplit("|", 1)]
    return "\n".join(line[:1].upper() + line[1:] for line in lines)


def expand_prompt(prompt: str, seed: int = 0) -> str:
    """The prompt followed by framing, light, colors and texture. Raises WritingError when it is empty."""
    subject = " ".join(prompt[:2_000].split()).strip(_EDGES)
    if not subject:
        raise WritingError("There is no prompt to expand", hint="Give the prompt after the instruction.")
    return expand("#expanded_prompt#", load("grammar")["rules"], {"topic": subject}, seeded(seed, "expand", subject))
