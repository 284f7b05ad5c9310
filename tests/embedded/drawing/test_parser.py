"""The keyword parser: what is understood, what is honestly ignored, what is taken away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viralai_sdk.providers.embedded.drawing import STYLES, Subject, parse
from viralai_sdk.providers.embedded.drawing.data import load


def test_the_prompt_of_the_readme_is_fully_understood() -> None:
    scene = parse("a red fox in the snow")
    assert scene.subjects == (Subject("fox", 1, "red"),)
    assert scene.has("snow")
    assert scene.used == ("red", "fox", "snow")
    assert scene.ignored == ()
    assert scene.colors == ()


def test_unknown_words_are_ignored_and_stop_words_are_in_neither() -> None:
    scene = parse("The quarterly fox of the synergies")
    assert scene.used == ("fox",)
    assert scene.ignored == ("quarterly", "synergies")


def test_a_prompt_without_known_words_becomes_abstract() -> None:
    scene = parse("quantum bureaucracy")
    assert scene.backdrop == "abstract"
    assert scene.ignored == ("quantum", "bureaucracy")


@pytest.mark.parametrize(
    ("prompt", "name", "count"),
    [
        ("two foxes", "fox", 2),
        ("3 SAILBOATS", "sailboat", 3),
        ("butterflies", "butterfly", 5),
        ("a flock of birds", "bird", 7),
        ("people", "person", 3),
        ("99 robots", "robot", 7),
        ("wolves", "dog", 3),
        ("hot air balloon", "balloon", 1),
        ("a cup of coffee", "cup", 1),
    ],
)
def test_plurals_numbers_and_phrases_name_figures(prompt: str, name: str, count: int) -> None:
    (subject,) = parse(prompt).subjects
    assert (subject.name, subject.count) == (name, count)


@pytest.mark.parametrize(
    ("prompt", "backdrop"),
    [
        ("a goldfish", "underwater"),
        ("a rocket", "space"),
        ("a rocket over a desert", "landscape"),
        ("planet and stars", "space"),
        ("stars over mountains", "landscape"),
        ("coral reef", "underwater"),
        ("coffee", "studio"),
        ("a cup on the beach", "landscape"),
        ("abstract swirl of blue", "abstract"),
        ("green sky", "landscape"),
        ("", "abstract"),
    ],
)
def test_the_words_choose_the_backdrop(prompt: str, backdrop: str) -> None:
    assert parse(prompt).backdrop == backdrop


def test_colours_go_to_the_figure_the_sky_the_land_or_everything() -> None:
    scene = parse("a small blue boat under a purple sky, golden desert, pink")
    assert scene.subjects[0].color == "blue"
    assert (scene.sky_color, scene.land_color, scene.colors) == ("purple", "gold", ("pink",))


def test_a_negative_prompt_removes_what_was_asked_and_what_came_by_default() -> None:
    scene = parse("a fox in the snow", "snow, clouds, committees")
    assert not scene.has("snow")
    assert not scene.has("clouds")
    assert scene.used == ("fox", "snow", "clouds")
    assert scene.ignored == ("committees",)


def test_a_negative_word_that_removes_nothing_is_ignored() -> None:
    assert parse("a fox", "submarine dog").ignored == ("submarine", "dog")


def test_no_and_without_inside_the_prompt_negate() -> None:
    scene = parse("mountains without clouds and no lake")
    assert not scene.has("clouds")
    assert not scene.has("lake")
    assert "clouds" in scene.used
    assert "lake" in scene.ignored


def test_of_things_that_exclude_each_other_the_first_is_painted_and_the_rest_reported() -> None:
    scene = parse("a lake, the ocean and a desert meadow")
    assert scene.has("lake")
    assert not scene.has("sea")
    assert not scene.has("meadow")
    assert scene.ignored == ("ocean", "meadow")


def test_weather_has_no_place_in_space() -> None:
    scene = parse("rain on a planet in outer space")
    assert scene.backdrop == "space"
    assert "rain" in scene.ignored


@pytest.mark.parametrize(
    ("prompt", "ignored"),
    [
        ("the moon at noon over a lake", ("moon",)),
        ("sun and stars over hills", ("sun",)),
        ("a snowy meadow", ("meadow",)),
        ("a coral reef at dawn", ("dawn",)),
        ("red, green and blue hills", ()),
        ("red green blue", ()),
        ("a house, red, green, blue", ("blue",)),
    ],
)
def test_a_word_that_this_scene_cannot_show_is_reported(prompt: str, ignored: tuple[str, ...]) -> None:
    assert parse(prompt).ignored == ignored


def test_a_fourth_figure_is_reported_as_ignored() -> None:
    scene = parse("fox, cat, dog and horse")
    assert [s.name for s in scene.subjects] == ["fox", "cat", "dog"]
    assert scene.ignored == ("horse",)


@pytest.mark.parametrize(
    ("prompt", "style"),
    [("watercolor of a cat", "watercolor"), ("a cat, pixel art", "pixel"), ("oil painting of a cat", "painterly")],
)
def test_a_style_word_in_the_prompt_selects_the_style(prompt: str, style: str) -> None:
    assert parse(prompt).style == style


def test_every_feature_of_the_vocabulary_is_reachable_and_known_to_the_engine() -> None:
    vocabulary = load("vocabulary")
    assert set(vocabulary["style"]) == set(STYLES)
    assert set(vocabulary["subject"]) <= set(load("shapes"))
    assert set(vocabulary["time"]) == set(load("palettes")["time"])
    assert set(vocabulary["color"]) == set(load("palettes")["named"])
    for kind in ("subject", "style", "place", "weather", "sky", "time"):
        for value in vocabulary[kind]:
            assert value in parse(f"{value}").used or parse(value).used, value


def test_the_description_names_figures_features_and_time() -> None:
    assert parse("two foxes in the snow at night").describe().startswith("2 fox | ")
    assert parse("gibberishword").describe() == "abstract"


@given(st.text(max_size=120), st.none() | st.text(max_size=60))
def test_any_text_parses_and_no_word_is_both_used_and_ignored(prompt: str, negative: str | None) -> None:
    scene = parse(prompt, negative)
    assert not set(scene.used) & set(scene.ignored)
    assert scene == parse(prompt, negative)


@given(st.lists(st.sampled_from(sorted(w for k in ("subject", "place", "sky", "weather", "time", "color", "style")
                                       for ws in load("vocabulary")[k].values() for w in ws)), max_size=8))  # fmt: skip
def test_every_content_word_is_accounted_for(words: list[str]) -> None:
    scene = parse(", ".join(words))
    quiet = set(load("vocabulary")["stop"])
    content = {part.casefold() for word in words for part in word.replace("-", " ").split()} - quiet
    said = {part for word in (*scene.used, *scene.ignored) for part in word.replace("-", " ").split()}
    assert content <= said | quiet
