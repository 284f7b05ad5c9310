"""From a prompt to a list of shots: which scene is seen from when to when, and how the camera moves."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from .camera import CameraMove, moves_for
from .plan import FilmPlanError

SHOT_SECONDS = 4.5
"""A shot longer than this is cut in two, because one move over one still gets dull."""
MIN_SCENE_SECONDS = 1.2
"""A scene needs this long to be seen; when there are more scenes than fit, neighbours share one picture."""

_FRAMINGS = ("wide", "close", "wide", "detail")
# A full stop ends a scene only before a space, so that "3.5 m" and "e.g.this" stay whole; other scripts' stops need
# no space.
_BREAKS = re.compile(
    r"(?<=[.!?…])\s+|[。！？；;।]+\s*|\n+|,?\s+(?:and\s+)?(?:then|afterwards|next we see|cut to)\b[,:]?\s+",
    re.IGNORECASE,
)
_LEADING = re.compile(r"^(?:and\s+then|then|afterwards|finally|next|cut to)\b[,:]?\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Shot:
    """One shot: `prompt` is what to paint, `take` tells two paintings of the same prompt apart, times in seconds."""

    scene: int
    prompt: str
    take: int
    framing: str
    start: float
    end: float
    move: CameraMove


def seeded(seed: int, *parts: object) -> np.random.Generator:
    """A random generator that is the same on every machine for the same seed and parts."""
    digest = hashlib.sha256(repr((seed, *map(str, parts))).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def split_scenes(prompt: str) -> tuple[str, ...]:
    """The scenes a prompt names, in order: sentences, lines, semicolons and "then" separate them. At least one."""
    scenes = []
    for piece in _BREAKS.split(" ".join(prompt.split(" ")).strip()):
        text = _LEADING.sub("", piece.strip()).strip(" \t.,;:")
        if any(character.isalnum() for character in text):
            scenes.append(" ".join(text.split()))
    return tuple(scenes) or (" ".join(prompt.split()),)


def storyboard(prompt: str, duration: float, seed: int) -> tuple[Shot, ...]:
    """Shots that cover 0 to `duration` seconds without a gap, each with its scene, framing and camera move.

    A scene that lasts longer is shown as variations: wide, close, wide on a new painting, detail. Same arguments,
    same shots. Raises FilmPlanError when `duration` is not a positive number.
    """
    if not (math.isfinite(duration) and duration > 0):
        raise FilmPlanError("duration", f"expected a positive number of seconds, got {duration}")
    scenes = _fit(split_scenes(prompt), duration)
    random = seeded(seed, "storyboard", prompt)
    each = duration / len(scenes)
    takes = max(1, math.ceil(each / SHOT_SECONDS - 1e-9))
    shots: list[Shot] = []
    previous = ""
    for scene, text in enumerate(scenes):
        for index in range(takes):
            framing = _FRAMINGS[index % len(_FRAMINGS)]
            fitting = [move for move in moves_for(framing) if move.name != previous]
            move = fitting[int(random.integers(len(fitting)))]
            previous = move.name
            start, end = each * (scene + index / takes), each * (scene + (index + 1) / takes)
            shots.append(Shot(scene, text, index // 2, framing, start, end, move))
    return _closed(shots, duration)


def opening_on_given(shots: tuple[Shot, ...]) -> tuple[Shot, ...]:
    """The same shots for a film that starts with a given picture: the first frame is that picture, uncropped but for
    its shape."""
    opening = next(move for move in moves_for("wide") if move.name == "zoom in")
    return replace(shots[0], move=opening), *shots[1:]


def _fit(scenes: tuple[str, ...], duration: float) -> tuple[str, ...]:
    """At most as many scenes as have time to be seen; neighbours are joined, so no word of the prompt is lost."""
    room = max(1, int(duration / MIN_SCENE_SECONDS))
    if len(scenes) <= room:
        return scenes
    edges = [round(i * len(scenes) / room) for i in range(room + 1)]
    return tuple(", ".join(scenes[a:b]) for a, b in pairwise(edges))


def _closed(shots: list[Shot], duration: float) -> tuple[Shot, ...]:
    """The same shots, each starting exactly where the one before ends, the last ending exactly at `duration`."""
    ends = [shot.start for shot in shots[1:]] + [duration]
    return tuple(
        Shot(s.scene, s.prompt, s.take, s.framing, s.start, end, s.move) for s, end in zip(shots, ends, strict=True)
    )
