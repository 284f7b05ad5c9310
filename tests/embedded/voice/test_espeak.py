"""Promises of the espeak-ng engine: same bytes every time, honest notes, typed errors."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viralai_sdk.providers.embedded.voice import Spoken, VoiceError, speak, voices
from viralai_sdk.providers.embedded.voice.alignment import tokens

SENTENCE = "A fizzy fox, and the seven swift thieves, sang in the snow."


def espeak(text: str, **options: object) -> Spoken:
    return speak(text, engine="espeak-ng", **options)  # type: ignore[arg-type]


def fundamental(spoken: Spoken) -> float:
    """Median fundamental frequency (Hz) by autocorrelation."""
    x = spoken.samples.astype(float)
    found = []
    for start in range(0, len(x) - 2048, 512):
        frame = x[start : start + 2048] * np.hanning(2048)
        if frame.std() < 800:
            continue
        correlation = np.fft.irfft(np.abs(np.fft.rfft(frame, 4096)) ** 2)
        correlation /= correlation[0]
        best = 55 + int(np.argmax(correlation[55:400]))
        peaks = [
            lag
            for lag in range(56, 400)
            if correlation[lag] > 0.85 * correlation[best]
            and correlation[lag] >= max(correlation[lag - 1], correlation[lag + 1])
        ]
        found.append(spoken.sample_rate / (peaks[0] if peaks else best))
    return float(np.median(found))


def test_the_same_text_and_seed_give_the_same_bytes_in_any_order() -> None:
    first = espeak(SENTENCE, seed=7)
    espeak("Something else entirely: whispers, hisses.", seed=3, voice="en-us+whisper")
    again = espeak(SENTENCE, seed=7)
    assert first.samples.tobytes() == again.samples.tobytes()
    assert first.words == again.words


def test_two_threads_at_once_get_what_each_would_get_alone() -> None:
    texts = [SENTENCE, "Completely different words are spoken here."] * 3
    alone = {text: espeak(text).samples.tobytes() for text in texts}
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(espeak, texts))
    assert [spoken.samples.tobytes() for spoken in together] == [alone[text] for text in texts]


def test_speech_is_audible_never_clips_and_has_short_edges() -> None:
    for volume in (0.5, 1.0, 2.0):
        spoken = espeak(SENTENCE, volume=volume)
        level = np.abs(spoken.samples.astype(int))
        assert 1500 < level.max() < 32767
        audible = np.flatnonzero(level > 100)
        assert audible[0] / spoken.sample_rate < 0.1
        assert spoken.duration - audible[-1] / spoken.sample_rate < 0.3
    assert "would clip" in " ".join(espeak(SENTENCE, volume=2.0).notes)
    assert espeak(SENTENCE).engine == "embedded/espeak-ng@1.52"
    assert espeak(SENTENCE).samples.dtype == np.int16


def test_volume_zero_is_silent_and_says_so() -> None:
    spoken = espeak("quiet", volume=0)
    assert not spoken.samples.any()
    assert "silent" in spoken.notes[0]


def test_speed_changes_the_length_and_is_bounded_with_a_note() -> None:
    normal = espeak(SENTENCE)
    assert 1.7 < normal.duration / espeak(SENTENCE, speed=2.0).duration < 2.3
    assert 1.7 < espeak(SENTENCE, speed=0.5).duration / normal.duration < 2.4
    hasty = espeak(SENTENCE, speed=9)
    assert hasty.samples.tobytes() == espeak(SENTENCE, speed=2.5).samples.tobytes()
    assert hasty.notes == ("speed 9 adjusted to 2.5 (range 0.5 to 2.5)",)


def test_pitch_is_in_semitones_and_says_where_the_engine_ends() -> None:
    text = "We were away a year ago."
    base = fundamental(espeak(text))
    for semitones in (-5, 4, 8):
        shift = 12 * np.log2(fundamental(espeak(text, pitch=semitones)) / base)
        assert shift == pytest.approx(semitones, abs=0.9)
    assert "reaches no further" in espeak(text, pitch=12).notes[0]


@pytest.mark.parametrize("name", ["speed", "pitch", "volume"])
def test_a_number_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a finite number"):
        espeak("hello", **{name: float("nan")})


@pytest.mark.parametrize("text", ["", "  \n", "...", "?!", "\0"])
def test_nothing_to_say_is_refused_early(text: str) -> None:
    with pytest.raises(VoiceError) as caught:
        espeak(text)
    assert caught.value.kind == "empty"


def test_nul_and_control_characters_do_not_cut_the_text() -> None:
    spoken = espeak("one\0 two \x01 three\ud800 four")
    assert spoken.words[-1].text == "four"
    assert spoken.words[-1].end - spoken.words[-1].start > 0.1


def test_an_unknown_language_names_the_nearest_known_ones() -> None:
    with pytest.raises(VoiceError, match=r"en-gb|en-us") as caught:
        espeak("hello", language="english")
    assert caught.value.kind == "unknown_language"
    with pytest.raises(VoiceError, match="Nearest: f") as caught:
        espeak("hello", voice="en-us+f33")
    assert caught.value.kind == "unknown_voice"
    with pytest.raises(VoiceError) as caught:
        espeak("hello", voice="qqqq")
    assert caught.value.kind == "unknown_voice"
    with pytest.raises(VoiceError, match="Known: espeak-ng, formant"):
        speak("hello", engine="piper")


def test_tags_resolve_in_any_spelling_and_a_missing_region_is_noted() -> None:
    assert espeak("hello", language="en_US").language == "en-us"
    assert espeak("bonjour", language="fr").language == "fr-fr"
    assert espeak("hallo", language="de-AT").notes == ("no voice for 'de-AT': 'de' speaks instead",)
    assert espeak("hello", voice="f3", language="en-us").voice == "en-us+f3"
    assert "not the requested language" in espeak("hello", voice="en-us", language="de").notes[0]


def test_variants_sound_different() -> None:
    plain, variant = espeak(SENTENCE, voice="en-us"), espeak(SENTENCE, voice="en-us+f3")
    assert fundamental(variant) > 1.5 * fundamental(plain)


def test_kanji_is_warned_about_and_chinese_is_not() -> None:
    assert "kanji" in espeak("漢字 です", language="ja").notes[0]
    assert espeak("你好世界", language="cmn").notes == ()


def test_voices_lists_languages_and_the_variants_of_one() -> None:
    everything = voices()
    ids = [voice.id for voice in everything]
    assert {"en-us", "en-gb", "de", "ja", "en-us+f3", "formant"} <= set(ids)
    assert len(ids) == len(set(ids)) < 200
    french = voices("fr")
    assert {voice.language for voice in french} == {"fr-fr", "fr-be", "fr-ch"}
    assert {voice.gender for voice in french if voice.id.endswith("+f3")} == {"female"}
    assert espeak("bonjour", voice="fr-ch+m3").voice == "fr-ch+m3"
    with pytest.raises(VoiceError):
        voices("qqqq")


def test_progress_climbs_and_may_cancel() -> None:
    seen: list[float] = []
    text = "The quick brown fox of the world jumps. " * 100
    espeak(text, progress=lambda fraction, _: seen.append(fraction))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)
    assert len(seen) > 20

    class Cancelled(BaseException):
        pass

    calls = 0
    before = set(threading.enumerate())

    def cancel(_fraction: float, _message: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        espeak(text, progress=cancel)
    assert calls == 4
    assert not [thread for thread in threading.enumerate() if thread.name == "espeak-watchdog" and thread not in before]


def test_ten_thousand_words_are_spoken() -> None:
    spoken = espeak("The quick brown fox of the world jumps. " * 1250, speed=2.5)
    assert len(spoken.words) == 10_000
    assert spoken.duration > 1000


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["en", "de", "ja", "ar", "cmn"]), st.booleans())
def test_any_text_is_spoken_or_refused_with_a_reason(text: str, language: str, ssml: bool) -> None:
    refused = None
    try:
        spoken = espeak(text, language=language, ssml=ssml)
    except VoiceError as error:
        refused = error.kind
    if refused is not None:
        assert refused in {"empty", "engine_failed", "ssml"}
        return
    if not ssml:
        assert [word.text for word in spoken.words] == [token.text for token in tokens(text)]
    edges = [edge for word in spoken.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= spoken.duration
    assert 0 < np.abs(spoken.samples.astype(int)).max() < 32767
