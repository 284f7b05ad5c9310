"""The engine: a prompt in, a finished picture out, the same one every time for the same words and seed."""

from __future__ import annotations

from math import ceil, sqrt
from typing import Final

from PIL import Image

from .compose import compose
from .noise import Streams
from .parser import parse, style_of
from .scene import DEFAULT_STYLE, ENGINE, Drawing, ProgressFn
from .stage import PREVIEW, Stage
from .styles import finish

SMALLEST_SIDE: Final = 16
LARGEST_SIDE: Final = 4096
# Below this a composition has no room; smaller pictures are painted larger and shrunk.
SMALLEST_CANVAS: Final = 96
# Above this many pixels the picture is painted smaller and enlarged: 4096 x 4096 would hold a gigabyte of float32.
LARGEST_CANVAS: Final = 6_500_000


def draw(
    prompt: str,
    width: int,
    height: int,
    *,
    seed: int = 0,
    style: str | None = None,
    negative_prompt: str | None = None,
    draft: bool = False,
    progress: ProgressFn | None = None,
) -> Drawing:
    """Paint `prompt` by rules, without any model.

    Args:
        prompt: Any text; its keywords choose the scene. What is not understood is reported in ``Drawing.ignored``.
        width, height: Size in pixels, each 16 to 4096.
        seed: Chooses among the pictures that fit the prompt.
        style: One of ``STYLES`` or a word for one; it outranks a style named in the prompt.
        negative_prompt: Words for what must not appear.
        draft: Paint at half the size and enlarge: about four times faster, same composition.
        progress: Called with (fraction, stage, preview); what it raises ends the painting and reaches the caller.

    Raises:
        ValueError: A side is outside 16..4096.
    """
    if not (SMALLEST_SIDE <= width <= LARGEST_SIDE and SMALLEST_SIDE <= height <= LARGEST_SIDE):
        message = f"width and height must be {SMALLEST_SIDE} to {LARGEST_SIDE} pixels, not {width} x {height}"
        raise ValueError(message)
    scene = parse(prompt, negative_prompt)
    chosen, unknown = style_of(style) if style else (None, ())
    name = chosen or scene.style or DEFAULT_STYLE
    streams = Streams(ENGINE, seed, prompt, name)
    stage = Stage(scene, _canvas_size(width, height, draft=draft), (width, height), streams, progress)
    if progress:
        progress(0.0, "reading", None)
    compose(stage)
    image = finish(stage, name)
    if progress:
        progress(0.95, "style", _preview(image))
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.NEAREST if name == "pixel" else Image.Resampling.LANCZOS)
    if progress:
        progress(1.0, "done", _preview(image))
    overruled = tuple(word for word in scene.style_words if chosen and scene.style != name)
    used = tuple(word for word in scene.used if word not in overruled)
    ignored = tuple(dict.fromkeys((*scene.ignored, *overruled, *unknown)))
    return Drawing(image=image, used=used, ignored=ignored, scene=scene.describe(), style=name)


def _canvas_size(width: int, height: int, *, draft: bool) -> tuple[int, int]:
    scale = 0.5 if draft else 1.0
    scale = min(scale, sqrt(LARGEST_CANVAS / (width * height)))
    scale = max(scale, SMALLEST_CANVAS / min(width, height))
    return max(SMALLEST_CANVAS, ceil(width * scale)), max(SMALLEST_CANVAS, ceil(height * scale))


def _preview(image: Image.Image) -> Image.Image:
    small = image.copy()
    small.thumbnail((PREVIEW, PREVIEW))
    return small
