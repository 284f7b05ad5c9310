"""What falls or hangs in the air: fog, rain, snow, lightning."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .color import Array, Real, mix, rgb, smoothstep
from .stage import Stage


def paint_fog(stage: Stage, strength: float = 1.0, name: str = "fog") -> None:
    """Banks of mist around the horizon, thinning upward and toward the viewer."""
    size = stage.soft_size()
    _, y = stage.grid(size)
    banks = stage.field(name, 2.2, stretch=4, octaves=5)
    reach = (y - np.float32(stage.horizon + 0.04 * stage.unit)) / np.float32(stage.unit)
    body = np.exp(-np.abs(reach + banks * 0.10) * np.where(reach < 0, 6.0, 4.4))
    density = np.clip(body * (0.66 + 0.5 * banks) * strength, 0, 0.80).astype(np.float32)
    stage.paint(mix(stage.light.haze, stage.light.light, 0.25), np.clip(stage.enlarge(density), 0, 1))


def paint_rain(stage: Stage) -> None:
    """Slanted streaks in two depths over air that is a little greyer."""
    rng = stage.rng("rain")
    slant = float(rng.uniform(0.10, 0.26)) * float(rng.choice([-1.0, 1.0]))
    stage.paint(stage.light.haze, np.full((stage.height, 1), 0.10, dtype=np.float32))
    for depth, count, length, thick, alpha in ((0, 900, 0.035, 0.0011, 0.30), (1, 260, 0.085, 0.0019, 0.36)):
        layer = Image.new("L", (stage.width, stage.height))
        draw = ImageDraw.Draw(layer)
        for u, v, scale in rng.random((int(count * stage.across * stage.down), 3)):
            x, y, reach = u * stage.width * 1.3 - 0.15 * stage.width, v * stage.height, length * (0.6 + 0.8 * scale)
            end = (x + slant * reach * stage.unit, y + reach * stage.unit)
            width = max(1, round(thick * stage.unit))
            draw.line([(x, y - 0.02 * stage.unit), end], fill=int(110 + 145 * scale), width=width)
        soft = layer.filter(ImageFilter.GaussianBlur(0.0006 * stage.unit * (1 + depth)))
        stage.screen(rgb("#dfe9f2"), np.asarray(soft, dtype=np.float32) * np.float32(alpha / 255))


def paint_snowfall(stage: Stage, *, front: bool) -> None:
    """Flakes in three depths: dust and flakes behind the figures, little dust and a few soft ones before them."""
    rng = stage.rng(f"snowfall.{front}")
    behind = ((760, 0.0009, 0.0022, 0.0003, 0.75), (190, 0.0026, 0.0052, 0.0012, 0.80))
    before = ((130, 0.0009, 0.0020, 0.0003, 0.75), (16, 0.010, 0.020, 0.0055, 0.36))
    for count, small, large, blur, alpha in before if front else behind:
        layer = Image.new("L", (stage.width, stage.height))
        draw = ImageDraw.Draw(layer)
        for u, v, scale in rng.random((int(count * stage.across * stage.down), 3)):
            radius = (small + (large - small) * scale) * stage.unit
            x, y = u * stage.width, v * stage.height
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=int(120 + 135 * scale))
        soft = layer.filter(ImageFilter.GaussianBlur(max(0.4, blur * stage.unit)))
        flakes = np.asarray(soft, dtype=np.float32) * np.float32(alpha / 255)
        stage.paint(mix(rgb("#ffffff"), stage.light.light, 0.25), flakes)


def paint_lightning(stage: Stage) -> None:
    """One branching bolt from the clouds to the horizon, with the glow it throws on the sky."""
    rng = stage.rng("lightning")
    layer = Image.new("L", (stage.width, stage.height))
    draw = ImageDraw.Draw(layer)
    start = np.array([float(rng.uniform(0.25, 0.75)) * stage.width, stage.horizon * 0.12])
    end = np.array([start[0] + float(rng.normal(0, 0.12)) * stage.unit, float(stage.horizon)])
    _bolt(draw, start, end, stage.unit * 0.0052, rng, 2)
    sharp = np.asarray(layer.filter(ImageFilter.GaussianBlur(0.0008 * stage.unit)), dtype=np.float32) / np.float32(255)
    glow = _glow(layer, stage, 0.022)
    stage.screen(rgb("#a9b8ff"), np.clip(glow * 2.6, 0, 0.9))
    stage.screen(rgb("#b9c6ff"), np.clip(_glow(layer, stage, 0.09) * 5.0, 0, 0.6))
    stage.paint(rgb("#fbfbff"), sharp)


def _glow(layer: Image.Image, stage: Stage, radius: float) -> Array:
    small = layer.resize((max(1, stage.width // 4), max(1, stage.height // 4)), Image.Resampling.BOX)
    blurred = small.filter(ImageFilter.GaussianBlur(radius * stage.unit / 4))
    return stage.enlarge(np.asarray(blurred, dtype=np.float32) / np.float32(255))


def _bolt(
    draw: ImageDraw.ImageDraw, start: Real, end: Real, thick: float, rng: np.random.Generator, forks: int
) -> None:
    points: Real = np.stack([start, end])
    for level in range(6):
        middle = (points[:-1] + points[1:]) / 2
        length = float(np.hypot(*(end - start)))
        middle[:, 0] += rng.normal(0, length * 0.085 / 1.75**level, len(middle))
        merged = np.empty((len(points) + len(middle), 2))
        merged[0::2], merged[1::2] = points, middle
        points = merged
    draw.line([(float(x), float(y)) for x, y in points], fill=255, width=max(1, round(thick)), joint="curve")
    for _ in range(forks * 2 if forks else 0):
        origin = points[int(rng.integers(len(points) // 5, len(points) * 3 // 4))]
        reach = (end - start) * float(rng.uniform(0.18, 0.42))
        side = np.array([float(rng.normal(0, 0.5)) * abs(float(reach[1])), 0.0])
        _bolt(draw, origin, origin + reach + side, thick * 0.5, rng, forks - 1)


def paint_godrays(stage: Stage) -> None:
    """Faint shafts of light that fan out from a low sun."""
    size = stage.soft_size()
    x, y = stage.grid(size)
    dx, dy = x - np.float32(stage.sun[0]), y - np.float32(stage.sun[1])
    angle = np.arctan2(dx, np.abs(dy) + 0.15 * stage.unit)
    rng = stage.rng("rays")
    phases = rng.random(4) * 6.28
    shafts = sum(np.sin(angle * k + p) for k, p in zip((9.0, 17.0, 29.0, 5.0), phases, strict=True)) / 4
    fall = np.exp(-np.hypot(dx, dy) / np.float32(0.45 * stage.unit))
    above = smoothstep(stage.horizon + 0.05 * stage.unit, stage.horizon - 0.25 * stage.unit, y)
    mask = smoothstep(-0.5, 1.0, np.asarray(shafts, dtype=np.float32)) * fall * above * 0.20
    stage.screen(stage.light.light, np.clip(stage.enlarge(mask.astype(np.float32)), 0, 1))
