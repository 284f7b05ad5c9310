"""Figures: outlines from the data file, modelled softly by the scene's light and set into the picture.

An outline is drawn flat at twice its size. Blurring its silhouette gives a height field, and that field's slope gives
every figure a lit and a shaded side and a rim, whatever its shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .color import Array, mix, rgb, smoothstep
from .data import load
from .noise import fbm
from .stage import Stage

LARGEST = 1500


@dataclass(frozen=True, slots=True)
class Sprite:
    """A rendered figure: colour (h, w, 3) and coverage (h, w), both float32."""

    color: Array
    alpha: Array

    def flipped(self) -> Sprite:
        return Sprite(self.color[:, ::-1], self.alpha[:, ::-1])


def shape_of(name: str) -> dict[str, Any]:
    """The data of one figure."""
    found: dict[str, Any] = load("shapes")[name]
    return found


def _smooth(points: list[list[float]], steps: int = 10) -> list[tuple[float, float]]:
    """A closed curve through points (Catmull-Rom); a third coordinate marks a corner, where the curve may break."""
    count = len(points)
    curve: list[tuple[float, float]] = []
    for i in range(count):
        p0, p1, p2, p3 = (points[(i + k - 1) % count] for k in range(4))
        before = p1 if len(p1) > 2 else p0
        after = p2 if len(p2) > 2 else p3
        for step in range(steps):
            t = step / steps
            t2, t3 = t * t, t * t * t
            xy = [
                0.5 * (2 * p1[k] + (p2[k] - before[k]) * t + (2 * before[k] - 5 * p1[k] + 4 * p2[k] - after[k]) * t2
                       + (3 * p1[k] - before[k] - 3 * p2[k] + after[k]) * t3)
                for k in (0, 1)
            ]  # fmt: skip
            curve.append((xy[0], xy[1]))
    return curve


@cache
def _outlines(name: str) -> tuple[tuple[str, str, tuple[tuple[float, float], ...], float], ...]:
    """Every part as (fill, kind, points, width), mirrored copies included."""
    shape = shape_of(name)
    middle = shape["box"][0] / 2
    parts = []
    for part in shape["parts"]:
        if "smooth" in part:
            kind, points = "area", _smooth(part["smooth"])
        elif "poly" in part:
            kind, points = "area", [(p[0], p[1]) for p in part["poly"]]
        elif "line" in part:
            kind, points = "line", [(p[0], p[1]) for p in part["line"]]
        else:
            cx, cy, rx, ry = part["ellipse"]
            angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
            kind, points = "area", [(cx + rx * float(np.cos(a)), cy + ry * float(np.sin(a))) for a in angles]
        parts.append((part["fill"], kind, tuple(points), float(part.get("width", 1))))
        if part.get("mirror"):
            flipped = tuple((2 * middle - x, y) for x, y in points)
            parts.append((part["fill"], kind, flipped, float(part.get("width", 1))))
    return tuple(parts)


def _colors(name: str, wanted: str | None) -> dict[str, Array]:
    shape = shape_of(name)
    colors = {fill: rgb(value) for fill, value in shape["colors"].items()}
    if wanted:
        natural = shape.get("natural", {}).get(wanted)
        target = rgb(natural or load("palettes")["named"][wanted])
        original = colors["body"]
        colors["body"] = target
        if "body2" in colors:  # the second tone keeps its distance in lightness from the first
            shift = float(colors["body2"].mean() - original.mean())
            colors["body2"] = np.clip(target + np.float32(shift), 0, 1)
    return colors


def render(
    stage: Stage, name: str, height: float, color: str | None, key: str, *, glow: bool = False, tilt: float = 0.0,
    part: dict[str, str] | None = None,
) -> Sprite:  # fmt: skip
    """Draw one figure `height` pixels high, shaded for the stage's light.

    `tilt` leans it by radians, `part` renames colours of single fills, and `glow` keeps it bright in the dark.
    """
    shape = shape_of(name)
    box_w, box_h = shape["box"]
    height = max(3.0, min(float(LARGEST), height))
    scale = 2 * height / box_h
    size = (max(2, int(box_w * scale) // 2 * 2), max(2, int(box_h * scale) // 2 * 2))
    flat, cover, lamps = Image.new("RGB", size), Image.new("L", size), Image.new("L", size)
    pen, stencil = ImageDraw.Draw(flat), ImageDraw.Draw(cover)
    bulbs = ImageDraw.Draw(lamps)
    colors = _colors(name, color) | {k: rgb(load("palettes")["named"][v]) * 0.8 for k, v in (part or {}).items()}
    for fill, kind, points, thick in _outlines(name):
        xy = [(x * scale, y * scale) for x, y in points]
        r, g, b = (int(v * 255) for v in (colors[fill] if fill in colors else rgb(fill)))
        if kind == "line":
            width = max(1, round(thick * scale))
            pen.line(xy, fill=(r, g, b), width=width, joint="curve")
            stencil.line(xy, fill=255, width=width, joint="curve")
        else:
            pen.polygon(xy, fill=(r, g, b))
            stencil.polygon(xy, fill=255)
            bulbs.polygon(xy, fill=255 if fill in shape.get("emits", ()) else 0)
    if tilt:
        turned = [
            image.rotate(float(np.degrees(tilt)), Image.Resampling.BILINEAR, expand=True)
            for image in (flat, cover, lamps)
        ]
        even = (max(2, turned[0].width // 2 * 2), max(2, turned[0].height // 2 * 2))
        flat, cover, lamps = (image.crop((0, 0, *even)) for image in turned)
    alpha = np.asarray(cover.reduce(2), dtype=np.float32) / np.float32(255)
    spread = _fill_edges(flat, cover)
    modelled = _model(stage, spread, cover.reduce(2), alpha, key, float(shape.get("fur", 0.0)), glow)
    shining = np.asarray(lamps.reduce(2), dtype=np.float32) / np.float32(255)
    modelled = modelled + (spread - modelled) * shining[..., None]
    return Sprite(np.asarray(modelled, dtype=np.float32), alpha)


def _fill_edges(flat: Image.Image, cover: Image.Image) -> Array:
    """Shrink by two without letting the empty black around the figure bleed into its edge."""
    area = np.asarray(flat.reduce(2), dtype=np.float32) / np.float32(255)
    weight = np.asarray(cover.reduce(2), dtype=np.float32)[..., None] / np.float32(255)
    return np.asarray(np.clip(area / np.maximum(weight, 0.06), 0, 1), dtype=np.float32)


def _model(stage: Stage, color: Array, cover: Image.Image, alpha: Array, key: str, fur: float, glow: bool) -> Array:
    height = alpha.shape[0]
    broad = np.asarray(cover.filter(ImageFilter.GaussianBlur(height * 0.055)), dtype=np.float32) / np.float32(255)
    side = 1.0 if stage.sun[0] > stage.width / 2 else -1.0
    if min(alpha.shape) < 2:
        return color
    gy, gx = np.gradient(broad)
    slope = (-gx * side * 0.8 + gy * 0.9) * np.float32(height * 0.055)
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    lit = 0.80 + slope * 0.85 - 0.20 * down
    if fur:
        cells = (26 * alpha.shape[1] / height, 15.0)
        lit = lit + fbm(stage.rng(key + ".fur"), cells, alpha.shape[1], height, 3, 0.7) * np.float32(fur)
    lit = np.clip(lit, 0.12, 1.08)[..., None]
    light = stage.light
    shade, bright = mix(light.shade, rgb("#ffffff"), 0.18), mix(light.light, rgb("#ffffff"), 0.25)
    modelled = color * (shade + (bright - shade) * lit)
    dark = mix(light.shade, rgb("#0b0a14"), 0.35) * (0.55 + 0.45 * color)
    modelled = modelled + (dark - modelled) * np.float32(0.0 if glow else light.silhouette * 0.62)
    rim = smoothstep(0.16, 0.50, slope) * (1 - smoothstep(0.75, 0.98, broad))
    gain = np.float32(0.30 + 0.5 * light.silhouette)
    modelled = modelled + (np.maximum(light.light, 0.2) - modelled) * (rim * gain)[..., None]
    return np.asarray(np.clip(modelled, 0, 1), dtype=np.float32)


def place(stage: Stage, sprite: Sprite, x: float, base: float, *, alpha: float = 1.0) -> None:
    """Put a sprite so that its foot is at row `base` and its middle at column `x`; what leaves the canvas is cut."""
    height, width = sprite.alpha.shape
    left, top = round(x - width / 2), round(base - height)
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(stage.width, left + width), min(stage.height, top + height)
    if x1 <= x0 or y1 <= y0:
        return
    inner = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    area = stage.canvas[y0:y1, x0:x1]
    area += (sprite.color[inner] - area) * (sprite.alpha[inner] * np.float32(alpha))[..., None]


def shadow(stage: Stage, x: float, base: float, width: float, strength: float = 0.5) -> None:
    """A soft contact shadow on the ground, drawn away from the light."""
    side = -1.0 if stage.sun[0] > stage.width / 2 else 1.0
    reach = width * 0.75
    x0, x1 = int(max(0, x - reach * 2)), int(min(stage.width, x + reach * 2))
    y0, y1 = int(max(0, base - width * 0.25)), int(min(stage.height, base + width * 0.3))
    if x1 <= x0 or y1 <= y0:
        return
    dx = (np.arange(x0, x1, dtype=np.float32)[None, :] - np.float32(x)) / np.float32(reach)
    dy = (np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(base)) / np.float32(width * 0.13)
    long = np.exp(-((dx - side * 0.38) ** 2) * 2.2 - (dy - 0.15) ** 2 * 1.5)
    contact = np.exp(-(dx**2) * 4.5 - dy**2 * 5)
    mask = np.clip((long * 0.75 + contact * 0.8) * strength, 0, 0.8).astype(np.float32)
    area = stage.canvas[y0:y1, x0:x1]
    dark = area * (0.35 + 0.5 * mix(stage.light.shade, rgb("#5a6a9a"), 0.4))
    area += (dark - area) * mask[..., None]


def tinted(sprite: Sprite, color: Array, amount: float) -> Sprite:
    """The sprite seen through air or water of a colour."""
    return Sprite(
        np.asarray(sprite.color + (color - sprite.color) * np.float32(amount), dtype=np.float32), sprite.alpha
    )
