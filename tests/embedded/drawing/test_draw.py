"""The painter: sizes, determinism, styles, progress and cancelling. Figures compare pictures, never pixels of noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from viralai_sdk.providers.embedded.drawing import ENGINE, STYLES, draw
from viralai_sdk.providers.embedded.drawing.data import load

FOX = "a red fox in the snow"
PROMPTS = (
    FOX,
    "sunset over mountains and a calm sea",
    "city at night by the water",
    "skyscrapers at noon",
    "rainy city street at dusk with a yellow taxi",
    "pine forest below snowy mountains in the morning",
    "thunderstorm over a lake with a sailboat",
    "northern lights over a cabin in the forest",
    "river through green hills, flock of birds, rainbow",
    "poppies in a meadow under a full moon",
    "sailboat near a beach, purple sky",
    "horses in a golden desert",
    "village in the fog by a blue lake in the forest",
    "a rocket and a red planet",
    "two blue fish underwater at night",
    "ocean, full moon, whale",
    "coffee cup and a flower, pink",
    "abstract red and gold swirl",
    "one green abstract pattern",
    "quantum bureaucracy",
    "a lighthouse and people on the coast at dawn",
)


def pixels(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(image, dtype=np.float64)


def apart(first: Image.Image, second: Image.Image) -> float:
    return float(np.abs(pixels(first) - pixels(second)).mean())


@pytest.mark.parametrize("prompt", PROMPTS)
def test_every_kind_of_scene_is_a_picture_and_not_a_blank(prompt: str) -> None:
    drawing = draw(prompt, 160, 120)
    assert drawing.image.size == (160, 120)
    assert drawing.image.mode == "RGB"
    assert drawing.engine == ENGINE == "embedded/procedural-image@1"
    assert pixels(drawing.image).std() > 14


@pytest.mark.parametrize("name", sorted(load("vocabulary")["subject"]))
def test_every_figure_can_be_seen(name: str) -> None:
    phrase = name if name != "flower" else "one flower"
    with_figure = draw(f"{phrase} meadow day", 128, 128)
    assert name in with_figure.scene
    without = draw(f"{phrase} meadow day", 128, 128, negative_prompt=phrase)
    assert apart(with_figure.image, without.image) > 0.15


def test_the_fox_of_the_readme_is_red_and_stands_in_white_snow() -> None:
    area = pixels(draw(FOX, 256, 256).image)
    fox_red = (area[..., 0] > 150) & (area[..., 0] - area[..., 2] > 100)
    assert 0.03 < fox_red[90:240, 40:216].mean() < 0.6
    assert area[244:].mean() > 130


@settings(max_examples=25, deadline=None)
@given(st.integers(16, 420), st.integers(16, 420), st.sampled_from(STYLES))
def test_the_picture_has_exactly_the_asked_size(width: int, height: int, style: str) -> None:
    assert draw(FOX, width, height, style=style, draft=True).image.size == (width, height)


@pytest.mark.parametrize("size", [(16, 16), (16, 1200), (1200, 16), (101, 303), (303, 101)])
def test_extreme_ratios_work(size: tuple[int, int]) -> None:
    for prompt in PROMPTS[:15]:
        assert draw(prompt, *size, draft=True).image.size == size


def test_the_largest_size_is_reached_by_enlarging() -> None:
    assert draw("quantum", 4096, 2048, draft=True).image.size == (4096, 2048)


@pytest.mark.parametrize("size", [(15, 100), (100, 4097), (0, 0)])
def test_a_size_out_of_range_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="16 to 4096"):
        draw(FOX, *size)


@pytest.mark.parametrize("style", STYLES)
def test_the_same_seed_gives_identical_pixels(style: str) -> None:
    first, second = (draw(FOX, 140, 100, seed=7, style=style) for _ in range(2))
    assert first.image.tobytes() == second.image.tobytes()


@pytest.mark.parametrize("prompt", [FOX, "sea", "quantum bureaucracy", "planet", "coffee"])
def test_different_seeds_give_different_pictures(prompt: str) -> None:
    assert apart(draw(prompt, 128, 128, seed=1).image, draw(prompt, 128, 128, seed=2).image) > 4


def test_different_prompts_give_different_pictures() -> None:
    pictures = [draw(prompt, 96, 96).image for prompt in (*PROMPTS[:5], "gibberish alpha", "gibberish beta")]
    for index, picture in enumerate(pictures):
        for other in pictures[index + 1 :]:
            assert apart(picture, other) > 8


def test_styles_differ_visibly() -> None:
    pictures = [draw(FOX, 192, 192, style=style).image for style in STYLES]
    for index, picture in enumerate(pictures):
        for other in pictures[index + 1 :]:
            assert apart(picture, other) > 8


@pytest.mark.parametrize("prompt", [FOX, "quantum bureaucracy", "city at night by the water", "planet"])
def test_a_draft_looks_like_the_full_picture(prompt: str) -> None:
    full, draft = draw(prompt, 512, 384, seed=3).image, draw(prompt, 512, 384, seed=3, draft=True).image
    small = [image.resize((32, 24), Image.Resampling.BOX) for image in (full, draft)]
    assert apart(*small) < 5
    assert apart(full, draw(prompt, 512, 384, seed=4).image) > 2 * apart(*small)


def test_an_unknown_style_falls_back_to_the_default_and_is_reported() -> None:
    drawing = draw(FOX, 64, 64, style="Byzantine mosaic")
    assert drawing.style == STYLES[0]
    assert drawing.ignored == ("byzantine", "mosaic")


def test_the_style_argument_outranks_the_prompt_and_says_so() -> None:
    drawing = draw("watercolor of a fox", 64, 64, style="Flat Design")
    assert drawing.style == "poster"
    assert "watercolor" in drawing.ignored
    assert "watercolor" not in drawing.used
    assert draw("watercolor of a fox", 64, 64).style == "watercolor"


def test_a_negative_prompt_changes_the_picture() -> None:
    plain, bare = (
        draw("a fox in snow at night", 128, 128),
        draw("a fox in snow at night", 128, 128, negative_prompt="snow"),
    )
    assert "snow" in plain.scene
    assert "snow" not in bare.scene
    assert apart(plain.image, bare.image) > 6


@pytest.mark.parametrize("prompt", [FOX, "quantum bureaucracy"])
def test_progress_rises_to_one_and_shows_small_previews(prompt: str) -> None:
    calls: list[tuple[float, str, Image.Image | None]] = []
    draw(prompt, 700, 300, progress=lambda *call: calls.append(call))
    fractions = [fraction for fraction, _, _ in calls]
    previews = [preview for _, _, preview in calls if preview]
    assert len(calls) >= 5
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert len(previews) >= 3
    assert all(max(preview.size) <= 256 for preview in previews)
    assert pixels(previews[0]).std() > 5


class CancelledByCallerError(Exception):
    """Raised by a caller's progress function."""


@pytest.mark.parametrize("after", [1, 3, 5])
def test_what_progress_raises_ends_the_painting_at_once(after: int) -> None:
    seen: list[str] = []

    def progress(fraction: float, stage: str, preview: Image.Image | None) -> None:
        seen.append(stage)
        if len(seen) == after:
            raise CancelledByCallerError

    with pytest.raises(CancelledByCallerError):
        draw(FOX, 96, 96, progress=progress)
    assert len(seen) == after


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60), st.none() | st.text(max_size=20), st.none() | st.text(max_size=20), st.integers())
def test_no_text_can_crash_it(prompt: str, negative: str | None, style: str | None, seed: int) -> None:
    drawing = draw(prompt, 24, 17, negative_prompt=negative, style=style, seed=seed, draft=True)
    assert drawing.image.size == (24, 17)


@pytest.mark.parametrize("prompt", ["雪の中の赤い狐", "лиса в снегу", "🦊❄️", "\ud800 fox", "  ", "ثعلب أحمر"])
def test_other_scripts_are_ignored_and_reported(prompt: str) -> None:
    drawing = draw(prompt, 32, 32)
    assert all(word in prompt.casefold() for word in drawing.ignored)
    assert drawing.image.size == (32, 32)


_WORDS = sorted(word for kind in ("subject", "place", "sky", "weather", "time") for word in load("vocabulary")[kind])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(_WORDS), max_size=6), st.integers(0, 9))
def test_any_mixture_of_known_words_is_painted(words: list[str], seed: int) -> None:
    assert draw(", ".join(words), 48, 40, seed=seed, draft=True).image.size == (48, 40)
