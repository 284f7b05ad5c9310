"""What a prompt asks for, as plain data: the vocabulary of the painter and the scene it is told to paint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PIL import Image

ENGINE: Final = "embedded/procedural-image@1"

STYLES: Final[tuple[str, ...]] = ("cinematic", "painterly", "watercolor", "poster", "neon", "pencil", "pixel")
DEFAULT_STYLE: Final = STYLES[0]

ProgressFn = Callable[[float, str, "Image.Image | None"], None]
"""Called with the fraction done (0..1), the name of the stage and a small preview or None. It may raise to cancel."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A figure to place into the scene.

    `color` is the name of a colour said right before it ("a red fox"), `count` how many were asked for.
    """

    name: str
    count: int = 1
    color: str | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything the engine paints. The parser has already dropped what cannot be combined.

    `backdrop` is one of landscape, space, underwater, studio, abstract. `time` is None when the prompt does not say;
    the engine then picks a light by seed. `colors` tint the whole picture, `sky_color` only
    the sky, `land_color` only land, water or flowers; `unwanted` must not appear.
    `used` and `ignored` are the prompt's own words, lower-cased, in order of appearance.
    """

    backdrop: str = "abstract"
    time: str | None = None
    weather: tuple[str, ...] = ()
    sky: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    subjects: tuple[Subject, ...] = ()
    colors: tuple[str, ...] = ()
    sky_color: str | None = None
    land_color: str | None = None
    style: str | None = None
    style_words: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def has(self, feature: str) -> bool:
        """Whether a weather, sky or place feature is to be painted."""
        return feature in self.weather or feature in self.sky or feature in self.places

    def describe(self) -> str:
        """One line for a caption or for metadata, such as ``fox | snow, forest | sunset``."""
        figures = ", ".join(f"{s.count} {s.name}" if s.count > 1 else s.name for s in self.subjects)
        features = ", ".join((*self.places, *self.weather, *self.sky))
        return " | ".join(part for part in (figures, features or self.backdrop, self.time or "") if part)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished picture and the honest account of what the prompt did to it."""

    image: Image.Image
    used: tuple[str, ...]
    ignored: tuple[str, ...]
    scene: str
    style: str
    engine: str = ENGINE
