"""espeak-ng as an engine: text or SSML in, samples and word timings out."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import closing
from itertools import pairwise
from typing import Any

import numpy as np

from viralai_sdk.providers.embedded.voice import espeak_voices
from viralai_sdk.providers.embedded.voice.alignment import Event, align, tokens
from viralai_sdk.providers.embedded.voice.espeak_process import frames, require
from viralai_sdk.providers.embedded.voice.loudness import finish
from viralai_sdk.providers.embedded.voice.model import Delivery, ProgressFn, Spoken, VoiceError
from viralai_sdk.providers.embedded.voice.ssml import Ssml, to_markup

WORDS_PER_MINUTE = 175
# The engine saturates inside when asked for its full level; half leaves room for emphasis, the rest is done here.
ENGINE_VOLUME = 50
# Measured on two languages and two voices: the shift in semitones that the engine's pitch parameter makes.
_PITCH_PARAMETER = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99)
_PITCH_SEMITONES = (-6.6, -5.5, -4.35, -2.95, -1.54, 0.0, 1.6, 3.35, 5.15, 6.95, 8.7)
_WORD, _PHONEME = 1, 7
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_READS_HAN = ("cmn", "yue", "hak")


def speak(
    text: str, document: Ssml | None, voice: str | None, language: str, delivery: Delivery, progress: ProgressFn
) -> Spoken:
    """Speak `text` (the visible text; with `document`, its markup decides how)."""
    installation = require()
    choice = espeak_voices.choose(voice, language, installation)
    markup, positions = to_markup(document) if document is not None else (text, list(range(len(text))))
    spoken_text, positions = _acceptable(markup, positions)
    pitch, pitch_notes = _pitch(delivery.pitch)
    request = {
        "op": "speak",
        "text": spoken_text,
        "ssml": document is not None,
        "language": choice.language,
        "variant": choice.variant,
        "rate": round(WORDS_PER_MINUTE * delivery.speed),
        "pitch": pitch,
        "volume": ENGINE_VOLUME,
        "seed": delivery.seed,
    }
    facts: dict[str, Any] = {}
    raw_events: list[tuple[int, int, int, int, str]] = []
    audio = bytearray()
    with closing(frames(request, installation)) as answers:
        for kind, payload in answers:
            if kind == b"I":
                facts = json.loads(payload)
            elif kind == b"V":
                raw_events.extend(json.loads(payload))
            elif kind == b"A":
                audio += payload
                position = raw_events[-1][1] if raw_events else 0
                progress(min(0.99, position / max(1, len(spoken_text))), "speaking")
    samples = np.frombuffer(audio, dtype="<i2")
    if not np.any(samples):
        raise VoiceError(
            "engine_failed",
            f"espeak-ng's voice {choice.id!r} has no sound for this text. Check that the language fits the text.",
        )

    def finishing() -> None:
        progress(0.99, "finishing")

    finishing()
    visible = document.visible if document is not None else text
    words = align(tokens(visible), _events(raw_events, positions), len(samples), facts["sample_rate"])
    finished, words, loudness_notes = finish(
        samples, 100 / ENGINE_VOLUME, words, facts["sample_rate"], delivery.volume, finishing
    )
    return Spoken(
        samples=finished,
        sample_rate=facts["sample_rate"],
        words=words,
        engine=f"embedded/{espeak_voices.ENGINE}@{'.'.join(facts['version'].split('.')[:2])}",
        voice=choice.id,
        language=choice.language,
        notes=(*choice.notes, *pitch_notes, *_script_notes(visible, choice.language), *loudness_notes),
    )


def _pitch(semitones: float) -> tuple[int, tuple[str, ...]]:
    """The engine's parameter for a shift, and a note when it does not reach that far."""
    reached = min(max(semitones, _PITCH_SEMITONES[0]), _PITCH_SEMITONES[-1])
    note = f"pitch {semitones:g} adjusted to {reached:g}: espeak-ng reaches no further"
    parameter = round(float(np.interp(reached, _PITCH_SEMITONES, _PITCH_PARAMETER)))
    return parameter, () if reached == semitones else (note,)


def _acceptable(text: str, positions: Sequence[int]) -> tuple[str, list[int]]:
    """Without what the engine takes for commands or the end of the text, and the positions that remain."""
    kept: list[str] = []
    where: list[int] = []
    for char, position in zip(text, positions, strict=True):
        category = unicodedata.category(char)
        if category in {"Cc", "Cs", "Co", "Cn"} and char not in "\n\t":
            char = " "
        elif category == "Cf" and char not in "\u200c\u200d":
            continue
        kept.append(char)
        where.append(position)
    return "".join(kept), where


def _script_notes(text: str, language: str) -> Iterable[str]:
    if _HAN.search(text) and not language.startswith(_READS_HAN):
        yield (
            f"espeak-ng does not read Chinese characters (kanji) in {language}: each is named, not read. "
            "Write kana, or use language='cmn' for Chinese."
        )


def _events(raw: Sequence[tuple[int, int, int, int, str]], positions: Sequence[int]) -> list[Event]:
    """Word events with their end (a pause or the next word) and the phoneme borders inside them."""
    groups: list[tuple[int, int, list[tuple[int, str]]]] = []
    for kind, position, _length, sample, sound in raw:
        if kind == _WORD:
            index = min(max(position - 1, 0), len(positions) - 1)
            groups.append((positions[index], sample, []))
        elif kind == _PHONEME and groups:
            groups[-1][2].append((sample, sound))
    last = max((sample for _, _, _, sample, _ in raw), default=0)
    events = []
    closing_group: tuple[int, int, list[tuple[int, str]]] = (0, last, [])
    for (position, sample, sounds), following in pairwise([*groups, closing_group]):
        end = following[1]
        # Phonemes without a name are pauses: the word ends where the last run of them begins.
        for at, sound in reversed(sounds):
            if sound:
                break
            end = min(end, at)
        events.append(Event(position, sample, max(end, sample), tuple(at for at, sound in sounds if sound)))
    return events
