"""Backdrops that are no landscape: flowing abstraction, deep space, the sea from below, and a quiet studio."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .color import Array, look_up, mix, ramp, rgb, smoothstep, tint
from .data import load
from .figures import place, render, tinted
from .growth import Stencil
from .noise import resize, sample, tile
from .sky import paint_stars
from .stage import Stage


def _stops(stage: Stage, entry: list[list[str]], name: str) -> list[Array]:
    """A palette of the list by seed, pulled toward the colours the prompt names."""
    stops = [rgb(value) for value in entry[int(stage.rng(name).integers(len(entry)))]]
    named = [rgb(load("palettes")["named"][color]) for color in stage.scene.colors]
    if len(named) >= 2:
        dark = named[0] * 0.16
        return [dark, named[0] * 0.7, *named, mix(named[-1], rgb("#ffffff"), 0.65)]
    if named:
        base = named[0]
        return [base * 0.12, base * 0.5, base, mix(base, rgb("#ffffff"), 0.45), mix(base, rgb("#fff6e4"), 0.85)]
    return stops


def paint_abstract(stage: Stage) -> None:
    """Noise warped by noise warped by noise, coloured through a palette and lit like a relief."""
    rng = stage.rng("abstract")
    texture = tile(rng, 512, 3, 6, 0.5)
    scale = min(1.0, 1100 / max(stage.width, stage.height))
    size = (max(16, round(stage.width * scale)), max(16, round(stage.height * scale)))
    x, y = stage.grid(size)
    freq = float(rng.uniform(0.22, 0.34))
    u = (x / stage.unit * freq + float(rng.random())).astype(np.float32) + 0 * y
    v = (y / stage.unit * freq + float(rng.random())).astype(np.float32) + 0 * x
    amount = float(rng.uniform(0.20, 0.30))
    first = sample(texture, u, v)
    second = sample(texture, u + 0.52, v + 0.13)
    wu, wv = u + first * amount, v + second * amount
    third = sample(texture, wu + 0.17, wv + 0.92)
    fourth = sample(texture, wu + 0.83, wv + 0.28)
    field = sample(texture, u + third * amount * 1.25, v + fourth * amount * 1.25)
    stops = _stops(stage, load("palettes")["abstract"], "abstract.palette")
    mixed = field + third * 0.42
    # Spread over the whole palette whatever the noise gave, or a picture may come out all pale or all dark.
    low, high = (float(v) for v in np.percentile(mixed[::3, ::3], (4, 96)))
    position = np.clip((mixed - low) / max(high - low, 1e-3) * 0.94 + 0.02, 0, 1)
    area = look_up(ramp(stops), position)
    area += (stops[-2] - area) * (smoothstep(0.15, 0.5, np.abs(fourth)) * 0.38)[..., None]
    step = np.float32(size[0] / stage.across)
    gy, gx = np.gradient(field + third * 0.5)
    relief = np.clip((gx + gy) * step * 0.085, -0.24, 0.30)
    gloss = smoothstep(0.10, 0.30, relief) * 0.25
    area = area * (1 + relief[..., None]) + gloss[..., None]
    stage.canvas[:] = np.clip(stage.enlarge_color(np.ascontiguousarray(area, dtype=np.float32)), 0, 1)


def paint_space(stage: Stage) -> None:
    """A nebula with dust lanes, stars, and a banded planet, ringed or not, lit from one side."""
    size = stage.soft_size()
    rng = stage.rng("space")
    stops = _stops(stage, load("palettes")["space"], "space.palette")
    stops[0] = stops[0] * 0.5
    base = stage.field("nebula.shape", 1.1, octaves=4)
    warp = stage.field("nebula.detail", 3.0, octaves=6, gain=0.55)
    filaments = stage.field("nebula.filaments", 2.2, octaves=6, gain=0.55, ridged=True)
    x, y = stage.grid(size)
    tilt = float(rng.uniform(-0.8, 0.8))
    band = ((x / stage.width - 0.5) * tilt + (y / stage.height - 0.5)) / 0.34
    glow = np.exp(-((band + base * 0.9) ** 2)) * (0.55 + 0.45 * warp) + filaments * 0.16 * np.exp(-(band**2))
    dust = smoothstep(0.02, 0.42, stage.field("nebula.dust", 2.4, stretch=1.4, octaves=5)) * 0.5
    area = look_up(ramp(stops), np.clip(glow * (1 - dust) * 1.05, 0, 1))
    stage.canvas[:] = stage.enlarge_color(area)
    stage.horizon = stage.height
    paint_stars(stage, 1.7)
    subject_only = bool(stage.scene.subjects) and not stage.scene.has("planet")
    radius = stage.unit * float(rng.uniform(0.09, 0.13) if subject_only else rng.uniform(0.2, 0.29))
    side = float(rng.choice([0.28, 0.72]))
    _planet(stage, stage.width * side, stage.height * float(rng.uniform(0.3, 0.42)), radius)


def _planet(stage: Stage, cx: float, cy: float, radius: float) -> None:
    rng = stage.rng("planet")
    palettes = load("palettes")["planet"]
    stops = [rgb(value) for value in palettes[int(rng.integers(len(palettes)))]]
    for name in stage.scene.colors[:1]:
        stops = [tint(stop, rgb(load("palettes")["named"][name]), 0.75) for stop in stops]
    ringed = rng.random() < 0.6
    reach = radius * 2.3
    x0, x1 = int(max(0, cx - reach)), int(min(stage.width, cx + reach))
    y0, y1 = int(max(0, cy - reach)), int(min(stage.height, cy + reach))
    x = ((np.arange(x0, x1, dtype=np.float32) - cx) / radius)[None, :].astype(np.float32)
    y = ((np.arange(y0, y1, dtype=np.float32) - cy) / radius)[:, None].astype(np.float32)
    r2 = x * x + y * y
    distance = np.sqrt(r2)
    z = np.sqrt(np.clip(1 - r2, 0, 1))
    disc = np.clip((1 - distance) * np.float32(radius) + 0.5, 0, 1)
    tilt = np.float32(rng.uniform(-0.45, 0.45))
    latitude = y * np.cos(tilt) - x * np.sin(tilt)
    swirl = sample(tile(rng, 256, 4, 6), x * 0.12 / (z + 0.45), latitude * 0.4)
    bands = look_up(ramp([*stops, *stops[::-1]], 256), np.clip(latitude * 0.5 + 0.5 + swirl * 0.10, 0, 1))
    lit = smoothstep(-0.12, 0.85, x * -0.62 + y * -0.42 + z * 0.66)
    face = bands * (0.03 + 1.0 * lit)[..., None]
    rim = (1 - z) ** 3 * lit
    air = mix(stops[2], rgb("#bcd8ff"), 0.5)
    face = face + (air - face) * np.clip(rim * 0.85, 0, 1)[..., None]
    area = stage.canvas[y0:y1, x0:x1]
    halo = np.exp(-np.clip(distance - 1, 0, 9) * 9) * (1 - disc) * np.clip(0.7 - x * 0.4 - y * 0.3, 0, 1) * 0.5
    area += (1 - np.clip(area, 0, 1)) * (air * halo[..., None])
    area += (face - area) * disc[..., None]
    if ringed:
        across = (y * np.cos(tilt) - x * np.sin(tilt)) / 0.26
        along = x * np.cos(tilt) + y * np.sin(tilt)
        ring = np.hypot(along, across)
        grooves = 0.62 + 0.38 * np.sin(ring * 30) * np.sin(ring * 11 + 1)
        mask = smoothstep(1.32, 1.38, ring) * smoothstep(2.15, 2.05, ring) * grooves * 0.8
        mask = np.where((across < 0) & (distance < 1), 0, mask) * np.clip(0.75 - 0.35 * along, 0.15, 1)
        area += (mix(stops[2], rgb("#fff4e0"), 0.4) - area) * mask.astype(np.float32)[..., None]


def paint_underwater(stage: Stage) -> None:
    """Blue depths with shafts of light, caustics near the surface, a sandy bed with corals, and bubbles."""
    size = stage.soft_size()
    x, y = stage.grid(size)
    hour = "night" if stage.time in ("night", "dusk") else "day"
    stops = [rgb(value) for value in load("palettes")["underwater"][hour]]
    for name in stage.scene.colors[:1]:
        stops = [tint(stop, rgb(load("palettes")["named"][name]), 0.55) for stop in stops]
    rng = stage.rng("underwater")
    cloud = stage.field("water.cloud", 1.6, octaves=4) * 0.07
    area = look_up(ramp(stops), np.clip((y / stage.height) * 0.95 + cloud, 0, 1))
    source = stage.width * float(rng.uniform(0.3, 0.7))
    angle = (x - source) / (y + 0.5 * stage.unit)
    shafts = sum(np.sin(angle * k + p) for k, p in zip((8.0, 15.0, 27.0), rng.random(3) * 6.28, strict=True)) / 3
    beams = smoothstep(-0.1, 0.9, shafts.astype(np.float32)) * np.exp(-y / np.float32(0.75 * stage.height))
    area += (1 - area) * (beams * np.exp(-np.abs(angle) * 1.1) * 0.55)[..., None] * stops[0]
    depth = 1 / (y / np.float32(stage.unit) * 5 + 0.15)
    texture = tile(rng, 256, 6, 3)
    net = 1 - np.abs(sample(texture, (x / stage.unit - 0.5) * depth * 0.5, depth * 0.8)) * 6
    area += (1 - area) * (np.clip(net, 0, 1) * np.exp(-y / np.float32(0.12 * stage.height)) * 0.6)[..., None]
    stage.canvas[:] = stage.enlarge_color(area.astype(np.float32))
    _seabed(stage, stops)
    _bubbles(stage)


def _seabed(stage: Stage, stops: list[Array]) -> None:
    rng = stage.rng("seabed")
    colors = ("pink", "orange", "purple", "red", "yellow", "teal")
    for depth, base in ((0.0, 0.84), (1.0, 0.93)):
        for index in range(int(4 * stage.across) + 1):
            height = stage.unit * float(rng.uniform(0.13, 0.26)) * (0.6 + 0.5 * depth)
            color = str(rng.choice(colors))
            sprite = render(stage, "coral", height, color, f"coral.{depth}.{index}")
            sprite = tinted(sprite, stops[2], 0.62 - 0.32 * depth)
            spot = float(rng.uniform(0, 1))
            place(
                stage,
                sprite if rng.random() < 0.5 else sprite.flipped(),
                spot * stage.width,
                stage.height * (base + 0.03),
            )
        crest = resize(stage.field(f"bed.{depth}", 1.4, octaves=3, size=(64, 2))[:1], stage.width, 1)[0]
        outline = stage.height * base + crest * stage.unit * 0.04
        y = np.arange(stage.height, dtype=np.float32)[:, None]
        below = np.clip((y - outline[None, :]) / np.float32(0.2 * stage.unit), 0, 1)[..., None]
        sand = mix(rgb("#d8c79a"), stops[2], 0.60 - 0.20 * depth)
        stage.paint(sand * (1 - 0.45 * below), np.clip(y - outline[None, :] + 0.5, 0, 1))


def _bubbles(stage: Stage) -> None:
    rng = stage.rng("bubbles")
    rings, shine = (Stencil(stage.width, 0, stage.height, stage.height) for _ in range(2))
    for _ in range(int(9 * stage.across)):
        cx = float(rng.random()) * stage.width
        for _ in range(int(rng.integers(2, 6))):
            radius = stage.unit * float(rng.uniform(0.002, 0.010))
            x, y = cx + float(rng.normal(0, 0.02)) * stage.unit, float(rng.random()) * stage.height
            rings.disc(x, y, radius, 120)
            rings.disc(x, y, radius * 0.82, 36)
            shine.disc(x - radius * 0.35, y - radius * 0.35, max(0.5, radius * 0.22))
    stage.screen(rgb("#dff8ff"), rings.mask())
    stage.paint(rgb("#ffffff"), shine.mask() * np.float32(0.85))


def paint_studio(stage: Stage) -> None:
    """A table in front of a wall out of focus, with soft discs of light; for things rather than places."""
    size = stage.soft_size()
    rng = stage.rng("studio")
    x, y = stage.grid(size)
    warm = mix(stage.light.haze, stage.light.light, 0.4)
    base = rgb(str(rng.choice(["#c9d6d0", "#e3cdb8", "#cbbfd8", "#b9cfdf", "#e5c3bd"])))
    if stage.scene.colors:
        base = mix(rgb(load("palettes")["named"][stage.scene.colors[0]]), rgb("#ffffff"), 0.25)
    wall = base * mix(stage.light.shade, stage.light.light, 0.7)
    lamp = np.exp(
        -np.hypot(x - np.float32(stage.sun[0]), y - np.float32(stage.height * 0.22)) / np.float32(0.75 * stage.unit)
    )
    area = wall * (0.55 + 0.62 * lamp)[..., None] + (warm * 0.10) * lamp[..., None]
    stage.canvas[:] = np.clip(stage.enlarge_color(area.astype(np.float32)), 0, 1)
    layer = Image.new("L", (stage.width, stage.height))
    pen = ImageDraw.Draw(layer)
    for u, v, scale, shine in rng.random((int(16 * stage.across * stage.down), 4)):
        radius = stage.unit * (0.02 + 0.05 * scale)
        cx, cy = u * stage.width, v * stage.horizon * 0.95
        pen.ellipse((cx - radius, cy - radius, cx + radius, cy + radius), fill=int(30 + 70 * shine))
    soft = layer.filter(ImageFilter.GaussianBlur(0.006 * stage.unit))
    stage.screen(mix(warm, rgb("#fff2d8"), 0.5), np.asarray(soft, dtype=np.float32) / np.float32(255))
    wood = stage.enlarge(stage.field("studio.wood", 34, stretch=26, octaves=3))
    rows = np.arange(stage.height, dtype=np.float32)[:, None]
    below = (rows - np.float32(stage.horizon)) / np.float32(stage.unit)
    table = mix(rgb("#8f6a4c"), base, 0.35) * mix(stage.light.shade, stage.light.light, 0.72)
    shine = np.exp(-(((np.arange(stage.width, dtype=np.float32)[None, :] - stage.sun[0]) / (0.6 * stage.unit)) ** 2))
    color = table * (0.80 + 0.10 * wood + 0.30 * np.exp(-np.clip(below, 0, 9) * 7) * shine)[..., None]
    stage.paint(
        np.clip(color, 0, 1).astype(np.float32),
        smoothstep(-0.004, 0.004, below) + np.zeros((1, stage.width), np.float32),
    )
