"""Pictures as plain sRGB pixels, upright and without anything else."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from viralai_sdk.interfaces.errors import MalformedResponseError
from viralai_sdk.store.files import storage_error

PAPER = (255, 255, 255)
"""What lies behind a transparent picture."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture. `width` and `height` are those of the file, upright; `image` (mode RGB) may be smaller."""

    image: Image.Image
    width: int
    height: int


def decode_picture(source: Path | bytes, side: int | None = None) -> Picture:
    """Decode the first frame: EXIF orientation applied, colours brought to sRGB, transparency laid on white.

    Args:
        side: longest side of `image` in pixels; it is made smaller, never larger. None keeps the size.

    Raises:
        MalformedResponseError: it is no picture, or a damaged one.
        StorageError: the file cannot be read.
    """
    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise storage_error("read", Path(str(source)), error) from error
    try:
        with Image.open(io.BytesIO(data)) as opened:
            return _decoded(opened, side)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise MalformedResponseError(f"the picture cannot be decoded ({str(error)[:120]}).") from error


def _decoded(opened: Image.Image, side: int | None) -> Picture:
    full = opened.size
    turned = opened.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    if side is not None:
        opened.draft(None, (side, side))  # a JPEG is decoded at a half, quarter or eighth when that is still enough
    image = _in_srgb(ImageOps.exif_transpose(opened))
    if side is not None:
        image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    image.info.clear()
    return Picture(image, *(reversed(full) if turned else full))


def _in_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode.startswith(("I", "F")):
        image = _eight_bit(image)
    alpha: Image.Image | None = None
    if image.mode == "P" or "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
    colours = _by_profile(image, profile) if profile else image.convert("RGB")
    if alpha is None:
        return colours
    paper = Image.new("RGB", colours.size, PAPER)
    paper.paste(colours, mask=alpha)
    return paper


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit grey, which Pillow would clip instead of scale."""
    values = np.asarray(image).astype(np.float64)
    scale = 255.0 / 65535.0 if image.mode.startswith("I") else 255.0 if values.max(initial=0) <= 1 else 1.0
    return Image.fromarray((values * scale).clip(0, 255).astype(np.uint8))


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """By its ICC profile. A profile that cannot be used is left aside, as every browser does."""
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        made = ImageCms.profileToProfile(image, given, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return image.convert("RGB")
    assert made is not None  # only an in-place conversion gives None
    return made
