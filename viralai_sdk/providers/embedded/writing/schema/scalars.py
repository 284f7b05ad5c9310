"""Numbers and strings within their bounds."""

import math
import random
from collections.abc import Iterator
from fractions import Fraction

from . import formats
from .budget import Budget, Unsatisfiable
from .conjunction import Conjunction
from .fields import FieldText, number_range
from .patterns import compiled

TRIES = 24
_FILLER = "sample text to fill the length that the schema asks for "


def _exact(value: float) -> Fraction:
    return Fraction(str(value))


def _step(place: Conjunction, whole: bool) -> Fraction | None:
    """The smallest number that every multipleOf (and 1, for integers) divides."""
    steps = [_exact(value) for value in place.every("multipleOf")] + ([Fraction(1)] if whole else [])
    if not steps:
        return None
    common = steps[0]
    for step in steps[1:]:
        shared = math.lcm(common.denominator, step.denominator)
        common = Fraction(math.lcm(int(common * shared), int(step * shared)), shared)
    return common


def _plain(value: Fraction) -> float:
    if value.denominator == 1:
        return value.numerator
    return float(value)


def numbers(place: Conjunction, name: str, whole: bool, rng: random.Random) -> Iterator[float]:
    """Numbers for the place, the usual ones for the name first. Validate them. Raises Unsatisfiable."""
    low = max((_exact(value) for key in ("minimum", "exclusiveMinimum") for value in place.every(key)), default=None)
    high = min((_exact(value) for key in ("maximum", "exclusiveMaximum") for value in place.every(key)), default=None)
    if low is not None and high is not None and low > high:
        raise Unsatisfiable(f"no number is at least {float(low):g} and at most {float(high):g}", place.pointer)
    usual_low, usual_high = number_range(name)
    if (low is not None and low > usual_high) or (high is not None and high < usual_low):
        usual_low, usual_high = 1, 10
    start = max(low, Fraction(usual_low)) if low is not None else Fraction(usual_low)
    end = min(high, Fraction(usual_high)) if high is not None else Fraction(usual_high)
    if start > end:
        start = end = low if low is not None else high if high is not None else Fraction(1)
    step = _step(place, whole)
    if step is not None:
        yield from _multiples(step, start, end, low, high, rng)
        return
    if end - start <= 1:
        yield _plain((start + (end - start) * rng.randint(1, 9) / 10).limit_denominator(10**9))
    yield _plain(Fraction(rng.randint(math.ceil(start), max(math.ceil(start), math.floor(end)))))
    yield from (_plain(value) for value in (start, end, Fraction(0), Fraction(1)))
    low_end, high_end = (low if low is not None else start - 1000), (high if high is not None else start + 1000)
    yield float((low_end + high_end) / 2)
    yield from (float(low_end + (high_end - low_end) * rng.randint(1, 999) / 1000) for _ in range(TRIES))


def _multiples(
    step: Fraction, start: Fraction, end: Fraction, low: Fraction | None, high: Fraction | None, rng: random.Random
) -> Iterator[float]:
    first, last = math.ceil(start / step), math.floor(end / step)
    if first <= last:
        yield _plain(step * rng.randint(first, last))
    least = math.ceil(low / step) if low is not None else None
    most = math.floor(high / step) if high is not None else None
    if least is not None:
        yield from (_plain(step * (least + extra)) for extra in range(TRIES))
    if most is not None:
        yield from (_plain(step * (most - less)) for less in range(TRIES))
    if least is not None and most is not None and least <= most:
        yield from (_plain(step * rng.randint(least, most)) for _ in range(TRIES))
    yield from (_plain(step * factor) for factor in range(-TRIES, TRIES))


def _fit(text: str, least: int, most: int) -> str:
    """The text cut at a word, or filled up, to a length between the two."""
    if len(text) > most:
        cut = text.rfind(" ", max(least, 1), most + 1)
        text = text[: cut if cut >= max(least, most // 2, 1) else most]
        text = text.rstrip(" ,;:") if len(text.rstrip(" ,;:")) >= least else text
    if len(text) < least:
        text += (" " + _FILLER * ((least - len(text)) // len(_FILLER) + 2))[: least - len(text)]
    return text


def strings(
    place: Conjunction, name: str, index: int, fields: FieldText, rng: random.Random, budget: Budget
) -> Iterator[str]:
    """Strings for the place. Some may break a rule: validate. Raises Unsatisfiable."""
    least = place.largest("minLength", 0)
    most = place.smallest("maxLength", max(least, 100_000))
    if least > most:
        raise Unsatisfiable(f"no string has at least {least} and at most {most} characters", place.pointer)
    budget.spend(least // 10)
    makers = [formats.MAKERS[str(value)] for value in place.every("format") if str(value) in formats.MAKERS]
    sources = place.every("pattern")
    for maker in makers:
        for _ in range(TRIES // 4):
            yield _lengthened(maker(rng, fields.topic), least)
    if not makers:
        yield _fit(fields.text(name, index, rng), least, most)
    for source in sources:
        pattern = compiled(source)
        shortest = max(least, pattern.least)
        longest = max(shortest, min(most, pattern.most, shortest + 12))
        for attempt in range(TRIES * 2):
            wanted = rng.randint(shortest, longest) if attempt % 2 else min(max(shortest, 8), longest)
            budget.spend(wanted // 10 + 1)
            yield pattern.generate(wanted, rng)
    if len(sources) > 1:
        for _ in range(TRIES):
            shuffled = rng.sample(sources, len(sources))
            yield "".join(compiled(source).generate(compiled(source).least, rng) for source in shuffled)
    if not sources:
        for attempt in range(TRIES):
            yield _fit(f"{fields.text(name, index + attempt, rng)} {attempt + 1}", least, most)
        for _ in range(TRIES):
            size = rng.randint(least, min(most, least + 8))
            yield "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(size))


def _lengthened(text: str, least: int) -> str:
    """Web addresses are made longer in their path, mail addresses in the part before the @; other formats stay."""
    missing = least - len(text)
    if missing > 0 and text.startswith(("http", "/")):
        return text + "x" * missing
    if missing > 0 and "@" in text:
        return "x" * missing + text
    return text
