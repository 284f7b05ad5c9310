"""`speak` and `voices`: the choice between the engines, and the limits they share."""

from __future__ import annotations

import math

from viralai_sdk.providers.embedded.voice import espeak, espeak_voices
from viralai_sdk.providers.embedded.voice.alignment import is_speakable
from viralai_sdk.providers.embedded.voice.espeak_process import locate
from viralai_sdk.providers.embedded.voice.formant import voice as formant
from viralai_sdk.providers.embedded.voice.model import Delivery, ProgressFn, Spoken, VoiceError, VoiceInfo
from viralai_sdk.providers.embedded.voice.ssml import parse

ENGINES = (espeak_voices.ENGINE, formant.ENGINE)
SPEED_RANGE = (0.5, 2.5)
PITCH_RANGE = (-12.0, 12.0)
VOLUME_RANGE = (0.0, 2.0)


def speak(
    text: str,
    *,
    voice: str | None = None,
    language: str = "en",
    speed: float = 1.0,
    pitch: float = 0.0,
    volume: float = 1.0,
    ssml: bool = False,
    seed: int = 0,
    engine: str | None = None,
    progress: ProgressFn | None = None,
) -> Spoken:
    """Speech for a text: the same text and settings give the same samples, every time.

    `speed` 1.0 is 175 words a minute (0.5 to 2.5), `pitch` is in semitones from the voice's own (-12 to 12), `volume`
    is a factor (0 to 2); values outside are adjusted and noted. `voice` is an id from `voices()`, such as "en-us+f3".
    `engine` is "espeak-ng", "formant" or None for the best installed one.

    Raises VoiceError (see its `kind`), ValueError for a number that is not finite, and whatever `progress` raises.
    """
    report: ProgressFn = progress if progress is not None else _quiet
    delivery, notes = _delivery(speed, pitch, volume, seed)
    document = parse(text) if ssml else None
    visible = document.visible if document is not None else text
    said = document.spoken if document is not None else text
    if not is_speakable(said):
        raise VoiceError("empty", "There is nothing to say: the text holds no letter, digit or symbol.")
    run = formant.speak if _engine(engine, voice) == formant.ENGINE else espeak.speak
    report(0.0, "starting")
    spoken = run(visible, document, voice, language, delivery, report)
    report(1.0, "done")
    extra = (*notes, *(document.notes if document is not None else ()))
    return Spoken(
        spoken.samples,
        spoken.sample_rate,
        spoken.words,
        spoken.engine,
        spoken.voice,
        spoken.language,
        (*extra, *spoken.notes),
    )


def voices(language: str | None = None) -> tuple[VoiceInfo, ...]:
    """The voices of the installed engines: one for each language.

    With `language` only those that speak it (any region), each with its variants ("fr+f3"); without it, variants are
    listed for en-us only, though every language takes them. Raises VoiceError("unknown_language").
    """
    installation = locate()
    if installation is None:
        if language is not None and not formant.speaks(language):
            raise formant.other_language(language)
        return (formant.INFO,)
    found = espeak_voices.infos(language, installation)
    return (*found, formant.INFO) if language is None or formant.speaks(language) else tuple(found)


def _engine(engine: str | None, voice: str | None) -> str:
    if engine is not None and engine not in ENGINES:
        raise VoiceError("engine_missing", f"Unknown speech engine {engine!r}. Known: {', '.join(ENGINES)}.")
    if engine is None and voice is not None and voice.strip().lower() == formant.INFO.id:
        return formant.ENGINE
    if engine is None:
        return espeak_voices.ENGINE if locate() is not None else formant.ENGINE
    return engine


def _delivery(speed: float, pitch: float, volume: float, seed: int) -> tuple[Delivery, list[str]]:
    notes: list[str] = []

    def inside(name: str, value: float, limits: tuple[float, float]) -> float:
        if not math.isfinite(value):
            raise ValueError(f"{name} must be a finite number, not {value!r}")
        bounded = min(max(value, limits[0]), limits[1])
        if bounded != value:
            notes.append(f"{name} {value:g} adjusted to {bounded:g} (range {limits[0]:g} to {limits[1]:g})")
        return bounded

    return (
        Delivery(
            inside("speed", speed, SPEED_RANGE),
            inside("pitch", pitch, PITCH_RANGE),
            inside("volume", volume, VOLUME_RANGE),
            seed % 2**31,
        ),
        notes,
    )


def _quiet(_fraction: float, _message: str) -> None:
    return None
