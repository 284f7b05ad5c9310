"""Which espeak-ng voice a caller means: language tags, variants, and the nearest known ones when there is none."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from viralai_sdk.providers.embedded.voice.espeak_process import Installation, catalogue
from viralai_sdk.providers.embedded.voice.model import VoiceError, VoiceInfo

ENGINE = "espeak-ng"
# The variants shown by `voices`: the general ones. Any other that the data folder holds may be named as well.
SHOWN_VARIANTS = (
    "f1",
    "f2",
    "f3",
    "f4",
    "f5",
    "m1",
    "m2",
    "m3",
    "m4",
    "m5",
    "m6",
    "m7",
    "m8",
    "whisper",
    "croak",
    "klatt",
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A language tag of the engine, a variant file or None, and notes about how the request was read."""

    language: str
    variant: str | None
    notes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.language if self.variant is None else f"{self.language}+{self.variant}"


def _variants(listed: dict[str, Any]) -> dict[str, str | None]:
    """Variant file name → declared gender."""
    return {voice["identifier"].replace("\\", "/").rsplit("/", 1)[-1]: voice["gender"] for voice in listed["variants"]}


def _tags(listed: dict[str, Any]) -> dict[str, str]:
    """Every tag, in lower case, → the main tag of the voice that serves it best (lowest priority number)."""
    best: dict[str, tuple[int, str]] = {}
    for voice in listed["languages"]:
        for tag, priority in voice["tags"]:
            if tag.lower() not in best or priority < best[tag.lower()][0]:
                best[tag.lower()] = (priority, voice["tags"][0][0])
    return {tag: main for tag, (_, main) in best.items()}


def choose(voice: str | None, language: str, installation: Installation) -> Choice:
    """Resolve a voice id ("en-us+f3", "fr", "+f3") and a language tag.

    Raises VoiceError("unknown_language" | "unknown_voice") naming the nearest known ones.
    """
    listed = catalogue(installation)
    named, _, variant = (voice or "").strip().partition("+")
    if named and not variant and _find(named, _variants(listed)) is not None:
        named, variant = "", named
    kind = "voice" if named else "language"
    tag, notes = _resolve(named or language, kind, listed)
    if named and language.lower() != "en" and named.split("-")[0].lower() != language.split("-")[0].lower():
        notes = (*notes, f"voice {voice!r} speaks {tag}, not the requested language {language!r}")
    if not variant:
        return Choice(tag, None, notes)
    known = _variants(listed)
    file = _find(variant, known)
    if file is None:
        near = difflib.get_close_matches(variant, known, n=5, cutoff=0.3) or list(SHOWN_VARIANTS[:5])
        raise VoiceError("unknown_voice", f"espeak-ng has no variant {variant!r}. Nearest: {', '.join(near)}.")
    return Choice(tag, file, notes)


def _find(variant: str, known: dict[str, str | None]) -> str | None:
    return next((name for name in known if name.lower() == variant.lower()), None)


def _resolve(asked: str, kind: str, listed: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    known = _tags(listed)
    tag = asked.strip().replace("_", "-").lower()
    if tag in known:
        return known[tag], ()
    subtags = tag.split("-")
    for length in range(len(subtags) - 1, 0, -1):
        shorter = "-".join(subtags[:length])
        if shorter in known:
            return known[shorter], (f"no voice for {asked!r}: {known[shorter]!r} speaks instead",)
    # People also write the language's name: "english", "Francais".
    names = {voice["name"].split(" ")[0].lower(): voice["tags"][-1][0] for voice in listed["languages"]}
    near = [names[name] for name in difflib.get_close_matches(tag, names, n=2, cutoff=0.6)]
    near += difflib.get_close_matches(tag, known, n=5, cutoff=0.4)
    near += [other for other in sorted(known) if other[:1] == tag[:1]]
    near = list(dict.fromkeys(near))
    raise VoiceError(
        "unknown_language" if kind == "language" else "unknown_voice",
        f"espeak-ng knows no {kind} {asked!r}. Nearest: {', '.join(near[:5]) or 'en, de, fr, es, zh'}. "
        "voices() lists all.",
    )


def infos(language: str | None, installation: Installation) -> list[VoiceInfo]:
    """One voice for each language; the variants for the languages that match `language` (without one, for en-us)."""
    listed = catalogue(installation)
    variants = _variants(listed)
    wanted = None if language is None else _resolve(language, "language", listed)[0].split("-")[0]
    found: list[VoiceInfo] = []
    for voice in listed["languages"]:
        main = voice["tags"][0][0]
        # Two files may share their tag (Cantonese); the engine then always takes the first.
        if any(info.id == main for info in found):
            continue
        own = {tag.split("-")[0] for tag, _ in voice["tags"]}
        if wanted is not None and wanted not in own:
            continue
        # The engine declares nearly every plain voice "male"; there is one formant voice and it is.
        found.append(VoiceInfo(main, voice["name"], main, voice["gender"], ENGINE))
        if wanted is None and main != "en-us":
            continue
        found.extend(
            VoiceInfo(f"{main}+{variant}", f"{voice['name']}, {variant}", main, variants[variant], ENGINE)
            for variant in SHOWN_VARIANTS
            if variant in variants
        )
    return found
