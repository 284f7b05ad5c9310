"""Measurements of one picture's pixels."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from viralai_sdk.compare.cells import Value

Plane: TypeAlias = NDArray[np.float64]

SIDE = 1024
"""Pictures are measured at this longest side at most: sharpness depends on it, and so does time."""
_CALM_SIDE = 512
_TILE = 16
_CALM = 8.0 / 255.0
"""Standard deviation of brightness within a tile below which thin letters stay readable."""
_BLUR = 11


def describe(image: Image.Image) -> dict[str, Value]:
    """All measurements of a picture in RGB."""
    if max(image.size) > SIDE:
        image = image.copy()
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    pixels = np.asarray(image, dtype=np.float64)
    bright = brightness(pixels)
    calm = calm_tiles(image)
    return {
        "sharpness": sharpness(bright),
        "contrast": float(bright.std()),
        "colourfulness": colourfulness(pixels),
        "entropy": entropy(bright),
        "calm_area": float(calm.mean()),
        "calm_lower_third": float(calm[-max(1, round(len(calm) / 3)) :].mean()),
    }


def brightness(pixels: Plane) -> Plane:
    """Luma of Rec. 601, 0 to 1."""
    return np.asarray(pixels @ np.array([0.299, 0.587, 0.114]) / 255.0, np.float64)


def colourfulness(pixels: Plane) -> float:
    """Hasler and Süsstrunk, "Measuring colourfulness in natural images" (2003), equation of their M3."""
    red, green, blue = (pixels[..., index] for index in range(3))
    redness, yellowness = red - green, (red + green) / 2 - blue
    spread = np.hypot(redness.std(), yellowness.std())
    return float(spread + 0.3 * np.hypot(redness.mean(), yellowness.mean()))


def entropy(bright: Plane) -> float:
    """Shannon entropy of the histogram of 256 levels, in bits."""
    counts = np.bincount((bright * 255).round().astype(np.int64).ravel().clip(0, 255), minlength=256)
    shares = counts[counts > 0] / counts.sum()
    return float(abs(-(shares * np.log2(shares)).sum()))


def sharpness(bright: Plane) -> float | None:
    """1 - the perceptual blur of Crete, Dolmiere, Ladret and Nicolas (2007): what is lost when the picture is blurred once more.

    None for a picture without any edge, or one too small to be blurred.
    """
    if min(bright.shape) <= _BLUR + 2:
        return None
    worst = 0.0
    for axis in (0, 1):
        before = np.abs(_edges(bright, axis))
        lost = np.maximum(0.0, before - np.abs(_edges(_smeared(bright, axis), axis)))
        total = before.sum()
        if total < 1e-6 * before.size:
            return None
        worst = max(worst, float((total - lost.sum()) / total))
    return 1.0 - worst


def _edges(bright: Plane, axis: int) -> Plane:
    """Sobel's filter along an axis, without the border."""
    other = 1 - axis
    ahead, behind = (np.take(bright, range(at, bright.shape[axis] + at - 2), axis) for at in (2, 0))
    step = (ahead - behind) / 2
    inner = step.shape[other] - 2
    return np.asarray(
        sum(np.take(step, range(at, at + inner), other) * weight for at, weight in ((0, 0.25), (1, 0.5), (2, 0.25))),
        np.float64,
    )


def _smeared(bright: Plane, axis: int) -> Plane:
    """The mean over 11 pixels along an axis, the border repeated."""
    half = _BLUR // 2
    pad = [(half + 1, half) if index == axis else (0, 0) for index in (0, 1)]
    summed = np.cumsum(np.pad(bright, pad, mode="symmetric"), axis=axis)
    count = bright.shape[axis]
    return np.asarray(
        (np.take(summed, range(_BLUR, _BLUR + count), axis) - np.take(summed, range(count), axis)) / _BLUR, np.float64
    )


def calm_tiles(image: Image.Image) -> NDArray[np.bool_]:
    """Which tiles of 16 pixels, of the picture at 512 pixels, are calm. Rows from top to bottom."""
    small = image.convert("L")
    small.thumbnail((_CALM_SIDE, _CALM_SIDE), Image.Resampling.LANCZOS)
    bright = np.asarray(small, dtype=np.float64) / 255.0
    rows, columns = (max(1, side // _TILE) for side in bright.shape)
    high, wide = (min(_TILE, side) for side in bright.shape)
    tiles = bright[: rows * high, : columns * wide].reshape(rows, high, columns, wide)
    return np.asarray(tiles.std(axis=(1, 3)) < _CALM)
