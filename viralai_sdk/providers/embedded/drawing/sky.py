"""Skies: the gradient of the hour, sun and moon with their glow, stars, aurora, lit clouds, rainbow."""

from __future__ import annotations

from math import pi

import numpy as np

from .color import Array, look_up, mix, ramp, rgb, smoothstep
from .noise import line, resize, sample, tile
from .stage import Stage


def paint_sky(stage: Stage) -> None:
    """Fill the canvas with sky down to the horizon and with horizon air below it."""
    scene = stage.scene
    size = stage.soft_size()
    x, y = stage.grid(size)
    wobble = stage.field("sky.wobble", 1.2, stretch=2.5, octaves=3) * 0.05
    area = look_up(ramp(stage.light.sky), np.clip(y / stage.horizon, 0, 1) ** 1.1 + wobble)
    night = stage.time in ("night", "dusk")
    celestial = scene.has("moon") if night else stage.reflects_sun
    if celestial or not night:
        _glow(stage, area, x, y, 0.55 if night else 1.0)
    if scene.has("aurora"):
        _aurora(stage, area, x, y)
    stage.canvas[:] = stage.enlarge_color(area)
    if scene.has("stars"):
        paint_stars(stage)
    if celestial:
        (_moon if night else _sun)(stage)
    if scene.has("clouds") or scene.has("storm") or scene.has("rain"):
        _clouds(stage)
    if scene.has("rainbow"):
        _rainbow(stage)


def _glow(stage: Stage, area: Array, x: Array, y: Array, strength: float) -> None:
    """Light scattered around the sun: a tight halo, a wide one, and a band along the horizon."""
    unit = np.float32(stage.unit)
    dx, dy = (x - stage.sun[0]) / unit, (y - stage.sun[1]) / unit
    radius = np.sqrt(dx * dx + dy * dy)
    low = np.exp(-np.abs(dy) * 5) * np.exp(-np.abs(dx) * 1.2)
    wide, band = (0.26, 0.06) if stage.time == "day" else (0.36, 0.22)
    halo = np.exp(-radius * 11) * 0.75 + np.exp(-radius * 3.2) * wide + low * band
    muted = 0.35 if stage.scene.has("storm") or stage.scene.has("rain") else 1.0
    glow = np.clip(halo * np.float32(strength * muted), 0, 1)[..., None]
    area += (1 - area) * glow * mix(stage.light.sun, stage.light.light, 0.4)


def _disc(stage: Stage, radius: float) -> tuple[slice, slice, Array, Array, Array]:
    """The canvas window around the sun's place: unit-sphere coordinates and an antialiased mask."""
    cx, cy = stage.sun
    pad = radius + 2
    x0, x1 = int(max(0, cx - pad)), int(min(stage.width, cx + pad + 1))
    y0, y1 = int(max(0, cy - pad)), int(min(stage.height, cy + pad + 1))
    x = (np.arange(x0, x1, dtype=np.float32)[None, :] - np.float32(cx)) / np.float32(radius)
    y = (np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(cy)) / np.float32(radius)
    distance = np.sqrt(x * x + y * y)
    mask = np.clip((1 - distance) * np.float32(radius) + 0.5, 0, 1)
    return slice(y0, y1), slice(x0, x1), x + 0 * y, y + 0 * x, mask


def _sun(stage: Stage) -> None:
    rows, columns, _, y, mask = _disc(stage, 0.058 * stage.unit)
    area = stage.canvas[rows, columns]
    face = stage.light.sun + (stage.light.light - stage.light.sun) * smoothstep(0.1, 1.1, y)[..., None] * 0.5
    area += (face * 1.05 - area) * mask[..., None]


def _moon(stage: Stage) -> None:
    rng = stage.rng("moon")
    rows, columns, x, y, mask = _disc(stage, 0.062 * stage.unit)
    z = np.sqrt(np.clip(1 - x * x - y * y, 0, 1))
    phase = float(rng.choice([0.0, 0.0, 0.9, -0.9])) * pi * 0.55
    lambert = smoothstep(-0.08, 0.35, x * np.float32(np.sin(phase)) + z * np.float32(np.cos(phase)))
    maria = sample(tile(rng, 128, 3, 5), x * 0.16 + 0.5, y * 0.16 + 0.5)
    face = stage.light.sun * (0.97 - 0.16 * smoothstep(-0.05, 0.25, maria))[..., None]
    area = stage.canvas[rows, columns]
    area += (face - area) * (mask * lambert)[..., None]


def paint_stars(stage: Stage, density: float = 1.0) -> None:
    """Points by a power law of brightness, thicker along a faint band, with a cross on the brightest few."""
    rng = stage.rng("stars")
    count = int(1100 * density * stage.across * stage.down)
    u, v = rng.random(count), rng.random(count) ** 1.25
    brightness = (0.16 + 0.84 * rng.random(count) ** 7).astype(np.float32)
    warmth = rng.random(count).astype(np.float32)
    fade = np.clip((1.15 if stage.scene.backdrop == "landscape" else 2.0) - v, 0, 1).astype(np.float32)
    x = u * (stage.width - 2)
    y = v * max(2, min(stage.horizon, stage.height - 2) - 1)
    color = np.stack([0.82 + 0.18 * warmth, np.full_like(warmth, 0.9), 1.0 - 0.2 * warmth], axis=1)
    weight = brightness * fade * np.float32(np.clip(stage.unit / 700, 0.5, 1.3))
    x0, y0 = x.astype(np.int32), y.astype(np.int32)
    fx, fy = (x - x0).astype(np.float32), (y - y0).astype(np.float32)
    for ox, oy, part in ((0, 0, (1 - fx) * (1 - fy)), (1, 0, fx * (1 - fy)), (0, 1, (1 - fx) * fy), (1, 1, fx * fy)):
        np.add.at(stage.canvas, (y0 + oy, x0 + ox), color * (weight * part)[:, None])
    for index in np.argsort(-brightness)[: max(6, count // 60)]:
        _sparkle(stage, float(x[index]), float(y[index]), 0.012 * stage.unit * float(brightness[index]))


def _sparkle(stage: Stage, cx: float, cy: float, reach: float) -> None:
    pad = int(reach * 1.4) + 1
    x0, y0 = int(cx) - pad, int(cy) - pad
    if x0 < 0 or y0 < 0 or int(cx) + pad >= stage.width or int(cy) + pad >= stage.height:
        return
    x = (np.arange(x0, int(cx) + pad, dtype=np.float32)[None, :] - np.float32(cx)) / np.float32(reach)
    y = (np.arange(y0, int(cy) + pad, dtype=np.float32)[:, None] - np.float32(cy)) / np.float32(reach)
    cross = np.exp(-np.abs(x) * 5 - np.abs(y) * 26) + np.exp(-np.abs(y) * 5 - np.abs(x) * 26)
    glow = 0.45 * cross + 0.8 * np.exp(-(x * x + y * y) * 40)
    color = np.array([0.9, 0.95, 1.0], dtype=np.float32)
    stage.canvas[y0 : y0 + len(glow), x0 : x0 + glow.shape[1]] += glow[..., None] * color


def _aurora(stage: Stage, area: Array, x: Array, y: Array) -> None:
    """Curtains: each hangs from a wavy line, bright at its foot, rays fading upward from green to violet."""
    width = area.shape[1]
    green, teal, violet = rgb("#5cf2a0"), rgb("#34c9c3"), rgb("#9a5cf0")
    table = ramp([green, green, teal, violet, violet], 128)
    for index in range(3):
        rng = stage.rng(f"aurora.{index}")
        foot = stage.horizon * (0.80 - 0.17 * index) + line(rng, 1.6 * stage.across, width, 4) * stage.unit * 0.22
        rays = 0.55 + 0.6 * line(rng, 16 * stage.across, width, 4, 0.7) + 0.3 * line(rng, 3 * stage.across, width, 2)
        height = np.float32(stage.unit) * (0.46 + 0.16 * line(rng, 3 * stage.across, width, 3))
        up = (foot[None, :] - y) / height[None, :]
        body = np.where(up > 0, np.exp(-np.clip(up, 0, 9) * 2.4), np.exp(np.clip(up, -9, 0) * 22))
        strength = body * np.clip(rays, 0, 1.4)[None, :] * np.float32(1.25 - 0.25 * index)
        colors = look_up(table, np.clip(up * 0.8, 0, 1))
        area += (1 - area) * np.clip(strength, 0, 1)[..., None] * colors


def _clouds(stage: Stage) -> None:
    """Clouds on a plane overhead, seen in perspective and lit from the sun's side."""
    scene = stage.scene
    rng = stage.rng("clouds")
    heavy = scene.has("storm") or scene.has("rain")
    asked = any(word.startswith(("cloud", "overcast", "cumulus")) for word in scene.used)
    cover = 0.62 if heavy else (0.42 if asked else float(rng.uniform(0.14, 0.32)))
    size = (stage.soft_size()[0], max(8, round(stage.soft_size()[1] * min(1.0, stage.horizon / stage.height))))
    x = (np.arange(size[0], dtype=np.float32)[None, :] / size[0] - 0.5) * np.float32(stage.across)
    depth = 1 - (np.arange(size[1], dtype=np.float32)[:, None] + 0.5) / size[1]
    away = 0.34 / (depth + 0.16)
    texture = tile(rng, 512, 4, 7, 0.56)
    drift = rng.random(2).astype(np.float32)
    u, v = x * away * 0.62 + drift[0], away * 0.9 + drift[1]
    warp = sample(texture, u * 0.5 + 0.3, v * 0.5) * 0.05
    body = sample(texture, u + warp, v + warp)
    toward = np.sign(stage.sun[0] / stage.width - 0.5) or 1.0
    lifted = sample(texture, u + warp + np.float32(0.022 * toward), v + warp + np.float32(0.03))
    threshold = np.float32(0.30 - 0.62 * cover)
    alpha = smoothstep(0, 0.30, body - threshold) * smoothstep(0.0, 0.22, depth)
    lit = np.clip(0.62 + (body - lifted) * 3.2 - smoothstep(0.1, 0.55, body - threshold) * 0.42, 0, 1)
    sun_x = (stage.sun[0] / stage.width - 0.5) * stage.across
    near = np.exp(-np.hypot((x - sun_x) * 1.6, (1 - depth) - stage.sun[1] / stage.horizon) * 2.4)
    rim = near * (1 - smoothstep(0.05, 0.35, body - threshold))
    colors = stage.light.cloud_shade + (stage.light.cloud - stage.light.cloud_shade) * lit[..., None]
    colors = colors + (stage.light.sun - colors) * np.clip(rim * 0.6, 0, 1)[..., None]
    haze = np.exp(-depth * 5)[..., None] * 0.55
    colors = colors + (stage.light.haze - colors) * haze
    full = np.concatenate([colors, (alpha * (0.95 if heavy else 0.88))[..., None]], axis=-1).astype(np.float32)
    bottom = min(stage.height, stage.horizon)
    layers = [resize(np.ascontiguousarray(full[..., c]), stage.width, max(1, bottom)) for c in range(4)]
    stage.paint(np.stack(layers[:3], axis=-1), np.clip(layers[3], 0, 1))


def _rainbow(stage: Stage) -> None:
    size = stage.soft_size()
    x, y = stage.grid(size)
    center = stage.width * (0.3 if stage.sun[0] > stage.width / 2 else 0.7)
    radius = 0.62 * stage.unit
    distance = np.hypot(x - np.float32(center), y - np.float32(stage.horizon * 1.05))
    across = (distance - np.float32(radius)) / np.float32(0.07 * stage.unit)
    stops = ["#7a4bd0", "#3f6fe0", "#35b36b", "#f2d640", "#f08a33", "#df3b3b"]
    colors = look_up(ramp([rgb(stop) for stop in stops], 256), across)
    mask = smoothstep(-0.1, 0.25, across) * smoothstep(1.1, 0.75, across) * 0.55
    stage.screen(stage.enlarge_color(colors), np.clip(stage.enlarge(mask), 0, 1))
