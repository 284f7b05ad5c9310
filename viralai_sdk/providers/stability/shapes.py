"""Aspect ratios and styles that the vendor knows."""

from __future__ import annotations

import difflib
import math

from viralai_sdk.interfaces.requests import ratio_value

RATIOS = ("16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
PRESETS = (
    "enhance",
    "anime",
    "photographic",
    "digital-art",
    "comic-book",
    "fantasy-art",
    "line-art",
    "analog-film",
    "neon-punk",
    "isometric",
    "low-poly",
    "origami",
    "modeling-compound",
    "cinematic",
    "3d-model",
    "pixel-art",
    "tile-texture",
)
WORDS = {
    "photo": "photographic",
    "photorealistic": "photographic",
    "realistic": "photographic",
    "comic": "comic-book",
    "cartoon": "comic-book",
    "manga": "anime",
    "fantasy": "fantasy-art",
    "3d": "3d-model",
    "film": "cinematic",
    "movie": "cinematic",
    "noir": "analog-film",
    "vintage": "analog-film",
    "cyberpunk": "neon-punk",
    "neon": "neon-punk",
    "digital": "digital-art",
    "sketch": "line-art",
    "drawing": "line-art",
    "clay": "modeling-compound",
    "claymation": "modeling-compound",
}
"""People's words for a style → preset."""


def nearest_ratio(ratio: float) -> str:
    """The ratio on offer that comes nearest."""
    return min(RATIOS, key=lambda offered: abs(math.log(ratio_value(offered) / ratio)))


def preset(style: str) -> str | None:
    """The preset that a style means, None when there is none."""
    word = "-".join(style.lower().replace("_", " ").replace("-", " ").split())
    if word in PRESETS:
        return word
    if word in WORDS:
        return WORDS[word]
    near = difflib.get_close_matches(word, PRESETS, n=1, cutoff=0.85)
    return near[0] if near else None
