"""Random fields that look the same at every resolution.

A field is a small random grid enlarged bicubically by Pillow; octaves are summed. Each field draws from its own named
stream, so that nothing depends on the order of painting, and grids are sized in units of the picture, not in pixels.
"""

from __future__ import annotations

import hashlib
from math import ceil

import numpy as np
from PIL import Image

from .color import Array, Real


class Streams:
    """Independent PCG64 generators by name, all derived from one key."""

    def __init__(self, *key: object) -> None:
        self._key = "\x1f".join(map(str, key)).encode("utf-8", "surrogatepass")

    def rng(self, name: str) -> np.random.Generator:
        digest = hashlib.sha256(self._key + b"\x1e" + name.encode()).digest()
        return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


def resize(field: Array, width: int, height: int, method: Image.Resampling = Image.Resampling.BICUBIC) -> Array:
    """Resample a 2-D field."""
    if field.shape == (height, width):
        return field
    return np.asarray(Image.fromarray(field).resize((width, height), method), dtype=np.float32)


def _octave(rng: np.random.Generator, cells: tuple[float, float], width: int, height: int) -> Array:
    columns, rows = cells
    grid = rng.random((ceil(rows) + 3, ceil(columns) + 3), dtype=np.float32) * 2 - 1
    box = (1.0, 1.0, 1.0 + columns, 1.0 + rows)
    return np.asarray(
        Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC, box=box), dtype=np.float32
    )


def fbm(
    rng: np.random.Generator,
    cells: tuple[float, float],
    width: int,
    height: int,
    octaves: int = 5,
    gain: float = 0.5,
    ridged: bool = False,
) -> Array:
    """Fractal noise (height, width), about -1..1. `cells` counts the coarsest cells across and down."""
    total = np.zeros((height, width), dtype=np.float32)
    amplitude, norm, scale = 1.0, 0.0, 1.0
    for _ in range(octaves):
        size = (max(cells[0] * scale, 0.5), max(cells[1] * scale, 0.5))
        # Past two cells a pixel an octave averages out to nothing: stop before huge grids cost time.
        if min(size[0] / width, size[1] / height) > 1.0 and scale > 1:
            break
        layer = _octave(rng, size, width, height)
        if ridged:
            layer = 1 - 2 * np.abs(layer)
        total += np.float32(amplitude) * layer
        norm += amplitude
        amplitude *= gain
        scale *= 2
    total /= np.float32(norm)
    return total


def line(rng: np.random.Generator, cells: float, length: int, octaves: int = 6, gain: float = 0.5) -> Array:
    """Fractal noise along one axis, about -1..1."""
    total = np.zeros(length, dtype=np.float32)
    norm, amplitude = 0.0, 1.0
    for octave in range(octaves):
        count = max(cells * 2**octave, 0.5)
        grid = rng.random((1, ceil(count) + 3), dtype=np.float32) * 2 - 1
        row = Image.fromarray(grid).resize((length, 1), Image.Resampling.BICUBIC, box=(1.0, 0.0, 1.0 + count, 1.0))
        total += np.float32(amplitude) * np.asarray(row, dtype=np.float32)[0]
        norm += amplitude
        amplitude *= gain
    return np.asarray(total / np.float32(norm), dtype=np.float32)


def tile(rng: np.random.Generator, size: int = 256, cells: int = 4, octaves: int = 6, gain: float = 0.5) -> Array:
    """A (size, size) fractal texture that repeats without a seam."""
    total = np.zeros((size, size), dtype=np.float32)
    norm, amplitude = 0.0, 1.0
    for octave in range(octaves):
        count = cells * 2**octave
        if count > size // 2:
            break
        grid = np.pad(rng.random((count, count), dtype=np.float32) * 2 - 1, 2, mode="wrap")
        box = (2.0, 2.0, 2.0 + count, 2.0 + count)
        layer = Image.fromarray(grid).resize((size, size), Image.Resampling.BICUBIC, box=box)
        total += np.float32(amplitude) * np.asarray(layer, dtype=np.float32)
        norm += amplitude
        amplitude *= gain
    return np.asarray(total / np.float32(norm), dtype=np.float32)


def sample(texture: Array, u: Real, v: Real) -> Array:
    """Bilinear look-up of a repeating texture at (u, v) in units of its period."""
    size = texture.shape[0]
    x, y = u.astype(np.float32) * np.float32(size), v.astype(np.float32) * np.float32(size)
    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = x - x0, y - y0
    column, row = x0.astype(np.int32) % size, y0.astype(np.int32) % size
    right, below = (column + 1) % size, (row + 1) % size
    top = texture[row, column] * (1 - fx) + texture[row, right] * fx
    bottom = texture[below, column] * (1 - fx) + texture[below, right] * fx
    return np.asarray(top * (1 - fy) + bottom * fy, dtype=np.float32)
