"""The picture being painted: its canvas, its measures, its light, and the few ways of putting colour on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, sqrt
from typing import Final

import numpy as np
from PIL import Image

from .color import Array, Real, look_up, mix, ramp, rgb, tint
from .data import load
from .noise import Streams, fbm, resize
from .scene import ProgressFn, Scene

PREVIEW: Final = 256
# Skies are soft: they are computed no finer than this many pixels across and enlarged.
SOFT_LIMIT: Final = 520


@dataclass(frozen=True, slots=True)
class Light:
    """The colours of one hour: the sky from zenith to horizon, the air, sunlit and shaded sides, and clouds.

    `silhouette` (0..1) says how far figures against this sky darken toward `shade`.
    """

    sky: tuple[Array, ...]
    haze: Array
    light: Array
    shade: Array
    sun: Array
    cloud: Array
    cloud_shade: Array
    silhouette: float

    @classmethod
    def of(cls, entry: dict[str, object]) -> Light:
        stops = entry["sky"]
        assert isinstance(stops, list)
        names = ("haze", "light", "shade", "sun", "cloud", "cloud_shade")
        colors = {name: rgb(str(entry[name])) for name in names}
        return cls(sky=tuple(map(rgb, stops)), silhouette=float(str(entry["silhouette"])), **colors)

    def toward(self, color: Array, amount: float, *, sky_only: bool = False) -> Light:
        """This light with its hues pulled toward a colour."""
        tinted = replace(
            self,
            sky=tuple(tint(stop, color, amount) for stop in self.sky),
            haze=tint(self.haze, color, amount),
            cloud=tint(self.cloud, color, amount * 0.6),
            cloud_shade=tint(self.cloud_shade, color, amount),
        )
        if sky_only:
            return tinted
        return replace(tinted, light=tint(self.light, color, amount * 0.5), shade=tint(self.shade, color, amount * 0.7))

    def blend(self, other: Light, amount: float) -> Light:
        """Between two lights; the sky keeps this light's number of stops."""
        others = ramp(other.sky, 64)[np.linspace(0, 63, len(self.sky)).astype(int)]
        return Light(
            sky=tuple(mix(a, b, amount) for a, b in zip(self.sky, others, strict=True)),
            haze=mix(self.haze, other.haze, amount),
            light=mix(self.light, other.light, amount),
            shade=mix(self.shade, other.shade, amount),
            sun=mix(self.sun, other.sun, amount),
            cloud=mix(self.cloud, other.cloud, amount),
            cloud_shade=mix(self.cloud_shade, other.cloud_shade, amount),
            silhouette=self.silhouette + (other.silhouette - self.silhouette) * amount,
        )


class Stage:
    """A canvas (height, width, 3) float32 with the scene, its light and its random streams.

    `unit` is the picture's shorter side in pixels; `across` and `down` are width and height in units, taken from the
    asked size so that a draft and a full picture share one composition. `tall` is the measure for heights of terrain.
    """

    def __init__(
        self, scene: Scene, size: tuple[int, int], asked: tuple[int, int], streams: Streams, progress: ProgressFn | None
    ) -> None:
        self.scene, self.streams, self._progress = scene, streams, progress
        self.width, self.height = size
        self.unit = min(size)
        self.across, self.down = asked[0] / min(asked), asked[1] / min(asked)
        self.tall = self.unit * min(1.6, sqrt(self.down))
        self.canvas: Array = np.zeros((self.height, self.width, 3), dtype=np.float32)
        self.time = ""
        self.light = Light.of(load("palettes")["time"]["day"][0])
        self.horizon = self.height * 6 // 10
        self.sun = (self.width * 0.7, self.height * 0.3)
        self.reflects_sun = False

    def rng(self, name: str) -> np.random.Generator:
        return self.streams.rng(name)

    def report(self, fraction: float, name: str, *, preview: bool = True) -> None:
        """Tell the caller how far the picture is. Whatever the callback raises goes through."""
        if self._progress is None:
            return
        self._progress(fraction, name, self.preview() if preview else None)

    def preview(self) -> Image.Image:
        step = ceil(max(self.width, self.height) / PREVIEW)
        small = np.clip(self.canvas[::step, ::step], 0, 1)
        return Image.fromarray((small * 255).astype(np.uint8))

    def soft_size(self) -> tuple[int, int]:
        scale = min(1.0, SOFT_LIMIT / max(self.width, self.height))
        return max(16, round(self.width * scale)), max(16, round(self.height * scale))

    def field(
        self, name: str, cells: float, *, stretch: float = 1.0, octaves: int = 5, gain: float = 0.5,
        size: tuple[int, int] | None = None, ridged: bool = False,
    ) -> Array:  # fmt: skip
        """Fractal noise over the whole picture with `cells` cells to a unit; `stretch` widens them."""
        width, height = size or self.soft_size()
        counts = (cells * self.across / stretch, cells * self.down)
        return fbm(self.rng(name), counts, width, height, octaves, gain, ridged)

    def paint(self, color: Real, mask: Real, top: int = 0) -> None:
        """Cover rows from `top` on with a colour, a row of colours or a full area, where `mask` (rows, width) says."""
        area = self.canvas[top : top + mask.shape[0]]
        area += (color - area) * mask[: area.shape[0], :, None]

    def screen(self, color: Real, mask: Real, top: int = 0) -> None:
        """Add light: like paint, but it can only brighten and never burns out."""
        area = self.canvas[top : top + mask.shape[0]]
        area += (1 - np.clip(area, 0, 1)) * (color * mask[: area.shape[0], :, None])

    def grid(self, size: tuple[int, int]) -> tuple[Array, Array]:
        """Pixel coordinates of the full picture, on a grid of `size`, as a row (1, w) and a column (h, 1)."""
        x = (np.arange(size[0], dtype=np.float32) + 0.5) * np.float32(self.width / size[0])
        y = (np.arange(size[1], dtype=np.float32) + 0.5) * np.float32(self.height / size[1])
        return x[None, :], y[:, None]

    def enlarge(self, field: Array) -> Array:
        """A soft field at the canvas's size."""
        return resize(field, self.width, self.height, Image.Resampling.BILINEAR)

    def enlarge_color(self, area: Array) -> Array:
        return np.stack([self.enlarge(np.ascontiguousarray(area[..., c])) for c in range(3)], axis=-1)

    def lit(self, base: Array, amount: float) -> Array:
        """A surface colour under this light: 0 in the shade, 1 in full light."""
        return np.asarray(base * mix(self.light.shade, self.light.light, amount), dtype=np.float32)

    def sky_at(self, depth: float) -> Array:
        """The sky's colour, 0 at the zenith and 1 at the horizon."""
        color: Array = look_up(ramp(self.light.sky, 64), np.array([depth], dtype=np.float32))[0]
        return color
