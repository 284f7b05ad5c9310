"""Films with known answers."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.compare.media import response_of, tone, write_film
from viralai_sdk.compare.metrics import MetricWarning, examine, measure
from viralai_sdk.compare.metrics.films import watch

FPS = 12


def moving(seconds: float, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Coarse noise that glides."""
    base = np.random.default_rng(seed).integers(60, 255, (12, 20, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    return [np.roll(base, 2 * number, axis=1) for number in range(round(seconds * FPS))]


def black(seconds: float) -> list[NDArray[np.uint8]]:
    return [np.zeros((96, 160, 3), np.uint8)] * round(seconds * FPS)


def test_a_black_second_is_found(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", frames=moving(1) + black(1) + moving(1))
    found = measure(response_of(tmp_path / "a.mp4"), "video")
    assert found["black_seconds"] == pytest.approx(1.0, abs=0.1)
    assert found["black_stretches"] == 1
    assert found["looked_at"] == pytest.approx(3.0, abs=0.1)


def test_a_frozen_stretch_is_found_and_slow_movement_is_not_frozen(tmp_path: Path) -> None:
    still = [moving(1)[-1]] * (2 * FPS)
    write_film(tmp_path / "a.mp4", frames=moving(1) + still + moving(1, seed=4))
    found = measure(response_of(tmp_path / "a.mp4"), "video")
    assert found["frozen_seconds"] == pytest.approx(2.0, abs=0.2)
    assert found["frozen_stretches"] == 1
    assert found["black_seconds"] == 0
    write_film(tmp_path / "b.mp4", frames=moving(2))
    assert measure(response_of(tmp_path / "b.mp4"), "video")["frozen_seconds"] == 0


def test_hard_cuts_are_counted_and_movement_is_none(tmp_path: Path) -> None:
    one, two = moving(1), [255 - frame for frame in moving(1, seed=9)]
    write_film(tmp_path / "a.mp4", frames=[*one, *two, *one])
    found = measure(response_of(tmp_path / "a.mp4"), "video")
    assert found["scene_cuts"] == 2
    write_film(tmp_path / "b.mp4", frames=moving(2))
    assert measure(response_of(tmp_path / "b.mp4"), "video")["scene_cuts"] == 0


def test_facts_sound_and_what_was_asked(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", frames=moving(2), sound=tone(1000, 1.0, amplitude=0.25))
    asked = {"duration": 3.0, "aspect_ratio": "16:9", "width": 160, "height": 96}
    found = measure(response_of(tmp_path / "a.mp4"), "video", request_parameters=asked)
    assert (found["width"], found["height"], found["size_kept"]) == (160, 96, True)
    assert found["fps"] == pytest.approx(FPS)
    assert found["duration"] == pytest.approx(2.0, abs=0.1)
    assert found["duration_error"] == pytest.approx(1.0, abs=0.1)
    assert found["has_audio"] is True
    assert found["audio_gap"] == pytest.approx(-1.0, abs=0.1)
    assert found["loudness"] == pytest.approx(-15, abs=1)
    assert found["peak"] == pytest.approx(-12, abs=2)
    for name in ("sharpness", "contrast", "colourfulness", "entropy", "calm_area"):
        assert found[name] is not None


def test_a_silent_film_has_no_loudness_and_says_that_it_has_no_sound(tmp_path: Path) -> None:
    write_film(tmp_path / "a.webm", frames=moving(1), codec="libvpx-vp9")
    found = measure(response_of(tmp_path / "a.webm"), "video")
    assert (found["has_audio"], found["loudness"], found["loudness_state"]) == (False, None, None)
    assert found["looked_at"] == pytest.approx(1.0, abs=0.1)


def test_without_pyav_the_outer_facts_are_known_and_the_rest_is_missing_visibly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_film(tmp_path / "a.mp4", frames=moving(1))
    monkeypatch.setitem(sys.modules, "av", None)
    found, problems = examine(response_of(tmp_path / "a.mp4"), "video")
    assert (found["width"], found["fps"], found["scene_cuts"], found["sharpness"]) == (160, FPS, None, None)
    assert "viralai-sdk[video]" in str(problems[0])
    with pytest.warns(MetricWarning, match="PyAV"):
        measure(response_of(tmp_path / "a.mp4"), "video")


def test_looking_is_bounded_by_frames_and_by_time(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", frames=moving(2))
    assert watch(tmp_path / "a.mp4", 2.0, frames=FPS).seconds == pytest.approx(1.0, abs=0.1)
    assert watch(tmp_path / "a.mp4", 2.0, patience=60).seconds == pytest.approx(2.0, abs=0.1)
