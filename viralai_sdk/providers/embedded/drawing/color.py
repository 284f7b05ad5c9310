"""Colour: hex to float RGB, gradients through OKLab, and the light of a palette on a surface.

Colours are float32 sRGB (gamma-encoded) triples in 0..1, because compositing there looks as painters expect;
only blends between hues go through OKLab, where they stay clean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Real = npt.NDArray[np.floating[Any]]
"""What arithmetic of float32 with Python numbers is typed as; functions take it and give `Array`."""

_TO_LMS = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]], dtype=np.float32)  # fmt: skip
_TO_LAB = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]], dtype=np.float32)  # fmt: skip
_FROM_LMS = np.linalg.inv(_TO_LMS).astype(np.float32)
_FROM_LAB = np.linalg.inv(_TO_LAB).astype(np.float32)


def rgb(value: str) -> Array:
    """``"#rrggbb"`` as a float32 triple."""
    return np.array([int(value[i : i + 2], 16) / 255 for i in (1, 3, 5)], dtype=np.float32)


def to_oklab(color: Array) -> Array:
    """sRGB (..., 3) to OKLab (..., 3)."""
    linear = np.where(color <= 0.04045, color / 12.92, ((np.maximum(color, 0) + 0.055) / 1.055) ** 2.4)
    lab: Array = (np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T).astype(np.float32)
    return lab


def from_oklab(lab: Array) -> Array:
    """OKLab (..., 3) to sRGB (..., 3), clipped to the gamut."""
    linear = np.clip(((lab @ _FROM_LAB.T) ** 3) @ _FROM_LMS.T, 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(encoded, dtype=np.float32)


def mix(first: Array, second: Array, amount: float) -> Array:
    """Blend two colours in OKLab."""
    a, b = to_oklab(first), to_oklab(second)
    return from_oklab((a + (b - a) * np.float32(amount)).astype(np.float32))


def ramp(stops: Sequence[Array], size: int = 512) -> Array:
    """A smooth (size, 3) colour table through evenly spaced stops, interpolated in OKLab."""
    labs = np.stack([to_oklab(stop) for stop in stops])
    at = np.linspace(0, len(stops) - 1, size)
    columns = [np.interp(at, np.arange(len(stops)), labs[:, channel]) for channel in range(3)]
    table = np.stack(columns, axis=1)
    # A few running means round the corners off, so that no stop shows as a band.
    reach = max(3, size // (5 * len(stops)))
    kernel = np.ones(reach) / reach
    for channel in range(3):
        padded = np.pad(table[:, channel], reach, mode="edge")
        table[:, channel] = np.convolve(np.convolve(padded, kernel, "same"), kernel, "same")[reach:-reach]
    return from_oklab(table.astype(np.float32))


def look_up(table: Array, at: Real) -> Array:
    """Colours of `table` at positions 0..1; neighbours are blended, so a slow gradient has no steps."""
    position = np.clip(at, 0, 1).astype(np.float32) * np.float32(len(table) - 1)
    index = np.minimum(position.astype(np.int32), len(table) - 2)
    fraction = (position - index)[..., None]
    low = table[index]
    return np.asarray(low + (table[index + 1] - low) * fraction, dtype=np.float32)


def tint(color: Array, toward: Array, amount: float) -> Array:
    """Pull hue and chroma of `color` toward another colour, mostly keeping its lightness."""
    lab, goal = to_oklab(color), to_oklab(toward)
    shifted = lab.copy()
    shifted[..., 1:] += (goal[1:] - lab[..., 1:]) * np.float32(amount)
    shifted[..., 0] += (goal[0] - lab[..., 0]) * np.float32(amount * 0.3)
    return from_oklab(shifted)


def smoothstep(low: float, high: float, value: Real) -> Array:
    """0 below `low`, 1 above `high`, smooth between; `low` may exceed `high` to fall instead of rise."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)
