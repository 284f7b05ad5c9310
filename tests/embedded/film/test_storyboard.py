import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viralai_sdk.providers.embedded.film import FilmPlanError, split_scenes, storyboard
from viralai_sdk.providers.embedded.film.camera import View, crop_box, moves_for

PROMPTS = st.text(min_size=1, max_size=300)
DURATIONS = st.floats(0.5, 130.0)


@given(prompt=PROMPTS, duration=DURATIONS, seed=st.integers(-(2**40), 2**40))
def test_shots_cover_the_film_without_gap_or_overlap(prompt: str, duration: float, seed: int) -> None:
    shots = storyboard(prompt, duration, seed)
    assert shots[0].start == 0
    assert shots[-1].end == duration
    assert all(a.end == b.start for a, b in itertools.pairwise(shots))
    assert all(shot.end > shot.start for shot in shots)
    assert all(shot.end - shot.start <= 4.5 + 1e-6 for shot in shots)
    assert shots == storyboard(prompt, duration, seed)


@given(words=st.lists(st.from_regex(r"[a-z]{2,8}", fullmatch=True), min_size=1, max_size=40), duration=DURATIONS)
def test_no_word_of_the_prompt_is_lost_however_short_the_film(words: list[str], duration: float) -> None:
    prompt = ". ".join(words)
    filmed = " ".join(dict.fromkeys(shot.prompt for shot in storyboard(prompt, duration, 0)))
    for word in words:
        assert word in filmed or word in {"then", "next", "finally", "afterwards"}


@pytest.mark.parametrize(
    ("prompt", "scenes"),
    [
        ("a fox", ("a fox",)),
        ("A fox sleeps. It wakes; it runs", ("A fox sleeps", "It wakes", "it runs")),
        ("dawn over hills, then a storm and then a rainbow", ("dawn over hills", "a storm", "a rainbow")),
        ("a 3.5 m wave", ("a 3.5 m wave",)),
        ("狐狸在雪里。然后日出", ("狐狸在雪里", "然后日出")),
        ("one\n\ntwo", ("one", "two")),
        ("Then a castle.", ("a castle",)),
        ("...", ("...",)),
    ],
)
def test_sentences_lines_semicolons_and_then_separate_scenes(prompt: str, scenes: tuple[str, ...]) -> None:
    assert split_scenes(prompt) == scenes


def test_a_long_scene_is_shown_as_variations() -> None:
    shots = storyboard("a harbour", 16.0, 1)
    assert [shot.framing for shot in shots] == ["wide", "close", "wide", "detail"]
    assert [shot.take for shot in shots] == [0, 0, 1, 1]
    assert all(a.move.name != b.move.name for a, b in itertools.pairwise(shots))


def test_another_seed_moves_the_camera_differently() -> None:
    assert len({storyboard("a harbour", 8.0, seed)[0].move.name for seed in range(20)}) > 2


@pytest.mark.parametrize("duration", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_duration_is_refused(duration: float) -> None:
    with pytest.raises(FilmPlanError, match="duration"):
        storyboard("a fox", duration, 0)


@given(
    still=st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    frame=st.tuples(st.integers(16, 4096), st.integers(16, 4096)),
    framing=st.sampled_from(["wide", "close", "detail"]),
    progress=st.floats(-0.5, 1.5),
)
def test_the_camera_never_looks_past_the_edge_of_a_still(
    still: tuple[int, int], frame: tuple[int, int], framing: str, progress: float
) -> None:
    for move in moves_for(framing):
        left, top, right, bottom = crop_box(still, frame, move.at(progress))
        assert 0 <= left < right <= still[0]
        assert 0 <= top < bottom <= still[1]
        assert (right - left) / (bottom - top) == pytest.approx(frame[0] / frame[1], rel=1e-3)


def test_a_move_is_smooth_from_its_first_view_to_its_last() -> None:
    for move in moves_for("wide"):
        assert move.at(0.0) == move.start
        assert move.at(1.0).zoom == pytest.approx(move.end.zoom)
        path = [move.at(i / 100) for i in range(101)]
        steps = [abs(b.zoom - a.zoom) + abs(b.x - a.x) + abs(b.y - a.y) for a, b in itertools.pairwise(path)]
        assert min(steps) > 0
        assert max(abs(b - a) for a, b in itertools.pairwise(steps)) < 0.1 * max(steps)


def test_zoom_one_shows_the_largest_crop_of_the_frames_shape() -> None:
    assert crop_box((200, 100), (100, 100), View(1.0)) == (50.0, 0.0, 150.0, 100.0)
