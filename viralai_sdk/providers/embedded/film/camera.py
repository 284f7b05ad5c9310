"""A virtual camera over a still: eased moves, sampled at sub-pixel positions so that slow motion never jitters."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

OVERSCAN = 1.25
"""How much larger than the frame a still is painted, in each direction: room to move in without enlarging pixels
much."""


@dataclass(frozen=True, slots=True)
class View:
    """Where the camera looks. `zoom` 1 shows the largest crop of the frame's ratio; `x` and `y` place the crop within
    the slack that the zoom leaves, from -1 (left, top) to 1 (right, bottom); `lean` shears the picture: its
    foreground (bottom edge) moves that fraction of the crop's width further right than its horizon, which reads as
    depth."""

    zoom: float
    x: float = 0.0
    y: float = 0.0
    lean: float = 0.0


@dataclass(frozen=True, slots=True)
class CameraMove:
    """A named path from one view to another."""

    name: str
    start: View
    end: View

    def at(self, progress: float) -> View:
        """The view at `progress` 0..1, eased: slow at both ends but never at rest, so that a cut does not show a
        frozen picture."""
        p = min(1.0, max(0.0, progress))
        eased = 0.45 * p + 0.55 * p * p * (3.0 - 2.0 * p)

        def between(a: float, b: float) -> float:
            return a + (b - a) * eased

        a, b = self.start, self.end
        zoom = (
            a.zoom * (b.zoom / a.zoom) ** eased
        )  # a constant rate of enlargement looks constant; a constant difference does not
        return View(zoom, between(a.x, b.x), between(a.y, b.y), between(a.lean, b.lean))


def crop_box(size: tuple[int, int], frame: tuple[int, int], view: View) -> tuple[float, float, float, float]:
    """The part of a still of `size` that `view` shows in a frame of size `frame`: left, top, right, bottom in
    fractional pixels."""
    ratio = frame[0] / frame[1]
    width = min(float(size[0]), size[1] * ratio) / max(1.0, view.zoom)
    height = width / ratio
    slack_x, slack_y = max(0.0, size[0] - width), max(0.0, size[1] - height)
    left = min(max(slack_x / 2 * (1.0 + view.x), 0.0), slack_x)
    top = min(max(slack_y / 2 * (1.0 + view.y), 0.0), slack_y)
    return left, top, min(left + width, float(size[0])), min(top + height, float(size[1]))


def photograph(still: Image.Image, frame: tuple[int, int], view: View) -> Image.Image:
    """`still` as `view` sees it, as an RGB picture of size `frame`. Pure, and safe to call from several threads at
    once."""
    left, top, right, bottom = crop_box(still.size, frame, view)
    if not view.lean:
        return still.resize(frame, Image.Resampling.BICUBIC, box=(left, top, right, bottom))
    # A shear needs room at both sides; taking it from the crop keeps the picture's edge out of the frame.
    shear = view.lean * (right - left)
    left, right = left + abs(shear) / 2, right - abs(shear) / 2
    scale_x, scale_y = (right - left) / frame[0], (bottom - top) / frame[1]
    slope = -shear / frame[1]
    return still.transform(
        frame,
        Image.Transform.AFFINE,
        (scale_x, slope, left + shear / 2, 0.0, scale_y, top),
        Image.Resampling.BICUBIC,
    )


def moves_for(framing: str) -> tuple[CameraMove, ...]:
    """The moves that suit a framing ("wide", "close" or "detail"); the storyboard's seed picks among them."""
    return _MOVES[framing]


_MOVES: dict[str, tuple[CameraMove, ...]] = {
    "wide": (
        CameraMove("zoom in", View(1.0), View(1.22, 0.0, 0.12)),
        CameraMove("zoom out", View(1.24, 0.1, 0.1), View(1.0)),
        CameraMove("pan right", View(1.16, -0.9), View(1.16, 0.9)),
        CameraMove("pan left", View(1.16, 0.9), View(1.16, -0.9)),
        CameraMove("drift right", View(1.10, -0.6, 0.2, 0.035), View(1.16, 0.6, 0.2, -0.035)),
        CameraMove("drift left", View(1.16, 0.6, 0.2, -0.035), View(1.10, -0.6, 0.2, 0.035)),
    ),
    "close": (
        CameraMove("tilt up", View(1.34, -0.1, 0.85), View(1.34, 0.1, -0.3)),
        CameraMove("tilt down", View(1.34, 0.1, -0.75), View(1.34, -0.1, 0.4)),
        CameraMove("push in", View(1.28, -0.35, 0.2), View(1.50, 0.0, 0.1)),
        CameraMove("drift right", View(1.36, -0.8, 0.1, 0.03), View(1.36, 0.4, 0.1, -0.03)),
    ),
    "detail": (
        CameraMove("pan right", View(1.58, -0.75, 0.3), View(1.58, 0.25, 0.15)),
        CameraMove("pan left", View(1.58, 0.75, 0.3), View(1.58, -0.25, 0.15)),
        CameraMove("pull out", View(1.70, 0.2, 0.25), View(1.36, 0.0, 0.1)),
    ),
}
