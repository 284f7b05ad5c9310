"""Pictures with known answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.compare.media import response_of
from tests.media_files import picture
from viralai_sdk.compare.metrics import measure, near_duplicates
from viralai_sdk.compare.metrics.pixels import describe
from viralai_sdk.interfaces.errors import InvalidRequestError


def test_blurring_lowers_sharpness_and_nothing_calls_a_flat_picture_sharp(tmp_path: Path) -> None:
    sharp = Image.open(picture(tmp_path / "one.png", (512, 384))).convert("RGB")
    soft = sharp.filter(ImageFilter.GaussianBlur(4))
    first, second = describe(sharp)["sharpness"], describe(soft)["sharpness"]
    assert isinstance(first, float)
    assert isinstance(second, float)
    assert first > second + 0.2
    assert describe(Image.new("RGB", (64, 64), (9, 99, 9)))["sharpness"] is None
    assert describe(Image.effect_noise((8, 8), 50).convert("RGB"))["sharpness"] is None


def test_sharpness_is_that_of_the_published_measure(tmp_path: Path) -> None:
    """An ideal edge in a picture of 64 pixels, worked out by hand: blurring spreads a step of 1 over 11 pixels, so of the 2 columns where
    Sobel saw 1/2 each, 1/2 - 1/11 is lost."""
    half = np.zeros((64, 64, 3), np.uint8)
    half[:, 32:] = 255
    value = describe(Image.fromarray(half))["sharpness"]
    assert value is None  # there is no edge in the other direction, and the worst direction counts
    quarter = half.copy()
    quarter[32:] = 255 - quarter[32:]
    value = describe(Image.fromarray(quarter))["sharpness"]
    assert value == pytest.approx(1 - (1 / 11) / (1 / 2), abs=0.06)


def test_colourfulness_is_zero_for_grey_and_known_for_two_colours() -> None:
    assert describe(Image.new("RGB", (64, 64), (77, 77, 77)))["colourfulness"] == 0
    two = np.zeros((64, 64, 3), np.uint8)
    two[:32] = (255, 0, 0)
    two[32:] = (0, 255, 0)
    # rg is ±255: mean 0, spread 255. yb is 127.5 everywhere. So 255 + 0.3 · 127.5.
    assert describe(Image.fromarray(two))["colourfulness"] == pytest.approx(255 + 0.3 * 127.5)


def test_contrast_and_entropy_of_half_black_half_white() -> None:
    half = np.zeros((64, 64, 3), np.uint8)
    half[:, 32:] = 255
    found = describe(Image.fromarray(half))
    assert found["contrast"] == pytest.approx(0.5, abs=0.01)
    assert found["entropy"] == pytest.approx(1.0)
    assert describe(Image.new("RGB", (64, 64)))["entropy"] == 0


def test_room_for_captions_is_where_it_is_calm() -> None:
    chance = np.random.default_rng(5)
    busy = chance.integers(0, 255, (480, 480, 3), np.uint8)
    busy[320:] = 200
    found = describe(Image.fromarray(busy))
    assert found["calm_lower_third"] == 1.0
    assert found["calm_area"] == pytest.approx(1 / 3, abs=0.05)


@pytest.mark.parametrize(
    ("parameters", "kept", "error"),
    [
        ({"width": 512, "height": 384}, True, 0.0),
        ({"width": 640, "height": 384}, False, 20.0),
        ({"width": 512}, True, None),
        ({"aspect_ratio": "16:9"}, None, 25.0),
        ({"aspect_ratio": "4:3"}, None, 0.0),
        ({"aspect_ratio": "nonsense"}, None, None),
        ({"resolution": "512x384"}, True, 0.0),
        ({}, None, None),
    ],
)
def test_size_and_ratio_are_compared_with_what_was_asked(
    tmp_path: Path, parameters: dict[str, object], kept: bool | None, error: float | None
) -> None:
    path = picture(tmp_path / "one.png", (512, 384))
    found = measure(response_of(path), "image", request_parameters=parameters)
    assert (found["width"], found["height"], found["size_kept"]) == (512, 384, kept)
    assert found["ratio_error"] == (None if error is None else pytest.approx(error))
    assert found["file_size"] == path.stat().st_size


def test_a_large_photo_is_measured_at_its_own_size_in_bounded_time(tmp_path: Path) -> None:
    Image.effect_noise((3000, 2000), 60).convert("RGB").save(tmp_path / "big.jpg")
    found = measure(response_of(tmp_path / "big.jpg"), "image")
    assert (found["width"], found["height"]) == (3000, 2000)


def test_copies_are_found_and_others_are_not(tmp_path: Path) -> None:
    one = Image.open(picture(tmp_path / "one.png", (512, 384)))
    one.convert("RGB").save(tmp_path / "copy.jpg", quality=60)
    one.resize((256, 192)).save(tmp_path / "small.png")
    one.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "mirror.png")
    names = ("one.png", "copy.jpg", "small.png", "mirror.png")
    found = near_duplicates({name: response_of(tmp_path / name) for name in names})
    assert {(pair.first, pair.second) for pair in found} == {
        ("one.png", "copy.jpg"),
        ("one.png", "small.png"),
        ("copy.jpg", "small.png"),
    }
    assert all(pair.distance <= 6 for pair in found)


def test_flat_pictures_of_different_colours_are_no_copies(tmp_path: Path) -> None:
    for name, colour in (("red", (200, 0, 0)), ("blue", (0, 0, 200)), ("other red", (205, 0, 0))):
        Image.new("RGB", (64, 64), colour).save(tmp_path / f"{name}.png")
    found = near_duplicates({path.stem: response_of(path) for path in sorted(tmp_path.glob("*.png"))})
    assert [(pair.first, pair.second) for pair in found] == [("other red", "red")]


def test_texts_are_no_pictures() -> None:
    with pytest.raises(InvalidRequestError, match="among pictures"):
        near_duplicates({"a": response_of("words"), "b": response_of("words")})
