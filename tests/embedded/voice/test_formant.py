"""The built-in English voice: what remains when the speech extra is missing."""

from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.embedded.voice.test_espeak import fundamental
from viralai_sdk.providers.embedded.voice import Spoken, VoiceError, speak, voices
from viralai_sdk.providers.embedded.voice.alignment import tokens
from viralai_sdk.providers.embedded.voice.formant.pronunciation import pronounce
from viralai_sdk.providers.embedded.voice.formant.prosody import boundary_of
from viralai_sdk.providers.embedded.voice.formant.reading import cardinal, ordinal, read
from viralai_sdk.providers.embedded.voice.formant.tracks import sounds

SENTENCE = "The quick brown fox jumps over the lazy dog, and we were away a year ago."


def formant(text: str, **options: object) -> Spoken:
    return speak(text, engine="formant", **options)  # type: ignore[arg-type]


def spectrum(spoken: Spoken) -> np.ndarray:
    """Mean level (dB) in third-octave-like bands up to 5 kHz, without the overall loudness."""
    x = spoken.samples.astype(float)
    frames = np.stack([x[i : i + 512] * np.hanning(512) for i in range(0, len(x) - 512, 128)])
    power = (np.abs(np.fft.rfft(frames, axis=1)) ** 2).mean(axis=0)
    edges = [5, 8, 14, 21, 28, 37, 46, 58, 70, 81, 93, 116]
    bands = np.array([10 * np.log10(power[a:b].mean()) for a, b in pairwise(edges)])
    return np.asarray(bands - bands.mean())


@pytest.fixture
def without_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)


@pytest.mark.usefixtures("without_extra")
def test_without_the_extra_english_is_spoken_by_rules_and_says_so() -> None:
    spoken = speak(SENTENCE)
    assert (spoken.engine, spoken.voice, spoken.language) == ("embedded/formant@1", "formant", "en")
    assert [word.text for word in spoken.words] == SENTENCE.split()
    assert [voice.id for voice in voices()] == ["formant"]
    assert voices("en-GB") == voices()


@pytest.mark.usefixtures("without_extra")
def test_without_the_extra_another_language_names_it() -> None:
    for call in (lambda: speak("bonjour", language="fr"), lambda: voices("fr")):
        with pytest.raises(VoiceError, match=r"pip install \"viralai-sdk\[speech\]\"") as caught:
            call()
        assert caught.value.kind == "engine_missing"
    with pytest.raises(VoiceError, match="one voice, 'formant'") as caught:
        speak("hello", voice="en-us+f3")
    assert caught.value.kind == "unknown_voice"


def test_the_voice_is_chosen_by_its_id() -> None:
    assert speak("hello", voice="formant").engine == "embedded/formant@1"


def test_the_same_seed_gives_the_same_bytes() -> None:
    first = formant(SENTENCE, seed=5)
    formant("something else", seed=6)
    assert first.samples.tobytes() == formant(SENTENCE, seed=5).samples.tobytes()
    assert first.samples.tobytes() != formant(SENTENCE, seed=6).samples.tobytes()


def test_speech_is_audible_and_does_not_clip() -> None:
    level = np.abs(formant(SENTENCE, volume=2.0).samples.astype(int))
    assert 8000 < level.max() < 32767


def test_spectrum_and_tempo_resemble_espeak_ng() -> None:
    ours, theirs = formant(SENTENCE), speak(SENTENCE, engine="espeak-ng")
    assert ours.duration == pytest.approx(theirs.duration, rel=0.2)
    difference = spectrum(ours) - spectrum(theirs)
    assert np.sqrt(np.mean(difference**2)) < 6.0, difference.round(1)


def test_vowels_have_their_formants() -> None:
    def bands(word: str) -> tuple[float, float]:
        x = formant(word).samples.astype(float)
        power = np.abs(np.fft.rfft(x)) ** 2
        hertz = np.fft.rfftfreq(len(x), 1 / 22050)
        return (
            float(power[(hertz > 600) & (hertz < 1400)].sum() / power.sum()),
            float(power[(hertz > 1900) & (hertz < 3200)].sum() / power.sum()),
        )

    (open_mid, open_high), (front_mid, front_high) = bands("ah"), bands("ee")
    assert open_mid > 5 * front_mid
    assert front_high > 3 * open_high


def test_pitch_and_speed_are_honoured() -> None:
    plain = formant(SENTENCE)
    ratio = fundamental(formant(SENTENCE, pitch=6)) / fundamental(plain)
    assert 12 * np.log2(ratio) == pytest.approx(6, abs=1)
    assert plain.duration / formant(SENTENCE, speed=2).duration == pytest.approx(2, rel=0.15)


def test_a_statement_falls_and_a_question_rises() -> None:
    def end(text: str) -> float:
        spoken = formant(text)
        tail = spoken.samples[int((spoken.words[-1].end - 0.2) * 22050) : int(spoken.words[-1].end * 22050)]
        return fundamental(Spoken(tail, 22050, (), "", "", ""))

    assert end("We are in a new area?") > 1.3 * end("We are in a new area.")
    assert end("Where is a new area?") < 1.2 * end("Here is a new area.")


def test_punctuation_and_breath_make_pauses() -> None:
    stops = formant("One. Two, three\n\nfour").words
    gaps = [after.start - before.end for before, after in pairwise(stops)]
    assert gaps[2] > gaps[0] > gaps[1] > 0.1
    assert len({word.start for word in formant("and one more word " * 30).words}) == 120


def test_what_cannot_be_read_is_noted_or_refused() -> None:
    spoken = formant("Hello 漢字 world 🦊")
    assert "4 word(s)" in spoken.notes[0] or "3 word(s)" in spoken.notes[0]
    assert [word.text for word in spoken.words] == [token.text for token in tokens("Hello 漢字 world 🦊")]
    with pytest.raises(VoiceError, match="can read none") as caught:
        formant("漢字")
    assert caught.value.kind == "engine_failed"


def test_progress_is_told_and_may_cancel() -> None:
    seen: list[str] = []
    formant("One. Two. Three.", progress=lambda _, message: seen.append(message))
    assert [message for message in seen if message.startswith("phrase")] == [f"phrase {n} of 3" for n in (1, 2, 3)]
    assert (seen[0], seen[-1]) == ("starting", "done")

    def cancel(fraction: float, _message: str) -> None:
        if fraction > 0:
            raise KeyError("cancelled")

    with pytest.raises(KeyError):
        formant("One. Two. Three.", progress=cancel)


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("$3.50", "three dollars fifty cents"),
        ("£1", "one pound"),
        ("£0.01", "zero pounds one penny"),
        ("€2.05", "two euros five cents"),
        ("$1.5", "one point five dollars"),
        ("10:30!", "ten thirty"),
        ("9:05", "nine oh five"),
        ("9:00", "nine o'clock"),
        ("18:00", "eighteen hundred"),
        ("2026", "twenty twenty six"),
        ("1900", "nineteen hundred"),
        ("1905,", "nineteen oh five"),
        ("1,234,567", "one million two hundred thirty four thousand five hundred sixty seven"),
        ("21st", "twenty first"),
        ("20th", "twentieth"),
        ("3.14", "three point one four"),
        ("007", "zero zero seven"),
        ("-5", "minus five"),
        ("50%", "fifty percent"),
        ("AI", "A I"),
        ("APIs", "A P I's"),
        ("NASA", "nasa"),
        ("U.S.", "U S"),
        ("e.g.", "for example"),
        ("p.m.", "P M"),
        ("Dr.", "doctor"),
        ("&", "and"),
        ("café", "cafe"),
        ("NotebookLM", "notebook LM"),
        ("漢字", ""),
    ],
)
def test_numbers_signs_and_abbreviations_are_read_as_words(written: str, spoken: str) -> None:
    assert " ".join(read(written)) == spoken


def test_capitals_are_spelt_only_when_they_stand_out() -> None:
    assert read("THE", shouted=True) == ["the"]
    shouted, plain = formant("THE BIG RED FOX"), formant("the big red fox")
    assert shouted.duration == pytest.approx(plain.duration, rel=0.05)


@pytest.mark.parametrize(
    ("word", "phonemes"),
    [
        ("fox", "F AA1 K S"),
        ("making", "M EY1 K IH NG"),
        ("nation", "N EY1 SH AX N"),
        ("chemistry", "K EH1 M IH S T R IY"),
        ("photographs", "F OW1 T AX G R AE F S"),
        ("jumped", "JH AH1 M P T"),
        ("ability", "AX B IH1 L AX T IY"),
        ("statistics", "S T AE T IH1 S T IH K S"),
        ("timeline", "T AY1 M L AY N"),
        ("friend's", "F R EH1 N D Z"),
        ("boxes", "B AA1 K S AX Z"),
        ("wanted", "W AA1 N T AX D"),
        ("watches", "W AA1 CH AX Z"),
        ("played", "P L EY1 D"),
        ("simulator", "S IH1 M Y UW L AX T ER"),
        ("psychology", "S AY K AA1 L AX JH IY"),
        ("bcd", "B IY1 S IY1 D IY1"),
        ("knight", "N AY1 T"),
    ],
)
def test_words_are_pronounced(word: str, phonemes: str) -> None:
    assert " ".join(pronounce(word).phonemes) == phonemes


@pytest.mark.parametrize(
    ("token", "gap", "expected"),
    [
        ("end.", " ", (".", False)),
        ("really?”", " ", (".", True)),
        ("Dr.", " ", ("", False)),
        ("etc.", "", (".", False)),
        ("so", " — ", ("-", False)),
        ("list:", "\n", (";", False)),
        ("three,", " ", (",", False)),
        ("title", "\n\n", ("paragraph", False)),
        ("well-known", " ", ("", False)),
    ],
)
def test_the_pause_after_a_word_follows_the_text(token: str, gap: str, expected: tuple[str, bool]) -> None:
    assert boundary_of(token, gap) == expected


@given(st.from_regex(r"[a-z']{1,50}", fullmatch=True))
def test_any_letters_have_known_sounds(word: str) -> None:
    said = pronounce(word).phonemes
    assert {sound.rstrip("1") for sound in said} <= set(sounds())
    assert bool(said) == any(letter.isalpha() for letter in word)


@given(st.integers(0, 10**15 - 1))
def test_numbers_are_words(value: int) -> None:
    assert all(word.isalpha() for word in cardinal(value))
    assert ordinal(value)[:-1] == cardinal(value)[:-1]


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=50), st.text("abcdeXYZ0123456789$€.,:%'-?! \n", max_size=50)))
def test_any_text_is_spoken_or_refused_with_a_reason(text: str) -> None:
    refused = None
    try:
        spoken = formant(text)
    except VoiceError as error:
        refused = error.kind
    if refused is not None:
        assert refused in {"empty", "engine_failed"}
        return
    assert [word.text for word in spoken.words] == [token.text for token in tokens(text)]
    edges = [edge for word in spoken.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert edges[-1] <= spoken.duration
    assert 0 < np.abs(spoken.samples.astype(int)).max() < 32767
