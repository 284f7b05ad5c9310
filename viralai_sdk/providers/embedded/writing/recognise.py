"""Which task a prompt asks for, by trigger words at its start. What no rule recognises is `explain`, never a guess."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from .arithmetic import as_expression
from .creative import clean_topic
from .data import load
from .segment import READ_LIMIT, sentences

_HEAD = 400
_DELIMITER = re.compile(r"\s*(?:[:：]|\s[–—-]\s|\n)\s*")
_QUOTED = re.compile(r"\s*[\"“«'](.{1,4000})[\"”»']\s*[?.!]?\s*", re.DOTALL)
_LETTER_COUNT = re.compile(
    r"how many (?:times does )?(?:the )?(?:letters? )?[\"'“‘]?(\w)[\"'”’]?(?:['’]?s)?\s+(?:letters? )?"
    r"(?:are |is )?(?:there )?"
    r"(?:appears? |occurs? )?(?:in|does) (?:the word )?[\"'“‘]?([^\W\d_]{2,60})[\"'”’]?\s*\??$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Request:
    """A recognised task: the text or topic it is about, a count, and for extraction and statistics what is wanted."""

    task: str
    body: str = ""
    count: int | None = None
    wanted: tuple[str, ...] = ()


EXPLAIN = Request("explain")


@cache
def _rules() -> dict[str, Any]:
    """The trigger file with its patterns compiled."""
    raw = load("tasks")
    number = r"\d{1,4}|" + "|".join(sorted(raw["numbers"], key=len, reverse=True))
    verb = rf"(?:{raw['verbs']})(?:\s+(?:me|us))?"

    def compiled(source: str) -> re.Pattern[str]:
        return re.compile(source.replace("{number}", number).replace("{verb}", verb), re.IGNORECASE)

    described = rf"(?:(?:an?|the|some|my)\s+)?(?:(?:{raw['adjectives']})[,\s]+(?:and\s+)?)*"
    lead = rf"(?:{verb}\s+)?(?:(?P<count>{number})\s+)?{described}"
    link = r"\s*(?:\s(?:for|about|on|to|of)\s+|\s*:\s*)"
    kinds = "|".join(raw["extract_kinds"].values())
    units = "|".join(raw["statistics_units"].values())
    return {
        "polite": compiled(rf"(?:(?:{raw['polite']})\b[,!]?\s+)+"),
        "creative": {task: compiled(rf"{lead}(?:{nouns}){link}") for task, nouns in raw["creative"].items()},
        "frame": compiled(rf"(?:(?:about|on)\s+)?{raw['frames']}"),
        "tail": compiled(raw["tail"]),
        "text": {
            task: [compiled(rf"{source}(?![\w-])") for source in raw[task]]
            for task in ("summary", "key_phrases", "expand_prompt")
        },
        "summary_length": compiled(raw["summary_length"]),
        "deictic": compiled(raw["deictic"]),
        "extract": compiled(
            rf"(?:{raw['extract_verbs']})\s+(?:(?:all|the|every|any|of)\s+)*(?P<kinds>(?:{kinds})"
            rf"(?:(?:\s*,\s*(?:(?:and|or)\s+)?|\s+(?:and|or)\s+)"
            rf"(?:the\s+)?(?:{kinds}))*)\s+(?:from|in|out of|of)\b"
        ),
        "kinds": {kind: compiled(rf"\b(?:{source})\b") for kind, source in raw["extract_kinds"].items()},
        "statistics": compiled(
            rf"(?:how many|count(?: the)?(?: number of)?)\s+(?P<units>(?:{units})(?:\s*(?:,|and)\s*(?:{units}))*)"
            r"(?:\s+(?:are|is|does))?(?:\s+there)?(?:\s+(?:in|of|has|have))?"
        ),
        "all_statistics": compiled(
            r"(?:text |word )?(?:statistics|stats|word count|reading time)(?:\s+(?:of|for|in))?"
        ),
        "units": {unit: compiled(rf"\b(?:{source})\b") for unit, source in raw["statistics_units"].items()},
        "arithmetic": compiled(raw["arithmetic"]),
    }


def _number(word: str | None) -> int | None:
    if word is None:
        return None
    return int(word) if word.isdecimal() else int(load("tasks")["numbers"][word.lower()])


def _delimited(rest: str) -> str | None:
    """The text after a colon, a dash, a line break, or inside quotation marks; None when nothing sets it apart."""
    deictic = _rules()["deictic"].match(rest[:_HEAD])
    rest = rest[deictic.end() if deictic else 0 :]
    mark = _DELIMITER.match(rest[:_HEAD])
    if mark:
        return rest[mark.end() :].strip()
    quoted = _QUOTED.fullmatch(rest) if len(rest) < 4_100 else None
    return quoted.group(1).strip() if quoted else None


def recognise(prompt: str, context: str = "") -> Request:
    """The task that the prompt asks for. `context` is an earlier text that `this` may refer to."""
    text = prompt.strip()
    head = text[:_HEAD]
    polite = _rules()["polite"].match(head)
    start = polite.end() if polite else 0
    text, head = text[start:], head[start:]
    for attempt in (_arithmetic, _statistics, _extract):
        found = attempt(text, head, context)
        if found:
            return found
    for task in ("summary", "key_phrases", "expand_prompt"):
        found = _about_text(task, text, head, context)
        if found:
            return found
    return _creative(text, head) or EXPLAIN


def _arithmetic(text: str, head: str, context: str) -> Request | None:
    if len(text) >= _HEAD:
        return None
    asked = _rules()["arithmetic"].match(head)
    expression = as_expression(text[asked.end() :] if asked else text)
    return Request("arithmetic", expression) if expression else None


def _statistics(text: str, head: str, context: str) -> Request | None:
    letter = _LETTER_COUNT.match(head) if len(text) < _HEAD else None
    if letter:
        return Request("statistics", letter.group(2), wanted=("letter", letter.group(1)))
    rules = _rules()
    asked = rules["statistics"].match(head) or rules["all_statistics"].match(head)
    if not asked:
        return None
    body = _delimited(text[asked.end() :]) or (context if _refers_back(text[asked.end() :]) else None)
    if not body:
        return None
    named = asked.groupdict().get("units") or ""
    return Request(
        "statistics", body, wanted=tuple(unit for unit, rule in rules["units"].items() if rule.search(named))
    )


def _extract(text: str, head: str, context: str) -> Request | None:
    rules = _rules()
    asked = rules["extract"].match(head)
    if not asked:
        return None
    rest = text[asked.end() :]
    wanted = tuple(kind for kind, rule in rules["kinds"].items() if rule.search(asked.group("kinds")))
    body = _delimited(rest) or (context if _refers_back(rest) else rest.strip())
    return Request("extract", body, wanted=wanted) if body and any(map(str.isalnum, body[:READ_LIMIT])) else None


def _refers_back(rest: str) -> bool:
    words = rest[:_HEAD].lower().strip(" .!?").split()
    known = {
        "this",
        "that",
        "it",
        "the",
        "above",
        "text",
        "article",
        "of",
        "in",
        "conversation",
        "message",
        "previous",
        "from",
        "there",
        "are",
    }
    return len(words) <= 6 and all(word in known for word in words)


def _about_text(task: str, text: str, head: str, context: str) -> Request | None:
    rules = _rules()
    asked = next((match for rule in rules["text"][task] if (match := rule.match(head))), None)
    if not asked:
        return None
    count = _number(asked.groupdict().get("count"))
    rest = text[asked.end() :]
    deictic = rules["deictic"].match(rest[:_HEAD])
    length = rules["summary_length"].match(rest[:_HEAD], deictic.end() if deictic else 0) if task == "summary" else None
    if length:
        count, rest = _number(length.group("length")), rest[length.end() :]
    body = _delimited(rest)
    if body is None:
        if _refers_back(rest):
            body = context
        elif task == "key_phrases" or len(sentences(rest[:READ_LIMIT])) >= 3:
            body = rest.strip()
    return Request(task, body, count) if body and any(map(str.isalnum, body[:READ_LIMIT])) else None


def topic_of(text: str) -> str:
    """The topic without `a video about` before it and `for TikTok` after it."""
    rules = _rules()
    topic = clean_topic(text.strip().split("\n", 1)[0])
    for _ in range(3):
        frame = rules["frame"].match(topic)
        if not frame or not topic[frame.end() :].strip():
            break
        topic = topic[frame.end() :]
    return clean_topic(re.sub(r"\s+please$", "", rules["tail"].sub("", topic), flags=re.IGNORECASE))


def _creative(text: str, head: str) -> Request | None:
    for task, rule in _rules()["creative"].items():
        asked = rule.match(head)
        if asked:
            topic = topic_of(text[asked.end() : asked.end() + _HEAD])
            if any(letter.isalnum() for letter in topic):
                return Request(task, topic, _number(asked.group("count")))
    return None
