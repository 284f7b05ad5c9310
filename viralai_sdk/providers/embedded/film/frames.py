"""The picture track as a stream of finished frames: stills painted when their shot comes up, moved, cross-faded,
captioned."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from PIL import Image, ImageOps

from .camera import OVERSCAN, photograph
from .lettering import CaptionLayer
from .plan import MAX_SIDE, Painter
from .storyboard import Shot

CROSS_FADE = 0.5
FADE_IN, FADE_OUT = 0.5, 0.6
_OPENING_LIGHT = 0.7  # the first frame is what a player shows before it plays, so it is dimmed only a little
_AHEAD = 4  # frames in the making: enough for two threads, few enough to hold in memory

StillKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Layer:
    """A shot as it is on screen: from `appears` to `leaves` seconds, cross-fades included."""

    shot: Shot
    appears: float
    leaves: float

    @property
    def key(self) -> StillKey:
        """Which still it shows."""
        return self.shot.prompt, self.shot.take

    def progress(self, moment: float) -> float:
        """How far its camera move is at `moment`."""
        return (moment - self.appears) / max(1e-9, self.leaves - self.appears)


def layered(shots: Sequence[Shot]) -> tuple[Layer, ...]:
    """Let neighbouring shots overlap by half a second around each cut, less when they are short."""
    overlaps = [0.0]
    for before, after in pairwise(shots):
        overlaps.append(min(CROSS_FADE, 0.4 * (before.end - before.start), 0.4 * (after.end - after.start)))
    overlaps.append(0.0)
    return tuple(
        Layer(shot, shot.start - overlaps[i] / 2, shot.end + overlaps[i + 1] / 2) for i, shot in enumerate(shots)
    )


def as_rgb(picture: Image.Image) -> Image.Image:
    """`picture` upright (EXIF orientation applied), in RGB, transparency over black."""
    upright = ImageOps.exif_transpose(picture)
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (0, 0, 0, 255))
        return Image.alpha_composite(ground, layer).convert("RGB")
    return upright.convert("RGB")


class Reel:
    """The frames of a film, in order, each made once. `size` even; `count` frames at `rate` a second.

    Stills are painted in the calling thread, camera work is done by two helper threads (Pillow frees the interpreter
    lock while it resamples). Frames depend on nothing but the arguments.
    """

    def __init__(
        self,
        shots: Sequence[Shot],
        painter: Painter,
        size: tuple[int, int],
        rate: Fraction,
        count: int,
        *,
        seed: int,
        first_frame: Image.Image | None = None,
        captions: CaptionLayer | None = None,
        on_paint: Callable[[str, int], None] | None = None,
    ) -> None:
        self.size = size
        self.count = count
        self._layers = layered(shots)
        self._painter = painter
        self._rate = rate
        self._seed = seed
        self._first = as_rgb(first_frame) if first_frame is not None else None
        self._captions = captions
        self._on_paint = on_paint
        self._stills: dict[StillKey, Image.Image] = {}
        self._duration = float(count / rate)

    def frames(self) -> Generator[Image.Image, None, None]:
        """Yield every frame as an RGB picture. Closing the iterator early stops the work in progress."""
        pool = ThreadPoolExecutor(2, thread_name_prefix="film")
        making: deque[Future[Image.Image]] = deque()
        try:
            for index in range(self.count):
                moment = self._moment(index)
                showing = [layer for layer in self._layers if layer.appears <= moment < layer.leaves] or [
                    self._layers[-1]
                ]
                pairs = [(layer, self._still(layer)) for layer in showing]
                making.append(pool.submit(self._frame, moment, pairs))
                if len(making) >= _AHEAD:
                    yield making.popleft().result()
            while making:
                yield making.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _moment(self, index: int) -> float:
        return float(index / self._rate)

    def _still(self, layer: Layer) -> Image.Image:
        """The still of `layer`, painted when it is first needed; stills whose last shot has gone are let go."""
        if layer.key not in self._stills:
            for key in list(self._stills):
                if all(other.leaves <= layer.appears for other in self._layers if other.key == key):
                    del self._stills[key]
            self._stills[layer.key] = self._paint(layer)
        return self._stills[layer.key]

    def _paint(self, layer: Layer) -> Image.Image:
        shot = layer.shot
        if self._first is not None and shot.scene == 0:
            return self._first
        if self._on_paint is not None:
            self._on_paint(shot.prompt, shot.scene)
        width, height = (min(int(MAX_SIDE * OVERSCAN), math.ceil(side * OVERSCAN / 8) * 8) for side in self.size)
        return as_rgb(self._painter(shot.prompt, width, height, self._seed + shot.take))

    def _frame(self, moment: float, pairs: Sequence[tuple[Layer, Image.Image]]) -> Image.Image:
        shown = [photograph(still, self.size, layer.shot.move.at(layer.progress(moment))) for layer, still in pairs]
        picture = shown[0]
        if len(pairs) > 1:
            (before, _), (after, _) = pairs[:2]
            picture = Image.blend(
                shown[0], shown[1], _smooth((moment - after.appears) / (before.leaves - after.appears))
            )
        if self._captions is not None:
            self._captions.onto(picture, moment)
        light = self._light(moment)
        if light < 1.0:
            picture = picture.point([round(value * light) for value in range(256)] * 3)
        return picture

    def _light(self, moment: float) -> float:
        """Brightness: up from a little dimmed at the start (a given picture is shown as it is), to black at the end."""
        rise, fall = min(FADE_IN, self._duration / 6), min(FADE_OUT, self._duration / 5)
        last = self._moment(self.count - 1)
        opening = 1.0 if self._first is not None else _OPENING_LIGHT + (1 - _OPENING_LIGHT) * _smooth(moment / rise)
        closing = _smooth((last - moment) / fall) if self.count > 2 else 1.0
        return min(opening, closing)


def _smooth(value: float) -> float:
    v = min(1.0, max(0.0, value))
    return v * v * (3 - 2 * v)
