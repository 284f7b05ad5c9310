"""Chooses, out of what a model offers, what comes nearest to a request."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from viralai_sdk.interfaces.requests import ratio_value
from viralai_sdk.providers.runway.models import Limits

SAME = 0.02
"""Ratios that differ by less than this share count as the same: the vendor rounds its sizes to whole blocks."""


def sides(ratio: str) -> tuple[int, int] | None:
    """Width and height of "1280:720"; None for words such as "auto" and for bare ratios such as "16:9"."""
    match = re.fullmatch(r"(\d+):(\d+)", ratio)
    if match is None or int(match[1]) < 100:
        return None
    return int(match[1]), int(match[2])


def nearest_ratio(ratios: Sequence[str], ratio: float, size: tuple[int, int]) -> str:
    """The offered ratio with the nearest proportions, and of those the one with the nearest size."""

    def distance(offered: str) -> tuple[float, float]:
        shape = abs(math.log(ratio_value(offered) / ratio))
        pixels = sides(offered)
        area = abs(math.log(pixels[0] * pixels[1] / (size[0] * size[1]))) if pixels else 0.0
        return (0.0 if shape < SAME else shape, area)

    return min((offered for offered in ratios if re.fullmatch(r"\d+:\d+", offered)), key=distance)


def nearest_named(names: Sequence[str], short_side: int) -> str:
    """The offered resolution with the nearest short side: out of "480p", "2k", "auto_720p"."""
    return min(names, key=lambda name: abs(math.log(short_side_of(name) / short_side)))


def short_side_of(name: str) -> int:
    """Pixels of the short side of a named resolution."""
    word = name.removeprefix("auto_")
    return {"1k": 1024, "2k": 1440, "4k": 2160}.get(word) or int(word.rstrip("p"))


def nearest_duration(limits: Limits, seconds: float) -> int:
    """The nearest length that the model makes, in whole seconds."""
    if limits.durations:
        return min(limits.durations, key=lambda offered: (abs(offered - seconds), offered))
    whole = max(1, round(seconds))
    if limits.seconds:
        return min(max(whole, limits.seconds[0]), limits.seconds[1])
    return whole


def same_ratio(offered: str, ratio: float) -> bool:
    """Whether an offered ratio has the wanted proportions."""
    return abs(math.log(ratio_value(offered) / ratio)) < SAME
