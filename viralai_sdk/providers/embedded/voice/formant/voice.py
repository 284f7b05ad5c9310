"""The formant voice as an engine: English text or simple SSML in, samples and word timings out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from viralai_sdk.providers.embedded.voice.alignment import Token
from viralai_sdk.providers.embedded.voice.alignment import tokens as visible_tokens
from viralai_sdk.providers.embedded.voice.espeak_process import INSTALL_HINT
from viralai_sdk.providers.embedded.voice.formant.prosody import (
    Phrase,
    SpokenToken,
    boundary_of,
    phrases,
    pitch_knots,
    sound_out,
)
from viralai_sdk.providers.embedded.voice.formant.reading import read
from viralai_sdk.providers.embedded.voice.formant.synthesis import render
from viralai_sdk.providers.embedded.voice.formant.tracks import SAMPLE_RATE, STEP, Floats, build, lengths
from viralai_sdk.providers.embedded.voice.loudness import finish
from viralai_sdk.providers.embedded.voice.model import Delivery, ProgressFn, Spoken, VoiceError, VoiceInfo, Word
from viralai_sdk.providers.embedded.voice.ssml import Ssml

ENGINE = "formant"
INFO = VoiceInfo("formant", "English (formant rules)", "en", "male", ENGINE)
BASE_PITCH = 112.0
# Measured: a page then takes as long as with espeak-ng at the same speed.
_TEMPO = 1.05
_GAIN = 9000.0
_LONGEST_TOKEN = 20


def speaks(language: str) -> bool:
    """Whether the tag is English."""
    return language.strip().lower().replace("_", "-").split("-")[0] == "en"


def other_language(language: str) -> VoiceError:
    """The error for anything but English."""
    return VoiceError(
        "engine_missing",
        f"The built-in formant voice speaks English only, not {language!r}. For other languages: {INSTALL_HINT}",
    )


def speak(
    text: str, document: Ssml | None, voice: str | None, language: str, delivery: Delivery, progress: ProgressFn
) -> Spoken:
    """Speak `text` (the visible text; with `document`, its pauses and substitutions)."""
    if not speaks(language):
        raise other_language(language)
    if voice is not None and voice.strip().lower() not in {INFO.id, INFO.language}:
        raise VoiceError(
            "unknown_voice", f"The formant engine has one voice, {INFO.id!r}, not {voice!r}. For more: {INSTALL_HINT}"
        )
    shown = visible_tokens(text)
    said, unread = _spoken(text, shown, document)
    if not any(token.words for token in said):
        raise VoiceError(
            "engine_failed", f"The built-in formant voice can read none of this text. For other scripts: {INSTALL_HINT}"
        )
    progress(0.0, "planning")
    speed = delivery.speed * _TEMPO
    plan = phrases(said, speed)
    pieces: list[NDArray[np.float32]] = []
    spans: dict[int, tuple[float, float]] = {}
    base = BASE_PITCH * 2 ** (delivery.pitch / 12)
    at = 0
    for number, phrase in enumerate(plan):
        phrase.phones = sound_out(phrase, speed, lengths())
        wave = _render(phrase, base, np.random.default_rng([delivery.seed, number]), at, spans)
        rest = phrase.pause if number + 1 < len(plan) else 0.1
        silence = np.zeros(round(rest * SAMPLE_RATE), dtype=np.float32)
        pieces += [wave.astype(np.float32), silence]
        at += len(wave) + len(silence)
        progress(min(0.99, (number + 1) / len(plan)), f"phrase {number + 1} of {len(plan)}")

    def finishing() -> None:
        progress(0.99, "finishing")

    finishing()
    words = _words(shown, spans, at / SAMPLE_RATE)
    samples, words, notes = finish(np.concatenate(pieces), _GAIN, words, SAMPLE_RATE, delivery.volume, finishing)
    return Spoken(
        samples=samples,
        sample_rate=SAMPLE_RATE,
        words=words,
        engine="embedded/formant@1",
        voice=INFO.id,
        language=INFO.language,
        notes=(*_notes(unread, document), *notes),
    )


def _notes(unread: Sequence[str], document: Ssml | None) -> list[str]:
    notes = []
    if unread:
        shown = ", ".join(repr(word) for word in unread[:5])
        notes.append(f"{len(unread)} word(s) the formant voice cannot read were left out: {shown}")
    if document is not None:
        ignored = sorted({piece.text for piece in document.pieces if piece.kind == "open"} - {"speak", "p", "s"})
        notes.extend(f"SSML <{name}> is not honoured by the formant voice; its text is read" for name in ignored)
    return notes


def _spoken(text: str, shown: Sequence[Token], document: Ssml | None) -> tuple[list[SpokenToken], list[str]]:
    """The words to say for each visible token, with the pauses around them; and the tokens that cannot be read."""
    starts = [token.start for token in shown]
    aliases: dict[int, str] = {}
    pauses: dict[int, float] = {}
    visible = 0
    for piece in document.pieces if document is not None else ():
        index = bisect_left(starts, visible)
        if piece.kind == "break" and piece.seconds:
            pauses[index - 1] = pauses.get(index - 1, 0.0) + piece.seconds
        elif piece.kind == "text" and piece.text:
            last = bisect_left(starts, visible + len(piece.text))
            if piece.spoken is not None:
                for covered in range(index, last):
                    aliases[covered] = piece.spoken if covered == index else ""
            visible += len(piece.text)
    letters = [char for char in text if char.isalpha()]
    shouted = bool(letters) and all(char.isupper() for char in letters) and len(shown) > 2
    said: list[SpokenToken] = []
    unread: list[str] = []
    for index, token in enumerate(shown):
        gap = text[token.end : starts[index + 1] if index + 1 < len(shown) else len(text)]
        boundary, question = boundary_of(token.text, gap)
        sources = aliases[index].split() if index in aliases else [token.text]
        words = tuple(word for source in sources for word in read(source, shouted=shouted))
        if not words and index not in aliases:
            unread.append(token.text)
        # A token such as a web address may read as a page of words: cut, so that a phrase stays short.
        while len(words) > _LONGEST_TOKEN:
            said.append(SpokenToken(index, words[:_LONGEST_TOKEN]))
            words = words[_LONGEST_TOKEN:]
        said.append(SpokenToken(index, words, boundary, question, pauses.get(index, 0.0)))
    return said, unread


def _render(
    phrase: Phrase, base: float, random: np.random.Generator, at: int, spans: dict[int, tuple[float, float]]
) -> Floats:
    """The samples of a phrase; notes in `spans` when each token sounds (s), `at` being the first sample."""
    if not phrase.phones:
        return np.zeros(0)
    tracks = build(phrase.phones)
    knots = pitch_knots(phrase, base)
    seconds = np.arange(tracks.ends[-1]) * STEP / SAMPLE_RATE
    pitch = np.interp(seconds, [time for time, _ in knots], [hertz for _, hertz in knots])
    before = 0
    for phone, end in zip(phrase.phones, tracks.ends, strict=True):
        start = spans.get(phone.token, ((at + before * STEP) / SAMPLE_RATE, 0.0))[0]
        spans[phone.token] = (start, (at + end * STEP) / SAMPLE_RATE)
        before = end
    return render(tracks, pitch, random)


def _words(shown: Sequence[Token], spans: dict[int, tuple[float, float]], total: float) -> tuple[Word, ...]:
    words: list[Word] = []
    latest = 0.0
    for index, token in enumerate(shown):
        start, end = spans.get(index, (latest, latest))
        words.append(Word(token.text, min(start, total), min(end, total)))
        latest = max(latest, end)
    return tuple(words)
