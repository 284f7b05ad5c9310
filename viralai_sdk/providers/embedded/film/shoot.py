"""The one call that makes a film: plan, paint, film, mix, write; whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from PIL import Image

from . import av1, mp4, sound
from .captions import Cue, captions_vtt, cues
from .frames import Reel
from .lettering import CaptionLayer
from .plan import Film, FilmPlan, NoVideoEncoderError, Painter, ProgressFn, even, frame_rate
from .storyboard import Shot, opening_on_given, storyboard

PREVIEW_SIDE = 256
NARRATION_TAIL = 0.3
"""Seconds of picture after the last word of a narration that outlasts the plan."""
_TOLERANCE = 0.02
SOUND_EXTRA = 'pip install "viralai-sdk[video]"'


def shoot(plan: FilmPlan, painter: Painter, target: Path, *, progress: ProgressFn | None = None) -> Film:
    """Make the film of `plan` and write it to `target` (an MP4), replacing what was there.

    With PyAV: H.264 with AAC sound. Without: silent AV1, and the notes say how to get sound. A narration longer than
    the plan extends the film. The file appears whole or not at all; on any exception, also one raised by `progress`
    or `painter`, nothing is left behind.

    Raises NoVideoEncoderError when this machine can write no video, OSError when the file cannot be written.
    """
    production = _prepare(plan)
    report = _Progress(progress, production.count, len(production.shots))
    report.stage(0.0, "storyboard")
    reel = Reel(
        production.shots,
        painter,
        production.size,
        production.rate,
        production.count,
        seed=plan.seed,
        first_frame=plan.first_frame,
        captions=production.layer,
        on_paint=report.painting,
    )
    with _whole_or_nothing(Path(target)) as draft, contextlib.closing(reel.frames()) as frames:
        if production.silent:
            draft.write_bytes(
                av1.encode_av1(
                    frames,
                    production.size,
                    production.rate,
                    production.count,
                    comment=plan.comment,
                    on_frame=report.filmed,
                )
            )
        else:
            mp4.write_mp4(
                draft,
                frames,
                production.size,
                production.rate,
                audio=_sound_track(plan, production),
                track=production.track,
                lettered=production.layer is not None,
                comment=plan.comment,
                on_frame=report.filmed,
            )
        report.stage(0.99, "saving")
    report.stage(1.0, "done")
    return _film(plan, production, Path(target))


@dataclass(slots=True)
class _Production:
    """A plan made exact for this machine."""

    size: tuple[int, int]
    rate: Fraction
    count: int
    shots: tuple[Shot, ...]
    track: tuple[Cue, ...]
    layer: CaptionLayer | None
    silent: bool
    notes: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return float(self.count / self.rate)


def _prepare(plan: FilmPlan) -> _Production:
    notes: list[str] = []
    silent = _must_be_silent(plan, notes)
    size = even(plan.width), even(plan.height)
    if size != (plan.width, plan.height):
        notes.append(f"size {plan.width}x{plan.height} was rounded down to {size[0]}x{size[1]}: video needs even sides")
    rate = frame_rate(plan.fps)
    count = _frame_count(plan, rate, silent, notes)
    seconds = float(count / rate)
    track: tuple[Cue, ...] = ()
    layer: CaptionLayer | None = None
    if plan.narration is not None and plan.captions:
        track = cues(plan.narration.words, until=seconds)
        if not track:
            notes.append("no captions: the narration came without word times")
        else:
            made = CaptionLayer.for_film(track, size)
            if isinstance(made, str):
                notes.append(made)
            else:
                layer = made
    shots = storyboard(plan.prompt, seconds, plan.seed)
    if plan.first_frame is not None:
        shots = opening_on_given(shots)
        _note_crop(plan.first_frame, size, notes)
    return _Production(size, rate, count, shots, track, layer, silent, notes)


def _must_be_silent(plan: FilmPlan, notes: list[str]) -> bool:
    reason = mp4.missing_encoder()
    if reason is None:
        return False
    second = av1.missing_encoder()
    if second is not None:
        raise NoVideoEncoderError(f"no video can be written: {reason}, and {second}. Install one: {SOUND_EXTRA}")
    wanted = " and ".join(
        name for name, asked in (("the narration", plan.narration is not None), ("the music", plan.music)) if asked
    )
    lost = f"{wanted} cannot be heard: " if wanted else ""
    notes.append(f"{lost}the film has no sound because {reason}; {SOUND_EXTRA} gives H.264 with sound")
    return True


def _frame_count(plan: FilmPlan, rate: Fraction, silent: bool, notes: list[str]) -> int:
    seconds = plan.duration
    if plan.narration is not None and plan.narration.duration > plan.duration + _TOLERANCE:
        seconds = plan.narration.duration + NARRATION_TAIL
        notes.append(
            f"extended from {plan.duration:g} s to {seconds:.2f} s, because "
            f"the narration is {plan.narration.duration:.2f} s long"
        )
    count = max(1, round(Fraction(seconds) * rate))
    if silent and count < 2:
        notes.append("two frames instead of one: without PyAV a film of a single frame cannot be written")
        return 2
    return count


def _note_crop(first: Image.Image, size: tuple[int, int], notes: list[str]) -> None:
    ratio, wanted = first.width / first.height, size[0] / size[1]
    if abs(ratio / wanted - 1) > 0.02:
        notes.append(
            f"the first frame ({first.width}x{first.height}) was cropped to the film's shape {size[0]}x{size[1]}"
        )


def _sound_track(plan: FilmPlan, production: _Production) -> sound.Audio | None:
    if plan.narration is None and not plan.music:
        return None
    voice = mp4.resampled(plan.narration) if plan.narration is not None else None
    music = sound.pad(production.seconds, plan.seed) if plan.music else None
    return sound.mix(voice, music, round(production.seconds * sound.RATE))


def _film(plan: FilmPlan, production: _Production, target: Path) -> Film:
    words = plan.narration.words if plan.narration is not None and plan.captions else ()
    has_sound = not production.silent and (plan.narration is not None or plan.music)
    return Film(
        path=target,
        width=production.size[0],
        height=production.size[1],
        fps=float(production.rate),
        duration=production.seconds,
        frames=production.count,
        video_codec="av1" if production.silent else "h264",
        audio_codec="aac" if has_sound else None,
        captions=captions_vtt(words, until=production.seconds) if production.track else None,
        scenes=tuple(dict.fromkeys(shot.prompt for shot in production.shots if shot.prompt)),
        notes=tuple(production.notes),
    )


class _Progress:
    """Turns painted stills and encoded frames into fractions. What the listener raises is passed on: that is how a
    film is cancelled."""

    def __init__(self, listener: ProgressFn | None, count: int, shots: int) -> None:
        self._listener = listener
        self._count = count
        self._shots = shots
        self._every = max(1, min(12, count // 100))
        self._preview_every = max(1, count // 20)
        self._fraction = 0.0

    def stage(self, fraction: float, name: str, preview: Image.Image | None = None) -> None:
        self._fraction = max(self._fraction, fraction)
        if self._listener is not None:
            self._listener(self._fraction, name, preview)

    def painting(self, prompt: str, scene: int) -> None:
        self.stage(self._fraction, f"painting scene {scene + 1}: {prompt[:60]}")

    def filmed(self, index: int, picture: Image.Image) -> None:
        wants_preview = index % self._preview_every == 0
        if self._listener is None or not (wants_preview or index % self._every == 0):
            return
        preview = None
        if wants_preview:
            preview = picture.copy()
            preview.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
        self.stage(0.98 * (index + 1) / self._count, "filming", preview)


@contextlib.contextmanager
def _whole_or_nothing(target: Path) -> Iterator[Path]:
    """A draft beside `target` that takes its place, flushed to disk, when the block ends well, and vanishes when it
    does not."""
    draft = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    try:
        yield draft
        with draft.open("rb+") as written:
            os.fsync(written.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
