"""A silent AV1 film from Pillow alone: an AVIF image sequence, rewritten as MP4."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise

from PIL import Image, features

from .isobmff import avif_sequence_to_mp4

_QUALITY, _SPEED = 58, 10


def missing_encoder() -> str | None:
    """None when this Pillow can write AVIF, else the reason in plain words."""
    return None if features.check("avif") else "this Pillow was built without AVIF support"


def frame_durations(count: int, rate: Fraction) -> list[int]:
    """Whole milliseconds for each frame; no frame starts more than half a millisecond off, and the sum is the film's
    length."""
    edges = [round(index * 1000 / rate) for index in range(count + 1)]
    return [after - before for before, after in pairwise(edges)]


class _LazySequence(Image.Image):
    """A picture of many frames that asks for each when Pillow's writer comes to it, so that only one is held at a
    time."""

    def __init__(
        self,
        frames: Iterator[Image.Image],
        size: tuple[int, int],
        count: int,
        on_frame: Callable[[int, Image.Image], None],
    ):
        super().__init__()
        self._mode = "RGB"
        self._size = size
        self.n_frames = count
        self.is_animated = True
        self._frames = frames
        self._on_frame = on_frame
        self._at = -1
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Go to the next frame. Pillow seeks to the one it is at before and back to the first at the end; both change
        nothing."""
        if frame >= self.n_frames:
            raise EOFError("no more frames")
        if frame <= self._at:
            return
        picture = next(self._frames)
        self.im = picture.im
        self._at = frame
        self._on_frame(frame, picture)

    def tell(self) -> int:
        """Index of the frame that is loaded."""
        return max(0, self._at)


def encode_av1(
    frames: Iterator[Image.Image],
    size: tuple[int, int],
    rate: Fraction,
    count: int,
    *,
    comment: str,
    on_frame: Callable[[int, Image.Image], None],
) -> bytes:
    """The frames as the bytes of a silent AV1 MP4. `count` at least 2: an AVIF of one picture is no sequence.

    `on_frame(index, picture)` is called for each frame; whatever it raises comes out of here.
    """
    sequence = _LazySequence(frames, size, count, on_frame)
    buffer = io.BytesIO()
    sequence.save(
        buffer,
        format="AVIF",
        save_all=True,
        duration=frame_durations(count, rate),
        quality=_QUALITY,
        speed=_SPEED,
        subsampling="4:2:0",
        range="limited",
    )
    return avif_sequence_to_mp4(buffer.getvalue(), comment=comment)
