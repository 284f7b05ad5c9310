"""Land seen from far to near: mountain ranges, rolling ground, and the colours that air gives them."""

from __future__ import annotations

import numpy as np

from .color import Array, mix, rgb, smoothstep, tint
from .data import load
from .noise import line, resize, sample, tile
from .stage import Stage


def ground_kind(stage: Stage) -> str:
    """What the land is made of; snow covers everything."""
    scene = stage.scene
    if scene.has("snow"):
        return "snow"
    covers = ("desert", "beach", "meadow", "hills", "forest", "river", "blossoms")
    if scene.has("city") and not any(scene.has(cover) for cover in covers):
        # A dry town by day stands behind a park; asphalt is worth showing when it shines or carries cars.
        driven = "street" in scene.used or any(subject.name == "car" for subject in scene.subjects)
        if driven or scene.has("rain") or stage.time in ("night", "dusk"):
            return "road"
    return next((kind for kind in ("desert", "beach", "meadow", "hills", "forest") if scene.has(kind)), "meadow")


def ground_color(stage: Stage, kind: str) -> Array:
    color = rgb(load("palettes")["ground"][kind])
    named = load("palettes")["named"]
    for name in stage.scene.colors[:1]:
        color = tint(color, rgb(named[name]), 0.3 if kind != "snow" else 0.12)
    if stage.scene.land_color and not stage.scene.has("blossoms"):
        color = tint(color, rgb(named[stage.scene.land_color]), 0.6 if kind != "snow" else 0.2)
    return color


def paint_mountains(stage: Stage) -> None:
    """Ranges behind one another: ridged outlines, facets lit from the sun's side, snowy heights, hazy feet."""
    rng = stage.rng("mountains")
    count = 4
    texture = tile(rng, 256, 4, 6, 0.58)
    direction = 1.0 if stage.sun[0] > stage.width / 2 else -1.0
    for index in range(count):
        near = index / (count - 1)
        crest = _ridge(stage, f"mountain.{index}", 1.1 + 1.1 * near)
        height = stage.tall * (0.34 - 0.21 * near) * float(rng.uniform(0.85, 1.15))
        outline = stage.horizon - height * crest + stage.unit * 0.004
        _range(stage, outline, near, texture, direction)


def _ridge(stage: Stage, name: str, cells: float) -> Array:
    rng = stage.rng(name)
    coarse = line(rng, cells * stage.across, stage.width, 3, 0.5)
    ridged = 1 - np.abs(line(rng, 1.9 * cells * stage.across, stage.width, 2, 0.4)) * 2.4
    fine = 1 - np.abs(line(rng, 9 * cells * stage.across, stage.width, 6, 0.55)) * 2.0
    crest = 0.46 + 0.50 * coarse + 0.62 * (ridged - 0.45) + 0.13 * (fine - 0.5)
    return np.asarray(np.clip(crest, 0.04, 1.4), dtype=np.float32)


def _range(stage: Stage, outline: Array, near: float, texture: Array, direction: float) -> None:
    top = max(0, int(outline.min()) - 1)
    bottom = min(stage.height, stage.horizon + 2)
    if bottom - top < 2:
        return
    y = np.arange(top, bottom, dtype=np.float32)[:, None]
    mask = np.clip(y - outline[None, :] + 0.5, 0, 1)
    half = (max(2, stage.width // 2), max(2, (bottom - top) // 2))
    crest = resize(outline[None, :], half[0], 1)
    depth = (resize(np.repeat(y, 2, axis=1), 2, half[1])[:, :1] - crest) / np.float32(stage.unit)
    u = np.arange(half[0], dtype=np.float32)[None, :] / half[0] * np.float32(stage.across)
    slope = np.gradient(_smooth(crest[0], max(3, half[0] // 40)))[None, :] * 1.2
    fan = u + depth * np.float32(0.35 * direction)
    facet = sample(texture, fan * 1.4 + near, depth * 0.9 + near * 3)
    behind = sample(texture, fan * 1.4 + near + np.float32(0.012 * direction), depth * 0.9 + near * 3 + 0.008)
    shade = 0.5 + 0.34 * np.tanh(slope * direction * 1.6) * np.exp(-np.clip(depth, 0, 1) * 5) + (facet - behind) * 3.4
    shade = np.clip(shade, 0, 1)[..., None]
    rock = rgb(load("palettes")["ground"]["rock"])
    snowy = stage.scene.has("snow")
    line_of_snow = (0.30 if snowy else 0.055 + 0.05 * (1 - near)) + facet * 0.16
    snow = smoothstep(0.02, -0.02, depth - line_of_snow)[..., None] * np.float32(
        1.0 if snowy else 0.9 * (1 - near * 0.9)
    )
    base = rock + (rgb("#f4f7fc") - rock) * snow
    color = base * (stage.light.shade + (stage.light.light - stage.light.shade) * shade)
    air = 0.66 - 0.60 * near
    color = color * (1 - np.float32(0.42 * stage.light.silhouette * (0.4 + near)))
    foot = smoothstep(0.02, 0.30, depth)[..., None] * np.float32(0.42 - 0.18 * near)
    far = mix(stage.light.haze, stage.sky_at(0.35 if snowy else 0.75), 0.55 if snowy else 0.35)
    color = color + (far - color) * np.float32(air)
    color = color + (stage.light.haze - color) * foot
    full = np.stack([resize(np.ascontiguousarray(color[..., c]), stage.width, bottom - top) for c in range(3)], -1)
    stage.paint(full, mask, top)


def _smooth(values: Array, reach: int) -> Array:
    kernel = np.ones(reach, dtype=np.float32) / reach
    return np.asarray(np.convolve(np.pad(values, reach, mode="edge"), kernel, "same")[reach:-reach], dtype=np.float32)


def paint_ground(stage: Stage, first: float = 0.0, last: float = 1.0, layers: int = 4) -> None:
    """Rolling layers of land from the horizon (first=0) to the bottom edge (last=1), each with a lit crest."""
    kind = ground_kind(stage)
    rng = stage.rng("ground")
    color = ground_color(stage, kind)
    grain = stage.enlarge(stage.field("ground.grain", 14, stretch=5, octaves=4, gain=0.7))
    span = stage.height - stage.horizon
    swell = {"desert": 0.075, "snow": 0.05, "hills": 0.085, "beach": 0.012, "road": 0.004}.get(kind, 0.045)
    if stage.scene.has("hills"):
        swell = max(swell, 0.075)
    for index in range(layers):
        near = index / max(1, layers - 1)
        place = first + (last - first) * near**1.25 * 0.72
        crest = line(stage.rng(f"ground.{index}"), (1.9 - 1.1 * near) * stage.across, stage.width, 2, 0.35)
        lift = stage.unit * swell * (0.55 if near == 0 else 0.9)
        outline = stage.horizon + span * place - crest * lift - (lift * 0.25 if near == 0 else 0)
        _layer(stage, outline, color, near, kind, grain, float(rng.uniform(-0.04, 0.04)))


def _layer(stage: Stage, outline: Array, base: Array, near: float, kind: str, grain: Array, jitter: float) -> None:
    top = max(0, int(outline.min()) - 1)
    if top >= stage.height:
        return
    y = np.arange(top, stage.height, dtype=np.float32)[:, None]
    below = y - outline[None, :]
    mask = np.clip(below + 0.5, 0, 1)
    depth = np.clip(below / np.float32(0.30 * stage.unit), 0, 1)
    slope = np.gradient(outline)[None, :] * np.float32(1.0 if stage.sun[0] > stage.width / 2 else -1.0)
    gentle = {"snow": 0.50, "desert": 0.5}.get(kind, 0.32)
    lit = 0.86 - gentle * np.sqrt(depth) + np.tanh(slope * 2.2) * np.float32(0.30) * (1 - depth) + np.float32(jitter)
    rough = {"snow": 0.06, "desert": 0.07, "beach": 0.05, "road": 0.10}.get(kind, 0.20)
    lit = np.clip(lit + grain[top:] * np.float32(rough * (0.5 + near)), 0, 1)[..., None]
    light, shade = stage.light.light, stage.light.shade
    if kind == "snow":  # snow scatters: its light stays whiter and its shadows bluer than those of other ground
        light, shade = mix(light, rgb("#ffffff"), 0.42), mix(shade, rgb("#8fa3d6"), 0.35)
    color = base * (shade + (light - shade) * lit)
    air = np.float32((0.62 if kind != "road" else 0.12) * (1 - near) ** 1.3)
    color += (stage.light.haze - color) * air
    stage.paint(color, mask, top)


def paint_beach(stage: Stage) -> None:
    """Sand at the viewer's feet with a line of foam where the water ends."""
    span = stage.height - stage.horizon
    sand = ground_color(stage, "snow" if stage.scene.has("snow") else "beach")
    curve = line(stage.rng("beach"), 1.4 * stage.across, stage.width, 3, 0.4)
    edge = stage.horizon + span * 0.52 + curve * stage.unit * 0.05
    y = np.arange(stage.height, dtype=np.float32)[:, None]
    below = (y - edge[None, :]) / np.float32(stage.unit)
    grain = stage.enlarge(stage.field("beach.grain", 30, stretch=3, octaves=3, gain=0.8))
    wet = smoothstep(0.13, 0.02, below)[..., None]
    lit = np.clip(0.86 - below * 0.6 + grain * 0.07, 0, 1)[..., None]
    dry = sand * (stage.light.shade + (stage.light.light - stage.light.shade) * lit)
    color = dry + (dry * 0.62 + stage.sky_at(0.8) * 0.16 - dry) * wet
    stage.paint(color, smoothstep(-0.002, 0.006, below))
    lace = stage.enlarge(stage.field("beach.foam", 26, stretch=2.2, octaves=3))
    foam = np.exp(-(((below + 0.004 + lace * 0.012) / 0.008) ** 2)) * 0.9
    foam += np.exp(-(((below + 0.05 + lace * 0.03) / 0.007) ** 2)) * 0.45 * smoothstep(-0.2, 0.3, lace)
    stage.paint(stage.lit(rgb("#ffffff"), 0.95), np.clip(foam, 0, 1).astype(np.float32))
