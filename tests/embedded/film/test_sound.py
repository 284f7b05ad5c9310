from fractions import Fraction

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from viralai_sdk.providers.embedded.film import sound


def tone(level: float, seconds: float = 4.0, pitch: float = 997.0) -> NDArray[np.float32]:
    time = np.arange(round(seconds * sound.RATE)) / sound.RATE
    return (level * np.sin(2 * np.pi * pitch * time)).astype(np.float32)


def ffmpeg_loudness(audio: NDArray[np.float32]) -> float:
    """Integrated loudness as FFmpeg's ebur128 filter measures it: an implementation that is not ours."""
    graph = av.filter.Graph()
    layout = "stereo" if len(audio) == 2 else "mono"
    source = graph.add_abuffer(format="fltp", sample_rate=sound.RATE, layout=layout, time_base=Fraction(1, sound.RATE))
    meter, sink = graph.add("ebur128", "metadata=1"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    last = None
    for start in range(0, audio.shape[1], 4800):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio[:, start : start + 4800]), "fltp", layout)
        frame.sample_rate, frame.pts = sound.RATE, start
        graph.push(frame)
        last = graph.pull()
    assert last is not None
    return float(last.metadata["lavfi.r128.I"])


def test_a_full_scale_tone_measures_minus_three_as_the_standard_says() -> None:
    assert sound.integrated_loudness(tone(1.0)) == pytest.approx(-3.01, abs=0.05)


def test_long_sound_measures_the_same_in_chunks() -> None:
    assert sound.integrated_loudness(tone(0.1, 31.0)) == pytest.approx(-23.01, abs=0.05)


def test_pauses_do_not_count_as_loudness() -> None:
    with_pause = np.concatenate([tone(0.1), np.zeros(6 * sound.RATE, np.float32)])
    assert sound.integrated_loudness(with_pause) == pytest.approx(-23.0, abs=0.4)


def test_silence_stays_silence() -> None:
    silence = np.zeros(sound.RATE, np.float32)
    assert sound.integrated_loudness(silence) == -70
    assert not sound.mix(silence, None, sound.RATE).any()


def test_a_clip_shorter_than_a_block_is_measured() -> None:
    assert -30 < sound.integrated_loudness(tone(0.5, 0.1)) < -6


@pytest.mark.parametrize("level", [0.05, 0.3, 0.9])
def test_narration_comes_out_equally_loud_however_it_went_in(level: float) -> None:
    mixed = sound.mix(tone(level), None, 4 * sound.RATE)
    assert mixed.shape == (1, 4 * sound.RATE)
    assert sound.integrated_loudness(mixed) == pytest.approx(-16, abs=0.2)


def test_a_whisper_is_raised_only_so_far() -> None:
    assert sound.integrated_loudness(sound.to_loudness(tone(0.001), -16)) == pytest.approx(-63 + 18, abs=0.2)


def test_nothing_clips() -> None:
    random = np.random.default_rng(5)
    wild = random.standard_normal(2 * sound.RATE).astype(np.float32) ** 3
    mixed = sound.mix(wild, sound.pad(2.0, 1), 2 * sound.RATE)
    assert np.abs(mixed).max() <= sound.CEILING
    quiet = tone(0.2)[np.newaxis]
    assert np.array_equal(sound.limit(quiet), quiet)


@pytest.mark.parametrize("seconds", [0.5, 3.0, 13.0])
def test_the_pad_is_quiet_stereo_and_the_same_for_a_seed(seconds: float) -> None:
    bed = sound.pad(seconds, 7)
    assert bed.shape == (2, round(seconds * sound.RATE))
    assert np.array_equal(bed, sound.pad(seconds, 7))
    assert not np.array_equal(bed, sound.pad(seconds, 8))
    assert not np.array_equal(bed[0], bed[1])
    mixed = sound.mix(None, bed, bed.shape[1])
    assert np.abs(mixed).max() < 0.5
    assert abs(mixed[:, 0]).max() < 1e-6
    assert abs(mixed[:, -1]).max() < 1e-3


def test_the_pad_has_no_clicks_between_chords() -> None:
    bed = sound.pad(14.0, 3)[0]
    steps = np.abs(np.diff(bed, n=2))
    assert steps.max() < 6 * np.sqrt((steps**2).mean())


def test_music_sinks_under_speech_and_comes_back() -> None:
    voice = np.zeros(9 * sound.RATE, np.float32)
    voice[3 * sound.RATE : 6 * sound.RATE] = tone(0.2, 3.0)
    flat = np.full((2, len(voice)), 1.0, np.float32)
    gain = sound._ducking(voice) * flat[0]
    assert gain[sound.RATE] == pytest.approx(1.0)
    assert gain[round(4.5 * sound.RATE)] == pytest.approx(10 ** (-10 / 20), rel=1e-3)
    assert gain[8 * sound.RATE] == pytest.approx(1.0)
    assert np.abs(np.diff(gain)).max() < 0.001


def test_our_loudness_meter_agrees_with_ffmpegs() -> None:
    bed = sound.mix(tone(0.3, 5.0, 300.0), sound.pad(8.0, 2), 8 * sound.RATE)
    assert sound.integrated_loudness(bed) == pytest.approx(ffmpeg_loudness(bed), abs=0.3)
