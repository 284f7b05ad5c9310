"""Sounds with known answers."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.compare.media import response_of, tone, write_wav
from viralai_sdk.compare.decode.sounds import Sound, decode_sound, encode_wav, loudness
from viralai_sdk.compare.metrics import measure
from viralai_sdk.compare.metrics.speech import pitch_track
from viralai_sdk.interfaces.errors import EmptyResultError, MalformedResponseError, StorageError


@pytest.mark.parametrize("hertz", [80.0, 110.0, 220.0, 440.0])
def test_the_pitch_of_a_tone_is_its_frequency(tmp_path: Path, hertz: float) -> None:
    found = measure(response_of(write_wav(tmp_path / "tone.wav", tone(hertz, 1.0))), "speech")
    assert found["pitch"] == pytest.approx(hertz, rel=0.005)
    assert found["pitch_range"] == pytest.approx(0, abs=0.1)


def test_the_pitch_of_a_voice_like_sound_is_its_fundamental() -> None:
    """Twelve harmonics of 130 Hz, the fundamental the weakest: an octave error would give 65 or 260."""
    time = np.arange(48_000) / 48_000
    sound = sum(np.sin(2 * np.pi * 130 * k * time) * (0.1 if k == 1 else 1 / k) for k in range(1, 13)) / 3
    found = pitch_track(Sound(np.asarray(sound, np.float32).reshape(-1, 1), 48_000))
    assert np.median(found) == pytest.approx(130, rel=0.01)


def test_the_range_of_a_glide_is_told_in_semitones(tmp_path: Path) -> None:
    seconds, rate = 4.0, 48_000
    hertz = 100 * 2 ** (np.arange(int(seconds * rate)) / rate / seconds)
    glide = 0.5 * np.sin(2 * np.pi * np.cumsum(hertz) / rate)
    found = measure(response_of(write_wav(tmp_path / "glide.wav", glide.astype(np.float32))), "speech")
    assert found["pitch_range"] == pytest.approx(12 * 0.8, abs=0.3)
    assert found["pitch"] == pytest.approx(100 * 2**0.5, rel=0.02)


def test_noise_has_no_pitch(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 48_000).astype(np.float32)
    found = measure(response_of(write_wav(tmp_path / "noise.wav", noise)), "speech")
    assert found["pitch"] is None
    assert found["pitch_range"] is None


def test_a_tone_at_minus_23_lufs_measures_so(tmp_path: Path) -> None:
    """EBU Tech 3341, case 1: a stereo sine of 1 kHz at -23 dBFS has -23 LUFS."""
    one = tone(1000, 20.0, amplitude=10 ** (-23 / 20))
    write_wav(tmp_path / "ebu.wav", np.stack([one, one], axis=1))
    found = measure(response_of(tmp_path / "ebu.wav"), "speech")
    assert found["loudness"] == pytest.approx(-23, abs=0.1)
    assert found["loudness_state"] == "measured"
    assert found["peak"] == pytest.approx(-23, abs=0.01)
    assert found["duration"] == pytest.approx(20)
    assert found["sample_rate"] == 48_000


def test_too_short_and_silent_are_states_not_numbers(tmp_path: Path) -> None:
    short = measure(response_of(write_wav(tmp_path / "a.wav", tone(440, 0.3))), "speech")
    silent = measure(response_of(write_wav(tmp_path / "b.wav", np.zeros(48_000, np.float32))), "speech")
    faint = measure(response_of(write_wav(tmp_path / "c.wav", tone(440, 1, amplitude=1e-4))), "speech")
    assert (short["loudness"], short["loudness_state"]) == (None, "too short")
    assert (silent["loudness"], silent["loudness_state"]) == (None, "silent")
    assert (faint["loudness"], faint["loudness_state"]) == (None, "silent")
    assert (silent["peak"], silent["silence_share"], silent["pitch"]) == (None, 1.0, None)


def test_without_pyloudnorm_the_state_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyloudnorm", None)
    sound = Sound(tone(440, 1.0).reshape(-1, 1), 48_000)
    assert loudness(sound) == (None, "pyloudnorm is not installed")


def test_a_clipped_sine_tells_its_share_of_clipping_and_a_loud_one_has_none(tmp_path: Path) -> None:
    driven = (2 * tone(100, 1.0, amplitude=1.0)).clip(-1, 1)
    found = measure(response_of(write_wav(tmp_path / "a.wav", driven)), "speech")
    assert found["clipping"] == pytest.approx(
        100 * 2 / 3, abs=1
    )  # a sine is above a half of its peak two thirds of the time
    clean = measure(response_of(write_wav(tmp_path / "b.wav", tone(100, 1.0, amplitude=0.99))), "speech")
    assert clean["clipping"] == 0


def test_silence_between_words_is_counted(tmp_path: Path) -> None:
    said = np.concatenate([tone(200, 1.0), np.zeros(48_000, np.float32), tone(200, 2.0)])
    found = measure(response_of(write_wav(tmp_path / "a.wav", said)), "speech")
    assert found["silence_share"] == pytest.approx(0.25, abs=0.02)


def test_words_per_minute_come_from_the_text_that_was_spoken(tmp_path: Path) -> None:
    response = response_of(write_wav(tmp_path / "a.wav", tone(200, 6.0)))
    assert measure(response, "speech", prompt="one two three")["words_per_minute"] == pytest.approx(30)
    spoken = measure(
        response, "speech", prompt="<speak>one <break time='1s'/> two</speak>", request_parameters={"ssml": True}
    )
    assert spoken["words_per_minute"] == pytest.approx(20)
    assert measure(response, "speech", prompt="今日はいい天気ですね")["words_per_minute"] is None
    assert measure(response, "speech")["words_per_minute"] is None


@pytest.mark.parametrize(("width", "code"), [(1, 1), (2, 1), (3, 1), (4, 1), (4, 3), (8, 3)])
@pytest.mark.parametrize("with_pyav", [True, False])
def test_every_kind_of_wav_gives_the_same_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int, code: int, with_pyav: bool
) -> None:
    wave = tone(300, 0.1, amplitude=0.5, rate=8000).astype(np.float64)
    if code == 3:
        data = wave.astype(f"<f{width}").tobytes()
    elif width == 1:
        data = (wave * 128 + 128).round().astype(np.uint8).tobytes()
    else:
        whole = (wave * 2 ** (8 * width - 1)).round().astype("<i8").view(np.uint8).reshape(-1, 8)
        data = whole[:, :width].tobytes()
    head = np.array([code, 1], "<u2").tobytes() + np.array([8000, 8000 * width], "<u4").tobytes()
    form = b"fmt \x10\0\0\0" + head + np.array([width, 8 * width], "<u2").tobytes()
    body = b"WAVE" + form + b"data" + len(data).to_bytes(4, "little") + data
    (tmp_path / "a.wav").write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    if not with_pyav:
        monkeypatch.setitem(sys.modules, "av", None)
    found = decode_sound(tmp_path / "a.wav")
    assert (found.rate, found.samples.shape, found.whole) == (8000, (800, 1), True)
    assert np.abs(found.mono() - wave).max() < (0.01 if width == 1 else 0.0002)


@pytest.mark.parametrize("with_pyav", [True, False])
def test_decoding_stops_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_pyav: bool) -> None:
    write_wav(tmp_path / "a.wav", tone(300, 3.0))
    if not with_pyav:
        monkeypatch.setitem(sys.modules, "av", None)
    found = decode_sound(tmp_path / "a.wav", limit=1.0)
    assert (len(found.samples), found.whole) == (48_000, False)


def test_the_common_form_without_pyav_has_two_channels_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    surround = np.stack([tone(300, 0.5, rate=16_000)] * 3, axis=1)
    write_wav(tmp_path / "a.wav", surround, rate=16_000)
    found = decode_sound(tmp_path / "a.wav", rate=16_000, channels=2)
    assert found.samples.shape == (8000, 2)
    (tmp_path / "empty.wav").write_bytes(encode_wav(np.zeros((0, 1), np.float32), 8000))
    with pytest.raises(EmptyResultError):
        decode_sound(tmp_path / "empty.wav")
    with pytest.raises(StorageError):
        decode_sound(tmp_path / "gone.wav")


def test_a_file_shorter_than_a_frame_is_measured_too(tmp_path: Path) -> None:
    found = measure(response_of(write_wav(tmp_path / "a.wav", tone(440, 0.01))), "speech")
    assert (found["pitch"], found["silence_share"], found["loudness_state"]) == (None, 0.0, "too short")


def test_a_wav_in_a_coding_that_is_not_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    whole = write_wav(tmp_path / "a.wav", tone(440, 0.1)).read_bytes()
    (tmp_path / "a.wav").write_bytes(whole[:20] + b"\x07\0" + whole[22:])  # mu-law
    with pytest.raises(MalformedResponseError, match="format 7"):
        decode_sound(tmp_path / "a.wav")
    kind = b"fmt " + (40).to_bytes(4, "little") + b"\xfe\xff" + whole[22:36] + b"\x16\0\x10\0\4\0\0\0\1\0" + bytes(14)
    body = b"WAVE" + kind + whole[36:]
    (tmp_path / "b.wav").write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    assert len(decode_sound(tmp_path / "b.wav").samples) == 4800
