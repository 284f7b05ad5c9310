"""Water: what stands above the horizon, mirrored, softened and broken by ripples that grow toward the viewer."""

from __future__ import annotations

import numpy as np

from .color import Array, Real, mix, rgb, smoothstep, tint
from .data import load
from .noise import line, resize, sample, tile
from .stage import Stage


def _ripples(stage: Stage, rows: int) -> tuple[Array, Array]:
    """Wave slope (rows, width) in perspective, and the distance from the horizon 0..1 (rows, 1)."""
    rng = stage.rng("water")
    texture = tile(rng, 256, 8, 4, 0.6)
    near = (np.arange(rows, dtype=np.float32)[:, None] + 0.5) / np.float32(max(rows, 1))
    away = 1 / (near * np.float32(rows / stage.unit) * 3.2 + 0.10)
    x = (np.arange(stage.width, dtype=np.float32)[None, :] / stage.width - 0.5) * np.float32(stage.across)
    waves = sample(texture, x * away * 0.32, away * 1.5 + 0.1 * x * 0)
    return waves, near


def paint_water(stage: Stage) -> None:
    """Fill everything below the horizon with a reflection of what is already painted above it."""
    top = stage.horizon
    rows = stage.height - top
    if rows < 2 or top < 2:
        return
    waves, near = _ripples(stage, rows)
    rough = 1.6 if stage.scene.has("storm") else 1.0
    unit = np.float32(stage.unit)
    blurred = _soften(stage.canvas[:top])
    squeeze = np.float32(min(1.0, 0.96 * top / rows))
    offset = np.arange(rows, dtype=np.float32)[:, None]
    source_y = top - 1 - offset * squeeze + waves * (0.012 + 0.075 * near) * unit * np.float32(rough)
    source_x = np.arange(stage.width, dtype=np.float32)[None, :] + waves * (0.004 + 0.012 * near) * unit
    rows_at = np.clip(source_y, 0, top - 1).astype(np.int32)
    columns_at = np.clip(source_x, 0, stage.width - 1).astype(np.int32)
    mirrored = blurred[rows_at, columns_at]
    deep = _deep(stage)
    fresnel = np.clip(0.20 + 0.50 * near + waves * 0.24, 0, 0.85)[..., None]
    color = mirrored + (deep - mirrored) * fresnel
    color += np.clip(waves, 0, 1)[..., None] * (stage.sky_at(0.7) - color) * np.float32(0.22)
    color += (stage.light.haze - color) * (np.exp(-near * 26) * 0.55)[..., None]
    stage.canvas[top:] = color
    if stage.reflects_sun:
        _glitter(stage, waves, near, top)


def wet_ground(stage: Stage, strength: float) -> None:
    """Let the ground mirror what stands behind it, as a street does after rain."""
    dry = stage.canvas[stage.horizon :].copy()
    shining, stage.reflects_sun = stage.reflects_sun, False
    paint_water(stage)
    stage.reflects_sun = shining
    wet = stage.canvas[stage.horizon :]
    wet += (dry - wet) * np.float32(1 - strength)


def _soften(area: Array) -> Array:
    """Blur a little, mostly up and down, as a moving surface does."""
    height, width = area.shape[:2]
    small = (max(1, width // 2), max(1, height // 5))
    parts = [resize(resize(np.ascontiguousarray(area[..., c]), *small), width, height) for c in range(3)]
    return np.stack(parts, axis=-1)


def _deep(stage: Stage) -> Array:
    deep = mix(rgb("#0f3d52"), stage.sky_at(0.15), 0.5) * mix(stage.light.shade, stage.light.light, 0.45)
    for name in (*stage.scene.colors[:1], *filter(None, [stage.scene.land_color])):
        deep = tint(deep, rgb(load("palettes")["named"][name]), 0.35)
    return deep


def _glitter(stage: Stage, waves: Array, near: Real, top: int) -> None:
    """The path of light under sun or moon: sparks, dense at the horizon and wider toward the viewer."""
    x = (np.arange(stage.width, dtype=np.float32)[None, :] - np.float32(stage.sun[0])) / np.float32(stage.unit)
    path = np.exp(-((x / (0.035 + 0.13 * near)) ** 2))
    sparks = smoothstep(0.10, 0.34, waves + path * 0.16)
    strength = path * (0.18 + 0.95 * sparks) * (1.0 - 0.45 * near)
    stage.screen(mix(stage.light.sun, stage.light.light, 0.3), np.clip(strength, 0, 1), top)


def paint_river(stage: Stage) -> None:
    """A river that winds from the horizon to the viewer, widening, with the sky in it."""
    top = stage.horizon
    rows = stage.height - top
    if rows < 2:
        return
    near = (np.arange(rows, dtype=np.float32) + 0.5) / rows
    bend = resize(line(stage.rng("river"), 2.0, 256, 2, 0.4)[None, :], rows, 1)[0]
    sway = np.sin(3.2 * np.sqrt(near) * np.pi + bend) * (0.05 + 0.20 * near)
    center = stage.width * 0.5 + sway * stage.unit
    half = stage.unit * (0.006 + 0.20 * near**1.5)
    x = np.arange(stage.width, dtype=np.float32)[None, :]
    waves, _ = _ripples(stage, rows)
    inside = half[:, None] - np.abs(x - center[:, None]) + waves * stage.unit * 0.008 * near[:, None]
    mask = np.clip(inside + 0.5, 0, 1).astype(np.float32)
    sky = stage.canvas[np.clip(top - 1 - (np.arange(rows) * top // rows), 0, top - 1)]
    sky = sky.mean(axis=1, keepdims=True)
    color = sky + (_deep(stage) - sky) * np.clip(0.25 + 0.4 * near[:, None] + waves * 0.35, 0, 1)[..., None]
    bank = smoothstep(0, 0.012, inside / np.float32(stage.unit))[..., None]
    color = color * (0.72 + 0.28 * bank)
    stage.paint(color.astype(np.float32), mask, top)
    if stage.reflects_sun:
        area = stage.canvas[top:].copy()
        _glitter(stage, waves, near[:, None], top)
        stage.canvas[top:] = area + (stage.canvas[top:] - area) * mask[..., None]
