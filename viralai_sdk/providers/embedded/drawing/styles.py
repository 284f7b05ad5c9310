"""Styles: how the composed picture is finished. Each takes the raw canvas and gives 8-bit RGB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image, ImageFilter

from .color import Array, Real, from_oklab, rgb, smoothstep, to_oklab
from .noise import fbm
from .stage import Stage


def finish(stage: Stage, style: str) -> Image.Image:
    """The canvas in a style, as an RGB image of the canvas's size."""
    return _FINISHERS[style](stage)


def _to_image(area: Real) -> Image.Image:
    return Image.fromarray((np.clip(area, 0, 1) * 255 + 0.5).astype(np.uint8))


def _to_array(image: Image.Image) -> Array:
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def _luma(area: Array) -> Array:
    return np.asarray(area @ np.array([0.2126, 0.7152, 0.0722], dtype=np.float32), dtype=np.float32)


def _bloom(stage: Stage, strength: float) -> None:
    """Let bright places spill over, at an eighth of the size."""
    small = _to_image(stage.canvas).resize((max(8, stage.width // 8), max(8, stage.height // 8)), Image.Resampling.BOX)
    area = _to_array(small)
    bright = area * smoothstep(0.58, 0.95, area.max(axis=-1))[..., None]
    radius = stage.unit / 8 * 0.035
    halo = _to_array(_to_image(bright).filter(ImageFilter.GaussianBlur(radius)))
    stage.screen(np.float32(strength) * stage.enlarge_color(halo), np.ones((stage.height, 1), dtype=np.float32))


def _film(stage: Stage) -> None:
    """A filmic curve: a soft toe, a long shoulder, a little more colour in the middle."""
    area = stage.canvas
    np.clip(area, 0, 1.4, out=area)
    gray = _luma(area)[..., None]
    area += (area - gray) * np.float32(0.10)
    np.clip(area, 0, None, out=area)
    over = np.maximum(area - np.float32(0.78), 0)
    np.minimum(area, np.float32(0.78), out=area)
    area += over / (1 + over * np.float32(2.6))
    np.clip(area, 0, 1, out=area)
    curve = area * area * (3 - 2 * area)
    area += (curve - area) * np.float32(0.42)


def _vignette(stage: Stage, strength: float) -> None:
    x = np.linspace(-1, 1, stage.width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, stage.height, dtype=np.float32)[:, None]
    stage.canvas *= (1 - np.float32(strength) * smoothstep(0.35, 2.1, x * x + y * y))[..., None]


def _grain(stage: Stage, strength: float) -> None:
    rng = stage.rng("grain")
    noise = rng.random((stage.height, stage.width), dtype=np.float32)
    noise += rng.random((stage.height, stage.width), dtype=np.float32) - 1
    stage.canvas += (noise * np.float32(strength))[..., None]


def _cinematic(stage: Stage) -> Image.Image:
    _bloom(stage, 0.5)
    _film(stage)
    _vignette(stage, 0.26)
    _grain(stage, 0.016)
    return _to_image(stage.canvas)


def _kuwahara(image: Image.Image, radius: int) -> Array:
    """Each pixel takes the mean of the calmest of its four neighbouring windows: flat dabs with crisp edges."""
    area = _to_array(image)
    mean = _to_array(image.filter(ImageFilter.BoxBlur(radius)))
    gray = _luma(area)
    square = Image.fromarray((np.clip(gray, 0, 1) ** 2 * 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(radius))
    variance = _to_array(square) - _luma(mean) ** 2
    best, chosen = np.full(gray.shape, np.inf, dtype=np.float32), mean
    for dy in (-radius, radius):
        for dx in (-radius, radius):
            moved = np.roll(variance, (dy, dx), axis=(0, 1))
            calmer = moved < best
            best = np.where(calmer, moved, best)
            chosen = np.where(calmer[..., None], np.roll(mean, (dy, dx), axis=(0, 1)), chosen)
    return np.asarray(chosen, dtype=np.float32)


def _pad_edges(image: Image.Image, radius: int) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """Mirror a margin around the picture, so that filters that look sideways do not wrap to the other edge."""
    area = np.asarray(image)
    pad = max(1, min(radius * 2, min(image.size) - 1))
    padded = np.pad(area, ((pad, pad), (pad, pad), (0, 0)), mode="reflect")
    return Image.fromarray(padded), (pad, pad, pad + image.width, pad + image.height)


def _dabs(image: Image.Image, radius: int) -> Array:
    padded, box = _pad_edges(image, radius)
    return _kuwahara(padded, radius)[box[1] : box[3], box[0] : box[2]]


def _displace(stage: Stage, area: Array, reach: float, cells: float, name: str) -> Array:
    """Move pixels by smooth noise, so that outlines wander as a brush does."""
    dx = stage.enlarge(stage.field(name + ".x", cells, octaves=2))
    dy = stage.enlarge(stage.field(name + ".y", cells, octaves=2))
    rows = np.clip(np.arange(stage.height)[:, None] + dy * reach, 0, stage.height - 1).astype(np.int32)
    columns = np.clip(np.arange(stage.width)[None, :] + dx * reach, 0, stage.width - 1).astype(np.int32)
    return area[rows, columns]


def _painterly(stage: Stage) -> Image.Image:
    _bloom(stage, 0.3)
    _film(stage)
    unit = stage.unit
    moved = _displace(stage, stage.canvas, unit * 0.007, 46, "brush")
    area = _dabs(_to_image(moved), max(1, round(unit * 0.0042)))
    lab = to_oklab(area)
    hue = stage.enlarge(stage.field("brush.hue", 16, octaves=3))
    lab[..., 1] += hue * 0.016
    lab[..., 2] -= hue * 0.020
    lab[..., 1:] *= 1.14
    bristle = stage.enlarge(stage.field("bristle", 90, stretch=5, octaves=2, size=(stage.width, stage.height)))
    bristle = _displace(stage, bristle, unit * 0.05, 5, "bristle.flow")
    gy, gx = np.gradient(bristle * np.float32(unit / 1024 * 6))
    lab[..., 0] += np.clip((gx + gy) * 0.03, -0.014, 0.014)
    stage.canvas[:] = from_oklab(lab)
    _vignette(stage, 0.15)
    return _to_image(stage.canvas)


def _paper(stage: Stage, strength: float) -> Array:
    cells = (300.0 * stage.across, 300.0 * stage.down)
    tooth = fbm(stage.rng("paper"), cells, stage.width, stage.height, 2, 0.7)
    return np.asarray(tooth * np.float32(strength), dtype=np.float32)


def _watercolor(stage: Stage) -> Image.Image:
    _film(stage)
    unit = stage.unit
    moved = _displace(stage, stage.canvas, unit * 0.010, 20, "bleed")
    area = _dabs(_to_image(moved), max(1, round(unit * 0.0038)))
    soft = _to_array(_to_image(area).filter(ImageFilter.GaussianBlur(unit * 0.0014)))
    wide = _to_array(_to_image(area).filter(ImageFilter.GaussianBlur(unit * 0.009)))
    edges = np.clip(np.abs(_luma(soft) - _luma(wide)) * 1.6, 0, 0.22)
    pools = stage.enlarge(stage.field("pools", 5, octaves=5, gain=0.6))
    pigment = 1 - soft
    density = (0.86 + 0.34 * pools + edges * 1.5 + _paper(stage, 0.16))[..., None]
    washed = 1 - pigment * np.clip(density, 0.1, 1.5)
    gray = _luma(washed)[..., None]
    washed = gray + (washed - gray) * 1.22
    x = np.linspace(-1, 1, stage.width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, stage.height, dtype=np.float32)[:, None]
    ragged = stage.enlarge(stage.field("deckle", 7, octaves=5, gain=0.62))
    inset_x, inset_y = (1 - np.abs(x)) * stage.width, (1 - np.abs(y)) * stage.height
    inside = np.minimum(inset_x, inset_y) / np.float32(unit) - 0.075 + ragged * 0.075
    wash = smoothstep(-0.012, 0.028, inside)
    rim = np.exp(-(((inside - 0.018) / 0.012) ** 2)) * 0.10
    paper = rgb("#fbf7ee") * (1 + _paper(stage, 0.022))[..., None]
    result = paper + (washed * (1 - rim)[..., None] * rgb("#fffdf6") - paper) * (wash * 0.97)[..., None]
    return _to_image(result)


def _poster(stage: Stage) -> Image.Image:
    """Few flat inks: the picture is smoothed, its colours are pushed, and a small palette is chosen from it."""
    unit = stage.unit
    _film(stage)
    gray = _luma(stage.canvas)[..., None]
    punchy = np.clip(gray + (stage.canvas - gray) * 1.35, 0, 1)
    area = _dabs(_to_image(punchy), max(1, round(unit * 0.0036)))
    image = _to_image(area).filter(ImageFilter.GaussianBlur(unit * 0.0016))
    inks = image.resize((160, 160), Image.Resampling.BOX).quantize(14, Image.Quantize.MEDIANCUT, kmeans=3)
    double = (
        image if max(image.size) > 2600 else image.resize((image.width * 2, image.height * 2), Image.Resampling.BICUBIC)
    )
    flat = double.quantize(palette=inks, dither=Image.Dither.NONE).convert("RGB")
    if flat.size != image.size:
        flat = flat.reduce(2)
    return flat


def _neon(stage: Stage) -> Image.Image:
    """Outlines as glowing tubes over a darkened scene."""
    unit = stage.unit
    base = _to_image(stage.canvas)
    calm = _to_array(base.filter(ImageFilter.GaussianBlur(max(0.6, unit * 0.0024))))
    lab = to_oklab(calm)
    edge = np.zeros(calm.shape[:2], dtype=np.float32)
    step = max(1, round(unit * 0.0016))
    for channel, weight in ((0, 1.0), (1, 1.5), (2, 1.5)):
        plane = lab[..., channel]
        gx = np.roll(plane, -step, 1) - np.roll(plane, step, 1)
        gy = np.roll(plane, -step, 0) - np.roll(plane, step, 0)
        edge += np.hypot(gx, gy) * np.float32(weight)
    edge[:, :step] = edge[:, -step:] = edge[:step] = edge[-step:] = 0
    lines = smoothstep(0.055, 0.20, edge)
    y = np.linspace(0, 1, stage.height, dtype=np.float32)[:, None]
    drift = stage.enlarge(stage.field("neon.hue", 1.3, octaves=2)) * 2.6
    angle = np.arctan2(lab[..., 2], lab[..., 1]) * 0.35 + drift + y * 2.6 - 2.8
    glow_lab = np.stack([np.full_like(drift, 0.76), np.cos(angle) * 0.24, np.sin(angle) * 0.24], axis=-1)
    ink = from_oklab(glow_lab.astype(np.float32))
    tubes = ink * lines[..., None]
    dark = calm * (0.16 + 0.10 * calm) * rgb("#9aa0ff") + rgb("#07051a") * 0.9
    image = _to_image(tubes)
    stage.canvas[:] = dark
    everywhere = np.ones((stage.height, 1), dtype=np.float32)
    for radius, gain in ((0.004, 1.0), (0.018, 1.0)):
        small = image.resize((max(4, stage.width // 3), max(4, stage.height // 3)), Image.Resampling.BOX)
        halo = _to_array(small.filter(ImageFilter.GaussianBlur(unit * radius / 3)))
        stage.screen(np.float32(gain) * stage.enlarge_color(halo), everywhere)
    stage.canvas += (ink * 0.55 + 0.45 - stage.canvas) * (lines * 0.9)[..., None]
    _vignette(stage, 0.3)
    return _to_image(stage.canvas)


def _hatch(stage: Stage, angle: float, spacing: float, wobble: Array) -> Array:
    x = np.arange(stage.width, dtype=np.float32)[None, :]
    y = np.arange(stage.height, dtype=np.float32)[:, None]
    turn = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle)) + wobble
    return np.asarray(0.5 + 0.5 * np.sin(turn * np.float32(2 * np.pi / spacing)), dtype=np.float32)


def _pencil(stage: Stage) -> Image.Image:
    """Graphite: contours, and three directions of hatching that set in as it gets darker."""
    unit = stage.unit
    _film(stage)
    image = _to_image(stage.canvas)
    gray = _luma(_to_array(image.filter(ImageFilter.GaussianBlur(unit * 0.0012))))
    low, high = np.percentile(gray[::4, ::4], (2, 97))
    tone = np.clip((gray - low) / max(0.05, high - low), 0, 1)
    wide = _luma(_to_array(image.filter(ImageFilter.GaussianBlur(unit * 0.0048))))
    contour = smoothstep(0.012, 0.075, wide - gray)
    wobble = stage.enlarge(stage.field("hand", 6, octaves=3)) * np.float32(unit * 0.016)
    spacing = max(2.6, unit * 0.0068)
    pressure = 0.8 + 0.9 * stage.enlarge(stage.field("hand.pressure", 18, octaves=3))
    graphite = np.zeros_like(tone)
    for angle, start, weight in ((0.78, 0.86, 0.42), (0.52, 0.50, 0.40), (-0.75, 0.26, 0.40)):
        strokes = _hatch(stage, angle, spacing, wobble)
        amount = smoothstep(start, start - 0.42, tone)
        graphite += (
            smoothstep(0.0, 0.45, strokes - 0.72 + 0.55 * amount) * smoothstep(0, 0.25, amount) * weight * pressure
        )
    tooth = _paper(stage, 1.0)
    graphite = graphite + (1 - tone) ** 1.3 * 0.30 + contour * 0.62
    graphite = np.clip(graphite * (0.92 + 0.42 * tooth), 0, 0.94)
    paper, lead = rgb("#f6f2e8"), rgb("#2b2a2f")
    area = paper * (1 + tooth * 0.018)[..., None]
    color = _to_array(image.filter(ImageFilter.GaussianBlur(unit * 0.004)))
    area = area * (1 - 0.14 * (1 - color))
    return _to_image(area + (lead - area) * graphite[..., None])


def _pixel(stage: Stage) -> Image.Image:
    """Big square pixels in a small palette, with ordered dithering between its colours."""
    _bloom(stage, 0.2)
    _film(stage)
    cells = 112
    columns, rows = max(1, round(cells * stage.across)), max(1, round(cells * stage.down))
    columns, rows = min(columns, stage.width), min(rows, stage.height)
    small = _to_array(_to_image(stage.canvas).resize((columns, rows), Image.Resampling.BOX))
    gray = _luma(small)[..., None]
    small = np.clip(0.5 + (gray + (small - gray) * 1.25 - 0.5) * 1.08, 0, 1)
    bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], dtype=np.float32) / 16 - 0.47
    pattern = np.tile(bayer, (rows // 4 + 1, columns // 4 + 1))[:rows, :columns]
    clean = _to_image(small)
    inks = clean.quantize(28, Image.Quantize.MEDIANCUT, kmeans=2)
    dithered = _to_image(small + pattern[..., None] * np.float32(0.034))
    flat = dithered.quantize(palette=inks, dither=Image.Dither.NONE).convert("RGB")
    return flat.resize((stage.width, stage.height), Image.Resampling.NEAREST)


_FINISHERS: Final[dict[str, Callable[[Stage], Image.Image]]] = {
    "cinematic": _cinematic,
    "painterly": _painterly,
    "watercolor": _watercolor,
    "poster": _poster,
    "neon": _neon,
    "pencil": _pencil,
    "pixel": _pixel,
}
