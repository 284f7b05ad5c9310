"""What is said for what is written: numbers, money, times, signs and abbreviations as English words."""

from __future__ import annotations

import re
import unicodedata

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_LONGEST_WORD = 40
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ("", "thousand", "million", "billion", "trillion")
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}
_ORDINALS["twelve"] = "twelfth"
_SIGNS = {
    "&": "and", "%": "percent", "@": "at", "+": "plus", "=": "equals", "#": "number", "°": "degrees", "©": "copyright",
    "<": "less than", ">": "greater than", "×": "times", "÷": "divided by", "½": "one half", "¼": "one quarter",
    "$": "dollars", "€": "euros", "£": "pounds", "~": "about", "^": "caret", "|": "bar", "→": "to", "±": "plus minus",
    "/": "slash", "*": "star", "_": "underscore", "\\": "backslash",
}  # fmt: skip
_ABBREVIATIONS = {
    "mr": "mister", "mrs": "missis", "ms": "miz", "dr": "doctor", "st": "saint", "vs": "versus", "etc": "etcetera",
    "e.g": "for example", "i.e": "that is", "a.m": "a.m.", "p.m": "p.m.", "approx": "approximately",
}  # fmt: skip
_CURRENCIES = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny")}
_PART = re.compile(
    r"(?P<money>[$€£]\d[\d,]*(?:\.\d+)?)|(?P<time>\d{1,2}:\d\d)(?!\d)|(?P<ordinal>\d[\d,]*(?=(?:st|nd|rd|th)\b))"
    r"|(?P<number>\d[\d,]*(?:\.\d+)?)|(?P<word>[a-z]+(?:'[a-z]+)*'?)|(?P<sign>.)",
    re.IGNORECASE | re.DOTALL,
)


def cardinal(value: int) -> list[str]:
    """The words of a whole number below 10^15."""
    if value < 20:
        return [_ONES[value]]
    if value < 100:
        return [_TENS[value // 10], *([_ONES[value % 10]] if value % 10 else [])]
    if value < 1000:
        return [_ONES[value // 100], "hundred", *(cardinal(value % 100) if value % 100 else [])]
    words: list[str] = []
    for power in range(4, -1, -1):
        part = value // 1000**power % 1000
        if part:
            words += [*cardinal(part), *([_SCALES[power]] if power else [])]
    return words


def ordinal(value: int) -> list[str]:
    """The words of an ordinal number: 21 -> twenty first."""
    *front, last = cardinal(value)
    if last in _ORDINALS:
        return [*front, _ORDINALS[last]]
    return [*front, last[:-1] + "ieth" if last.endswith("y") else last + "th"]


def number(digits: str) -> list[str]:
    """A written number: grouping commas and a decimal point allowed; too long or zero-led ones digit by digit."""
    whole, point, fraction = digits.replace(",", "").partition(".")
    if len(whole) > 15 or (len(whole) > 1 and whole[0] == "0"):
        words = [_ONES[int(digit)] for digit in whole]
    elif not point and "," not in digits and len(whole) == 4 and 1100 <= int(whole) <= 2099 and whole[1:3] != "00":
        words = _year(int(whole))
    else:
        words = cardinal(int(whole))
    return words + (["point", *(_ONES[int(digit)] for digit in fraction)] if point else [])


def _year(value: int) -> list[str]:
    century, rest = divmod(value, 100)
    if rest == 0:
        return [*cardinal(century), "hundred"]
    return [*cardinal(century), *(["oh"] if rest < 10 else []), *cardinal(rest)]


def _money(amount: str) -> list[str]:
    unit, small = _CURRENCIES[amount[0]]
    whole, _, cents = amount[1:].replace(",", "").partition(".")
    words = [*number(whole), unit if whole == "1" else unit + "s"]
    if len(cents) == 2 and cents != "00":
        plural = "pence" if small == "penny" else small + "s"
        words += [*cardinal(int(cents)), small if cents == "01" else plural]
    elif cents and cents.strip("0"):
        words = [*number(f"{whole}.{cents}"), unit + "s"]
    return words


def _time(clock: str) -> list[str]:
    hours, minutes = (int(part) for part in clock.split(":"))
    if minutes == 0:
        return [*cardinal(hours), "o'clock"] if 1 <= hours <= 12 else [*cardinal(hours), "hundred"]
    return [*cardinal(hours), *(["oh"] if minutes < 10 else []), *cardinal(minutes)]


def plain(text: str) -> str:
    """Letters without accents, typographic apostrophes as ASCII; one character may become several or none."""
    text = text.replace("’", "'").replace("‘", "'").replace("ß", "ss").replace("æ", "ae").replace("ø", "o")
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


def read(token: str, *, shouted: bool = False) -> list[str]:
    """The spoken words of one written token; letter names come as single capitals. Empty when nothing is readable.

    `shouted`: the whole text is in capitals, so capitals do not mean an abbreviation.
    """
    bare = plain(token).strip(".,;:!?\"'()[]{}…“”«»-–—")
    known = _ABBREVIATIONS.get(bare.lower())
    if known is not None:
        return known.split() if "." not in known else list(known.replace(".", "").upper())
    if re.fullmatch(r"(?:[A-Za-z]\.)+[A-Za-z]", bare):
        return list(bare.replace(".", "").upper())
    words: list[str] = ["minus"] if re.match(r"[-−]\d", plain(token)) else []
    for match in _PART.finditer(bare or plain(token)):
        words += _part(match, shouted)
    return words


def _part(match: re.Match[str], shouted: bool) -> list[str]:
    kind, text = match.lastgroup, match[0]
    if kind == "money":
        return _money(text)
    if kind == "time":
        return _time(text)
    if kind == "ordinal":
        return ordinal(int(text.replace(",", ""))) if len(text) <= 15 else number(text)
    if kind == "number":
        return number(text.rstrip(","))
    if kind == "word":
        return _word(text, match, shouted)
    return _SIGNS.get(text, "").split()


def _word(text: str, match: re.Match[str], shouted: bool) -> list[str]:
    if text.lower() in {"st", "nd", "rd", "th"} and match.start() and match.string[match.start() - 1].isdigit():
        return []
    if re.fullmatch("[A-Z]{2,5}s", text):
        return [*text[:-2], f"{text[-2]}'s"]
    if text.isupper() and len(text) > 1 and not shouted and (len(text) <= 3 or not re.search("[AEIOUY]", text)):
        return list(text)
    # NotebookLM, openAI: a capital inside starts a new word. No word is endless: what is longer is read in parts.
    parts = re.findall(r"[A-Z]+(?![a-z])(?:'[a-z]+)?|[A-Z]?[a-z']+|'+", text)
    return [
        part if part.isupper() and 1 < len(part) <= 3 and not shouted else part.lower()
        for long in parts
        for part in (long[at : at + _LONGEST_WORD] for at in range(0, len(long), _LONGEST_WORD))
        if part.strip("'")
    ]
