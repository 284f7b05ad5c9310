import itertools
import sys
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from viralai_sdk.providers.embedded.film import NoVideoEncoderError, mp4, shoot
from viralai_sdk.providers.embedded.film.av1 import frame_durations

from .stand_ins import decoded, difference, paint, small_plan, speak


@pytest.fixture
def without_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    """`import av` fails as it does where PyAV is not installed."""
    monkeypatch.setitem(sys.modules, "av", None)


def test_without_pyav_the_film_is_silent_av1_and_says_what_gives_sound(tmp_path: Path, without_pyav: None) -> None:
    plan = small_plan(fps=24.0, duration=2.0, narration=speak(), music=True, comment="engine=x ✓")
    film = shoot(plan, paint, tmp_path / "fox.mp4")
    assert (film.video_codec, film.audio_codec, film.frames) == ("av1", None, 48)
    (note,) = film.notes
    assert "the narration and the music cannot be heard" in note
    assert 'pip install "viralai-sdk[video]"' in note
    assert film.captions is not None


def test_the_av1_film_decodes_frame_for_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "av", None)
        film = shoot(
            small_plan(fps=24.0, duration=5.0, narration=speak(), comment="by rules"), paint, tmp_path / "f.mp4"
        )
    with av.open(str(film.path)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        video = container.streams.video[0]
        assert (video.frames, float(video.average_rate or 0)) == (120, 24.0)
        assert container.metadata["comment"] == "by rules"
        assert container.duration == 5_000_000
        times = [round(frame.time * 1000) for frame in container.decode(video=0)]
    assert times == [round(i * 1000 / 24) for i in range(120)]
    frames = decoded(film.path)
    assert frames[0].shape == (180, 320, 3)
    assert all(difference(a, b) > 0.02 for a, b in itertools.pairwise(frames))
    assert all(frame.mean() > 30 for frame in frames[:-10])


def test_both_encoders_show_the_same_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    h264 = shoot(small_plan(narration=speak("hi there")), paint, tmp_path / "h264.mp4")
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "av", None)
        av1 = shoot(small_plan(narration=speak("hi there")), paint, tmp_path / "av1.mp4")
    assert av1.frames == h264.frames
    assert max(difference(a, b) for a, b in zip(decoded(h264.path), decoded(av1.path), strict=True)) < 6


def test_a_film_of_one_frame_gets_a_second_and_says_so(tmp_path: Path, without_pyav: None) -> None:
    film = shoot(small_plan(fps=1.0, duration=0.5), paint, tmp_path / "fox.mp4")
    assert film.frames == 2
    assert any("two frames" in note for note in film.notes)


@given(count=st.integers(1, 7200), fps=st.floats(1, 60))
def test_frame_durations_are_whole_and_sum_to_the_films_length(count: int, fps: float) -> None:
    rate = Fraction(fps).limit_denominator(1000)
    durations = frame_durations(count, rate)
    assert len(durations) == count
    assert sum(durations) == round(count * 1000 / rate)
    assert all(abs(duration - 1000 / rate) <= 1 for duration in durations)


@pytest.mark.parametrize("stage", ["storyboard", "painting", "filming", "saving"])
def test_a_cancelled_silent_film_leaves_nothing_behind(tmp_path: Path, without_pyav: None, stage: str) -> None:
    def listener(fraction: float, name: str, preview: Image.Image | None) -> None:
        if name.startswith(stage):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shoot(small_plan(), paint, tmp_path / "fox.mp4", progress=listener)
    assert not list(tmp_path.iterdir())


def test_a_machine_without_any_encoder_is_told_what_to_install(
    tmp_path: Path, without_pyav: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "check", lambda feature: False)
    with pytest.raises(NoVideoEncoderError, match=r"viralai-sdk\[video\]"):
        shoot(small_plan(), paint, tmp_path / "fox.mp4")
    assert not list(tmp_path.iterdir())


def test_a_pyav_without_x264_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    known = av.codec.Codec

    def lacking(name: str, mode: Literal["w"]) -> object:
        if name == "libx264":
            raise ValueError(name)
        return known(name, mode)

    monkeypatch.setattr(av.codec, "Codec", lacking)
    assert mp4.missing_encoder() == "this PyAV has no libx264 encoder"
