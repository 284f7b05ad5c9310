import itertools

import numpy as np
import pytest
from PIL import Image

from viralai_sdk.providers.embedded.film.camera import CameraMove, View, crop_box, moves_for, photograph

FRAME = (320, 180)
STILL = (400, 225)


def spot(x: float, y: float) -> Image.Image:
    """A still with one soft bright spot at (x, y), in pixels."""
    columns, rows = np.meshgrid(np.arange(STILL[0]) + 0.5, np.arange(STILL[1]) + 0.5)
    light = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 6.0**2))
    return Image.fromarray(light.astype(np.uint8)).convert("RGB")


def centre(picture: Image.Image) -> tuple[float, float]:
    light = np.asarray(picture.convert("L"), np.float64)
    columns, rows = np.meshgrid(np.arange(light.shape[1]) + 0.5, np.arange(light.shape[0]) + 0.5)
    return float((light * columns).sum() / light.sum()), float((light * rows).sum() / light.sum())


@pytest.mark.parametrize(
    "move", {m.name: m for f in ("wide", "close") for m in moves_for(f)}.values(), ids=lambda m: m.name
)
def test_things_glide_without_jitter_at_positions_between_pixels(move: CameraMove) -> None:
    still = spot(215, 95)
    path = np.array([centre(photograph(still, FRAME, move.at(i / 120))) for i in range(30, 90)])
    jerk = np.abs(np.diff(path, n=3, axis=0))
    assert jerk.max() < 0.06  # pixels; whole-pixel steps would give jumps of one
    assert np.abs(np.diff(path, axis=0)).sum() > 2


def test_the_spot_appears_exactly_where_the_view_puts_it() -> None:
    view = View(1.3, 0.21, -0.37)
    left, top, right, bottom = crop_box(STILL, FRAME, view)
    x, y = centre(photograph(spot(200, 112), FRAME, view))
    assert x == pytest.approx((200 - left) / (right - left) * FRAME[0], abs=0.1)
    assert y == pytest.approx((112 - top) / (bottom - top) * FRAME[1], abs=0.1)


@pytest.mark.parametrize("move", [m for m in moves_for("wide") if m.name.startswith("drift")], ids=lambda m: m.name)
def test_in_a_drift_the_foreground_passes_faster_than_the_horizon(move: CameraMove) -> None:
    def travel(y: float) -> float:
        still = spot(200, y)
        return abs(centre(photograph(still, FRAME, move.end))[0] - centre(photograph(still, FRAME, move.start))[0])

    far, middle, near = travel(50), travel(112), travel(180)
    assert far < middle < near
    assert near > 1.2 * far


def test_a_leaning_view_never_shows_past_the_stills_edge() -> None:
    white = Image.new("RGB", STILL, "white")
    for move, progress in itertools.product(moves_for("wide"), (0.0, 0.5, 1.0)):
        assert photograph(white, FRAME, move.at(progress)).getextrema() == ((255, 255),) * 3
