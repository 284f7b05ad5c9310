import io
import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from viralai_sdk.providers.embedded.film import (
    ENGINE,
    FilmPlan,
    FilmPlanError,
    Narration,
    mp4,
    shoot,
    sound,
    storyboard,
)
from viralai_sdk.providers.embedded.film.frames import Reel, as_rgb
from viralai_sdk.providers.embedded.film.isobmff import parse_boxes
from viralai_sdk.providers.embedded.film.plan import frame_rate

from .stand_ins import RATE, decoded, decoded_sound, difference, paint, small_plan, speak


def test_a_narrated_film_is_what_it_says_it_is(tmp_path: Path) -> None:
    narration = speak()
    film = shoot(small_plan(duration=2.0, narration=narration, comment="engine=x ✓"), paint, tmp_path / "fox.mp4")
    assert (film.width, film.height, film.fps, film.frames, film.duration) == (320, 180, 12.0, 24, 2.0)
    assert (film.video_codec, film.audio_codec, film.engine) == ("h264", "aac", ENGINE)
    assert film.notes == ()
    assert film.captions is not None
    assert film.captions.startswith("WEBVTT\n\n00:00:00.050 --> ")
    with av.open(str(film.path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.frames, float(video.average_rate or 0)) == ("h264", 24, 12.0)
        assert (video.width, video.height, video.codec_context.pix_fmt) == (320, 180, "yuv420p")
        context = video.codec_context
        assert (context.color_range, context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1, 1)
        assert (audio.codec_context.name, audio.codec_context.layout.name, audio.rate) == ("aac", "mono", 48_000)
        assert container.metadata["comment"] == "engine=x ✓"
        assert container.duration == pytest.approx(2_000_000, abs=30_000)
    assert [box.kind for box in parse_boxes(film.path.read_bytes())][:2] == [b"ftyp", b"moov"]
    assert len(decoded(film.path)) == 24


def test_the_sound_track_is_heard_and_of_sensible_loudness(tmp_path: Path) -> None:
    film = shoot(small_plan(duration=2.0, narration=speak(level=0.1)), paint, tmp_path / "fox.mp4")
    audio = decoded_sound(film.path)
    assert audio.shape[1] == pytest.approx(2 * sound.RATE, abs=2048)
    assert sound.integrated_loudness(audio) == pytest.approx(-16, abs=1.5)
    assert np.abs(audio).max() < 1.0


def test_narration_stays_where_its_words_are(tmp_path: Path) -> None:
    film = shoot(small_plan(duration=3.0, narration=speak()), paint, tmp_path / "fox.mp4")
    audio = np.abs(decoded_sound(film.path)[0])
    spoken = audio[round(0.05 * sound.RATE) : round(1.4 * sound.RATE)]
    assert spoken.mean() > 0.05
    assert audio[round(1.6 * sound.RATE) :].max() < 0.01


def test_music_gives_a_film_without_narration_a_quiet_stereo_track(tmp_path: Path) -> None:
    film = shoot(small_plan(duration=3.0, music=True), paint, tmp_path / "fox.mp4")
    assert film.audio_codec == "aac"
    audio = decoded_sound(film.path)
    assert len(audio) == 2
    assert -30 < sound.integrated_loudness(audio) < -22


def test_without_narration_and_music_there_is_no_sound_track(tmp_path: Path) -> None:
    film = shoot(small_plan(), paint, tmp_path / "fox.mp4")
    assert film.audio_codec is None
    assert film.captions is None
    with av.open(str(film.path)) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_the_picture_moves_all_the_time_and_is_never_black_before_its_end(tmp_path: Path) -> None:
    frames = decoded(shoot(small_plan(duration=2.0), paint, tmp_path / "fox.mp4").path)
    assert all(difference(a, b) > 0.05 for a, b in itertools.pairwise(frames))
    assert all(frame.mean() > 30 for frame in frames[:-4])
    assert frames[-1].mean() < 12


def test_shots_dissolve_into_one_another(tmp_path: Path) -> None:
    def plain(prompt: str, width: int, height: int, seed: int) -> Image.Image:
        return Image.new("RGB", (width, height), (220, 40, 40) if "one" in prompt else (40, 40, 220))

    frames = decoded(shoot(small_plan(prompt="one. two", duration=4.0), plain, tmp_path / "fox.mp4").path)
    reds = [float(frame[..., 0].mean()) for frame in frames]
    between = [red for red in reds[20:29] if 45 < red < 215]
    assert len(between) == 5  # half a second at 12 frames a second
    assert between == sorted(between, reverse=True)
    assert reds[15] > 200
    assert reds[32] < 60


def test_captions_are_in_the_picture_and_in_a_track_that_is_not_switched_on(tmp_path: Path) -> None:
    changes = {"duration": 2.0, "narration": speak()}
    with_captions = shoot(small_plan(**changes), paint, tmp_path / "with.mp4")
    without = shoot(small_plan(**changes, captions=False), paint, tmp_path / "without.mp4")
    assert without.captions is None
    shown, bare = decoded(with_captions.path)[6], decoded(without.path)[6]
    band = slice(round(180 * 0.8), 180)
    assert difference(shown[band], bare[band]) > 10
    assert difference(shown[:100], bare[:100]) < 4
    with av.open(str(with_captions.path)) as container:
        track = container.streams.subtitles[0]
        assert track.codec_context.name == "mov_text"
        assert int(track.disposition) & 1 == 0
        texts = [bytes(packet)[2:].decode() for packet in container.demux(track) if packet.size > 2]
    assert texts == ["A red fox wakes up.", "Snow falls!"]
    with av.open(str(without.path)) as container:
        assert not container.streams.subtitles


def test_captions_that_cannot_be_drawn_are_a_switched_on_track(tmp_path: Path) -> None:
    film = shoot(small_plan(duration=2.0, narration=speak("שלום עולם.")), paint, tmp_path / "fox.mp4")
    assert any("not burned in" in note for note in film.notes)
    assert film.captions is not None
    assert "שלום" in film.captions
    with av.open(str(film.path)) as container:
        assert int(container.streams.subtitles[0].disposition) & 1 == 1


def test_a_narration_without_word_times_has_no_captions_and_says_so(tmp_path: Path) -> None:
    silent = Narration(speak().samples, RATE)
    film = shoot(small_plan(duration=2.0, narration=silent), paint, tmp_path / "fox.mp4")
    assert film.captions is None
    assert any("word times" in note for note in film.notes)


def test_a_longer_narration_extends_the_film_and_says_so(tmp_path: Path) -> None:
    narration = speak(" ".join(["word"] * 12))
    film = shoot(small_plan(duration=1.0, narration=narration), paint, tmp_path / "fox.mp4")
    assert film.frames == round((narration.duration + 0.3) * 12)
    assert any("extended from 1 s" in note for note in film.notes)
    assert len(decoded(film.path)) == film.frames


def test_odd_sizes_are_rounded_down_and_noted(tmp_path: Path) -> None:
    film = shoot(small_plan(width=161, height=91), paint, tmp_path / "fox.mp4")
    assert (film.width, film.height) == (160, 90)
    assert any("161x91" in note and "160x90" in note for note in film.notes)
    assert decoded(film.path)[0].shape == (90, 160, 3)


def test_a_first_frame_starts_the_film_as_it_is(tmp_path: Path) -> None:
    first = paint("given", 640, 360, 1)
    asked: list[str] = []

    def painter(prompt: str, width: int, height: int, seed: int) -> Image.Image:
        asked.append(prompt)
        return paint(prompt, width, height, seed)

    film = shoot(small_plan(prompt="stay. go on", duration=4.0, first_frame=first), painter, tmp_path / "fox.mp4")
    assert asked == ["go on"]
    frames = decoded(film.path)
    assert difference(frames[0], np.asarray(first.resize((320, 180), Image.Resampling.BICUBIC))) < 4
    assert difference(frames[0], frames[15]) > 1
    assert film.notes == ()


def test_a_first_frame_of_another_shape_is_cropped_and_noted(tmp_path: Path) -> None:
    first = Image.new("RGBA", (300, 300), (200, 120, 40, 255))
    film = shoot(small_plan(prompt=" ", first_frame=first), paint, tmp_path / "fox.mp4")
    assert any("cropped" in note for note in film.notes)
    assert film.scenes == ()
    assert np.allclose(decoded(film.path)[0].mean(axis=(0, 1)), (200, 120, 40), atol=4)  # colours survive BT.709


def test_the_same_plan_gives_the_same_film(tmp_path: Path) -> None:
    plan = small_plan(narration=speak("hi there"), music=True)
    a, b = (shoot(plan, paint, tmp_path / name) for name in ("a.mp4", "b.mp4"))
    assert all(difference(x, y) < 2 for x, y in zip(decoded(a.path), decoded(b.path), strict=True))
    assert np.array_equal(decoded_sound(a.path), decoded_sound(b.path))
    other = shoot(small_plan(seed=4), paint, tmp_path / "c.mp4")
    assert difference(decoded(a.path)[6], decoded(other.path)[6]) > 5


def test_frames_are_the_same_pixel_for_pixel_for_a_seed() -> None:
    def reel() -> list[bytes]:
        shots = storyboard("one. two", 2.5, 9)
        return [frame.tobytes() for frame in Reel(shots, paint, (160, 90), Fraction(12), 30, seed=9).frames()]

    assert reel() == reel()


def test_a_still_is_painted_once_and_let_go_when_its_last_shot_is_over() -> None:
    painted: list[tuple[str, int]] = []

    def painter(prompt: str, width: int, height: int, seed: int) -> Image.Image:
        painted.append((prompt, seed))
        return paint(prompt, width, height, seed)

    reel = Reel(storyboard("a harbour. a tower", 30.0, 1), painter, (32, 18), Fraction(4), 120, seed=1)
    held = [len(reel._stills) for _ in reel.frames()]
    assert len(painted) == len(set(painted)) == 4
    assert max(held) == 2


def test_a_picture_with_transparency_and_rotation_is_shown_upright_over_black() -> None:
    exif = Image.Exif()
    exif[274] = 6
    stored = io.BytesIO()
    Image.new("RGB", (40, 20), (9, 200, 9)).save(stored, "JPEG", exif=exif)
    assert as_rgb(Image.open(stored)).size == (20, 40)
    assert as_rgb(Image.new("RGBA", (4, 4), (255, 255, 255, 0))).getpixel((0, 0)) == (0, 0, 0)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fps=st.one_of(st.sampled_from([1.0, 12.5, 23.976, 24.0, 29.97, 30.0, 59.94, 60.0]), st.floats(1, 60)),
    duration=st.floats(0.5, 3.0),
    size=st.tuples(st.integers(16, 90), st.integers(16, 90)),
)
def test_rate_and_frame_count_are_exact(tmp_path: Path, fps: float, duration: float, size: tuple[int, int]) -> None:
    plan = FilmPlan("a fox", *size, fps=fps, duration=duration)
    film = shoot(plan, paint, tmp_path / "fox.mp4")
    rate = frame_rate(fps)
    assert film.frames == max(1, round(duration * rate))
    assert float(rate) == pytest.approx(fps, rel=1e-3)
    with av.open(str(film.path)) as container:
        video = container.streams.video[0]
        assert sum(1 for _ in container.decode(video)) == film.frames
        if film.frames > 1:
            assert float(video.average_rate or 0) == pytest.approx(film.fps, rel=1e-3)


def test_ntsc_rates_are_recognized() -> None:
    assert [str(frame_rate(fps)) for fps in (23.976, 29.97, 59.94, 25, 24)] == [
        "24000/1001",
        "30000/1001",
        "60000/1001",
        "25",
        "24",
    ]


def test_progress_rises_to_one_with_small_previews(tmp_path: Path) -> None:
    seen: list[tuple[float, str, Image.Image | None]] = []
    shoot(small_plan(prompt="one. two", duration=3.0), paint, tmp_path / "f.mp4", progress=lambda *at: seen.append(at))
    fractions = [at[0] for at in seen]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert {"storyboard", "painting scene 1: one", "painting scene 2: two", "filming", "saving", "done"} == {
        at[1] for at in seen
    }
    previews = [at[2] for at in seen if at[2] is not None]
    assert len(previews) > 10
    assert all(max(preview.size) <= 256 for preview in previews)


class CancelledError(BaseException):
    """What a cancelling listener may raise; not even an Exception."""


@pytest.mark.parametrize("stage", ["storyboard", "painting", "filming", "saving"])
def test_a_cancelled_film_leaves_nothing_behind(tmp_path: Path, stage: str) -> None:
    def listener(fraction: float, name: str, preview: Image.Image | None) -> None:
        if name.startswith(stage):
            raise CancelledError(name)

    target = tmp_path / "fox.mp4"
    target.write_bytes(b"what was there before")
    with pytest.raises(CancelledError):
        shoot(small_plan(narration=speak()), paint, target, progress=listener)
    assert [path.name for path in tmp_path.iterdir()] == ["fox.mp4"]
    assert target.read_bytes() == b"what was there before"


def test_a_failing_painter_fails_the_film(tmp_path: Path) -> None:
    def painter(prompt: str, width: int, height: int, seed: int) -> Image.Image:
        raise RuntimeError("no paint")

    with pytest.raises(RuntimeError, match="no paint"):
        shoot(small_plan(), painter, tmp_path / "fox.mp4")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_an_error_and_not_created(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        shoot(small_plan(), paint, tmp_path / "nowhere" / "fox.mp4")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", "  "),
        ("width", 15),
        ("height", 4097),
        ("fps", 0.5),
        ("fps", float("nan")),
        ("duration", 0.4),
        ("duration", 121.0),
    ],
)
def test_a_plan_outside_the_limits_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(FilmPlanError, match=field) as caught:
        small_plan(**{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        (np.zeros((2, 5), np.int16), 22_050),
        (np.zeros(5, np.float32), 22_050),
        (np.zeros(5, np.int16), 10),
        (np.zeros(4_000 * 601, np.int16), 4_000),
    ],
)
def test_a_narration_of_the_wrong_kind_is_refused(samples: np.ndarray, rate: int) -> None:
    with pytest.raises(FilmPlanError, match="narration"):
        Narration(samples, rate)


def test_an_empty_narration_is_silence(tmp_path: Path) -> None:
    film = shoot(small_plan(narration=Narration(np.zeros(0, np.int16), RATE)), paint, tmp_path / "fox.mp4")
    assert np.abs(decoded_sound(film.path)).max() < 1e-3
    assert mp4.missing_encoder() is None
