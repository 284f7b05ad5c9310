"""What stands on the land: conifer woods in rows, grass and flowers at the viewer's feet, and city skylines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from .color import Array, mix, rgb
from .data import load
from .noise import line
from .stage import Stage

Point = tuple[float, float]


class Stencil:
    """A mask drawn with Pillow at twice the canvas's resolution over a band of rows, then shrunk: antialiased."""

    def __init__(self, width: int, top: float, bottom: float, limit: int) -> None:
        self.top = max(0, min(limit - 1, int(top)))
        self.bottom = max(self.top + 1, min(limit, int(bottom) + 1))
        self.width = width
        self._image = Image.new("L", (width * 2, (self.bottom - self.top) * 2))
        self._draw = ImageDraw.Draw(self._image)

    def polygon(self, points: list[Point], value: int = 255) -> None:
        self._draw.polygon([(x * 2, (y - self.top) * 2) for x, y in points], fill=value)

    def box(self, x0: float, y0: float, x1: float, y1: float, value: int = 255) -> None:
        if x1 > x0 and y1 > y0:
            low, high = (x0 * 2, (y0 - self.top) * 2), (x1 * 2 - 1, (y1 - self.top) * 2 - 1)
            if high[0] >= low[0] and high[1] >= low[1]:
                self._draw.rectangle((low, high), fill=value)

    def stroke(self, points: list[Point], thickness: float, value: int = 255) -> None:
        self._draw.line(
            [(x * 2, (y - self.top) * 2) for x, y in points], fill=value, width=max(1, round(thickness * 2))
        )

    def disc(self, x: float, y: float, radius: float, value: int = 255) -> None:
        x, y, radius = x * 2, (y - self.top) * 2, radius * 2
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=value)

    def mask(self) -> Array:
        small = self._image.reduce(2)
        return np.asarray(small, dtype=np.float32) / np.float32(255)


@dataclass(frozen=True, slots=True)
class _Row:
    near: float
    base: float
    height: float
    spacing: float
    gap: float


def _conifer(x: float, base: float, height: float, rng: np.random.Generator) -> tuple[list[Point], list[list[Point]]]:
    """Outline of a fir, and the upper faces of its tiers, where snow lies."""
    tiers = 14
    wide = height * float(rng.uniform(0.17, 0.23))
    lean = float(rng.uniform(-0.015, 0.015)) * height
    jitter = rng.uniform(0.78, 1.18, (tiers, 2))
    left: list[Point] = []
    right: list[Point] = []
    faces: list[list[Point]] = []
    for tier in range(tiers):
        t = (tier + 1) / tiers
        y = base - height * (1 - t) - height * 0.015
        previous = base - height * (1 - tier / tiers) - height * 0.015
        spread = wide * t**0.9
        tip_l, tip_r = x - spread * float(jitter[tier, 0]), x + spread * float(jitter[tier, 1])
        inner = spread * 0.62
        droop = height * 0.02
        for side, tip, edge in ((-1, tip_l, left), (1, tip_r, right)):
            notch = side * inner
            edge += [
                (x + side * spread * 0.9, y - droop * 0.2),
                (tip, y + droop),
                (x + notch, y),
                (x + notch * 1.12, y + droop * 0.5),
                (x + notch * 0.8, y - droop * 0.6),
            ]
        # Snow lies unevenly: every tier carries a thin ragged cap on each side, thicker toward its tip.
        thin = (y - previous) * float(rng.uniform(0.25, 0.6))
        for side, tip in ((1, tip_r), (-1, tip_l)):
            begin = float(rng.uniform(0.05, 0.4)) * spread
            faces.append([(x + side * begin, previous + (y - previous) * begin / spread), (tip, y + droop),
                          (x + side * spread * 0.72, y + droop * 0.1 + thin * 0.2),
                          (x + side * spread * 0.5, previous + (y - previous) * 0.5 + thin),
                          (x + side * begin * 0.7, previous + thin * 0.8)])  # fmt: skip
    trunk = height * 0.016
    foot = [(x + trunk, base - height * 0.02), (x + trunk, base), (x - trunk, base), (x - trunk, base - height * 0.02)]
    outline = [(x + lean, base - height), *right, *foot, *reversed(left)]
    return outline, faces


def paint_forest(stage: Stage, base: float, *, near_rows: bool, clearing: float) -> None:
    """Rows of firs from the mist at `base` (a row of the canvas) forward; `clearing` keeps the middle open (0..1)."""
    tall = stage.tall
    span = stage.height - base
    rows = [
        _Row(0.0, base + span * 0.03, tall * 0.15, 0.028, 0.0),
        _Row(0.35, base + span * 0.10, tall * 0.22, 0.05, 0.25 * clearing),
        _Row(0.65, base + span * 0.24, tall * 0.34, 0.085, 0.75 * clearing),
    ]
    if near_rows:
        rows.append(_Row(1.0, base + span * 0.62, tall * 0.66, 0.17, 1.0 * clearing))
    for index, row in enumerate(rows):
        _paint_row(stage, row, f"forest.{index}")


def _paint_row(stage: Stage, row: _Row, name: str) -> None:
    rng = stage.rng(name)
    wave = line(stage.rng(name + ".base"), 1.3 * stage.across, stage.width, 2)
    count = int(stage.across / row.spacing) + 2
    top = row.base - row.height * 1.5
    trees, snow = (Stencil(stage.width, top, row.base + row.height * 0.2, stage.height) for _ in range(2))
    snowy = stage.scene.has("snow")
    for index in range(count):
        u = (index + float(rng.uniform(-0.35, 0.35))) / (count - 1)
        scale = float(rng.uniform(0.62, 1.25))
        lift = float(rng.uniform(-0.05, 0.05))
        tree_rng = np.random.Generator(np.random.PCG64(int(rng.integers(1 << 60))))
        if abs(u - 0.5) * 2 < row.gap * 0.78:
            continue
        scale *= 0.8 + 0.35 * abs(u - 0.5) * 2
        x = u * stage.width
        ground = row.base + (float(wave[min(stage.width - 1, max(0, int(x)))]) * 0.10 + lift) * row.height
        outline, faces = _conifer(x, ground, row.height * scale, tree_rng)
        trees.polygon(outline)
        for face in faces if snowy and row.near > 0.2 else ():
            snow.polygon(face)
    mask = trees.mask()
    body, haze = rgb(load("palettes")["ground"]["forest"]), mix(stage.light.haze, stage.sky_at(0.9), 0.3)
    dark = stage.lit(body, 0.28) * (1 - 0.45 * stage.light.silhouette)
    tone = mix(dark, haze, 0.74 * (1 - row.near) ** 1.1 + 0.04)
    if snowy:
        tone = mix(tone, stage.lit(rgb("#aebfd2"), 0.5), 0.16)
    depth = (np.arange(mask.shape[0], dtype=np.float32) / max(1, mask.shape[0] - 1))[:, None, None]
    misty = tone + (haze - tone) * (depth**2.2) * np.float32(0.55 * (1 - row.near * 0.75))
    stage.paint(np.broadcast_to(misty, (*mask.shape, 3)), mask, trees.top)
    if snowy and row.near > 0.2:
        white = mix(mix(stage.lit(rgb("#f5f8ff"), 0.9), rgb("#ffffff"), 0.18), haze, 0.4 * (1 - row.near))
        stage.paint(white, snow.mask() * mask * np.float32(0.82), snow.top)


def paint_grass(stage: Stage) -> None:
    """Blades of grass along the bottom edge."""
    rng = stage.rng("grass")
    height = stage.unit * 0.085
    blades, lights = (Stencil(stage.width, stage.height - height * 1.7, stage.height, stage.height) for _ in range(2))
    for index in range(int(230 * stage.across)):
        x, size, bend = float(rng.random()) * stage.width, float(rng.uniform(0.35, 1.25)), float(rng.normal(0, 0.35))
        thick = height * float(rng.uniform(0.02, 0.05))
        tip = (x + bend * height * size, stage.height - height * size)
        middle = (x + bend * height * size * 0.35, stage.height - height * size * 0.55)
        target = lights if index % 3 == 0 else blades
        target.polygon([(x - thick, stage.height + 1), (middle[0] - thick * 0.7, middle[1]), tip,
                        (middle[0] + thick * 0.7, middle[1]), (x + thick, stage.height + 1)])  # fmt: skip
    green = rgb(load("palettes")["ground"]["meadow"])
    dim = 1 - 0.4 * stage.light.silhouette
    stage.paint(stage.lit(green * 0.72, 0.4) * dim, blades.mask(), blades.top)
    stage.paint(stage.lit(green * 0.98, 0.7) * dim, lights.mask(), lights.top)


def paint_flowers(stage: Stage) -> None:
    """Flowers spread over the meadow, small far off and large near by."""
    rng = stage.rng("flowers")
    kinds = [color for word, color in load("palettes")["flower_words"].items() if word in stage.scene.used]
    named = [
        rgb(load("palettes")["named"][name])
        for name in (*kinds, *filter(None, [stage.scene.land_color]), *stage.scene.colors)[:3]
    ]
    if len(named) == 1:
        named.append(mix(named[0], rgb("#ffffff"), 0.35))
    palette = named or [rgb(color) for color in load("palettes")["flowers"]]
    top = stage.horizon + (stage.height - stage.horizon) * 0.16
    stencils = [Stencil(stage.width, top - stage.unit * 0.05, stage.height, stage.height) for _ in palette]
    hearts = Stencil(stage.width, top - stage.unit * 0.05, stage.height, stage.height)
    count = int(760 * stage.across)
    for depth in np.sort(rng.random(count)):
        near = float(depth) ** 1.4
        x, y = float(rng.random()) * stage.width, top + (stage.height - top) * near
        radius = stage.unit * (0.0022 + 0.0125 * near) * float(rng.uniform(0.7, 1.3))
        stencil = stencils[int(rng.integers(len(palette)))]
        turn = float(rng.random()) * 6.3
        if radius < 3:
            stencil.disc(x, y, radius)
            continue
        for petal in range(5):
            angle = turn + petal * 1.2566
            stencil.disc(x + np.cos(angle) * radius * 0.62, y + np.sin(angle) * radius * 0.5, radius * 0.52)
        hearts.disc(x, y, radius * 0.3)
    for color, stencil in zip(palette, stencils, strict=True):
        stage.paint(stage.lit(color, 0.9), stencil.mask() * np.float32(0.96), stencil.top)
    stage.paint(stage.lit(rgb("#fbe08a"), 0.95), hearts.mask(), hearts.top)


def paint_city(stage: Stage, base: float) -> None:
    """Three depths of towers that stand on row `base`; their windows light up as the day goes."""
    lights = {"night": 0.46, "dusk": 0.36, "sunset": 0.16, "dawn": 0.08}.get(stage.time, 0.0)
    if stage.scene.has("storm") or stage.scene.has("rain"):
        lights = max(lights, 0.25)
    for index, near in enumerate((0.0, 0.5, 1.0)):
        _skyline(stage, base, near, lights, f"city.{index}")


def _skyline(stage: Stage, base: float, near: float, lights: float, name: str) -> None:
    rng = stage.rng(name)
    tall = stage.tall * (0.46 - 0.17 * near)
    top = base - tall * 1.45
    walls, sides, warm, cool = (Stencil(stage.width, top, base, stage.height) for _ in range(4))
    right_lit = stage.sun[0] > stage.width / 2
    x = -0.04 * stage.unit
    while x < stage.width:
        wide = stage.unit * float(rng.uniform(0.035, 0.085)) * (0.8 + 0.45 * near)
        center = abs((x + wide / 2) / stage.width - 0.5) * 2
        height = tall * float(rng.uniform(0.35, 1.0)) * (1.15 - 0.62 * min(1, center) ** 1.3)
        _tower(walls, x, base, wide, height, rng)
        sides.box(
            x if not right_lit else x + wide * 0.62, base - height, x + (wide * 0.38 if not right_lit else wide), base
        )
        _windows(warm, cool, x, base, wide, height, stage.unit * (0.0042 + 0.0024 * near), lights, rng)
        x += wide * float(rng.uniform(0.82, 1.25))
    mask = walls.mask()
    haze = mix(stage.light.haze, stage.sky_at(0.85), 0.4)
    wall = stage.lit(rgb(load("palettes")["ground"]["city"]), 0.30) * (1 - 0.55 * stage.light.silhouette)
    tone = mix(wall, haze, 0.66 * (1 - near) + 0.06)
    depth = (np.arange(mask.shape[0], dtype=np.float32) / max(1, mask.shape[0] - 1))[:, None, None]
    color = tone + (haze - tone) * depth**2 * np.float32(0.38 * (1 - near * 0.6))
    stage.paint(np.broadcast_to(color, (*mask.shape, 3)), mask, walls.top)
    stage.screen(stage.light.light, sides.mask() * mask * np.float32(0.13 if lights > 0.3 else 0.22), sides.top)
    glow = np.float32(0.55 + 0.45 * near)
    if lights:
        stage.paint(rgb("#ffcf7d"), warm.mask() * glow, warm.top)
        stage.paint(rgb("#cfe4ff"), cool.mask() * glow, cool.top)
    else:
        stage.paint(mix(stage.sky_at(0.35), wall, 0.3), (warm.mask() + cool.mask()).clip(0, 1) * 0.55 * glow, warm.top)


def _tower(walls: Stencil, x: float, base: float, wide: float, height: float, rng: np.random.Generator) -> None:
    top = base - height
    walls.box(x, top, x + wide, base)
    crown = int(rng.integers(5))
    if crown == 1:
        walls.box(x + wide * 0.2, top - wide * 0.28, x + wide * 0.8, top)
        walls.box(x + wide * 0.36, top - wide * 0.5, x + wide * 0.64, top)
    elif crown == 2:
        walls.polygon([(x, top), (x + wide * 0.5, top - wide * 0.55), (x + wide, top)])
    elif crown == 3:
        walls.polygon([(x, top), (x + wide, top - wide * 0.4), (x + wide, top)])
    if rng.random() < 0.22:
        walls.stroke([(x + wide * 0.5, top), (x + wide * 0.5, top - wide * 1.05)], max(0.5, wide * 0.028))


def _windows(
    warm: Stencil, cool: Stencil, x: float, base: float, wide: float, height: float, size: float, lights: float,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    columns, rows = max(1, int(wide / (size * 2.1)) - 1), max(1, int(height / (size * 2.5)) - 1)
    draws = rng.random((44, 20, 2))
    margin = (wide - columns * size * 2.1) / 2
    for row in range(min(rows, 44)):
        for column in range(min(columns, 20)):
            chance, hue = draws[row, column]
            if lights and chance > lights:
                continue
            left, upper = x + margin + column * size * 2.1 + size * 0.5, base - height + (row + 0.8) * size * 2.5
            (warm if hue < 0.74 else cool).box(left, upper, left + size, upper + size * 1.35)
